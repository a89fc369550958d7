"""What a kind of object may not say, in the words a Kubernetes API server uses.

Types are checked before, by `schema`.
"""
