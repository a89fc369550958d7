"""What a request wants, read off its method and path alone, and the refusal of it.

Whether anything is served at the path plays no part: who may not ask is not told either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from orchestrator.practice.api.requests import Request
from orchestrator.practice.api.statuses import ApiError

Object = dict[str, Any]
_VERBS: Final = {
    "GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch",
    "DELETE": "delete",
}  # fmt: skip
_OF_NAMESPACE: Final = {"status", "finalize"}
_NAMED: Final = "metadata.name="


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants to do; a `path` for what is no object."""

    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def whole_resource(self) -> str:
        """The resource with its subresource."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def asked_in(request: Request) -> Asked:
    """What a request wants."""
    parts = [part for part in request.path.split("/") if part]
    match parts:
        case ["api", version, *rest] if rest:
            return _of_objects(request, "", version, rest)
        case ["apis", group, version, *rest] if rest:
            return _of_objects(request, group, version, rest)
    return Asked(verb=request.method.lower(), path=request.path)


def _of_objects(request: Request, group: str, version: str, rest: list[str]) -> Asked:
    verb = _VERBS.get(request.method, "")
    if rest[0] in {"watch", "proxy"} and len(rest) > 1:
        verb, rest = rest[0], rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 1:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in _OF_NAMESPACE:
            rest = rest[2:]
    resource, name, subresource, *_ = [*rest, "", ""]
    if not name and verb == "get":
        verb = "watch" if request.flag("watch") else "list"
        selector = request.parameter("fieldSelector")
        if selector.startswith(_NAMED) and "," not in selector:
            name = selector.removeprefix(_NAMED)
    elif not name and verb == "delete":
        verb = "deletecollection"
    return Asked(
        verb=verb, group=group, version=version, resource=resource, subresource=subresource,
        namespace=namespace, name=name,
    )  # fmt: skip


def refusal(user: str, asked: Asked, reason: str = "") -> ApiError:
    """What somebody is told who may not do it."""
    if asked.path:
        message = f'forbidden: User "{user}" cannot {asked.verb} path "{asked.path}"'
        return ApiError(403, "Forbidden", message, details={})
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    what = f'{qualified} "{asked.name}"' if asked.name else qualified
    why = f": {reason}" if reason else ""
    message = (
        f'{what} is forbidden: User "{user}" cannot {asked.verb} resource '
        f'"{asked.whole_resource}" in API group "{asked.group}" {where}{why}'
    )
    named = {"name": asked.name, "group": asked.group, "kind": asked.resource}
    details = {key: value for key, value in named.items() if value}
    return ApiError(403, "Forbidden", message, details=details)
