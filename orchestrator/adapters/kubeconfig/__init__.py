"""Kubeconfigs, as far as they say where a cluster is."""

from orchestrator.adapters.kubeconfig.reading import KubeconfigFiles

__all__ = ["KubeconfigFiles"]
