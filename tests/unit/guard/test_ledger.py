"""What a run has written so far, followed write by write or read at once."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.net_effect import marks_of
from orchestrator.domain.undo import ObjectRef, Portion, UndoRecord, UndoState, Verb
from orchestrator.guard.ledger import Ledger
from tests.builders import RUN, an_object, an_undo_record, at

NAMES = st.sampled_from(["a", "b", "c"])


@st.composite
def records(draw: st.DrawFn) -> UndoRecord:
    name = draw(NAMES)
    lost = draw(st.frozensets(NAMES))
    verb = draw(st.sampled_from([Verb.CREATE, Verb.CHANGE, Verb.DELETE]))
    mark = draw(st.sampled_from(["x-00000001", "x-00000002"]))
    after = None if verb is Verb.DELETE else {"metadata": {"annotations": {mark: "0" * 16}}}
    portion = Portion(size=draw(st.integers(1, 9)), lost=tuple(sorted(lost)))
    return UndoRecord(
        run=RUN,
        seq=0,
        at=at(0),
        verb=verb,
        ref=ObjectRef(path=f"/{name}", kind="pods", namespace="shop", name=name, uid=""),
        before=None,
        after=after,
        lost=tuple(f"pods/shop/{each}" for each in sorted(lost)),
        workloads={draw(NAMES): portion},
    )


@given(st.lists(records(), max_size=6), st.data())
def test_a_ledger_that_follows_counts_what_one_that_reads_counts(
    intents: list[UndoRecord], data: st.DataObject
) -> None:
    followed, known = Ledger(), list[UndoRecord]()
    for number, intent in enumerate(intents, start=1):
        known.append(replace(intent, seq=number))
        followed.note(known[-1])
        turned = data.draw(st.integers(0, number - 1))
        state = data.draw(st.sampled_from(UndoState))
        known[turned] = replace(known[turned], state=state)
        followed.note(known[turned])

    counted = [each for each in known if each.state is not UndoState.UNDONE]
    assert followed.records == known
    assert followed.touched == {key for each in counted for key in (each.ref.key, *each.lost)}
    assert followed.marks == {
        mark for each in counted if each.verb is Verb.CREATE for mark in marks_of(each.after)
    }
    assert {key: set(names) for key, names in followed.lost.items()} == _lost(counted)
    assert {key: followed.size(key) for key in "abc"} == {key: _size(counted, key) for key in "abc"}


def _lost(counted: list[UndoRecord]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in counted:
        for key, portion in (each.workloads or {}).items():
            found.setdefault(key, set()).update(portion.lost)
    return found


def _size(counted: list[UndoRecord], workload: str) -> Any:
    portions = [(each.workloads or {}).get(workload) for each in counted]
    return next((portion.size for portion in portions if portion), None)


CART, STOCK = "deployments/shop/cart", "deployments/shop/stock"


def a_kill(seq: int, *pods: str, size: int = 4, workload: str = CART) -> UndoRecord:
    """Pods of a workload taken away."""
    portion = Portion(size=size, lost=pods)
    return replace(
        an_undo_record(lost=pods, workloads={workload: portion}), seq=seq, state=UndoState.DONE
    )


def test_what_writes_took_adds_up_for_each_workload() -> None:
    ledger = Ledger([a_kill(1, "pods/shop/a"), a_kill(2, "pods/shop/b")])
    ledger.note(a_kill(3, "pods/shop/x", workload=STOCK))
    # A write that takes back what the run did has no workloads at all.
    ledger.note(replace(an_undo_record(), seq=4, workloads=None))

    assert ledger.lost == {CART: {"pods/shop/a", "pods/shop/b"}, STOCK: {"pods/shop/x"}}
    assert ledger.touched >= {"pods/shop/a", "pods/shop/b", "pods/shop/x", an_undo_record().ref.key}


def test_the_size_of_a_workload_is_that_of_its_first_touch() -> None:
    nothing = replace(an_undo_record(), seq=1, workloads=None)
    ledger = Ledger([nothing, a_kill(2, "pods/shop/a", size=4), a_kill(3, "pods/shop/b", size=3)])

    assert (ledger.size(CART), ledger.size(STOCK)) == (4, None)


def test_what_was_put_back_counts_no_more() -> None:
    kill = a_kill(1, "pods/shop/a")
    ledger = Ledger([kill])
    ledger.note(replace(kill, state=UndoState.UNDONE))

    assert (ledger.lost, ledger.touched, ledger.size(CART)) == ({}, set(), None)


def test_the_effect_on_an_object_is_that_of_its_own_writes_that_were_made() -> None:
    payment, cart = an_object("payment"), an_object("cart")
    ours = an_undo_record(ref=payment, seq=1, state=UndoState.DONE)
    others = an_undo_record(ref=cart, seq=2, state=UndoState.DONE)
    never = replace(ours, seq=3, state=UndoState.UNDONE, note="not made: refused")
    ledger = Ledger([never, others, ours])

    effect = ledger.effect(payment.path)

    assert effect is not None
    assert effect.records == (ours,)
    assert ledger.effect("/api/v1/namespaces/shop/pods/none") is None
