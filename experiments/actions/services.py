"""Faults of a Service.

They touch the selector alone; pods and endpoints follow by the cluster's own doing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from chaosk8s import create_k8s_api_client
from chaoslib.exceptions import ActivityFailed
from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException

from experiments.actions.writing import PATIENCE, Decision, Operations, pointer, settle, told

# A pair that a hasty deployment might leave behind, and that no pod carries.
KEY: Final = "rev"
VALUE: Final = "b7e19d4"


def inject_broken_selector(
    name: str,
    namespace: str = "default",
    key: str = KEY,
    value: str = VALUE,
    secrets: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Have a Service select no pod, by one more key in its selector. Safe to repeat.

    Raises: ActivityFailed: there is no such Service, it selects nothing by itself, or the key is
    taken.
    """
    api = CoreV1Api(create_k8s_api_client(secrets))

    def decide() -> Decision:
        selector = _selector(api, name, namespace)
        if not selector:
            raise ActivityFailed(f"Service {namespace}/{name} has no selector that could be broken")
        if key not in selector:
            return _answer(name, {**selector, key: value}, changed=True), [
                {"op": "test", "path": pointer("spec", "selector"), "value": selector},
                {"op": "add", "path": pointer("spec", "selector", key), "value": value},
            ]
        if selector[key] != value:
            raise ActivityFailed(
                f"the selector of Service {namespace}/{name} has {key}={selector[key]} already;"
                " name another key"
            )
        return _answer(name, selector, changed=False), []

    with told(f"change Service {namespace}/{name}"):
        return _write(api, name, namespace, decide)


def undo_broken_selector(
    name: str,
    namespace: str = "default",
    key: str = KEY,
    value: str = VALUE,
    secrets: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Take the key out of the selector if it still has the injected value. Safe to repeat.

    A selector that others changed, or a Service that they deleted, is left as it is.
    """
    api = CoreV1Api(create_k8s_api_client(secrets))

    def decide() -> Decision:
        selector = _selector(api, name, namespace, may_be_gone=True)
        if selector is None or selector.get(key) != value:
            return _answer(name, selector, changed=False), []
        path = pointer("spec", "selector", key)
        left = {label: wanted for label, wanted in selector.items() if label != key}
        return _answer(name, left, changed=True), [
            {"op": "test", "path": path, "value": value},
            {"op": "remove", "path": path},
        ]

    with told(f"change Service {namespace}/{name} back"):
        return _write(api, name, namespace, decide)


def _write(
    api: CoreV1Api, name: str, namespace: str, decide: Callable[[], Decision]
) -> dict[str, Any]:
    def send(operations: Operations) -> None:
        api.patch_namespaced_service(name, namespace, operations, _request_timeout=PATIENCE)

    return settle(decide, send)


def _selector(
    api: CoreV1Api, name: str, namespace: str, *, may_be_gone: bool = False
) -> dict[str, str] | None:
    """The selector, empty if there is none; None if the Service is gone and may be."""
    try:
        service = api.read_namespaced_service(name, namespace, _request_timeout=PATIENCE)
    except ApiException as error:
        if may_be_gone and error.status == 404:
            return None
        raise
    return dict((service.spec.selector if service.spec else None) or {})


def _answer(name: str, selector: dict[str, str] | None, *, changed: bool) -> dict[str, Any]:
    return {"service": name, "changed": changed, "selector": selector}
