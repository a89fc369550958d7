"""The part of OpenAPI that clients ask for before they write.

kubectl looks in v3 whether a path takes `fieldValidation`, explains kinds by it, and reads v2
before it applies a list. Of paths there are only those that clients look up.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from orchestrator.practice.api.discovery import VERSION
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.openapi_schemas import schemas_of
from orchestrator.practice.api.served.registry import Registry

Object = dict[str, Any]
V2_PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_WRITES: Final = {"post": "create", "put": "update", "patch": "patch"}


def _root(kind: Kind) -> str:
    return f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"


@lru_cache(maxsize=16)
def index(served: Registry) -> Object:
    """The answer at /openapi/v3."""
    roots = sorted({_root(kind) for kind in served.kinds})
    return {"paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}"} for root in roots}}


@lru_cache(maxsize=256)
def document(served: Registry, root: str) -> Object | None:
    """The answer at /openapi/v3/<root>, for a group version such as `apis/apps/v1`."""
    kinds = [kind for kind in served.kinds if _root(kind) == root]
    if not kinds:
        return None
    paths: Object = {}
    for kind in kinds:
        collection = f"/{root}/namespaces/{{namespace}}" if kind.namespaced else f"/{root}"
        base = f"{collection}/{kind.plural}"
        paths[base] = {"post": _operation(kind, "post")}
        paths[f"{base}/{{name}}"] = {
            method: _operation(kind, method) for method in ("put", "patch")
        }
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    schemas = schemas_of(kinds)
    return {
        "openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas},
    }  # fmt: skip


def version_two() -> Object:
    """The answer at /openapi/v2 as JSON: a document without paths and definitions."""
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return {"swagger": "2.0", "info": info, "paths": {}}


def version_two_protobuf() -> bytes:
    """The same document as the protobuf message that kubectl asks for."""
    info = _text(1, "Kubernetes") + _text(2, VERSION["gitVersion"])
    return _text(1, "2.0") + bytes([2 << 3 | 2, len(info)]) + info


def _text(number: int, text: str) -> bytes:
    """A short text field of a protobuf message."""
    return bytes([number << 3 | 2, len(text)]) + text.encode()


def _operation(kind: Kind, method: str) -> Object:
    names = ("dryRun", "fieldManager", "fieldValidation")
    return {
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
            for name in names
        ],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": _WRITES[method],
        "x-kubernetes-group-version-kind": {
            "group": kind.group, "kind": kind.name, "version": kind.version,
        },
    }  # fmt: skip
