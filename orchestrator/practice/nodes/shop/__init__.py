"""The practice shop: six small services that need each other.

They are ordinary HTTP services: they see their surroundings and each other's
names, and nothing of Kubernetes.
"""
