"""Guests and their tokens on the wire.

A token is shown once, when it is issued.
"""

from typing import Self

from pydantic import Field

from api.views.values import Asked, Line, View
from orchestrator.domain.identity import Role
from orchestrator.services.admitting import Guest


class TokenRequest(Asked):
    """Whom a token is for."""

    name: Line = Field(examples=["Ada"])
    role: Role
    scripted: bool = Field(default=False, description="Whether a script plays the person.")


class TokenView(View):
    """A new token; this is the only time that it can be read."""

    token: str = Field(examples=["cd_<id>_<secret>"])
    name: str
    role: Role
    day: str
    is_scripted: bool


class MeView(View):
    """Whom the token stands for."""

    name: str
    role: Role
    day: str | None = Field(description="The day that it is good for; null for every day.")
    is_scripted: bool

    @classmethod
    def of(cls, guest: Guest) -> Self:
        """The view of a guest."""
        return cls(name=guest.name, role=guest.role, day=guest.day, is_scripted=guest.is_script)
