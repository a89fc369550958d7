"""The practice nodes: kubelets, service proxies, the shop and its visitors.

They are a client of a Kubernetes API and know nothing of how it is served, so
they join a real control plane as well as the practice one.
"""
