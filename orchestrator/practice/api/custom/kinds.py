"""The kinds that a custom resource definition stands for: one for each of its versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.practice.api.custom.rules import object_causes
from orchestrator.practice.api.custom.shapes import declared, filled
from orchestrator.practice.api.custom.tables import columns_of, values_at
from orchestrator.practice.api.kinds import Kind, Scale
from orchestrator.practice.api.selectors import FieldReader
from orchestrator.practice.api.statuses import Cause

Object = dict[str, Any]
_VERSION: Final = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_STAGES: Final = {None: 2, "beta": 1, "alpha": 0}


@dataclass(frozen=True, slots=True)
class Defined:
    """The kinds of one definition: those that are served, and the one that keeps the objects."""

    served: tuple[Kind, ...]
    keeper: Kind


def kinds_of(definition: Object) -> Defined:
    """The kinds of a definition, the preferred version first."""
    versions = sorted(definition["spec"]["versions"], key=_rank, reverse=True)
    storage = next(version for version in versions if version.get("storage"))
    keeper = _kind(definition, storage, None)
    served = [
        keeper if version is storage else _kind(definition, version, keeper)
        for version in versions
        if version.get("served")
    ]
    return Defined(tuple(served), keeper)


def _rank(version: Object) -> tuple[int, int, int]:
    """Stable versions before beta before alpha, the later first."""
    found = _VERSION.fullmatch(version["name"])
    if found is None:
        return -1, 0, 0
    return _STAGES[found[2]], int(found[1]), int(found[3] or 0)


def _kind(definition: Object, version: Object, keeper: Kind | None) -> Kind:
    spec, metadata = definition["spec"], definition["metadata"]
    names, schema = spec["names"], version["schema"]["openAPIV3Schema"]
    subresources = version.get("subresources", {})
    label = f"custom.{metadata['uid']}.{metadata['generation']}.{version['name']}.{names['kind']}"
    return Kind(
        name=names["kind"], plural=names["plural"], group=spec["group"],
        version=version["name"], schema=declared(label, schema),
        namespaced=spec["scope"] == "Namespaced", singular=names.get("singular", ""),
        short_names=tuple(names.get("shortNames", ())),
        categories=tuple(names.get("categories", ())),
        has_status="status" in subresources, scale=_scale(subresources.get("scale")),
        columns=columns_of(version), default=_defaulter(schema), validate=_validator(schema),
        fields=_fields(version), needs_version=True, is_custom=True, document=schema,
        stored_as=keeper,
        to_stored=_renamed(keeper.api_version) if keeper else None,
        from_stored=_renamed(f"{spec['group']}/{version['name']}") if keeper else None,
        warning=_warning(version, spec, names),
    )  # fmt: skip


def _renamed(api_version: str) -> Callable[[Object], Object]:
    """How an object of one version becomes one of another: by its name alone."""

    def rename(obj: Object) -> Object:
        return {**obj, "apiVersion": api_version}

    return rename


def _defaulter(schema: Object) -> Callable[[Object], None]:
    def fill(obj: Object) -> None:
        full = filled({key: value for key, value in obj.items() if key != "metadata"}, schema)
        obj |= full

    return fill


def _validator(schema: Object) -> Callable[[Object, Object | None], list[Cause]]:
    def judge(obj: Object, _old: Object | None) -> list[Cause]:
        return object_causes(obj, schema)

    return judge


def _fields(version: Object) -> dict[str, FieldReader]:
    paths = [entry["jsonPath"] for entry in version.get("selectableFields", ())]
    return {path.removeprefix("."): _reader(path) for path in paths}


def _reader(path: str) -> FieldReader:
    def read(obj: Object) -> str:
        found = values_at(obj, path)
        value = found[0] if found else ""
        return str(value).lower() if isinstance(value, bool) else str(value)

    return read


def _scale(entry: Object | None) -> Scale | None:
    if entry is None:
        return None
    selector = entry.get("labelSelectorPath")

    def selector_of(obj: Object) -> str:
        found = values_at(obj, selector) if selector else []
        return str(found[0]) if found else ""

    return Scale(
        selector_of,
        wanted=_path(entry["specReplicasPath"]),
        present=_path(entry["statusReplicasPath"]),
    )


def _path(text: str) -> tuple[str, ...]:
    return tuple(text.strip(".").split("."))


def _warning(version: Object, spec: Object, names: Object) -> str:
    if not version.get("deprecated"):
        return ""
    text = f"{spec['group']}/{version['name']} {names['kind']} is deprecated"
    return str(version.get("deprecationWarning") or text)
