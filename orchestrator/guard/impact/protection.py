"""What stands behind a write to a PodDisruptionBudget: the pods it protects, and whether less.

Where two ways of saying how many pods are needed cannot be compared, the new one counts as
weaker. It does not decide whether a budget may be weakened.
"""

from typing import Any, Final

from orchestrator.domain.undo import ABSENT, Document, Path, Verb, value_at
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.policies import selected
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import NOTHING, Impact, touches_spec

_LEAST: Final[Path] = ("spec", "minAvailable")
_MOST: Final[Path] = ("spec", "maxUnavailable")
_UNHEALTHY: Final[Path] = ("spec", "unhealthyPodEvictionPolicy")
_USUAL: Final = "IfHealthyBudget"


async def of_budget(draft: Draft, around: Surroundings) -> Impact:
    """The pods that a PodDisruptionBudget protects."""
    if not touches_spec(draft):
        return NOTHING
    pods = await around.tagged(await selected(draft, around, "selector"))
    return Impact(reached=pods, weakened=draft.ref.key if _weakens(draft, around) else "")


def _weakens(draft: Draft, around: Surroundings) -> bool:
    if draft.after is None or draft.before is None:
        return draft.verb is Verb.DELETE
    spec = [path for path in draft.changes if path[0] == "spec"]
    if all(draft.changes[path][1] == around.was(draft, path) for path in spec):
        return False
    if any(path not in (_LEAST, _MOST, _UNHEALTHY) for path in spec):
        return True
    return _lets_unhealthy_go(draft) or not _asks_as_much(draft.before, draft.after)


def _lets_unhealthy_go(draft: Draft) -> bool:
    after = value_at(draft.after or {}, _UNHEALTHY)
    return after not in (ABSENT, _USUAL, value_at(draft.before or {}, _UNHEALTHY))


def _asks_as_much(before: Document, after: Document) -> bool:
    """Whether a budget needs at least as many pods as it did, however many there are."""
    least, most = value_at(after, _LEAST), value_at(after, _MOST)
    if (least, most) == (value_at(before, _LEAST), value_at(before, _MOST)):
        return True
    if least == "100%" or _is_none(most):
        return True
    if least is not ABSENT:
        return _is_at_least(least, value_at(before, _LEAST))
    return most is not ABSENT and _is_at_least(value_at(before, _MOST), most)


def _is_none(most: Any) -> bool:
    return most is not ABSENT and most in (0, "0%")


def _is_at_least(one: Any, other: Any) -> bool:
    """Whether a number is no smaller than another, or a percentage than another."""
    if isinstance(one, int) and isinstance(other, int):
        return one >= other
    if isinstance(one, str) and isinstance(other, str):
        return int(one.removesuffix("%")) >= int(other.removesuffix("%"))
    return False
