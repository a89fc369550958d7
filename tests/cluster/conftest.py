"""The cluster that the tests of this folder share."""

from tests.cluster.fixture import empty_kubernetes, kubernetes

__all__ = ["empty_kubernetes", "kubernetes"]
