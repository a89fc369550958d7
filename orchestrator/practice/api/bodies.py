"""What a client sent, read into objects that fit their types.

CBOR is not read; clients are told so and fall back to JSON.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import msgspec

from orchestrator.practice.api.duplicates import duplicated
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.requests import JSON, Request
from orchestrator.practice.api.schema import Findings, TypeMismatch, conform
from orchestrator.practice.api.statuses import (
    ApiError,
    Cause,
    bad_request,
    invalid,
    invalid_options,
    unsupported_media_type,
)
from orchestrator.practice.api.unreadable import (
    in_go,
    not_a_text,
    not_an_object,
    other_kind,
    unrecognized,
)
from orchestrator.practice.api.wire import Garbled, decode

Object = dict[str, Any]
YAML: Final = "application/yaml"
PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
_UNREADABLE: Final = "couldn't get version/kind; json parse error: "
READABLE: Final = (JSON, YAML, PROTOBUF)
_VERSIONS: Final = {
    "Event": ("v1", "events.k8s.io/v1"),
    "HorizontalPodAutoscaler": ("autoscaling/v1", "autoscaling/v2"),
}
"""The versions between which Kubernetes converts; the others are served in one alone."""


def read_object(request: Request, kind: Kind) -> tuple[Object, list[str]]:
    """The object in the body, as its kind, and the warnings that reading it gave.

    Raises: ApiError: the body is unreadable, or is an object of another type.
    """
    readable = (JSON, YAML) if kind.is_custom else READABLE
    named = "" if kind.is_custom else kind.name
    document = read_document(request, readable, schema=kind.schema, named=named)
    if kind.is_custom:
        _refuse_untyped(document, kind)
    _refuse_other_type(document, kind, request.body)
    return conformed(document, kind, request)


def read_document(
    request: Request, readable: tuple[str, ...] = READABLE, *, schema: str, named: str = ""
) -> Object:
    """The body as a JSON object; protobuf can be read as one type only.

    `named` is the kind that a complaint about an unreadable body names.

    Raises: ApiError: 415 or 400, the body is unreadable.
    """
    if request.content_type not in readable:
        raise unsupported_media_type(readable)
    if request.content_type == PROTOBUF:
        return _read_protobuf(request.body, schema)
    document = _decoded(request, named)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise unrecognized(named, not_an_object(document), request.body)
    return document


def _decoded(request: Request, named: str) -> Any:
    try:
        return msgspec.json.decode(request.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        if request.content_type != JSON:
            return _parsed_yaml(request.body)
        raise unrecognized(named, in_go(error, request.body), request.body) from error


def parsed(body: bytes, *, head: str = _UNREADABLE) -> Any:
    """The value that a body holds.

    Raises: ApiError: 400, it is no JSON.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise bad_request(f"{head}{in_go(error, body)}") from error


def _parsed_yaml(body: bytes) -> Any:
    # Most clients never send YAML, and the parser takes longer to import than all else here.
    from orchestrator.practice.api.yaml_bodies import parsed_yaml  # noqa: PLC0415

    return parsed_yaml(body)


def _read_protobuf(body: bytes, schema: str) -> Object:
    try:
        return decode(body, schema)
    except Garbled as error:
        raise bad_request(str(error)) from error


def _refuse_untyped(document: Object, kind: Kind) -> None:
    """An object of a kind that a client defined has to name its kind, and no other."""
    if not document.get("kind"):
        text = msgspec.json.encode(document).decode()
        raise bad_request(
            f"the object provided is unrecognized (must be of type {kind.name}): Object 'Kind' is "
            f"missing in '{text}'"
        )
    if isinstance(document["kind"], str) and document["kind"] != kind.name:
        cause = Cause.invalid("kind", document["kind"], f"must be {kind.name}")
        name = (document.get("metadata") or {}).get("name", "")
        raise invalid(replace(kind, name=document["kind"]), name, [cause])


def _refuse_other_type(document: Object, kind: Kind, body: bytes) -> None:
    for field in ("apiVersion", "kind"):
        if not isinstance(document.get(field), str | None):
            raise unrecognized(kind.name, not_a_text(field, document[field]), body)
    version, name = document.get("apiVersion"), document.get("kind")
    if not kind.is_custom and _is_foreign(version, name, kind):
        raise other_kind(kind, version or kind.api_version, name or kind.name)
    if version and version != kind.api_version:
        raise bad_request(
            f"the API version in the data ({version}) does not match the expected API version "
            f"({kind.api_version})"
        )
    if name and name != kind.name:
        raise bad_request(
            f"{kind.name} in version {kind.version!r} cannot be handled as a {kind.name}: the "
            f"kind in the data ({name}) does not match the expected kind ({kind.name})"
        )


def _is_foreign(version: str | None, name: str | None, kind: Kind) -> bool:
    """Whether Kubernetes has to convert an object to find that it is none of the kind."""
    if name and name != kind.name:
        return True
    return bool(version) and version not in {kind.api_version, *_VERSIONS.get(kind.name, ())}


def conformed(
    document: Object, kind: Kind, request: Request, schema: str = ""
) -> tuple[Object, list[str]]:
    """The document as its type has it, and the warnings that this gave.

    Raises: ApiError: 400, a value has another type than its field, or the client is strict
        about fields that its type does not have.
    """
    findings = Findings()
    head = f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}: '
    try:
        obj = conform(document, schema or kind.schema, findings)
    except (TypeMismatch, RecursionError) as error:
        raise bad_request(head + str(error)) from error
    twice = [] if request.is_lenient else duplicated(request.body)
    faults = [f'duplicate field "{path}"' for path in twice] + findings.unknown
    return obj, noticed(faults, request, head)


def read_configuration(document: Object, kind: Kind) -> Object:
    """The configuration that a client applies, as its type has it.

    Raises: ApiError: 400, it is of another type; 500, as a real server says it, when it does not
        fit its type.
    """
    version, name = document.get("apiVersion", ""), document.get("kind", "")
    if (version, name) != (kind.api_version, kind.name):
        group = version if "/" in str(version) or not version else f"/{version}"
        raise bad_request(f"invalid object type: {group or '/'}, Kind={name}")
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise bad_request("the name of the object was undeterminable: name must be provided")
    if metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    findings = Findings()
    where = f"({metadata.get('namespace', '')}/{metadata['name']}; {_slashed(kind)}, "
    head = f"failed to create typed patch object {where}Kind={kind.name}): "
    try:
        configuration = conform(document, kind.schema, findings)
    except (TypeMismatch, RecursionError) as error:
        raise ApiError(500, "", head + str(error)) from error
    faults = [
        f".{text.split(chr(34))[1]}: field not declared in schema" for text in findings.unknown
    ]
    if faults:
        listed = faults[0] if len(faults) == 1 else "\n  ".join(["errors:", *faults])
        raise ApiError(500, "", head + listed)
    return configuration


def _slashed(kind: Kind) -> str:
    return f"{kind.group}/{kind.version}"


def said_twice(request: Request) -> list[str]:
    """The warnings that a configuration gives which says a field twice.

    Raises: ApiError: 400, the client is strict about that.
    """
    lines = [
        f'\n  line 1: key "{path.rpartition(".")[2]}" already set in map'
        for path in duplicated(request.body)
    ]
    faults = [f"yaml: unmarshal errors:{''.join(lines)}"] if lines else []
    if faults and request.parameter("fieldValidation") == "Strict":
        head = "error strict decoding YAML: error converting YAML to JSON: "
        raise bad_request(head + faults[0])
    return noticed(faults, request, "")


def noticed(unknown: list[str], request: Request, head: str) -> list[str]:
    """What a client is told about unknown fields, the way it asked for."""
    wish = request.parameter("fieldValidation") or "Warn"
    if wish not in {"Ignore", "Strict", "Warn"}:
        choices = ("", "Ignore", "Strict", "Warn")
        cause = Cause.unsupported("fieldValidation", wish, choices)
        raise invalid_options(request.options, [cause])
    if unknown and wish == "Strict":
        raise bad_request(f"{head}strict decoding error: {', '.join(unknown)}")
    return unknown if wish == "Warn" else []
