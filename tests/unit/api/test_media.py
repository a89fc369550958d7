import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.media import preferred

OFFERED = ["application/json", "text/html", "text/markdown"]


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/html"),
        ("text/html;q=0.5, text/markdown", "text/markdown"),
        ("TEXT/HTML", "text/html"),
        ("*/*, application/json;q=0", "text/html"),
        ("application/pdf", "application/json"),
        ("text/html;q=high, text/markdown;q=0.1", "text/markdown"),
    ],
)
def test_client_gets_what_it_rates_highest(accept: str, media: str) -> None:
    assert preferred(accept, OFFERED) == media


@given(st.text())
def test_any_header_leads_to_something_on_offer(accept: str) -> None:
    assert preferred(accept, OFFERED) in OFFERED
