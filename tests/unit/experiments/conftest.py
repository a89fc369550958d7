"""A kubeconfig that the client reads, set before the client is imported."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.unit.experiments.one_object import OneObject, serving


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[OneObject], OneObject]]:
    """Serve an object until the test ends, with KUBECONFIG leading to it."""
    # The client decides at import where its kubeconfig is; chaosk8s passes none on.
    from kubernetes.config import kube_config

    kubeconfig = tmp_path / "kubeconfig"
    before = os.environ.get("KUBECONFIG"), kube_config.KUBE_CONFIG_DEFAULT_LOCATION
    os.environ["KUBECONFIG"] = kube_config.KUBE_CONFIG_DEFAULT_LOCATION = str(kubeconfig)
    with ExitStack() as stack:

        def start(kept: OneObject) -> OneObject:
            stack.enter_context(serving(kept, kubeconfig))
            return kept

        yield start
    kube_config.KUBE_CONFIG_DEFAULT_LOCATION = before[1]
    if before[0] is None:
        del os.environ["KUBECONFIG"]
    else:
        os.environ["KUBECONFIG"] = before[0]
