"""Tokens in the store, under the hash of their secret; it never sees the secret."""

from sqlalchemy import insert, select

from orchestrator.adapters.storage import rows, tables
from orchestrator.adapters.storage.stored import Stored
from orchestrator.domain.identity import TokenId
from orchestrator.ports import Token


class Tokens(Stored):
    """Tokens."""

    async def add_token(self, token: Token, *, secret_hash: str) -> None:
        """Store a token under the hash of its secret."""
        async with self._database.writing() as connection:
            await connection.execute(
                insert(tables.tokens).values(
                    id=token.id,
                    secret_hash=secret_hash,
                    name=token.name,
                    role=token.role,
                    day=token.day,
                    is_script=token.is_script,
                )
            )

    async def token(self, *, token: TokenId) -> tuple[Token, str] | None:
        """A token and the hash of its secret."""
        table = tables.tokens
        async with self._database.reading() as connection:
            found = await connection.execute(select(table).where(table.c.id == token))
            row = found.one_or_none()
        return None if row is None else (rows.token_from_row(row), row.secret_hash)
