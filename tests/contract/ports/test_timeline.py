"""The timeline numbers what happens, without gaps, and wakes those who follow it."""

from datetime import timedelta

import anyio
import pytest

from orchestrator.domain.errors import NoSuchDay
from orchestrator.domain.identity import DayId
from orchestrator.domain.incident import Status
from orchestrator.domain.timeline import VisibleAfter
from orchestrator.ports import Storage
from tests.builders import DAY, RUN, a_day, a_run
from tests.doubles.worlds import a_new_entry, a_new_incident, stored

SOON = timedelta(seconds=10)


async def test_entries_are_numbered_from_one_for_each_day_and_come_back_in_order(
    storage: Storage,
) -> None:
    elsewhere = DayId("day-2")
    await stored(storage)
    await stored(storage, day=a_day(id=elsewhere))

    numbered = await storage.append(
        [a_new_entry(), a_new_entry(day=elsewhere), a_new_entry(), a_new_entry(day=elsewhere)]
    )

    assert [(entry.day, entry.seq) for entry in numbered] == [
        (DAY, 1),
        (elsewhere, 1),
        (DAY, 2),
        (elsewhere, 2),
    ]


async def test_an_entry_with_what_no_database_can_hold_is_stored_all_the_same(
    storage: Storage,
) -> None:
    await stored(storage)

    await storage.append([a_new_entry(text="before \0 between \ud800 after")])

    (entry,) = await storage.timeline(DAY)
    assert entry.text[:7] == "before "
    assert entry.text[-6:] == " after"


async def test_entries_appended_at_once_are_numbered_without_gaps(
    storage: Storage, others: Storage
) -> None:
    await stored(storage)

    async def append(into: Storage, worker: int) -> None:
        for i in range(10):
            await into.append([a_new_entry(text=f"{worker}.{i}"), a_new_entry(text=f"{worker}")])

    async with anyio.create_task_group() as tasks:
        for worker in range(4):
            tasks.start_soon(append, (storage, others)[worker % 2], worker)

    entries = await storage.timeline(DAY)
    assert [entry.seq for entry in entries] == list(range(1, 81))
    # Two that were appended together stand together.
    for entry, following in zip(entries[::2], entries[1::2], strict=True):
        assert entry.text.split(".")[0] == following.text


async def test_one_who_follows_sees_every_entry_while_many_append(
    storage: Storage, others: Storage
) -> None:
    await stored(storage)
    seen: list[int] = []

    async def follow() -> None:
        while len(seen) < 60:
            assert await storage.changed(DAY, after=len(seen), patience=SOON)
            seen.extend(entry.seq for entry in await storage.timeline(DAY, after=len(seen)))

    async def append(into: Storage) -> None:
        for _ in range(20):
            await into.append([a_new_entry()])

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            for into in (storage, others, others):
                tasks.start_soon(append, into)

    assert seen == list(range(1, 61))


async def test_a_batch_that_cannot_be_stored_whole_is_not_stored_at_all(storage: Storage) -> None:
    await stored(storage)

    with pytest.raises(NoSuchDay):
        await storage.append([a_new_entry(), a_new_entry(day=DayId("nowhere"))])

    assert await storage.timeline(DAY) == []
    assert [entry.seq for entry in await storage.append([a_new_entry()])] == [1]


async def test_nothing_to_append_is_nothing(storage: Storage) -> None:
    assert list(await storage.append([])) == []


async def test_a_part_of_the_timeline_can_be_read(storage: Storage) -> None:
    await stored(storage)
    await storage.append([a_new_entry() for _ in range(5)])

    assert [entry.seq for entry in await storage.timeline(DAY, after=2)] == [3, 4, 5]
    assert [entry.seq for entry in await storage.timeline(DAY, after=1, limit=2)] == [2, 3]
    assert await storage.timeline(DAY, after=5) == []


@pytest.mark.parametrize("is_ours", [True, False])
async def test_one_who_waits_is_woken_by_an_entry(
    storage: Storage, others: Storage, is_ours: bool
) -> None:
    await stored(storage)
    answers: list[bool] = []

    async def wait() -> None:
        answers.append(await storage.changed(DAY, after=0, patience=SOON))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await (storage if is_ours else others).append([a_new_entry()])

    assert answers == [True]


async def test_one_who_waits_in_vain_is_told_so(storage: Storage) -> None:
    await stored(storage)
    await storage.append([a_new_entry()])

    assert not await storage.changed(DAY, after=1, patience=timedelta(milliseconds=20))
    assert await storage.changed(DAY, after=0, patience=timedelta(seconds=5))


async def test_shadows_leave_no_gap_in_the_keys_of_incidents(storage: Storage) -> None:
    await stored(storage, a_run(), a_run(id=RUN + "b"))

    keys = [(await storage.add_incident(a_new_incident(), [], [])).key]
    for run in (RUN, RUN + "b"):
        shadow = a_new_incident(
            key=f"shadow of {run}",
            run=run,
            status=Status.LATENT,
            visible_after=VisibleAfter.REVEAL,
        )
        await storage.add_incident(shadow, [], [])
        keys.append((await storage.add_incident(a_new_incident(), [], [])).key)

    assert keys == ["INC-1", "INC-2", "INC-3"]


async def test_incidents_declared_at_once_get_keys_of_their_own(
    storage: Storage, others: Storage
) -> None:
    await stored(storage)
    keys: list[str] = []

    async def declare(into: Storage) -> None:
        keys.append((await into.add_incident(a_new_incident(), [], [])).key)

    async with anyio.create_task_group() as tasks:
        for i in range(6):
            tasks.start_soon(declare, (storage, others)[i % 2])

    assert sorted(keys) == [f"INC-{i}" for i in range(1, 7)]
