"""The kubelet's own HTTP port: logs, exec, attach and port-forward, for the API server.

It looks at the pods of its node; it changes nothing about them.
"""
