"""Incidents and their links to runs in the store; it does not decide who sees them."""

from collections.abc import Sequence
from dataclasses import asdict, replace

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.stored import Stored
from orchestrator.domain.errors import Conflict, NoSuchDay
from orchestrator.domain.identity import DayId
from orchestrator.domain.incident import Incident, RunLink
from orchestrator.domain.timeline import TimelineEntry

_incidents = tables.incidents.c


class Incidents(Stored):
    """Incidents and links."""

    async def add_incident(
        self, incident: Incident, links: Sequence[RunLink], entries: Sequence[TimelineEntry]
    ) -> Incident:
        """Store a new incident; returns it with its key.

        Keys of responders' incidents count from INC-1; a shadow is keyed by its run, so that
        no gap in the count tells of it.
        """
        days = tables.days.c
        async with self._database.writing() as connection:
            step = 0 if incident.is_shadow else 1
            last = await connection.scalar(
                update(tables.days)
                .where(days.id == incident.day)
                .values(last_incident=days.last_incident + step)
                .returning(days.last_incident)
            )
            if last is None:
                raise NoSuchDay(day=incident.day)
            if not incident.is_shadow:
                incident = replace(incident, key=f"INC-{last}")
            row = rows.incident_to_row(incident) | {"position": last}
            await connection.execute(insert(tables.incidents).values(row))
            for link in links:
                await connection.execute(insert(tables.run_links).values(asdict(link)))
            await self._append(connection, entries)
        self._announce()
        return incident

    async def incidents(self, day: DayId) -> Sequence[Incident]:
        """All incidents of a day, shadows included, oldest first."""
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(tables.incidents)
                .where(_incidents.day == day)
                .order_by(_incidents.recorded_at, _incidents.position)
            )
            return [rows.incident_from_row(row) for row in found]

    async def save_incident(
        self, incident: Incident, *, was: Incident, entries: Sequence[TimelineEntry]
    ) -> None:
        """Store an incident's step, if its status is still as it was. Raises: Conflict."""
        async with self._database.writing() as connection:
            saved = await connection.execute(
                update(tables.incidents)
                .where(_incidents.id == incident.id, _incidents.status == was.status)
                .values(rows.incident_to_row(incident))
            )
            if saved.rowcount == 0:
                raise Conflict(f"{incident.key} is no longer {was.status}; read it again")
            await self._append(connection, entries)
        self._announce()

    async def link(self, link: RunLink, entries: Sequence[TimelineEntry]) -> None:
        """Store the belief that an incident belongs to a run. Safe to repeat."""
        dialect = sqlite if self._database.is_sqlite else postgresql
        async with self._database.writing() as connection:
            added = await connection.execute(
                dialect.insert(tables.run_links).values(asdict(link)).on_conflict_do_nothing()
            )
            if added.rowcount:
                await self._append(connection, entries)
        self._announce()

    async def links(self, day: DayId) -> Sequence[RunLink]:
        """All links of a day."""
        table = tables.run_links
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(table)
                .join(tables.runs, tables.runs.c.id == table.c.run)
                .where(tables.runs.c.day == day)
                .order_by(table.c.decided_at)
            )
            return [rows.link_from_row(row) for row in found]
