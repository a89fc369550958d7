"""What the claims of a stateful set go with: with the set, with a pod that is given up, or neither.

It says so by the owners of the claims alone; the garbage collector deletes them.
"""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.served.storage import CLAIM
from orchestrator.practice.api.store import Store
from orchestrator.practice.controllers.owners import reference_to, with_owners

Object = dict[str, Any]
_GOES: Final = "Delete"


def keep_to_policy(
    store: Store, stateful_set: Object, pod: Object, claims: list[str], *, is_wanted: bool
) -> None:
    """Give the claims of a pod the owners that the policy of its set asks for.

    Source: the documentation of stateful sets, on the retention of persistent volume claims.
    """
    owner = _owner(stateful_set, pod, is_wanted=is_wanted)
    ours = {each["metadata"]["uid"] for each in (stateful_set, pod)}
    for name in claims:
        found = store.get(CLAIM, stateful_set["metadata"]["namespace"], name)
        if found is None or "deletionTimestamp" in found["metadata"]:
            continue
        before = found["metadata"].get("ownerReferences", [])
        others = [each for each in before if each["uid"] not in ours]
        after = others + ([reference_to(owner)] if owner is not None else [])
        if {each["uid"] for each in after} != {each["uid"] for each in before}:
            with_owners(store, CLAIM, found, after)


def _owner(stateful_set: Object, pod: Object, *, is_wanted: bool) -> Object | None:
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy", {})
    if policy.get("whenScaled") == _GOES and not is_wanted:
        return pod
    return stateful_set if policy.get("whenDeleted") == _GOES else None
