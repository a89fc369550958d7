"""The Kubernetes API server of the practice cluster, an ASGI app over an in-memory store.

It runs nothing: containers are the business of `orchestrator.practice.nodes`.
"""
