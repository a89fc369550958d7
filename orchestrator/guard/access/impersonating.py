"""Whom a kubeconfig's user acts as, in the headers by which an API server is told.

It decides nothing: whether the user may act as somebody is the API server's business.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from orchestrator.domain.errors import KubeconfigUnreadable

Headers: TypeAlias = tuple[tuple[str, str], ...]

KEYS: Final = frozenset({"as", "as-uid", "as-groups", "as-user-extra"})
_LEGAL: Final = "!#$&'*+-.^_`|~"
"""What may stand in a header's name beside letters and digits; all else is written as %XX."""


def impersonation_of(user: Mapping[str, Any], *, source: str) -> Headers:
    """The headers of whom the user acts as; none for themselves.

    Raises: KubeconfigUnreadable: groups or more are named without a user, or cannot be sent.
    """
    said = [key for key in sorted(KEYS) if user.get(key)]
    if said and "as" not in said:
        problem = f"its user has {', '.join(said)} without `as`: name the user to act as"
        raise KubeconfigUnreadable(path=source, problem=problem)
    try:
        found = tuple(_headers(user))
    except (TypeError, AttributeError) as error:
        problem = f"whom its user acts as cannot be read: {', '.join(said)}"
        raise KubeconfigUnreadable(path=source, problem=problem) from error
    if any(not value.isprintable() for _, value in found):
        problem = f"whom its user acts as cannot be written in one line: {', '.join(said)}"
        raise KubeconfigUnreadable(path=source, problem=problem)
    return found


def _headers(user: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if name := user.get("as"):
        yield "Impersonate-User", str(name)
    if uid := user.get("as-uid"):
        yield "Impersonate-Uid", str(uid)
    for group in _listed(user.get("as-groups")):
        yield "Impersonate-Group", group
    for key, values in (user.get("as-user-extra") or {}).items():
        for value in _listed(values):
            yield f"Impersonate-Extra-{quote(str(key), safe=_LEGAL)}", value


def _listed(values: object) -> list[str]:
    if values is None:
        return []
    if not isinstance(values, list):
        raise TypeError("not a list")
    return [str(each) for each in values]
