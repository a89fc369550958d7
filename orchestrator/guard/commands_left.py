"""What commands of a method may have left, where its rollbacks did not take it back.

It looks whether the pods are there, and into none of them.
"""

from collections.abc import Iterable

from orchestrator.domain.net_effect import uid_of
from orchestrator.domain.perishing import perishes
from orchestrator.domain.undo import UndoRecord, Verb
from orchestrator.guard import rules
from orchestrator.guard.upstream import Upstream


async def commands_left(
    records: Iterable[UndoRecord], upstream: Upstream, problem: str
) -> tuple[str, ...]:
    """What may still be there of the commands in a journal.

    A pod that is gone took with it what was done in it, unless something of it outlives pods.

    Shape: one text for each object that a command was run in; problem says why the rollbacks did
    not take it back.
    Raises: ClusterUnavailable.
    """
    run = [each for each in records if _was_run_by_method(each)]
    left = [each for each in run if not (perishes(each.before) and await _is_gone(each, upstream))]
    return tuple(
        f"{key}: what a command of the method did in it may still be there ({problem})"
        for key in dict.fromkeys(each.ref.key for each in left)
    )


def _was_run_by_method(record: UndoRecord) -> bool:
    return record.verb is Verb.EXEC and record.was_made and not rules.is_of_rollbacks(record)


async def _is_gone(record: UndoRecord, upstream: Upstream) -> bool:
    """Whether the very pod is gone; one of its name may have taken its place."""
    now = await upstream.read(record.ref.path)
    return now is None or uid_of(now) not in {"", record.ref.uid}
