"""The guard: between a run and the target cluster, and the only one who writes to it.

    request ─> path ─> phase ─> targets ─> verdict ─> journal ─> forward ─> journal
    conductor gone ─> no further write ─> undo

One process per run, the sole holder of the target's credentials. Whatever it does not
understand it refuses. It does not conduct: it knows no experiment, no agenda and no clock but
the deadline of its run.
"""
