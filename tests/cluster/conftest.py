"""The cluster that the tests of this folder share."""

from tests.cluster.fixture import kubernetes

__all__ = ["kubernetes"]
