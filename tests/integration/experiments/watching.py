"""What the tests see of the practice cluster, from a process apart from Chaos Toolkit's."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

NAMESPACE = "shop"


class Measure(Protocol):
    """Says whether what is waited for is there."""

    def __call__(self) -> object: ...


def wait_for(measure: Measure, *, within: float) -> None:
    """Wait until the measure says yes."""
    deadline = monotonic() + within
    while not measure():
        assert monotonic() < deadline, f"not within {within} s"


@contextmanager
def leading_to(kubeconfig: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Have the Kubernetes client of this process, and chaosk8s, use a kubeconfig."""
    # The client decides at import where its kubeconfig is; chaosk8s passes none on.
    from kubernetes.config import kube_config

    before = dict(os.environ), kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    os.environ.update(variables)
    kube_config.KUBE_CONFIG_DEFAULT_LOCATION = str(kubeconfig)
    try:
        yield
    finally:
        kube_config.KUBE_CONFIG_DEFAULT_LOCATION = before[1]
        os.environ.clear()
        os.environ.update(before[0])


def proof_of(document: Mapping[str, Any]) -> Callable[[], bool]:
    """The proof of injection of an experiment, with its configuration as it is now."""
    from chaoslib.activity import run_activity
    from chaoslib.configuration import load_configuration, load_dynamic_configuration
    from chaoslib.hypothesis import within_tolerance

    from experiments.extension import extension_of

    loaded = load_dynamic_configuration(load_configuration(dict(document["configuration"])))
    proof = extension_of(document).proof
    assert proof is not None
    probe = dict(proof.probe)

    def holds() -> bool:
        value = run_activity(probe, loaded, {})
        return bool(within_tolerance(probe["tolerance"], value, configuration=loaded))

    return holds


def shape() -> dict[str, Any]:
    """What experiments change: replicas, images and readiness, selectors and endpoints."""
    from chaosk8s import create_k8s_api_client
    from kubernetes.client import AppsV1Api, CoreV1Api

    from experiments.probes.kubernetes import ready_endpoints

    api = create_k8s_api_client()
    plain = api.sanitize_for_serialization
    found: dict[str, Any] = {}
    for each in plain(AppsV1Api(api).list_namespaced_deployment(NAMESPACE).items):
        images = [
            container["image"] for container in each["spec"]["template"]["spec"]["containers"]
        ]
        counts = [each["status"].get(count) for count in ("readyReplicas", "updatedReplicas")]
        name = each["metadata"]["name"]
        found[f"deployment {name}"] = (each["spec"]["replicas"], images, counts)
    for each in plain(CoreV1Api(api).list_namespaced_service(NAMESPACE).items):
        name = each["metadata"]["name"]
        found[f"service {name}"] = (each["spec"]["selector"], ready_endpoints(name, NAMESPACE))
    return found
