"""Tokens that service accounts are given when somebody asks for one.

They are random text: nobody but this server can say whose they are.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from orchestrator.practice.api.access.users import Tokens
from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.statuses import Cause, bad_request, invalid
from orchestrator.practice.api.store import Store

Object = dict[str, Any]
TOKEN_REQUEST: Final = Kind(
    name="TokenRequest", plural="tokenrequests", group="authentication.k8s.io",
    schema="authentication.v1.TokenRequest", has_status=False, has_generation=False,
)  # fmt: skip
AUDIENCE: Final = "https://kubernetes.default.svc"
_USUAL: Final = 3600
_LEAST: Final = 600
_MOST: Final = 2**32


def answered(store: Store, tokens: Tokens, account: Object, wish: Object) -> Object:
    """The request with a token in it.

    Raises: ApiError: 422, the token is to last for too short or too long.
    """
    metadata, spec = account["metadata"], wish.get("spec", {})
    named = wish.get("metadata", {}).get("name", "")
    if named and named != metadata["name"]:
        raise bad_request("metadata.name must match the service account of the request")
    seconds = spec.get("expirationSeconds") or _USUAL
    _refuse_lifetime(seconds)
    token, expires_at = tokens.issue(
        metadata["namespace"], metadata["name"], timedelta(seconds=seconds)
    )
    kept = ("name", "namespace", "uid")
    return {
        "kind": TOKEN_REQUEST.name,
        "apiVersion": TOKEN_REQUEST.api_version,
        "metadata": {key: metadata[key] for key in kept}
        | {"creationTimestamp": stamp(store.now())},
        "spec": {
            "audiences": spec.get("audiences") or [AUDIENCE],
            "expirationSeconds": seconds,
            "boundObjectRef": spec.get("boundObjectRef"),
        },
        "status": {"token": token, "expirationTimestamp": stamp(expires_at)},
    }


def _refuse_lifetime(seconds: int) -> None:
    field, text = "spec.expirationSeconds", ""
    if seconds < _LEAST:
        text = "may not specify a duration less than 10 minutes"
    elif seconds > _MOST:
        text = "may not specify a duration larger than 2^32 seconds"
    if text:
        raise invalid(TOKEN_REQUEST, "", [Cause.invalid(field, seconds, text)])
