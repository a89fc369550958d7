"""Faults of the image that a Deployment rolls out.

They touch the image of one container alone; the roll-out is the cluster's own doing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from chaosk8s import create_k8s_api_client
from chaoslib.exceptions import ActivityFailed
from kubernetes.client import AppsV1Api
from kubernetes.client.exceptions import ApiException

from experiments.actions.writing import PATIENCE, Decision, Operations, names, pointer, settle, told

SUFFIX: Final = "-b7e19d4"
"""Looks like a build that nobody pushed."""

Containers: TypeAlias = list[tuple[str, str]]
"""Names and images, in the order of the template."""


def inject_bad_image(
    name: str,
    namespace: str = "default",
    container: str | None = None,
    suffix: str = SUFFIX,
    secrets: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Roll out an image that cannot be pulled: the same one with a suffix. Safe to repeat.

    The suffix is all that is needed to undo it, so that nothing has to be remembered.

    Shape: container is the name of one, the first one if None.
    Raises: ActivityFailed: there is no such Deployment or container, or its image is pinned by
    digest, which a suffix cannot change.
    """
    api = AppsV1Api(create_k8s_api_client(secrets))

    def decide() -> Decision:
        containers = _containers(api, name, namespace)
        index = _index(containers, container)
        if index is None:
            known = names([known for known, _ in containers or []])
            raise ActivityFailed(
                f"Deployment {namespace}/{name} has no container {container!r}; it has: {known}"
            )
        called, image = (containers or [])[index]
        if image.endswith(suffix):
            return _answer(name, called, image, changed=False), []
        if "@" in image:
            raise ActivityFailed(f"{image} is pinned by digest; a suffix would not change it")
        return _answer(name, called, image + suffix, changed=True), _replace(
            index, called, image, image + suffix
        )

    with told(f"change Deployment {namespace}/{name}"):
        return _write(api, name, namespace, decide)


def undo_bad_image(
    name: str,
    namespace: str = "default",
    container: str | None = None,
    suffix: str = SUFFIX,
    secrets: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Take the suffix off the image if it is still there. Safe to repeat.

    An image that others rolled out meanwhile, or a Deployment that they deleted, is left as it is.
    """
    api = AppsV1Api(create_k8s_api_client(secrets))

    def decide() -> Decision:
        containers = _containers(api, name, namespace, may_be_gone=True)
        index = _index(containers, container)
        if containers is None or index is None:
            return _answer(name, container, None, changed=False), []
        called, image = containers[index]
        if not image.endswith(suffix):
            return _answer(name, called, image, changed=False), []
        before = image.removesuffix(suffix)
        return _answer(name, called, before, changed=True), _replace(index, called, image, before)

    with told(f"change Deployment {namespace}/{name} back"):
        return _write(api, name, namespace, decide)


def _replace(index: int, called: str, image: str, by: str) -> Operations:
    """Replace an image, provided that it is still that container's image."""
    place = ("spec", "template", "spec", "containers", index)
    return [
        {"op": "test", "path": pointer(*place, "name"), "value": called},
        {"op": "test", "path": pointer(*place, "image"), "value": image},
        {"op": "replace", "path": pointer(*place, "image"), "value": by},
    ]


def _write(
    api: AppsV1Api, name: str, namespace: str, decide: Callable[[], Decision]
) -> dict[str, Any]:
    def send(operations: Operations) -> None:
        api.patch_namespaced_deployment(name, namespace, operations, _request_timeout=PATIENCE)

    return settle(decide, send)


def _containers(
    api: AppsV1Api, name: str, namespace: str, *, may_be_gone: bool = False
) -> Containers | None:
    """The containers of the template; None if the Deployment is gone and may be."""
    try:
        found = api.read_namespaced_deployment(name, namespace, _request_timeout=PATIENCE)
    except ApiException as error:
        if may_be_gone and error.status == 404:
            return None
        raise
    template = found.spec.template.spec
    return [(each.name, each.image or "") for each in (template.containers if template else [])]


def _index(containers: Containers | None, container: str | None) -> int | None:
    """Where the container stands; the first one if none is named."""
    for index, (called, _) in enumerate(containers or []):
        if container in (None, called):
            return index
    return None


def _answer(
    name: str, container: str | None, image: str | None, *, changed: bool
) -> dict[str, Any]:
    return {"deployment": name, "container": container, "changed": changed, "image": image}
