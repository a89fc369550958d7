"""What a PATCH makes of an object, before the result is stored.

How the forms of patches work is in `patching`; server-side apply is in `applying`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from orchestrator.practice.api import patching
from orchestrator.practice.api.bodies import conformed, parsed
from orchestrator.practice.api.conversions import converted, go_text
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.requests import Request
from orchestrator.practice.api.schema import TypeMismatch, conform
from orchestrator.practice.api.statuses import (
    ApiError,
    Cause,
    bad_request,
    no_patch,
)

Object = dict[str, Any]
JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
STRATEGIC_PATCH: Final = "application/strategic-merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"
PATCHES: Final = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)
CUSTOM_PATCHES: Final = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
"""The forms that work without knowing how the lists of an object are keyed."""


def patched(obj: Object, request: Request, schema: str) -> Object:
    """An object of the named type with the patch in a request applied.

    Raises: ApiError: the patch is unreadable, or can't be applied.
    """
    if request.content_type not in PATCHES:
        raise no_patch()
    strategic = request.content_type == STRATEGIC_PATCH
    patch = parsed(request.body, head="" if strategic else "error decoding patch: ")
    if request.content_type == JSON_PATCH:
        return patching.json_patch(obj, patch)
    if not isinstance(patch, dict):
        word = "array" if isinstance(patch, list) else "value"
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {word} into Go value of type "
            "map[string]interface {}"
        )
    if request.content_type == MERGE_PATCH:
        merged: Object = patching.merge_patch(obj, patch)
        return merged
    return patching.strategic_merge(obj, patch, schema)


def conformed_patch(result: Object, kind: Kind, request: Request) -> tuple[Object, list[str]]:
    """A patched object as its type has it, and the warnings that this gave.

    Raises: ApiError: 422, a value has another type than its field; 400, it is another kind now.
    """
    for key, wanted in (("apiVersion", kind.api_version), ("kind", kind.name)):
        if result.get(key) != wanted:
            raise bad_request(f"the patch changes {key} from {wanted} to {result.get(key)}")
    typed(result, kind.schema, request)
    try:
        return conformed(result, kind, request)
    except ApiError as refusal:
        _, said, what = str(refusal).partition("strict decoding error: ")
        raise (_not_typed(result, said + what, request) if said else refusal) from None


def typed(result: Object, schema: str, request: Request) -> Object:
    """A patched object as the named type has it.

    Raises: ApiError: 422, a value has another type than its field.
    """
    try:
        return conform(result, schema)
    except (TypeMismatch, RecursionError) as error:
        raise _not_typed(result, str(error), request) from error


def _not_typed(result: Object, why: str, request: Request) -> ApiError:
    if request.content_type == STRATEGIC_PATCH:
        text, why = go_text(parsed(request.body)), converted(why)
    else:
        text = msgspec.json.encode(result).decode()
    cause = Cause.invalid("patch", text[:2000], why)
    causes = [{"reason": cause.reason, "message": cause.message, "field": cause.field}]
    message = f' "" is invalid: patch: {cause.message}'
    return ApiError(422, "Invalid", message, details={"causes": causes})
