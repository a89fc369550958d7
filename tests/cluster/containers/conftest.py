"""The cluster with containers that the tests of this folder share."""

from tests.cluster.fixture import kubernetes_with_containers, node_programs

__all__ = ["kubernetes_with_containers", "node_programs"]
