"""What all writes to one object come to, and what is left to do about it."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.deciding import (
    Await,
    Decision,
    PutBack,
    Recreate,
    Remove,
    Settled,
    decide,
)
from orchestrator.domain.net_effect import merged, net_effects
from orchestrator.domain.undo import (
    ABSENT,
    ObjectRef,
    UndoRecord,
    UndoState,
    Verb,
    changed_leaves,
)
from tests.builders import RUN, at

Document = dict[str, Any]
OWNED = {"ownerReferences": [{"kind": "ReplicaSet", "name": "r", "uid": "u", "controller": True}]}


def an_object(uid: str = "uid-1", *, metadata: Document | None = None, **spec: Any) -> Document:
    return {"metadata": {"name": "cart", "uid": uid, **(metadata or {})}, "spec": spec}


def a_write(
    verb: Verb, before: Document | None, after: Document | None, **changes: Any
) -> UndoRecord:
    uid = (before or {}).get("metadata", {}).get("uid", "")
    path = "/apis/apps/v1/namespaces/shop/deployments/cart"
    record = UndoRecord(
        run=RUN,
        seq=changes.pop("seq", 1),
        at=at(0),
        verb=verb,
        ref=ObjectRef(path=path, kind="deployments", namespace="shop", name="cart", uid=uid),
        before=before,
        after=after,
        state=UndoState.DONE,
    )
    return replace(record, **changes)


def decided(*records: UndoRecord, now: Document | None) -> Decision:
    effects = net_effects(records)
    assert len(effects) == 1
    return decide(effects[0], now)


def test_change_still_in_force_is_put_back() -> None:
    write = a_write(Verb.CHANGE, an_object(replicas=3), an_object(replicas=0))

    assert decided(write, now=an_object(replicas=0)) == PutBack(patch={"spec": {"replicas": 3}})
    assert decided(write, now=an_object(replicas=3)) == Settled()


def test_writes_that_were_not_made_count_for_nothing() -> None:
    write = a_write(
        Verb.CHANGE, an_object(replicas=3), an_object(replicas=0), state=UndoState.UNDONE
    )

    assert net_effects([write]) == ()


def test_what_the_rollbacks_put_back_is_settled() -> None:
    there = a_write(Verb.CHANGE, an_object(replicas=3), an_object(replicas=0))
    back = a_write(Verb.CHANGE, an_object(replicas=0), an_object(replicas=3), seq=2)

    assert decided(there, back, now=an_object(replicas=3)) == Settled()


def test_value_that_others_set_between_two_writes_is_what_returns() -> None:
    first = a_write(Verb.CHANGE, an_object(replicas=3), an_object(replicas=0))
    second = a_write(Verb.CHANGE, an_object(replicas=5), an_object(replicas=1), seq=2)

    assert decided(first, second, now=an_object(replicas=1)) == PutBack(
        patch={"spec": {"replicas": 5}}
    )


def test_others_change_between_two_writes_is_not_taken_for_ours() -> None:
    first = a_write(Verb.CHANGE, an_object(a=1, b=1), an_object(a=2, b=1))
    second = a_write(Verb.CHANGE, an_object(a=5, b=1), an_object(a=5, b=2), seq=2)

    decision = decided(first, second, now=an_object(a=5, b=2))

    assert isinstance(decision, PutBack)
    assert decision.patch == {"spec": {"b": 1}}
    assert [each.field for each in decision.kept] == ["spec.a"]


def test_intent_counts_whether_it_was_made_or_not() -> None:
    first = a_write(Verb.CHANGE, an_object(replicas=3), an_object(replicas=2))
    intent = a_write(
        Verb.CHANGE,
        an_object(replicas=2),
        an_object(replicas=0),
        seq=2,
        state=UndoState.INTENT,
    )
    wanted = PutBack(patch={"spec": {"replicas": 3}})

    assert decided(first, intent, now=an_object(replicas=0)) == wanted
    assert decided(first, intent, now=an_object(replicas=2)) == wanted
    assert decided(intent, now=an_object(replicas=2)) == Settled()


def test_created_object_is_removed_by_its_uid() -> None:
    write = a_write(Verb.CREATE, None, an_object("made"))

    assert decided(write, now=an_object("made")) == Remove(uid="made")
    assert decided(write, now=an_object("another")) == Settled()
    assert decided(write, now=None) == Settled()


def test_created_object_whose_answer_was_lost_is_known_by_its_mark() -> None:
    mark = {"annotations": {"x-0a1b2c3d": "random"}}
    promised = an_object("of the dry run", metadata=mark)
    write = a_write(Verb.CREATE, None, promised, state=UndoState.INTENT)

    assert decided(write, now=an_object("real", metadata=mark)) == Remove(uid="real")
    assert decided(write, now=an_object("of the dry run")) == Settled()
    other = {"annotations": {"x-0a1b2c3d": "of another run"}}
    assert decided(write, now=an_object("real", metadata=other)) == Settled()


def test_the_object_that_was_touched_last_comes_first() -> None:
    first = a_write(Verb.CHANGE, an_object(replicas=3), an_object(replicas=0))
    ref = replace(first.ref, path="/apis/apps/v1/namespaces/shop/deployments/stock")
    second = replace(first, seq=2, ref=ref)
    third = replace(first, seq=3)

    assert [each.ref for each in net_effects([first, second])] == [ref, first.ref]
    assert [each.ref for each in net_effects([first, second, third])] == [first.ref, ref]


def a_pod_write(verb: Verb) -> UndoRecord:
    write = a_write(verb, an_object(), None, state=UndoState.INTENT)
    return replace(write, ref=replace(write.ref, kind="pods"))


def test_only_an_unanswered_write_that_is_locked_to_a_version_is_in_doubt() -> None:
    change = a_write(
        Verb.CHANGE, an_object(replicas=3), an_object(replicas=0), state=UndoState.INTENT
    )
    deletion = a_write(Verb.DELETE, an_object(), None, state=UndoState.INTENT)

    in_doubt = [net_effects([each])[0].is_in_doubt for each in (change, deletion)]
    of_pods = [
        net_effects([a_pod_write(each)])[0].is_in_doubt for each in (Verb.DELETE, Verb.EVICT)
    ]

    assert in_doubt == [True, True]
    assert of_pods == [False, False]
    assert not net_effects([replace(change, state=UndoState.DONE)])[0].is_in_doubt


def test_a_late_create_cannot_come_where_the_object_was_before() -> None:
    made = a_write(Verb.CREATE, None, an_object("made"), state=UndoState.INTENT)
    gone = a_write(Verb.DELETE, an_object(), None)
    [new], [anew] = net_effects([made]), net_effects([gone, replace(made, seq=2)])

    assert new.may_go_on(None, seen=set())
    assert not anew.may_go_on(None, seen=set())


def test_a_create_without_an_answer_may_still_come_where_others_took_the_object_away() -> None:
    change = a_write(Verb.CHANGE, an_object(a=1), an_object(a=2))
    marked = an_object("", metadata={"annotations": {"x-00000001": "1"}}, a=3)
    late = a_write(Verb.CREATE, None, marked, seq=2, state=UndoState.INTENT)
    (effect,) = net_effects([change, late])

    assert effect.may_go_on(None, seen=set())
    assert not effect.may_go_on(an_object("uid-1", a=2), seen=set())
    assert not effect.may_go_on(None, seen={"x-00000001=1"})
    came = an_object("uid-2", metadata=marked["metadata"] | {"uid": "uid-2"}, a=3)
    assert decide(effect, came) == Remove(uid="uid-2")
    assert decide(effect, an_object(a=2)) == PutBack(patch={"spec": {"a": 1}})


def test_object_that_was_changed_back_while_it_went_is_made_as_it_was_before_the_run() -> None:
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    change = a_write(Verb.CHANGE, an_object(a=1), an_object(a=2))
    deletion = a_write(Verb.DELETE, an_object(a=2), None, seq=2)
    before, after = an_object(metadata=going, a=2), an_object(metadata=going, a=1)
    back = a_write(Verb.CHANGE, before, after, seq=3)

    decision = decided(change, deletion, back, now=None)

    assert isinstance(decision, Recreate)
    assert decision.document["spec"] == {"a": 1}


def test_object_that_somebody_else_was_deleting_is_not_made_anew() -> None:
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    deletion = a_write(Verb.DELETE, an_object(metadata=going, a=1), None)

    assert decided(deletion, now=None) == Settled()


def test_change_of_an_object_of_that_name_is_put_back_in_that_one() -> None:
    first = a_write(Verb.CHANGE, an_object("uid-1", a=1), an_object("uid-1", a=2))
    second = a_write(Verb.CHANGE, an_object("uid-2", a=7, b=1), an_object("uid-2", a=7, b=2), seq=2)

    decision = decided(first, second, now=an_object("uid-2", a=7, b=2))

    assert decision == PutBack(patch={"spec": {"b": 1}})


def test_object_made_and_deleted_by_the_run_leaves_nothing_to_do() -> None:
    made = a_write(Verb.CREATE, None, an_object("made"))
    gone = a_write(Verb.DELETE, an_object("made"), None, seq=2)

    assert decided(made, gone, now=None) == Settled()


def test_deleted_object_is_made_anew_without_what_is_new_each_time() -> None:
    metadata = {"resourceVersion": "7", "creationTimestamp": "t", "labels": {"app": "cart"}}
    before = an_object(metadata=metadata, replicas=1) | {"status": {"replicas": 1}}
    changed = a_write(Verb.CHANGE, an_object(replicas=3), an_object(replicas=1))
    deleted = a_write(Verb.DELETE, before, None, seq=2)

    assert decided(changed, deleted, now=None) == Recreate(
        document={
            "metadata": {"name": "cart", "labels": {"app": "cart"}},
            "spec": {"replicas": 3},
        }
    )


def test_deleted_object_that_is_back_is_settled_once_it_is_as_before() -> None:
    deleted = a_write(Verb.DELETE, an_object(replicas=3), None)

    assert decided(deleted, now=an_object("new", replicas=3, defaulted=True)) == Settled()
    theirs = decided(deleted, now=an_object("new", replicas=1))
    assert isinstance(theirs, Settled)
    assert [each.field for each in theirs.kept] == ["spec.replicas"]


def test_object_still_being_deleted_is_awaited() -> None:
    deleted = a_write(Verb.DELETE, an_object(), None)

    assert isinstance(decided(deleted, now=an_object(metadata={"deletionTimestamp": "t"})), Await)


def test_deletion_that_was_never_made_leaves_nothing_to_do() -> None:
    intent = a_write(Verb.DELETE, an_object(), None, state=UndoState.INTENT)

    assert decided(intent, now=an_object()) == Settled()


def test_owned_object_is_left_to_its_controller() -> None:
    evicted = a_write(Verb.EVICT, an_object(metadata=OWNED), None)
    changed = a_write(Verb.CHANGE, an_object(metadata=OWNED, a=1), an_object(metadata=OWNED, a=2))

    assert decided(evicted, now=None) == Settled()
    assert decided(changed, now=None) == Settled()


def test_changed_object_that_others_deleted_is_reported() -> None:
    changed = a_write(Verb.CHANGE, an_object(replicas=3), an_object(replicas=0))

    for now, said in ((None, "deleted"), (an_object("new", replicas=3), "another object")):
        decision = decided(changed, now=now)
        assert isinstance(decision, Settled)
        assert said in decision.kept[0].now


def test_made_anew_by_us_and_its_answer_lost_is_put_back() -> None:
    mark = {"annotations": {"x-0a1b2c3d": "random"}}
    deleted = a_write(Verb.DELETE, an_object("old", said="before"), None)
    promised = an_object("of the dry run", metadata=mark, said="broken")
    intent = a_write(Verb.CREATE, None, promised, seq=2, state=UndoState.INTENT)

    decision = decided(deleted, intent, now=an_object("real", metadata=mark, said="broken"))

    assert decision == PutBack(
        patch={"metadata": {"annotations": None}, "spec": {"said": "before"}}
    )
    leaving = an_object("real", metadata={**mark, "deletionTimestamp": "t"}, said="broken")
    assert isinstance(decided(deleted, intent, now=leaving), Await)
    assert isinstance(decided(deleted, intent, now=None), Recreate)


REMADE = {"annotations": {"x-0a1b2c3d": "random"}}


def remade(*, now: Document | None, is_refused: bool = True, **later: Document) -> Decision:
    """What is left to do where the run made another object in the place of one that it deleted."""
    deleted = a_write(Verb.DELETE, an_object("old", strategy="a", serviceName="a"), None)
    ours = an_object("ours", metadata=REMADE, strategy="b", serviceName="b")
    created = a_write(Verb.CREATE, None, ours, seq=2)
    again = [a_write(Verb.DELETE, found, None, seq=3) for found in later.values()]
    (effect,) = net_effects([deleted, created, *again])
    return decide(replace(effect, is_refused=is_refused), now)


ORIGIN = {"metadata": {"name": "cart"}, "spec": {"strategy": "a", "serviceName": "a"}}


def test_what_a_patch_does_not_put_back_is_taken_away_and_made_as_it_was() -> None:
    ours = an_object("ours", metadata=REMADE, strategy="b", serviceName="b")
    leaving = an_object("ours", metadata={**REMADE, "deletionTimestamp": "t"}, strategy="b")

    assert isinstance(remade(now=ours, is_refused=False), PutBack)
    assert remade(now=ours) == Remove(uid="ours")
    assert isinstance(remade(now=leaving), Await)
    assert remade(now=None) == Recreate(document=ORIGIN)
    assert remade(now=None, is_refused=False) == Recreate(document=ORIGIN)
    assert remade(now=an_object("new", strategy="a", serviceName="a")) == Settled()


def test_what_is_put_back_in_part_already_is_not_taken_for_the_change_of_others() -> None:
    now = an_object("ours", metadata=REMADE, strategy="a", serviceName="b")

    assert remade(now=now) == Remove(uid="ours")


def test_field_that_others_set_in_what_we_made_is_told_beside_what_no_patch_puts_back() -> None:
    now = an_object("ours", metadata=REMADE, strategy="theirs", serviceName="b")

    decision = remade(now=now)

    assert isinstance(decision, PutBack)
    assert {each.field for each in decision.kept} == {"spec.strategy", "spec.serviceName"}


def test_what_others_changed_in_what_we_made_stays_and_is_told_with_all_that_stays_ours() -> None:
    theirs = {**REMADE, "labels": {"mended": "yes"}}
    now = an_object("ours", metadata=theirs, strategy="b", serviceName="b")

    decision = remade(now=now)

    assert isinstance(decision, PutBack)
    assert decision.patch == {"metadata": {"annotations": None}, "spec": {"strategy": "a"}}
    assert [each.field for each in decision.kept] == ["spec.serviceName"]
    settled = remade(now=merged(now, decision.patch))
    assert isinstance(settled, Settled)
    assert [each.field for each in settled.kept] == ["spec.serviceName"]


def test_what_we_made_and_took_away_again_is_made_as_it_was_with_what_others_added() -> None:
    theirs = an_object("ours", metadata=REMADE, strategy="b", serviceName="b", replicas=7)

    decision = remade(now=None, again=theirs)

    assert isinstance(decision, Recreate)
    assert decision.document["spec"] == {"strategy": "a", "serviceName": "a", "replicas": 7}


def test_pod_made_of_the_same_file_is_left_where_it_is() -> None:
    def a_pod(uid: str, node: str, token: str, **metadata: Any) -> Document:
        volume = {"name": f"kube-api-access-{token}"}
        return an_object(uid, metadata=metadata, nodeName=node, volumes=[volume])

    told = {"practice.chaosday.io/listens": "8080"}
    before = a_pod("old", "one", "abcde", annotations=told)
    deleted = a_pods(a_write(Verb.DELETE, before, None))
    ours = an_object("ours", metadata=REMADE, volumes=[{"name": "kube-api-access-fghij"}])
    created = a_pods(a_write(Verb.CREATE, None, ours, seq=2))
    now = a_pod("ours", "two", "fghij", annotations=REMADE["annotations"] | told)

    decision = decided(deleted, created, now=now)

    assert isinstance(decision, PutBack)
    assert decided(deleted, created, now=merged(now, decision.patch)) == Settled()


def test_map_added_by_one_write_and_filled_by_the_next_goes_whole() -> None:
    first = a_write(Verb.CHANGE, an_object(a=1), an_object(a=1, map={"x": 1}))
    second = a_write(Verb.CHANGE, an_object(a=1, map={"x": 1}), an_object(a=1, map={"y": 2}), seq=2)

    assert decided(first, second, now=an_object(a=1, map={"y": 2})) == PutBack(
        patch={"spec": {"map": None}}
    )


def test_map_that_others_made_between_two_writes_stays() -> None:
    first = a_write(Verb.CHANGE, an_object(a=1), an_object(a=1, map={"x": 1}))
    gone = a_write(Verb.CHANGE, an_object(a=1, map={"x": 1}), an_object(a=1), seq=2)
    third = a_write(Verb.CHANGE, an_object(a=1, map={}), an_object(a=1, map={"y": 2}), seq=3)

    assert decided(first, gone, third, now=an_object(a=1, map={"y": 2})) == PutBack(
        patch={"spec": {"map": {"y": None}}}
    )


def test_owned_object_that_its_controller_is_to_make_anew_is_awaited() -> None:
    before = an_object(metadata=OWNED)
    deleted = a_write(Verb.DELETE, before, None)
    leaving = an_object(metadata={**OWNED, "deletionTimestamp": "t"})

    assert isinstance(decided(deleted, now=None), Await)
    assert isinstance(decided(deleted, now=leaving), Await)
    assert decided(deleted, now=an_object("new", metadata=OWNED)) == Settled()


@pytest.mark.parametrize("kind", ["pods", "replicasets", "jobs"])
def test_owned_object_that_returns_under_another_name_is_not_awaited(kind: str) -> None:
    deleted = a_write(Verb.DELETE, an_object(metadata=OWNED), None)
    of_kind = replace(deleted, ref=replace(deleted.ref, kind=kind))

    assert decided(of_kind, now=None) == Settled()


def a_pods(write: UndoRecord) -> UndoRecord:
    """The same write to a pod, which its controller replaces under another name."""
    return replace(write, ref=replace(write.ref, kind="pods"))


FIELDS = st.sampled_from(["a", "b", "c"])
VALUES = st.integers(0, 3)


@given(st.lists(st.tuples(st.booleans(), FIELDS, VALUES), max_size=12))
def test_whatever_order_writes_come_in_only_ours_is_taken_back(
    steps: list[tuple[bool, str, int]],
) -> None:
    now: Document = {"a": 0, "b": 0, "c": 0}
    records: list[UndoRecord] = []
    ours: dict[str, tuple[int, int]] = {}
    for is_ours, name, value in steps:
        after = now | {name: value}
        if is_ours and value != now[name]:
            was, last = ours.get(name, (now[name], now[name]))
            ours[name] = (was if now[name] == last else now[name], value)
            seq = len(records) + 1
            records.append(a_write(Verb.CHANGE, an_object(**now), an_object(**after), seq=seq))
        now = after
    expected = {
        name: ours[name][0] if name in ours and ours[name][1] == value else value
        for name, value in now.items()
    }

    restored = an_object(**now)
    for effect in net_effects(records):
        decision = decide(effect, restored)
        if isinstance(decision, PutBack):
            restored = merged(restored, decision.patch)
        again = decide(effect, restored)
        assert isinstance(again, Settled)

    assert restored["spec"] == expected


MAPS = st.sampled_from(["map", "other map"])
SPECS = st.recursive(
    st.dictionaries(FIELDS, VALUES, max_size=2),
    lambda inner: st.builds(
        dict[str, Any].__or__,
        st.dictionaries(FIELDS, VALUES, max_size=2),
        st.dictionaries(MAPS, inner, max_size=2),
    ),
    max_leaves=4,
)


@given(st.lists(SPECS, min_size=1, max_size=5))
def test_untouched_by_others_an_object_is_as_before_our_first_write(states: list[Document]) -> None:
    objects = [an_object(**state) for state in states]
    records = [
        a_write(Verb.CHANGE, before, after, seq=seq)
        for seq, (before, after) in enumerate(pairwise(objects), 1)
    ]

    restored = objects[-1]
    for effect in net_effects(records):
        for _ in range(3):
            decision = decide(effect, restored)
            if isinstance(decision, PutBack):
                restored = merged(restored, decision.patch)
        assert isinstance(decide(effect, restored), Settled)

    # An empty map that we filled and then took away is as good as none.
    for was, now in changed_leaves(objects[0], restored).values():
        assert (was, now) == ({}, ABSENT)
