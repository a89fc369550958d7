"""Faults of our own, each a pair of functions: `inject_x` and `undo_x`.

An undo puts back what still holds the injected value, and leaves what others changed since. Nothing
that a fault writes into the cluster tells where it comes from.
"""
