"""Tokens are issued once and known again; only the hash of their secret is kept."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.errors import InvalidValue, NoSuchDay, NotAllowed, NotAuthenticated
from orchestrator.domain.identity import ActorKind, DayId, Role, TokenId
from orchestrator.services.admitting import Admitting
from tests.builders import DAY
from tests.doubles.storage import MemoryStorage
from tests.doubles.worlds import stored


@pytest.fixture
def storage() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def admitting(storage: MemoryStorage) -> Admitting:
    return Admitting(storage=storage)


async def test_a_token_that_was_issued_stands_for_who_it_was_issued_to(
    storage: MemoryStorage, admitting: Admitting
) -> None:
    await stored(storage)

    token = await admitting.issue(name=" Ada ", role=Role.RESPONDER, day=DAY)
    guest = await admitting.admit(token)

    assert (guest.name, guest.role, guest.day) == ("Ada", Role.RESPONDER, DAY)
    assert guest.actor.kind is ActorKind.HUMAN


async def test_the_secret_is_not_kept(storage: MemoryStorage, admitting: Admitting) -> None:
    token = await admitting.issue(name="Ada", role=Role.READER, day=None)

    _, id_, secret = token.split("_", maxsplit=2)
    kept = await storage.token(token=TokenId(id_))
    assert kept is not None
    assert secret not in repr(kept)
    assert re.fullmatch("[0-9a-f]{64}", kept[1])


async def test_a_token_with_another_secret_is_not_admitted(admitting: Admitting) -> None:
    token = await admitting.issue(name="Ada", role=Role.READER, day=None)
    last = "A" if token[-1] != "A" else "B"

    with pytest.raises(NotAuthenticated):
        await admitting.admit(token[:-1] + last)


@given(text=st.one_of(st.none(), st.text(), st.from_regex(r"cd_[0-9a-f]{12}_[\w-]{43}")))
async def test_nothing_but_a_token_that_was_issued_is_admitted(text: str | None) -> None:
    with pytest.raises(NotAuthenticated):
        await Admitting(storage=MemoryStorage()).admit(text)


async def test_a_token_needs_a_name_and_a_day_that_there_is(admitting: Admitting) -> None:
    with pytest.raises(InvalidValue, match="name"):
        await admitting.issue(name=" ", role=Role.READER, day=None)
    with pytest.raises(NoSuchDay):
        await admitting.issue(name="Ada", role=Role.READER, day=DayId("nowhere"))


async def test_a_scripts_token_says_so_wherever_it_is_used(admitting: Admitting) -> None:
    token = await admitting.issue(name="Ada", role=Role.RESPONDER, day=None, is_script=True)

    assert (await admitting.admit(token)).actor.kind is ActorKind.SCRIPT


async def test_a_guest_is_kept_to_their_role_and_their_day(
    storage: MemoryStorage, admitting: Admitting
) -> None:
    await stored(storage)
    guest = await admitting.admit(await admitting.issue(name="Ada", role=Role.RESPONDER, day=DAY))
    anywhere = await admitting.admit(await admitting.issue(name="Kim", role=Role.AGENT, day=None))

    guest.must_be(Role.RESPONDER, Role.FACILITATOR, to="note")
    guest.must_be_on(DAY)
    anywhere.must_be_on(DayId("another"))
    with pytest.raises(NotAllowed, match="may not open"):
        guest.must_be(Role.FACILITATOR, to="open")
    with pytest.raises(NotAllowed, match="another day"):
        guest.must_be_on(DayId("another"))
