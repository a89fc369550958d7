"""Where probes may go: read from what a plan says, and compared with what is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.destinations import Destination, destination_of, destination_of_url
from orchestrator.domain.errors import InvalidValue


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("shop.example.org:443", "shop.example.org", 443),
        ("SHOP.example.org.:443", "shop.example.org", 443),
        ("*.example.org:8080", "*.example.org", 8080),
        ("127.0.0.1:8480", "127.0.0.1", 8480),
        ("[::1]:80", "::1", 80),
        (" checkout:1 ", "checkout", 1),
    ],
)
def test_host_and_port_are_read(text: str, host: str, port: int) -> None:
    assert destination_of(text) == Destination(host=host, port=port)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "shop", "shop:", ":80", "shop:0", "shop:65536", "shop:x", "shop:٣", "shop:-1"),
        *("http://shop:80", "sh op:80", "*:80", "**.x:80", "a.*.x:80", "shop/:80", "u@shop:80"),
        *("::1:80", "[::1]", "[shop]:80", "shop..x:80", "shop:80\n:90", "\0:80"),
    ],
)
def test_what_is_no_host_with_a_port_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"such as shop\.example\.org:443"):
        destination_of(text)


def test_a_star_covers_every_host_below_and_not_the_domain_itself() -> None:
    below = destination_of("*.example.org:443")

    assert below.covers("shop.example.org", 443)
    assert below.covers("a.b.Example.ORG.", 443)
    assert not below.covers("example.org", 443)
    assert not below.covers("notexample.org", 443)
    assert not below.covers(".example.org", 443)
    assert not below.covers("shop.example.org", 80)


def test_a_host_covers_itself_alone() -> None:
    shop = destination_of("shop.example.org:443")

    assert shop.covers("SHOP.example.org.", 443)
    assert not shop.covers("a.shop.example.org", 443)
    assert not shop.covers("shop.example.org.evil", 443)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://shop.example.org/cart", "shop.example.org:80"),
        ("HTTPS://shop.example.org", "shop.example.org:443"),
        ("https://user:pass@shop:8443/a:b?c=http://x", "shop:8443"),
        ("http://[::1]:8480/", "[::1]:8480"),
        ("http://[::1]/", "[::1]:80"),
        ("http://shop?x", "shop:80"),
    ],
)
def test_an_address_of_the_web_leads_somewhere(url: str, found: str) -> None:
    assert str(destination_of_url(url)) == found


@pytest.mark.parametrize("url", ["", "shop", "ftp://shop", "http://", "http://${where}/", "://x"])
def test_what_is_no_address_of_the_web_leads_nowhere(url: str) -> None:
    assert destination_of_url(url) is None


@given(st.text(max_size=30))
def test_whatever_is_read_is_read_again_as_the_same(text: str) -> None:
    try:
        found = destination_of(text)
    except InvalidValue:
        return
    assert destination_of(str(found)) == found
