"""Which objects an action of an experiment takes, by the selection of the extension that it is of.

It only reads. What cannot be found without making the action is left to a dry run.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chaosk8s import create_k8s_api_client
from chaosk8s.node.actions import _select_nodes
from chaosk8s.pod.actions import _select_pods
from kubernetes.client import CoreV1Api

_PLURALS: Final = {
    "deployment": "deployments",
    "statefulset": "statefulsets",
    "daemonset": "daemonsets",
    "replicaset": "replicasets",
    "service": "services",
    "secret": "secrets",
}
_OURS: Final = {
    "experiments.actions.images": "deployments",
    "experiments.actions.services": "services",
}
_EVERYTHING: Final = "nothing is named, so it takes whatever there is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The objects from which an activity takes some.

    Shape: count is how many it takes; None for all of them.
    """

    candidates: tuple[str, ...] = ()
    count: int | None = None
    why: str = ""


def selected(
    module: str, function: str, arguments: Mapping[str, Any], secrets: Mapping[str, Any]
) -> Chosen:
    """The objects that an action would take, found by reading.

    Raises: whatever the extension's selection raises.
    """
    match module:
        case "chaosk8s.pod.actions":
            return _pods(function, arguments, secrets)
        case "chaosk8s.node.actions" if function != "create_node":
            return _nodes(arguments, secrets)
        case _:
            return _named(module, arguments)


def _pods(function: str, arguments: Mapping[str, Any], secrets: Mapping[str, Any]) -> Chosen:
    """The pods that the extension would select; of a random choice, all that may be hit."""
    if function == "delete_pods":
        arguments = {**arguments, "name_pattern": arguments.get("name")}
    said = _accepted(_select_pods, arguments)
    api = CoreV1Api(create_k8s_api_client(secrets))
    hit = _select_pods(api, **said)
    everything = {**said, "all": True, "rand": False}
    candidates = _select_pods(api, **everything) if said.get("rand") else hit
    is_open = not (arguments.get("label_selector") or arguments.get("name_pattern"))
    return Chosen(
        candidates=tuple(f"pods/{p.metadata.namespace}/{p.metadata.name}" for p in candidates),
        count=len(hit) if said.get("rand") else None,
        why=_EVERYTHING if is_open else "",
    )


def _nodes(arguments: Mapping[str, Any], secrets: Mapping[str, Any]) -> Chosen:
    said = _accepted(_select_nodes, arguments)
    count = said.pop("count", None)
    found = _select_nodes(**said, secrets=secrets)
    names = dict.fromkeys(f"nodes//{node.metadata.name}" for node in found)
    is_open = not any(
        arguments.get(name) for name in ("name", "label_selector", "pod_label_selector")
    )
    return Chosen(candidates=tuple(names), count=count, why=_EVERYTHING if is_open else "")


def _named(module: str, arguments: Mapping[str, Any]) -> Chosen:
    """What an action names in its arguments, where those of its kind have a plural."""
    name = arguments.get("name")
    namespace = arguments.get("ns") or arguments.get("namespace") or "default"
    kind = next((part for part in module.split(".") if part in _PLURALS), "")
    plural = _PLURALS.get(kind) or _OURS.get(module, "")
    if isinstance(name, str) and name and plural:
        return Chosen(candidates=(f"{plural}/{namespace}/{name}",))
    return Chosen(why="what it takes is seen in the dry run")


def _accepted(function: Callable[..., Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the arguments that a selection takes."""
    names = inspect.signature(function).parameters
    return {name: value for name, value in arguments.items() if name in names and name != "secrets"}
