"""What stands behind a write to an ingress: the services that its rules lead to.

A host belongs to nobody in particular, so an ingress may take no requests that it did not take
before. Who takes those that it no longer takes is not looked at.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from orchestrator.domain.blast_radius import Target
from orchestrator.domain.undo import ABSENT, Path, value_at
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.annotations import check_annotations
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import (
    NOTHING,
    Impact,
    spec_of,
    specs_of,
    target_of,
    touches_spec,
    untold,
)

_FIELDS: Final[tuple[Path, ...]] = (("spec", "rules"), ("spec", "tls"))
_CLASS: Final[Path] = ("spec", "ingressClassName")
_CLASSES: Final = "/apis/networking.k8s.io/v1/ingressclasses"
_DEFAULT: Final[tuple[Path, ...]] = (
    ("spec", "defaultBackend", "service", "name"),
    ("spec", "defaultBackend", "resource", "name"),
)

Entrance: TypeAlias = tuple[str, ...]
"""Requests that an ingress takes.

Shape: the field, the host, the kind of path and the path, as far as they are named.
"""


async def of_ingress(draft: Draft, around: Surroundings) -> Impact:
    """The services that an ingress leads to, before the write and after it."""
    check_annotations(draft, around)
    if not touches_spec(draft):
        return NOTHING
    if draft.after is not None:
        _check_entrances(draft, around)
        await _check_class(draft, around)
    names = {name for spec in specs_of(draft) for name in _services(spec)}
    after = set(_services(spec_of(draft.after)))
    found = [await _service(name, draft, around) for name in sorted(names)]
    return Impact(reached=tuple(each for each in found if each.uid or each.name in after))


async def _service(name: str, draft: Draft, around: Surroundings) -> Target:
    namespace = draft.ref.namespace
    found = await around.read(f"/api/v1/namespaces/{namespace}/services/{name}")
    missing = {"metadata": {"name": name, "namespace": namespace}}
    return target_of("services", missing if found is None else found)


def _check_entrances(draft: Draft, around: Surroundings) -> None:
    key, after = draft.ref.key, spec_of(draft.after)
    was = {path[-1]: value for path in _FIELDS if (value := around.was(draft, path)) is not ABSENT}
    known = {*_entrances(spec_of(draft.before)), *_entrances(was)}
    for entrance in _entrances(after):
        if entrance not in known:
            what = " ".join(each or "any" for each in entrance)
            raise untold(key, f"it did not have {what} before, which may be another team's")
    if after.get("defaultBackend") and not _had_default(draft, around):
        raise untold(key, "without a default before, it would take requests for every host")
    if any("resource" in each for each in _backends(after)):
        raise untold(key, "what stands behind a resource that is no service cannot be told")


async def _check_class(draft: Draft, around: Surroundings) -> None:
    """Refuse another class, unless nobody serves it: then the ingress only takes less."""
    named = value_at(draft.after or {}, _CLASS)
    if named in (value_at(draft.before or {}, _CLASS), around.was(draft, _CLASS)):
        return
    if named is ABSENT or await around.read(f"{_CLASSES}/{named}") is not None:
        raise untold(draft.ref.key, "whose requests come in by another class cannot be told")


def _had_default(draft: Draft, around: Surroundings) -> bool:
    before = spec_of(draft.before).get("defaultBackend")
    return bool(before) or any(around.was(draft, path) is not ABSENT for path in _DEFAULT)


def _entrances(spec: Mapping[str, Any]) -> Iterator[Entrance]:
    for rule in spec.get("rules") or ():
        host = str(rule.get("host") or "")
        paths = (rule.get("http") or {}).get("paths") or ()
        if not paths:
            yield "the host", host
        for path in paths:
            kind = str(path.get("pathType") or "")
            yield "the path", host, kind, str(path.get("path") or "/")
    for entry in spec.get("tls") or ():
        for host in entry.get("hosts") or ("",):
            yield "a certificate for", str(host)


def _backends(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if spec.get("defaultBackend"):
        yield spec["defaultBackend"]
    for rule in spec.get("rules") or ():
        for path in (rule.get("http") or {}).get("paths") or ():
            yield path.get("backend") or {}


def _services(spec: Mapping[str, Any]) -> Iterator[str]:
    for backend in _backends(spec):
        if name := (backend.get("service") or {}).get("name"):
            yield str(name)
