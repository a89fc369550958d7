"""Webhooks and policies of a run, around a guard in this process: refused, and undone first."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from orchestrator.domain.undo import UndoState
from tests.integration.guard.conducting import loose
from tests.integration.guard.furnished import World, a_shop, rule
from tests.integration.guard.inside import an_api
from tests.integration.guard.test_admission import (
    BINDINGS,
    EVASIONS,
    HOOKS,
    LIMITS,
    NO_EXPRESSIONS,
    POLICIES,
    a_binding,
    a_policy,
    a_rule,
    a_webhook,
)

MAPS = "/api/v1/namespaces/shop/configmaps"
MERGE = "application/merge-patch+json"


@dataclass(frozen=True)
class Shop:
    namespace: str = "shop"


SHOP = Shop()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    radius = loose(namespaces=frozenset({"shop"}), **LIMITS)
    async with an_api() as server, a_shop(server, radius) as found:
        yield found


async def test_barrier_beyond_the_limits_is_never_made(world: World) -> None:
    wrong = []
    for collection, build, broken, said in EVASIONS:
        answer = await world.inside.ask("POST", collection, build(SHOP))
        if answer[0] == 422 and NO_EXPRESSIONS in answer[1]["message"]:
            continue
        if answer[0] != 403 or rule(answer) != broken or said not in answer[1]["message"]:
            wrong.append((broken, said, answer))
    assert wrong == []
    for collection in (HOOKS, POLICIES, BINDINGS):
        assert (await world.inside.do("GET", collection))[1]["items"] == []


async def test_barriers_go_before_what_they_cover(world: World) -> None:
    inside, maps = world.inside, {"metadata": {"name": "words"}, "data": {"a": "b"}}
    await inside.do("POST", MAPS, maps)
    early = f"{MAPS}/words"
    assert (await inside.ask("PATCH", early, {"data": {"a": "ours"}}, MERGE))[0] == 200
    every = a_rule("configmaps", deeds=("CREATE", "UPDATE", "DELETE"))
    for collection, body in (
        (HOOKS, a_webhook(SHOP, a_rule("configmaps", deeds=("UPDATE",)))),
        (POLICIES, a_policy(SHOP, every)),
        (BINDINGS, a_binding(SHOP)),
    ):
        answer = await inside.ask("POST", collection, body)
        assert answer[0] == 201, answer
    assert "configmaps/shop/words" in inside.ledger.touched
    assert (await inside.do("PATCH", early, {"data": {"a": "c"}}, MERGE))[0] == 422

    restoration = await inside.undoing.undo()

    assert restoration.is_proven, restoration
    assert (await inside.do("GET", early))[1]["data"] == {"a": "b"}
    assert {each.state for each in inside.ledger.records} == {UndoState.DONE}
    assert (await inside.undoing.undo()).is_proven


async def test_a_barrier_of_others_leaves_the_object_pending_and_is_named(world: World) -> None:
    inside, early = world.inside, f"{MAPS}/words"
    await inside.do("POST", MAPS, {"metadata": {"name": "words"}, "data": {"a": "b"}})
    assert (await inside.ask("PATCH", early, {"data": {"a": "ours"}}, MERGE))[0] == 200
    every = a_rule("configmaps", deeds=("UPDATE",))
    await inside.do("POST", POLICIES, a_policy(SHOP, every))
    await inside.do("POST", BINDINGS, a_binding(SHOP))

    (pending,) = (await inside.undoing.undo()).pending

    assert "ValidatingAdmissionPolicy 'denied-shop'" in pending
    await inside.do("DELETE", f"{BINDINGS}/denied-shop")
    assert (await inside.undoing.undo()).is_proven
