"""Chaos Days on Kubernetes: plan, run and learn, without losing the cluster or the secret.

This package decides and remembers; faults are injected by other processes.
"""

__version__ = "0.1.0"
