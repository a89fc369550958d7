"""Previews and their approvals in the store; it does not make or compare them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.stored import Stored
from orchestrator.domain.errors import NoSuchPreview
from orchestrator.domain.identity import PreviewId
from orchestrator.domain.preview import Preview
from orchestrator.domain.timeline import TimelineEntry

_previews = tables.previews.c


class Previews(Stored):
    """Previews."""

    async def add_preview(self, preview: Preview) -> None:
        """Store a new preview, which nobody approved yet."""
        async with self._database.writing() as connection:
            await connection.execute(
                insert(tables.previews).values(
                    id=preview.id,
                    subject=preview.subject,
                    document=rows.to_json(preview),
                    made_at=preview.made_at,
                    approved_by="",
                )
            )

    async def preview(self, preview: PreviewId) -> Preview:
        """Read a preview. Raises: NoSuchPreview."""
        async with self._database.reading() as connection:
            found = await connection.execute(select(tables.previews).where(_previews.id == preview))
            row = found.one_or_none()
        if row is None:
            raise NoSuchPreview(preview=preview)
        return rows.preview_from_row(row)

    async def approve(
        self,
        preview: PreviewId,
        *,
        by: str,
        at: datetime,
        entries: Sequence[TimelineEntry] = (),
    ) -> None:
        """Store that a preview is approved, with its entries; the first approval stays.

        Raises: NoSuchPreview.
        """
        async with self._database.writing() as connection:
            approved = await connection.execute(
                update(tables.previews)
                .where(_previews.id == preview, _previews.approved_at.is_(None))
                .values(approved_by=by, approved_at=at)
            )
            if approved.rowcount == 0:
                known = select(_previews.id).where(_previews.id == preview)
                if await connection.scalar(known) is None:
                    raise NoSuchPreview(preview=preview)
                return
            await self._append(connection, entries)
        self._announce()

    async def approved(self, subject: str) -> Preview | None:
        """The preview of a subject that was approved last."""
        async with self._database.reading() as connection:
            found = await connection.execute(
                select(tables.previews)
                .where(_previews.subject == subject, _previews.approved_at.is_not(None))
                .order_by(_previews.approved_at.desc(), _previews.made_at.desc())
                .limit(1)
            )
            row = found.one_or_none()
        return None if row is None else rows.preview_from_row(row)
