"""Explains every problem, from the docstrings of the error tree; `docs/problems.md` is its page.

It invents nothing: what an error does not say of itself is not said here.

    python -m api.problem_pages > docs/problems.md
"""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from api.problems import DOCS, status_of
from orchestrator.domain import errors
from orchestrator.domain.errors import ChaosDayError, NotFound

_HEAD: Final = """\
# Problems

Every error of the API is a problem document by RFC 9457 (`application/problem+json`). Its `type`
leads here; `detail` says what is wrong and the way out; the members named below come in addition.
Errors are grouped by what you can do about them. Whatever the router itself refuses, such as an
unknown path or method or a body that is too large, has the type `about:blank`.

This page is generated from the docstrings in `orchestrator/domain/errors.py`.
"""


def page() -> str:
    """The whole page, in Markdown."""
    return "\n".join([_HEAD, *_sections().values()])


def section(slug: str) -> str:
    """One section of the page. Raises: NotFound."""
    found = _sections().get(slug)
    if found is None:
        raise NotFound(f"no problem has the type {DOCS}{slug}; {DOCS[:-1]} lists them")
    return found


@cache
def _sections() -> Mapping[str, str]:
    """Each section by its slug. Kept, since it comes from the source."""
    return {kind.slug: _section(kind) for kind in _kinds()}


def _kinds() -> Iterator[type[ChaosDayError]]:
    """Every error, its branch's own first, as the tree is drawn."""
    known = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    tree = [kind for kind in known if issubclass(kind, ChaosDayError)]
    written = sorted(tree, key=lambda kind: inspect.getsourcelines(kind)[1])
    branches = [kind for kind in written if kind.__base__ is ChaosDayError]
    for branch in branches:
        yield from (kind for kind in written if issubclass(kind, branch))


def _section(kind: type[ChaosDayError]) -> str:
    depth = "##" if kind.__base__ is ChaosDayError else "###"
    status = status_of(kind)
    members = _members(kind)
    more = inspect.getdoc(kind) or ""
    lines = [
        f"{depth} {kind.slug}",
        "",
        more.strip(),
        "",
        f"- type: `{DOCS}{kind.slug}`",
        f"- status: {status.value} {status.phrase}",
    ]
    if members:
        lines.append("- members: " + ", ".join(f"`{member}`" for member in members))
    return "\n".join([*lines, ""])


def _members(kind: type[ChaosDayError]) -> list[str]:
    """The attributes that the error sets on itself, as they are named in the document."""
    if "__init__" not in vars(kind):
        return []
    found = re.findall(r"self\.([a-z]\w*) =", inspect.getsource(kind))
    return ["errors" if member == "faults" else member for member in found]


if __name__ == "__main__":
    sys.stdout.write(page())
