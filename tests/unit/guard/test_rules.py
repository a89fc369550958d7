"""What no run may write, and what may be written while a run rolls back."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.net_effect import NetEffect, net_effect
from orchestrator.domain.undo import ObjectRef, UndoRecord, UndoState, Verb
from orchestrator.guard import rules
from orchestrator.guard.calls import Action, Call
from orchestrator.guard.drafting import Draft, Outgoing
from orchestrator.guard.kinds import KINDS
from orchestrator.guard.paths import Route
from tests.builders import RUN, at

Document = dict[str, Any]
GROUPS = {kind: group for group, kind in KINDS}
MARK = {"x-0a1b2c3d": "random"}


def an_object(uid: str = "u", *, metadata: Document | None = None, **spec: Any) -> Document:
    return {"metadata": {"name": "one", "uid": uid, **(metadata or {})}, "spec": spec}


def a_draft(
    verb: Verb,
    before: Document | None,
    after: Document | None,
    *,
    kind: str = "deployments",
    body: Any = None,
) -> Draft:
    route = Route(group=GROUPS[kind], version="v1", resource=kind, namespace="shop", name="one")
    call = Call(
        action=Action(verb.value),
        kind=KINDS[route.group, kind],
        route=route,
        method="POST",
        body=body,
    )
    return Draft(
        call=call,
        verb=verb,
        ref=ObjectRef(path=route.path, kind=kind, namespace="shop", name="one"),
        before=before,
        after=after,
        outgoing=Outgoing(method="POST", path=route.path, body=body),
    )


def a_change(before: Document, after: Document, *, kind: str = "deployments") -> Draft:
    return a_draft(Verb.CHANGE, before, after, kind=kind)


def the_rule(draft: Draft) -> str:
    denied = rules.never(draft)
    return "" if denied is None else denied.rule


def annotated(**annotations: str) -> Document:
    return an_object(metadata={"annotations": {k.replace("_", "/"): v for k, v in
                                               annotations.items()}})  # fmt: skip


REVISION = "deployment.kubernetes.io_revision"


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (an_object(replicas=3), an_object(replicas=0), ""),
        (an_object(selector={"a": 1}), an_object(selector={"a": 2}), "fields"),
        (annotated(ours="a"), annotated(ours="b"), ""),
        (annotated(**{REVISION: "1"}), annotated(**{REVISION: "2"}), "fields"),
        (annotated(**{REVISION: "1"}), annotated(), "fields"),
    ],
)
def test_only_fields_that_can_be_put_back_are_changed(
    before: Document, after: Document, rule: str
) -> None:
    assert the_rule(a_change(before, after)) == rule


def test_what_is_made_or_deleted_may_have_any_revision() -> None:
    """It is its controller's to count, and nothing that the write changes."""
    revised = annotated(**{REVISION: "1"})

    assert the_rule(a_draft(Verb.DELETE, revised, None)) == ""
    assert the_rule(a_draft(Verb.CREATE, None, revised, body=revised)) == ""


def test_a_write_gives_no_power_that_was_not_there_before() -> None:
    bare, strong = (an_object(template={"spec": spec}) for spec in ({}, {"hostNetwork": True}))

    assert the_rule(a_change(bare, strong)) == "privileges"
    assert the_rule(a_change(strong, bare)) == ""
    assert the_rule(a_change(strong, {**strong, "spec": {**strong["spec"], "replicas": 1}})) == ""
    assert the_rule(a_draft(Verb.CREATE, None, strong, body=strong)) == "privileges"
    assert the_rule(a_draft(Verb.DELETE, strong, None)) == ""


def test_what_admission_gives_any_pod_is_refused_only_where_it_was_asked_for() -> None:
    given = an_object(priority=0, priorityClassName="usual")

    assert the_rule(a_draft(Verb.CREATE, None, given, kind="pods", body=an_object())) == ""
    asked = a_draft(Verb.CREATE, None, given, kind="pods", body=given)
    assert the_rule(asked) == "privileges"


def held(*finalizers: str, **more: Any) -> Document:
    return an_object(metadata={"finalizers": list(finalizers), **more})


@pytest.mark.parametrize("verb", [Verb.DELETE, Verb.EVICT])
@pytest.mark.parametrize(
    ("before", "rule"),
    [
        (held(), ""),
        (held("foregroundDeletion"), ""),
        (held("orphan"), ""),
        (held("batch.kubernetes.io/job-tracking"), ""),
        (held("service.kubernetes.io/load-balancer-cleanup"), ""),
        (held("orphan", "example.com/held"), "finalizers"),
        (held("example.com/held", annotations=MARK), ""),
        ({"spec": {}}, ""),
    ],
)
def test_an_object_goes_only_if_nothing_holds_it_but_the_cluster_or_it_is_the_runs_own(
    verb: Verb, before: Document, rule: str
) -> None:
    assert the_rule(a_draft(verb, before, None, kind="pods")) == rule


def test_what_a_finalizer_holds_may_be_changed() -> None:
    before = held("example.com/held")

    assert the_rule(a_change(before, {**before, "spec": {"replicas": 1}})) == ""


def test_an_object_is_made_without_finalizers_unless_it_carries_a_fault() -> None:
    made = held("example.com/held")

    for body, rule in ((made, "finalizers"), (an_object(), ""), ({}, "")):
        assert the_rule(a_draft(Verb.CREATE, None, made, body=body)) == rule
    carrier = a_draft(Verb.CREATE, None, made, kind="networkchaos", body=made)
    assert the_rule(carrier) == ""
    assert the_rule(a_draft(Verb.DELETE, made, None, kind="networkchaos")) == ""


def a_record(verb: Verb, before: Document | None, after: Document | None) -> UndoRecord:
    ref = a_draft(verb, before, after).ref
    return UndoRecord(
        run=RUN, seq=1, at=at(0), verb=verb, ref=ref, before=before, after=after,
        state=UndoState.DONE,
    )  # fmt: skip


def effect_of(*records: UndoRecord) -> NetEffect:
    return net_effect([replace(each, seq=i) for i, each in enumerate(records, 1)])


SCALED = effect_of(a_record(Verb.CHANGE, an_object(replicas=3), an_object(replicas=0)))
MADE = effect_of(a_record(Verb.CREATE, None, an_object("made")))
DELETED = effect_of(a_record(Verb.DELETE, an_object(replicas=3), None))
MAPPED = effect_of(a_record(Verb.CHANGE, an_object(a="text"), an_object(a={"x": 1})))
COMMANDED = effect_of(a_record(Verb.EXEC, an_object(), {"command": ["sh"]}))


@pytest.mark.parametrize(
    ("draft", "effect", "is_denied"),
    [
        (a_change(an_object(replicas=0), an_object(replicas=3)), None, True),
        (a_change(an_object(replicas=0), an_object(replicas=3)), SCALED, False),
        (a_change(an_object(replicas=5), an_object(replicas=3)), SCALED, True),
        (a_change(an_object(paused=True), an_object(paused=False)), SCALED, True),
        (a_change(an_object(a={"x": 1}), an_object(a={"x": 2})), MAPPED, False),
        (a_change(an_object(a={"x": 3}), an_object(a={"x": 2})), MAPPED, True),
        (a_change(an_object("made", a=1), an_object("made", a=2)), MADE, False),
        (a_draft(Verb.EVICT, an_object(), None, kind="pods"), SCALED, True),
        (a_draft(Verb.EXEC, an_object(), None, kind="pods"), SCALED, True),
        (a_draft(Verb.EXEC, an_object(), None, kind="pods"), COMMANDED, False),
        (a_draft(Verb.DELETE, an_object(), None), SCALED, True),
        (a_draft(Verb.DELETE, an_object("made"), None), MADE, False),
        (a_draft(Verb.DELETE, an_object("another"), None), MADE, True),
        (a_draft(Verb.CREATE, None, an_object()), SCALED, True),
        (a_draft(Verb.CREATE, None, an_object()), DELETED, False),
    ],
)
def test_a_rollback_writes_only_what_the_run_did_and_nobody_changed_since(
    draft: Draft, effect: NetEffect | None, is_denied: bool
) -> None:
    denied = rules.not_ours(draft, effect)

    assert (denied is not None) is is_denied
    assert denied is None or denied.rule == "rollback"


@pytest.mark.parametrize(
    ("draft", "effect", "is_denied"),
    [
        (a_change(an_object(replicas=0), an_object(replicas=3)), SCALED, False),
        (a_change(an_object(replicas=0), an_object(replicas=1)), SCALED, True),
        (a_change(an_object(replicas=0), an_object()), SCALED, True),
        (a_change(an_object(paused=True), an_object()), SCALED, False),
        (a_change(an_object(replicas=0), an_object(replicas=0)), SCALED, False),
        (a_change(an_object(replicas=0), an_object(replicas=1)), None, False),
        (a_change(an_object("made", a=1), an_object("made", a=2)), MADE, True),
        (a_draft(Verb.DELETE, an_object("made"), None), MADE, False),
        (a_draft(Verb.CREATE, None, an_object("new", replicas=3)), DELETED, False),
        (a_draft(Verb.CREATE, None, an_object("new", replicas=1)), DELETED, True),
        (a_draft(Verb.CREATE, None, an_object("new", replicas=3)), SCALED, True),
        (a_draft(Verb.CREATE, None, an_object("new", replicas=3)), None, False),
    ],
)
def test_a_rollback_puts_back_what_was_there_and_nothing_else(
    draft: Draft, effect: NetEffect | None, is_denied: bool
) -> None:
    denied = rules.not_back(draft, effect)

    assert (denied is not None) is is_denied
    assert denied is None or denied.rule == "rollback"


def test_what_is_made_anew_may_bear_a_mark_and_what_its_client_notes_of_its_file() -> None:
    applied = "kubectl.kubernetes.io/last-applied-configuration"
    noted = {"annotations": {**MARK, applied: "{}"}}
    other = {"annotations": {**MARK, "example.com/other": "x"}}

    def why(metadata: Document) -> bool:
        after = an_object("new", metadata=metadata, replicas=3)
        return rules.not_back(a_draft(Verb.CREATE, None, after), DELETED) is not None

    assert (why(noted), why(other)) == (False, True)


@pytest.mark.parametrize(
    ("draft", "effect", "puts_back"),
    [
        (a_change(an_object(replicas=0), an_object(replicas=3)), SCALED, True),
        (a_change(an_object(replicas=0), an_object(replicas=2)), SCALED, False),
        (a_change(an_object(replicas=0, a=1), an_object(replicas=3, a=2)), SCALED, False),
        (a_change(an_object(replicas=0), an_object(replicas=3)), None, False),
        (a_draft(Verb.DELETE, an_object("made"), None), MADE, True),
        (a_draft(Verb.DELETE, an_object("another"), None), MADE, False),
        (a_draft(Verb.CREATE, None, an_object()), DELETED, False),
    ],
)
def test_only_a_write_that_does_nothing_but_restore_is_free(
    draft: Draft, effect: NetEffect | None, puts_back: bool
) -> None:
    assert rules.puts_back(draft, effect) is puts_back


def test_only_what_the_run_made_is_its_own_to_remove() -> None:
    deletion = a_draft(Verb.DELETE, an_object("made"), None)

    assert rules.removes_own(deletion, MADE)
    assert not rules.removes_own(deletion, None)
    assert not rules.removes_own(a_draft(Verb.DELETE, an_object("another"), None), MADE)
    assert not rules.removes_own(a_change(an_object("made", a=1), an_object("made")), MADE)


@pytest.mark.parametrize("verb", [Verb.CHANGE, Verb.DELETE])
def test_what_carries_a_fault_is_written_only_by_the_run_that_made_it(verb: Verb) -> None:
    def is_denied(uid: str, kind: str, effect: NetEffect | None) -> bool:
        after = an_object(uid, a=1) if verb is Verb.CHANGE else None
        return (
            rules.not_carried(a_draft(verb, an_object(uid), after, kind=kind), effect) is not None
        )

    assert not is_denied("made", "networkchaos", MADE)
    assert is_denied("another", "networkchaos", MADE)
    assert is_denied("another", "networkchaos", None)
    assert not is_denied("another", "deployments", None)


def test_what_carries_a_fault_may_be_made() -> None:
    assert rules.not_carried(a_draft(Verb.CREATE, None, an_object(), kind="podchaos"), None) is None


@pytest.mark.parametrize(
    ("undoes", "command", "is_denied"),
    [(False, ["sh", "-c"], True), (False, ["ls"], False), (True, ["sh", "-c"], False)],
)
def test_a_rollback_runs_no_command_that_the_method_ran(
    undoes: bool, command: Sequence[str], is_denied: bool
) -> None:
    ran = a_draft(Verb.EXEC, an_object(), None, kind="pods", body={"command": ["sh", "-c"]})
    record = a_record(Verb.EXEC, an_object(), dict(rules.command_run(ran, undoes=undoes)))
    scaled = a_record(Verb.CHANGE, an_object(), {"command": list(command)})
    draft = a_draft(Verb.EXEC, an_object(), None, kind="pods", body={"command": list(command)})

    assert (rules.repeats(draft, [scaled, record]) is not None) is is_denied
    assert rules.repeats(draft, [scaled]) is None
    assert rules.repeats(a_change(an_object(), an_object(replicas=1)), [record]) is None
