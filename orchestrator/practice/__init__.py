"""The practice cluster: a small web shop behind the Kubernetes API.

Two halves that meet only at that API: `api` with `controllers`, and `nodes`. It never reaches
anything outside this machine's loopback.
"""
