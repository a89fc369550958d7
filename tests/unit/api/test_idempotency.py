from dataclasses import dataclass, field
from datetime import datetime, timedelta

import anyio
import pytest

from api.idempotency import KEPT_FOR, MOST, Idempotency
from orchestrator.domain.errors import InvalidValue
from tests.builders import at


@dataclass
class Stage:
    """Idempotency, its clock, and how often something was made."""

    shows: datetime = field(default_factory=lambda: at(0))
    made: int = 0

    def __post_init__(self) -> None:
        self.kept = Idempotency(clock=self)

    def now(self) -> datetime:
        return self.shows

    async def make(self) -> int:
        self.made += 1
        await anyio.lowlevel.checkpoint()
        return self.made

    async def ask(self, key: str = "k", body: str = "b") -> int:
        return await self.kept.once(("ada", key), body, self.make)


async def test_same_key_is_answered_by_what_was_made_first() -> None:
    stage = Stage()

    assert [await stage.ask(), await stage.ask(), await stage.ask("other")] == [1, 1, 2]


async def test_second_request_waits_for_the_first() -> None:
    stage = Stage()

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(stage.ask)

    assert stage.made == 1


async def test_key_with_another_body_is_refused() -> None:
    stage = Stage()
    await stage.ask()

    with pytest.raises(InvalidValue, match="Idempotency-Key"):
        await stage.ask(body="other")


async def test_failure_is_not_kept() -> None:
    stage = Stage()

    async def fail() -> int:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await stage.kept.once(("ada", "k"), "b", fail)

    assert await stage.ask() == 1


async def test_answer_is_forgotten_in_time() -> None:
    stage = Stage()
    await stage.ask()

    stage.shows += KEPT_FOR - timedelta(seconds=1)
    assert await stage.ask() == 1
    stage.shows += timedelta(seconds=1)
    assert await stage.ask() == 2


async def test_oldest_answers_are_forgotten_when_there_are_too_many() -> None:
    stage = Stage()

    for number in range(MOST + 1):
        await stage.ask(str(number))

    assert await stage.ask(str(MOST)) == MOST + 1
    assert await stage.ask("0") == MOST + 2
