"""Paths and queries of the Kubernetes API, each in its one canonical form.

What is checked must be what is forwarded, so a path is decoded once, every segment must be
plain, and the upstream request is built anew from the parts. It does not judge what lies
behind a path.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, unquote_to_bytes, urlencode

from orchestrator.guard.refusals import NotLetThrough

Query: TypeAlias = Mapping[str, str]

_SEGMENT: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:@-]*[A-Za-z0-9])?")
_VERSION: Final = re.compile(r"v[0-9]+(?:(?:alpha|beta)[0-9]+)?")
_SHOWN: Final = 200
"""Units: characters of a refused path that a message repeats."""

_PLAIN_DISCOVERY: Final = frozenset(
    {("api",), ("apis",), ("version",), ("openapi", "v2"), ("openapi", "v3")}
    | {("readyz",), ("livez",), ("healthz",)}
)
_NAMESPACE_PARTS: Final = frozenset({"status", "finalize"})

PARAMETERS: Final = frozenset(
    {
        # which objects
        "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion",
        "resourceVersionMatch", "watch", "allowWatchBookmarks", "sendInitialEvents",
        "timeoutSeconds", "timeout", "includeObject", "pretty", "hash",
        # how to write
        "dryRun", "fieldManager", "fieldValidation", "force",
        "gracePeriodSeconds", "propagationPolicy",
        # which part of a log
        "container", "follow", "previous", "sinceSeconds", "sinceTime", "tailLines",
        "limitBytes", "timestamps", "stream",
    }
)  # fmt: skip
"""Every parameter that the guard knows the meaning of."""


_OF_COMMANDS: Final = frozenset({"container", "stdin", "stdout", "stderr", "tty"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """A path that tells what the API server is, not what it holds."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path to a collection, an object, or a part of one.

    Shape: empty strings for what the path does not name; group is empty for the core.
    """

    version: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""
    part: str = ""
    """The subresource, such as scale."""

    @property
    def path(self) -> str:
        """The path in its canonical form."""
        return self.whole.collection + "".join(
            f"/{each}" for each in (self.name, self.part) if each
        )

    @property
    def whole(self) -> "Route":
        """The object, when the path leads to a part of it."""
        return Route(
            version=self.version,
            resource=self.resource,
            group=self.group,
            namespace=self.namespace,
            name=self.name,
        )

    @property
    def collection(self) -> str:
        """The path of the collection that the object belongs to."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        inside = f"/namespaces/{self.namespace}" if self.namespace else ""
        return f"{root}{inside}/{self.resource}"

    @property
    def key(self) -> str:
        """Names the object for people, as `Target.key` does."""
        part = f"/{self.part}" if self.part else ""
        return f"{self.resource}{part}/{self.namespace}/{self.name or '*'}"

    def at(self, name: str) -> "Route":
        """The object of that name in the same collection."""
        return Route(
            version=self.version,
            resource=self.resource,
            group=self.group,
            namespace=self.namespace,
            name=name,
        )


def parse_path(raw: str) -> Route | Discovery:
    """Read the path of a request as it came over the wire.

    Raises: NotLetThrough: when it has a second reading, or leads nowhere that is known.
    """
    segments = _segments(raw)
    if discovery := _discovery(segments):
        return discovery
    if "" in segments:
        raise _refused(raw, "it has an empty segment or a trailing slash")
    match segments:
        case ["api", "v1", *rest]:
            return _route(raw, group="", version="v1", rest=rest)
        case ["apis", group, version, *rest] if _VERSION.fullmatch(version):
            return _route(raw, group=group, version=version, rest=rest)
        case _:
            raise _refused(raw, "it is no path of the Kubernetes API that is known here")


def _segments(raw: str) -> Sequence[str]:
    if not raw.startswith("/"):
        raise _refused(raw, "it does not begin with a slash")
    found = [_decoded(raw, segment) for segment in raw[1:].split("/")]
    for segment in found:
        if segment and not _SEGMENT.fullmatch(segment):
            raise _refused(raw, f"the segment {segment!r} is not plain")
    return found


def _decoded(raw: str, segment: str) -> str:
    try:
        return unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise _refused(raw, "it is not UTF-8") from None


def _discovery(segments: Sequence[str]) -> Discovery | None:
    # Clients ask for these with and without the last slash; both mean the same.
    plain = tuple(segments[:-1] if segments[-1] == "" else segments)
    if "" in plain:
        return None
    match plain:
        case ["api", "v1"] | ["apis", _]:
            known = True
        case ["apis", _, version] | ["openapi", "v3", "apis", _, version]:
            known = bool(_VERSION.fullmatch(version))
        case ["openapi", "v3", "api" | "apis" | "version"] | ["openapi", "v3", "api", "v1"]:
            known = True
        case ["openapi", "v3", "apis", _]:
            known = True
        case _:
            known = plain in _PLAIN_DISCOVERY
    return Discovery(path="/" + "/".join(plain)) if known else None


def _route(raw: str, *, group: str, version: str, rest: Sequence[str]) -> Route:
    if rest and rest[0] in {"watch", "proxy"}:
        raise _refused(raw, f"the prefix /{rest[0]}/ is a second way to what has a first one")
    namespace = ""
    match rest:
        case ["namespaces", inside, resource, *more] if resource not in _NAMESPACE_PARTS or more:
            namespace, rest = inside, [resource, *more]
    if not 1 <= len(rest) <= 3:
        raise _refused(raw, "it leads beyond what is known of an object")
    resource, name, part = [*rest, "", ""][:3]
    return Route(
        group=group, version=version, namespace=namespace, resource=resource, name=name, part=part
    )


def _refused(raw: str, reason: str) -> NotLetThrough:
    return NotLetThrough(target=raw[:_SHOWN], rule="path", reason=reason)


def parse_query(raw: str) -> Query:
    """Read the query of a request as it came over the wire.

    Raises: NotLetThrough: when a parameter is given twice, or is not known.
    """
    if ";" in raw or "#" in raw:
        raise _refused_query(raw, "it has a character that servers read in different ways")
    found: dict[str, str] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True, max_num_fields=100):
        if name in found:
            raise _refused_query(raw, f"the parameter {name} is given twice")
        if name not in PARAMETERS:
            raise _refused_query(raw, f"the parameter {name} is not known here")
        found[name] = value
    return found


def parse_command(raw: str) -> Sequence[tuple[str, str]]:
    """Read the query of a command, in which only the words of the command come more than once.

    Raises: NotLetThrough: when another parameter is given twice, or is not known.
    """
    if ";" in raw or "#" in raw:
        raise _refused_query(raw, "it has a character that servers read in different ways")
    found = parse_qsl(raw, keep_blank_values=True, max_num_fields=200)
    names = [name for name, _ in found if name != "command"]
    if unknown := sorted(set(names) - _OF_COMMANDS):
        raise _refused_query(raw, f"the parameter {unknown[0]} is not known here")
    if len(set(names)) < len(names):
        raise _refused_query(raw, "a parameter is given twice")
    return found


def with_pairs(path: str, pairs: Sequence[tuple[str, str]]) -> str:
    """A canonical path with a query in which names repeat, as it is sent upstream."""
    return f"{path}?{urlencode(pairs)}"


def _refused_query(raw: str, reason: str) -> NotLetThrough:
    return NotLetThrough(target=f"?{raw[:_SHOWN]}", rule="query", reason=reason)


def with_query(path: str, query: Query) -> str:
    """A canonical path with its query, as it is sent upstream."""
    return f"{path}?{urlencode(query)}" if query else path
