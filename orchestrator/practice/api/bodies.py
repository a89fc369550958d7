"""What a client sent, read into objects that fit their types.

CBOR is not read; clients are told so and fall back to JSON.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import msgspec

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
from orchestrator.practice.api.wire import Garbled, decode

Object = dict[str, Any]
YAML: Final = "application/yaml"
PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
_UNREADABLE: Final = "couldn't get version/kind; json parse error: "
READABLE: Final = (JSON, YAML, PROTOBUF)


def read_object(request: Request, kind: Kind) -> tuple[Object, list[str]]:
    """The object in the body, as its kind, and the warnings that reading it gave.

    Raises: ApiError: the body is unreadable, or is an object of another type.
    """
    readable = (JSON, YAML) if kind.is_custom else READABLE
    document = read_document(request, readable, schema=kind.schema)
    if kind.is_custom:
        _refuse_untyped(document, kind)
    _refuse_other_type(document, kind)
    return conformed(document, kind, request)


def read_document(request: Request, readable: tuple[str, ...] = READABLE, *, schema: str) -> Object:
    """The body as a JSON object; protobuf can be read as one type only.

    Raises: ApiError: 415 or 400, the body is unreadable.
    """
    if request.content_type not in readable:
        raise unsupported_media_type(readable)
    if request.content_type == PROTOBUF:
        return _read_protobuf(request.body, schema)
    document = parsed(request.body, yaml=request.content_type != JSON)
    if document is None:
        return {}
    if not isinstance(document, dict):
        found = {list: "array", str: "string", bool: "bool"}
        word = found.get(type(document), "number")
        raise bad_request(
            "couldn't get version/kind; json parse error: json: cannot unmarshal "
            f"{word} into Go value of type struct"
        )
    return document


def parsed(body: bytes, *, yaml: bool = False, head: str = _UNREADABLE) -> Any:
    """The value that a body holds.

    Raises: ApiError: 400, it is neither JSON nor, where allowed, YAML.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        if yaml:
            return _parsed_yaml(body)
        raise bad_request(f"{head}{_in_go(error)}") from error


def _in_go(error: Exception) -> str:
    """The parser's complaint, the way a real server words the commonest."""
    return str(error).replace("Input data was truncated", "unexpected end of JSON input")


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


def _refuse_other_type(document: Object, kind: Kind) -> None:
    version, name = document.get("apiVersion"), document.get("kind")
    if not isinstance(version, str | None) or not isinstance(name, str | None):
        raise bad_request("couldn't get version/kind; json parse error: json: cannot unmarshal "
                          "into Go struct field .kind of type string")  # fmt: skip
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
    warnings = noticed(findings.unknown, request, head)
    return obj, warnings


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
