"""Who may come in: issues tokens and knows whom a token stands for.

A token is `cd_<id>_<secret>`; only a hash of the secret is kept. It does not decide what a
role may see.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from orchestrator.domain.errors import InvalidValue, NotAllowed, NotAuthenticated
from orchestrator.domain.identity import Actor, ActorKind, DayId, Role, TokenId
from orchestrator.ports import Storage, Token

_FORM = re.compile(r"cd_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Somebody whose token was good."""

    name: str
    role: Role
    day: DayId | None
    is_script: bool

    @property
    def actor(self) -> Actor:
        """The guest as the source of moves and entries."""
        kind = ActorKind.SCRIPT if self.is_script else ActorKind.HUMAN
        return Actor(kind=kind, name=self.name, role=self.role)

    def must_be(self, *roles: Role, to: str) -> None:
        """Refuse any other role. Raises: NotAllowed."""
        if self.role not in roles:
            raise NotAllowed(role=self.role, move=to)

    def must_be_on(self, day: DayId) -> None:
        """Refuse a token of another day. Raises: NotAllowed."""
        if self.day is not None and self.day != day:
            raise NotAllowed(role=self.role, move=f"touch day {day} with a token of another day")


class Admitting:
    """Issues tokens and recognises them."""

    def __init__(self, *, storage: Storage) -> None:
        self._storage = storage

    async def issue(
        self, *, name: str, role: Role, day: DayId | None, is_script: bool = False
    ) -> str:
        """Issue a token; the only time that its secret is seen.

        Raises: InvalidValue: no name. NoSuchDay.
        """
        if not name.strip():
            raise InvalidValue(
                field="name", value=name, problem="is empty", way_out="say who it is"
            )
        if day is not None:
            await self._storage.day(day)
        token = TokenId(secrets.token_hex(6))
        secret = secrets.token_urlsafe(32)
        await self._storage.add_token(
            Token(id=token, name=name.strip(), role=role, day=day, is_script=is_script),
            secret_hash=_hash(secret),
        )
        return f"cd_{token}_{secret}"

    async def admit(self, text: str | None) -> Guest:
        """Recognise a token. Raises: NotAuthenticated."""
        form = _FORM.fullmatch(text or "")
        found = await self._storage.token(token=TokenId(form[1])) if form else None
        if form is None or found is None:
            raise NotAuthenticated
        token, expected = found
        if not hmac.compare_digest(_hash(form[2]), expected):
            raise NotAuthenticated
        return Guest(name=token.name, role=token.role, day=token.day, is_script=token.is_script)


def _hash(secret: str) -> str:
    # A random secret of 256 bits needs no slow hash.
    return hashlib.sha256(secret.encode()).hexdigest()
