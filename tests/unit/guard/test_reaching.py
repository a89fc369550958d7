"""Which addresses stay out of reach whatever a name leads to."""

import pytest

from orchestrator.guard.reaching import NotReached, Reach


async def decided(host: str, *allowed: str, server: str = "http://10.0.0.1:6443") -> str:
    """Why a host is refused; empty when it may be reached."""
    reach = await Reach.beside(server, allowed)
    try:
        await reach.addresses(host, 80)
    except NotReached as error:
        return str(error) if error.is_refused else "there is none"
    return ""


async def test_a_name_that_leads_home_is_refused_unless_it_says_so() -> None:
    assert await decided("localhost", "localhost:80") == ""
    assert await decided("127.0.0.1", "127.0.0.1:80") == ""
    assert await decided("127.0.0.2", "127.0.0.1:80")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "017700000001"])
async def test_an_address_in_disguise_counts_as_the_one_that_it_is(host: str) -> None:
    assert "this machine itself" in await decided(host, f"{host}:80")


@pytest.mark.parametrize("host", ["2852039166", "0xa9fea9fe", "169.254.43518"])
async def test_a_metadata_service_in_disguise_is_refused(host: str) -> None:
    assert "credentials" in await decided(host, f"{host}:80")


async def test_the_api_server_is_refused_in_every_form_of_its_address() -> None:
    for host in ("127.0.0.1", "2130706433", "localhost"):
        assert await decided(host, f"{host}:80", server="http://127.0.0.1:80")
    mapped = "::ffff:127.0.0.1"
    assert await decided(mapped, f"[{mapped}]:80", server="http://127.0.0.1:80")


async def test_a_host_that_does_not_exist_is_no_refusal() -> None:
    no_name = "a" * 64
    reach = await Reach.beside("http://10.0.0.1:6443", [f"{no_name}:80"])

    with pytest.raises(NotReached, match="there is no address") as error:
        await reach.addresses(no_name, 80)

    assert not error.value.is_refused


@pytest.mark.parametrize(
    ("inside", "why"),
    [("a9fe:a9fe", "credentials"), ("7f00:1", "this machine itself"), ("a00:1", "API server")],
)
@pytest.mark.parametrize("prefix", ["64:ff9b::", "::ffff:0:"])
async def test_an_address_behind_a_known_prefix_counts_as_the_one_that_it_is(
    prefix: str, inside: str, why: str
) -> None:
    host = f"{prefix}{inside}"

    assert why in await decided(host, f"[{host}]:80", server="http://10.0.0.1:80")


@pytest.mark.parametrize(
    "host", ["64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::", "2001:0:1:2:3:4:5:6"]
)
async def test_an_address_that_may_stand_for_any_other_is_refused(host: str) -> None:
    assert "any other address" in await decided(host, f"[{host}]:80")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("kubernetes", "kubernetes:80"),
        ("kubernetes.default", "*.default:80"),
        ("kubernetes.default.svc", "*.svc:80"),
        ("kubernetes.default.svc.cluster.local", "*.cluster.local:80"),
        ("KUBERNETES.default.svc.example.org.", "*.svc.example.org:80"),
        ("one.kubernetes.default.svc", "*.kubernetes.default.svc:80"),
    ],
)
async def test_the_api_server_is_refused_by_the_names_that_it_has_in_its_cluster(
    host: str, allowed: str
) -> None:
    assert "API server" in await decided(host, allowed)


@pytest.mark.parametrize("host", ["kubernetes.example.invalid", "default.svc.example.invalid"])
async def test_another_host_is_not_taken_for_the_api_server(host: str) -> None:
    assert await decided(host, f"{host}:80") == "there is none"
