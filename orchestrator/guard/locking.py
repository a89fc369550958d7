"""What ties a write to the version of its object that was looked at.

It does not look at anything, and decides nothing about the write.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from orchestrator.domain.net_effect import uid_of
from orchestrator.domain.undo import Document
from orchestrator.guard.calls import Action, Call

UNLOCKED: Final = frozenset({"pods"})
"""Kinds whose status changes all the time: of one that is deleted only its identity counts."""


def own_lock(call: Call) -> str:
    """The version of the object that the client itself asked for; empty when it did not."""
    if not isinstance(call.body, dict):
        return ""
    where = "metadata" if call.action is Action.CHANGE else "preconditions"
    return str((call.body.get(where) or {}).get("resourceVersion") or "")


def names_version(body: Any) -> bool:
    """Whether a change says anything of its object's version, or may do so by a path."""
    return not isinstance(body, dict) or "resourceVersion" in (body.get("metadata") or {})


def own_uid(call: Call) -> str:
    """The uid of the object that the client means to delete; empty when it does not say."""
    options = call.body if isinstance(call.body, dict) else {}
    if call.action is Action.EVICT:
        options = options["deleteOptions"]
    return str((options.get("preconditions") or {}).get("uid") or "")


def locked_to(body: Any, now: Document) -> Any:
    """The body of a change, good only for the version of the object that was looked at."""
    version = version_of(now)
    if isinstance(body, Sequence):
        return [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, *body]
    metadata = body.get("metadata") or {}
    return {
        **body,
        "metadata": {**metadata, "resourceVersion": metadata.get("resourceVersion") or version},
    }


def preconditions(call: Call, options: Mapping[str, Any], now: Document) -> Mapping[str, Any]:
    """What a deletion asks of its object: to be the one that was looked at."""
    found: dict[str, Any] = {"uid": uid_of(now)}
    if call.route.resource not in UNLOCKED:
        found["resourceVersion"] = version_of(now)
    return found | dict(options.get("preconditions") or {})


def spares_annotations(call: Call) -> bool:
    """Whether a change names the annotations it means, and so leaves all others alone."""
    if call.action is not Action.CHANGE or call.method != "PATCH":
        return False
    if isinstance(call.body, list):
        # An empty path is the whole object.
        paths = {str(each[key]) for each in call.body for key in ("path", "from") if key in each}
        return not {"", "/metadata", "/metadata/annotations"} & paths
    annotations = (call.body.get("metadata") or {}).get("annotations", {})
    return isinstance(annotations, dict) and not any(key.startswith("$") for key in annotations)


def version_of(document: Document) -> str:
    """The version of an object, empty when it has none."""
    return str((document.get("metadata") or {}).get("resourceVersion") or "")
