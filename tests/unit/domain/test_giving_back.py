"""Fields go back to those who owned them, and nobody else loses one by that.

What a write makes of owners is told by the practice cluster, which the contract checks hold to
what Kubernetes does.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.deciding import PutBack, Settled, decide
from orchestrator.domain.giving_back import entries_wanted
from orchestrator.domain.net_effect import merged, net_effect
from orchestrator.domain.ownership import (
    Field,
    Owner,
    entries_of,
    fields_of,
    involved,
    owning,
    value_of,
    with_entries,
)
from orchestrator.domain.undo import ABSENT, Document, ObjectRef, UndoRecord, UndoState, Verb
from orchestrator.practice.api.applying import Application, applied
from orchestrator.practice.api.ownership import Author, recorded_change
from orchestrator.practice.api.served.core import SERVICE
from tests.builders import RUN, at

US: Final = "x-0a1b2c3d"
OURS: Final = ("hand", "kit")
OTHERS: Final = ("gitops", "editor")
PATH: Final = "/api/v1/namespaces/shop/services/web"
NAMES: Final = ("label a", "label b", "selector x", "selector y", "port a", "port b", "type")


def document(values: Mapping[str, str | None]) -> dict[str, Any]:
    """A service with these of its fields: labels by name, a selector as a whole, ports by key."""
    said = {name: value for name, value in values.items() if value is not None}

    def part(kind: str) -> dict[str, str]:
        return {k.split()[1]: v for k, v in said.items() if k.startswith(kind)}

    ports = [
        {"port": 80 + number, "protocol": "TCP", "name": name, "targetPort": part("port")[name]}
        for number, name in enumerate("ab")
        if name in part("port")
    ]
    spec = {"selector": part("selector"), "ports": ports, "type": said.get("type")}
    spec = {key: value for key, value in spec.items() if value}
    metadata = {"name": "web"} | ({"labels": part("label")} if part("label") else {})
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
    } | ({"spec": spec} if spec else {})


@dataclass(frozen=True, kw_only=True)
class Step:
    """One write: by whom, whether applied, and of what; a value of None takes a field away."""

    manager: str
    is_applied: bool = False
    values: dict[str, str | None]
    is_of_run: bool = True


def plain(found: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(msgspec.json.encode(found))
    return decoded


@dataclass
class World:
    """One object in an API server, and the journal of what the run did to it."""

    now: dict[str, Any]
    values: dict[str, str | None]
    records: list[UndoRecord] = field(default_factory=list)

    @classmethod
    def made(cls) -> "World":
        values: dict[str, str | None] = {name: "was" for name in NAMES if name != "label b"}
        world = cls(now={}, values={})
        world.write(Step(manager="gitops", is_applied=True, values=values))
        world.write(Step(manager="editor", is_applied=False, values={"label b": "was"}))
        return world

    def write(self, step: Step) -> None:
        before = self.now
        if step.is_applied:
            wish = Application(
                kind=SERVICE, configuration=document(step.values), manager=step.manager,
                force=True, at=at(0),
            )  # fmt: skip
            self.now = plain(applied(wish, before or None, "web"))
            self._read_values()
        else:
            self.values = self.values | step.values
            self._store(document(self.values), step.manager)
        if step.manager in OURS and step.is_of_run and before != self.now:
            self._note(before)

    def _read_values(self) -> None:
        spec = self.now.get("spec") or {}
        labels = (self.now["metadata"].get("labels") or {}).items()
        self.values = {f"label {name}": value for name, value in labels}
        self.values |= {f"selector {k}": v for k, v in (spec.get("selector") or {}).items()}
        self.values |= {
            f"port {each['name']}": each.get("targetPort")
            for each in spec.get("ports") or ()
            if "name" in each
        }
        self.values["type"] = spec.get("type")

    def _store(self, new: dict[str, Any], manager: str) -> None:
        owned = {"managedFields": entries_of(self.now)}
        new = {**new, "metadata": {**new["metadata"], "uid": "u", **owned}}
        self.now = plain(recorded_change(new, self.now, SERVICE, Author(manager), at(0)))

    def _note(self, before: Document) -> None:
        ref = ObjectRef(path=PATH, kind="services", namespace="shop", name="web", uid="u")
        owned = involved(before, self.now)
        self.records.append(
            UndoRecord(
                run=RUN, seq=len(self.records) + 1, at=at(0), verb=Verb.CHANGE, ref=ref,
                before=with_entries(before, owned[0]), after=with_entries(self.now, owned[1]),
                state=UndoState.DONE,
            )
        )  # fmt: skip

    def undo(self, *, is_killed: bool = False) -> None:
        """Put the fields back and give them back; a kill in between forgets what was before."""
        self.now["metadata"]["uid"] = "u"
        earlier: Document | None = None
        if not self.records:
            return
        while isinstance(decision := decide(net_effect(self.records), self.now), PutBack):
            earlier = self.now
            self._store(merged(self.now, decision.patch), US)
        assert isinstance(decision, Settled)
        entries = self.entries(None if is_killed else earlier)
        if entries is not None:
            self.now = plain(with_entries(self.now, entries))

    def entries(self, earlier: Document | None) -> Any:
        return entries_wanted(self.records, self.now, earlier=earlier, us=US)

    def claims(self, *managers: str) -> dict[Owner, frozenset[Field]]:
        found = {Owner.of(each): fields_of(each) for each in entries_of(self.now)}
        return {owner: f for owner, f in found.items() if not managers or owner.manager in managers}


VALUES: Final = st.dictionaries(
    st.sampled_from(NAMES), st.sampled_from(["was", "one", "two", None]), min_size=1, max_size=4
)


def steps(*managers: str) -> st.SearchStrategy[list[Step]]:
    step = st.builds(
        Step, manager=st.sampled_from(managers), is_applied=st.booleans(), values=VALUES
    )
    return st.lists(step, min_size=1, max_size=6)


@given(done=steps(*OURS), is_killed=st.booleans())
def test_with_nobody_else_at_work_everybody_owns_what_they_did(
    done: Sequence[Step], is_killed: bool
) -> None:
    world = World.made()
    before = world.claims()

    for step in done:
        world.write(step)
    world.undo(is_killed=is_killed)

    assert world.claims() == before


@given(done=steps("gitops", "editor"))
def test_run_that_writes_under_the_name_of_an_owner_leaves_it_what_it_had(
    done: Sequence[Step],
) -> None:
    world = World.made()
    before = world.claims()

    for step in done:
        found = world.now
        world.write(step)
        if world.now != found:
            world._note(found)
    world.undo()

    assert world.claims() == before


@given(done=steps(*OURS, *OTHERS))
def test_nobody_loses_what_they_wrote_meanwhile_and_nothing_of_ours_is_left(
    done: Sequence[Step],
) -> None:
    world = World.made()
    for step in done:
        world.write(step)
    theirs = world.claims(*OTHERS)

    world.undo()

    after = world.claims()
    lost = {
        each
        for owner, fields in theirs.items()
        for each in fields - after.get(owner, frozenset())
        if value_of(world.now, each) is not ABSENT
    }
    assert lost == set()
    assert world.claims(*OURS, US) == {}


@given(done=steps(*OURS, *OTHERS), is_killed=st.booleans())
def test_what_was_given_back_once_is_not_given_again(done: Sequence[Step], is_killed: bool) -> None:
    world = World.made()
    for step in done:
        world.write(step)

    world.undo(is_killed=is_killed)

    assert world.entries(None) is None
    assert world.claims(US) == {}


def test_owner_that_was_put_in_conflict_by_the_run_applies_as_before() -> None:
    world = World.made()
    world.write(Step(manager="kit", is_applied=False, values={"type": "one", "selector x": "one"}))
    world.undo()

    values = {name: "two" for name in NAMES if name != "label b"}
    wish = Application(
        kind=SERVICE, configuration=document(values), manager="gitops", at=at(0)
    )  # fmt: skip

    assert applied(wish, world.now, "web")["spec"]["type"] == "two"


def one(manager: str, said: str | None, *, name: str = "type", **more: bool) -> Step:
    return Step(manager=manager, values={name: said}, **more)


TYPE: Final = ("f:spec", "f:type")
LABEL: Final = ("f:metadata", "f:labels", "f:a")


@pytest.mark.parametrize(
    ("done", "field", "value", "owners"),
    [
        ([one("hand", "one")], TYPE, "was", {"gitops"}),
        ([one("hand", "one"), one("hand", "was")], TYPE, "was", {"gitops"}),
        ([one("hand", "one"), one("editor", "two")], TYPE, "two", {"editor"}),
        # Somebody who is no part of the run, with the same program.
        ([one("hand", "one"), one("hand", "two", is_of_run=False)], TYPE, "two", {"hand"}),
        ([one("hand", "one"), one("editor", "two"), one("hand", "one")], TYPE, "two", {"editor"}),
        ([one("hand", "one"), one("editor", None)], TYPE, ABSENT, set()),
        (
            [
                one("hand", "one", name="label a"),
                one("editor", "one", name="label a", is_applied=True),
                one("hand", "two", name="label a"),
            ],
            LABEL,
            "was",
            {"gitops", "editor"},
        ),
    ],
)
def test_field_is_of_whom_its_value_says(
    done: Sequence[Step], field: Field, value: Any, owners: set[str]
) -> None:
    world = World.made()
    for step in done:
        world.write(step)

    world.undo()

    found = {owner.manager for owner, fields in world.claims().items() if field in fields}
    assert (value_of(world.now, field), found) == (value, owners)


def test_whoever_applies_is_the_same_in_every_version() -> None:
    applied = {"manager": "m", "operation": "Apply", "apiVersion": "v1"}
    updated = applied | {"operation": "Update"}

    assert Owner.of(applied) == Owner.of(applied | {"apiVersion": "v2"})
    assert Owner.of(updated) != Owner.of(updated | {"apiVersion": "v2"})


def test_times_of_entries_return_with_them() -> None:
    world = World.made()
    before = entries_of(world.now)

    world.write(Step(manager="kit", is_applied=False, values={"label b": "one"}))
    assert "editor" not in {each["manager"] for each in entries_of(world.now)}
    world.undo()

    assert sorted(entries_of(world.now), key=str) == sorted(before, key=str)


def test_entries_about_the_status_are_not_looked_at() -> None:
    entry = {"manager": "c", "operation": "Update", "apiVersion": "v1", "subresource": "status",
             "fieldsV1": {"f:status": {"f:phase": {}}}}  # fmt: skip
    before = with_entries({"status": {"phase": "a"}}, [entry])

    assert involved(before, {"status": {"phase": "b"}}) == ((), ())


@pytest.mark.parametrize(
    "tree",
    [
        {"f:data": {".": {}, "f:a": {}}},
        {"f:spec": {"f:replicas": {}, "f:selector": {}}},
        {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}}}}},
        {"f:metadata": {"f:finalizers": {".": {}, 'v:"a.b/c"': {}}}},
        {"f:a.b/c": {}},
    ],
)
def test_entry_is_written_as_it_was_read(tree: dict[str, Any]) -> None:
    entry = {"manager": "m", "fieldsV1": tree}

    assert owning(entry, fields_of(entry)) == entry


@pytest.mark.parametrize(
    ("steps", "value"),
    [
        (("f:a", "f:b.c/d"), 1),
        (("f:list", 'k:{"name":"x"}', "f:v"), 2),
        (("f:list", 'k:{"name":"y"}'), ABSENT),
        (("f:set", 'v:"x"'), "x"),
        (("f:set", 'v:"y"'), ABSENT),
        (("f:set", "i:0"), "x"),
        (("f:set", "i:1"), ABSENT),
        (("f:null",), ABSENT),
        (("f:a", 'v:"x"'), ABSENT),
        (("f:null", "f:b"), ABSENT),
    ],
)
def test_value_is_found_by_the_steps_of_its_field(steps: Field, value: Any) -> None:
    found = {"a": {"b.c/d": 1}, "list": [{"name": "x", "v": 2}], "set": ["x"], "null": None}

    assert value_of(found, steps) == value
