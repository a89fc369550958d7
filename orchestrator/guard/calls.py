"""What a request that writes wants, with everything optional said in one place.

An API server reads the options of a deletion from its body or, without one, from its query;
here both are made one, so that no option is overlooked. It does not ask whether the write may
be made, except where no run ever may.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.guard.bodies import Media
from orchestrator.guard.kinds import IRREVERSIBLE, KINDS, PRIVILEGES, SECRETS, Kind
from orchestrator.guard.owning import without_owners
from orchestrator.guard.paths import Query, Route
from orchestrator.guard.refusals import NotLetThrough

READABLE_PARTS: Final = frozenset({"", "status", "scale", "log"})
_PODS_READABLE_PARTS: Final = READABLE_PARTS | {"resize"}
"""A pod's resize is the pod itself; kubectl reads it before it patches it."""

_DELETE_OPTIONS: Final = frozenset(
    {"kind", "apiVersion", "gracePeriodSeconds", "propagationPolicy", "preconditions", "dryRun"}
)
_FORWARDED: Final = ("fieldManager", "fieldValidation", "force")
_SELECTING: Final = ("labelSelector", "fieldSelector")


class Action(StrEnum):
    """What a request does to what its path names."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    DELETE_MANY = "delete many"
    EVICT = "evict"
    EXEC = "exec"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request that writes.

    Shape: body is an object, or a list for a JSON patch; for a deletion its whole options.
    """

    action: Action
    kind: Kind
    route: Route
    method: str
    media: Media = Media.JSON
    query: Query = field(default_factory=dict)
    body: Any = None
    is_dry: bool = False

    @property
    def is_scale(self) -> bool:
        """Whether it writes the object's scale, not the object."""
        return self.route.part == "scale"


def check_readable(route: Route, radius: BlastRadius) -> None:
    """Let a read pass that shows nothing secret. Raises: NotLetThrough."""
    is_open = radius.reads_secrets and route.namespace in radius.namespaces
    if route.resource == SECRETS and not is_open:
        raise NotLetThrough(
            target=route.key, rule="secrets", reason="a run may not read what is secret"
        )
    is_pod = (route.group, route.resource) == ("", "pods")
    if route.part not in (_PODS_READABLE_PARTS if is_pod else READABLE_PARTS):
        raise NotLetThrough(
            target=route.key, rule="parts", reason=f"{route.part} is more than reading"
        )


def classify(method: str, route: Route, query: Query, media: Media, body: Any) -> Call:
    """What a request wants. Raises: NotLetThrough: when no run may want that."""
    kind = _kind(route)
    action = _action(method, route)
    is_others = not kind.is_namespaced and not kind.is_carrier
    if is_others and action is not Action.CHANGE:
        raise NotLetThrough(
            target=route.key,
            rule="irreversible",
            reason=f"{route.resource} may be changed, not made or deleted",
        )
    match action:
        case Action.CREATE | Action.CHANGE:
            return _with_body(method, route, query, media, body)
        case Action.DELETE | Action.DELETE_MANY:
            return _deletion(action, route, query, body)
        case Action.EVICT:
            return _eviction(route, query, body)
        case Action.EXEC:
            raise NotLetThrough(
                target=route.key, rule="parts", reason="a command is run over a WebSocket"
            )


def _kind(route: Route) -> Kind:
    if reason := IRREVERSIBLE.get(route.resource):
        raise NotLetThrough(target=route.key, rule="irreversible", reason=reason)
    if reason := PRIVILEGES.get(route.resource):
        raise NotLetThrough(target=route.key, rule="privileges", reason=reason)
    kind = KINDS.get((route.group, route.resource))
    if (
        kind is None
        or route.version != kind.version
        or kind.is_namespaced is not bool(route.namespace)
    ):
        raise NotLetThrough(
            target=route.key,
            rule="kinds",
            reason="what a write to it would touch is not known here;"
            f" known are {', '.join(sorted(known.resource for known in KINDS.values()))}",
        )
    return kind


def _action(method: str, route: Route) -> Action:
    match method, bool(route.name), route.part:
        case "PATCH" | "PUT", True, "" | "scale":
            return Action.CHANGE
        case "PATCH" | "PUT", True, "resize" if route.resource == "pods":
            return Action.CHANGE
        case "POST", False, "":
            return Action.CREATE
        case "POST", True, "eviction" if route.resource == "pods":
            return Action.EVICT
        case "DELETE", True, "":
            return Action.DELETE
        case "DELETE", False, "":
            return Action.DELETE_MANY
        case _, True, part if part:
            raise NotLetThrough(
                target=route.key, rule="parts", reason=f"{method} of {part} cannot be undone"
            )
        case _:
            raise NotLetThrough(
                target=route.key, rule="method", reason=f"{method} is not known here"
            )


def _with_body(method: str, route: Route, query: Query, media: Media, body: Any) -> Call:
    if media.is_patch is not (method == "PATCH") or body is None:
        raise NotLetThrough(
            target=route.key, rule="body", reason=f"a {method} has no body of {media}"
        )
    if isinstance(body, dict) and not isinstance(body.get("metadata", {}), dict):
        raise NotLetThrough(target=route.key, rule="body", reason="its metadata is no object")
    kind = _kind(route)
    if route.part == "scale" and not kind.has_scale:
        raise NotLetThrough(target=route.key, rule="parts", reason="it has no scale")
    return Call(
        action=Action.CREATE if method == "POST" else Action.CHANGE,
        kind=kind,
        route=route,
        method=method,
        media=media,
        query={name: query[name] for name in _FORWARDED if name in query},
        body=without_owners(body, target=route.key),
        is_dry=_is_dry(route, query.get("dryRun")),
    )


def _deletion(action: Action, route: Route, query: Query, body: Any) -> Call:
    options = _options(route, query, body)
    selecting = {name: query[name] for name in _SELECTING if name in query}
    return Call(
        action=action,
        kind=_kind(route),
        route=route,
        method="DELETE",
        query=selecting if action is Action.DELETE_MANY else {},
        body=options,
        is_dry=_is_dry(route, options.get("dryRun")),
    )


def _options(route: Route, query: Query, body: Any) -> dict[str, Any]:
    """All options of a deletion, whichever way they were given."""
    options = {key: value for key, value in dict(body or {}).items() if value is not None}
    _check_known(route, options)
    given: dict[str, Any] = {}
    if "gracePeriodSeconds" in query:
        given["gracePeriodSeconds"] = _whole(route, query["gracePeriodSeconds"])
    if "propagationPolicy" in query:
        given["propagationPolicy"] = query["propagationPolicy"]
    if "dryRun" in query:
        given["dryRun"] = [query["dryRun"]]
    for name, value in given.items():
        if options.setdefault(name, value) != value:
            raise NotLetThrough(
                target=route.key, rule="body", reason=f"{name} differs in body and query"
            )
    _check_grace(route, options.get("gracePeriodSeconds", 0))
    return {**options, "kind": "DeleteOptions", "apiVersion": "v1"}


def _check_grace(route: Route, grace: object) -> None:
    if not isinstance(grace, int) or isinstance(grace, bool) or grace < 0:
        raise NotLetThrough(
            target=route.key,
            rule="body",
            reason=f"gracePeriodSeconds is no number of seconds: {grace!r}",
        )


def _check_known(route: Route, options: Mapping[str, Any]) -> None:
    if unknown := sorted(options.keys() - _DELETE_OPTIONS):
        raise NotLetThrough(
            target=route.key, rule="body", reason=f"the option {unknown[0]} is not known here"
        )
    if not isinstance(options.get("preconditions", {}), dict):
        raise NotLetThrough(target=route.key, rule="body", reason="preconditions are no object")


def _whole(route: Route, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise NotLetThrough(
            target=route.key, rule="query", reason=f"gracePeriodSeconds is no number: {text!r}"
        ) from None


def _eviction(route: Route, query: Query, body: Any) -> Call:
    wanted = dict(body or {})
    metadata = wanted.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("name") != route.name:
        raise NotLetThrough(
            target=route.key, rule="body", reason="the eviction names another pod than its path"
        )
    options = _options(route, query, wanted.get("deleteOptions"))
    return Call(
        action=Action.EVICT,
        kind=_kind(route),
        route=route,
        method="POST",
        body={**wanted, "deleteOptions": options},
        is_dry=_is_dry(route, options.get("dryRun")),
    )


def _is_dry(route: Route, asked: Any) -> bool:
    if asked in (None, []):
        return False
    if asked in ("All", ["All"]):
        return True
    raise NotLetThrough(
        target=route.key, rule="query", reason=f"dryRun is All or absent, not {asked!r}"
    )


def command_of(route: Route, pairs: Sequence[tuple[str, str]]) -> Call:
    """A command to be run in a container. Raises: NotLetThrough."""
    if not route.name or not any(name == "command" for name, _ in pairs):
        raise NotLetThrough(target=route.key, rule="query", reason="it names no pod or no command")
    return Call(
        action=Action.EXEC,
        kind=_kind(route),
        route=route,
        method="GET",
        body={
            "command": [value for name, value in pairs if name == "command"],
            **{name: value for name, value in pairs if name != "command"},
        },
    )
