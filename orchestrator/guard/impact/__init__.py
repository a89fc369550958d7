"""What a write really touches, kind by kind: the pods, nodes and workloads behind the object.

Where the cluster will choose, the worst is assumed; what cannot be told is refused. It does not
decide whether what is touched is too much.
"""
