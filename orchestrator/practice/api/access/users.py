"""Who is asking: bearer tokens, and those who stand behind them.

There are no client certificates here, and tokens say nothing by themselves: they are looked up.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import unquote

from orchestrator.practice.api.statuses import ApiError

Object = dict[str, Any]
MASTERS: Final = "system:masters"
AUTHENTICATED: Final = "system:authenticated"
ACCOUNT: Final = "system:serviceaccount:"
_CREDENTIAL: Final = "authentication.kubernetes.io/credential-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who asks, and the groups that they belong to."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def info(self) -> Object:
        """The user as reviews show them."""
        info: Object = {"username": self.name}
        if self.uid:
            info["uid"] = self.uid
        if self.groups:
            info["groups"] = list(self.groups)
        if self.extra:
            info["extra"] = {key: list(values) for key, values in self.extra.items()}
        return info


ANONYMOUS: Final = User(name="system:anonymous", groups=("system:unauthenticated",))


def account_user(namespace: str, name: str, uid: str = "") -> User:
    """The user that a service account is."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return User(name=f"{ACCOUNT}{namespace}:{name}", uid=uid, groups=groups)


def unauthorized() -> ApiError:
    """Nobody knows the token."""
    return ApiError(401, "Unauthorized", "Unauthorized")


@dataclass(frozen=True, slots=True)
class _Issued:
    user: User
    expires_at: datetime
    namespace: str
    account: str
    uid: str


class Tokens:
    """The tokens that are known: those given at the start, and those issued to accounts since.

    `account_uid` finds the uid of a service account; a token ends with its account.
    """

    def __init__(
        self,
        static: Mapping[str, User],
        *,
        now: Callable[[], datetime],
        account_uid: Callable[[str, str], str],
    ) -> None:
        self._static = {
            token: replace(user, groups=(*user.groups, AUTHENTICATED))
            for token, user in static.items()
        }
        self._issued: dict[str, _Issued] = {}
        self._now = now
        self._account_uid = account_uid

    def user_of(self, headers: Mapping[str, str]) -> User:
        """Who shows the token in a request's headers; nobody in particular without one.

        Raises: ApiError: 401, the token is not known, or no longer.
        """
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            return ANONYMOUS
        user = self._static.get(token.strip()) or self._account(token.strip())
        if user is None:
            raise unauthorized()
        return user

    def _account(self, token: str) -> User | None:
        issued = self._issued.get(token)
        if issued is None:
            return None
        is_same = self._account_uid(issued.namespace, issued.account) == issued.uid
        if issued.expires_at <= self._now() or not is_same:
            del self._issued[token]
            return None
        return issued.user

    def issue(self, namespace: str, account: str, lifetime: timedelta) -> tuple[str, datetime]:
        """A new token for a service account, and when it ends."""
        self._forget_expired()
        token = secrets.token_urlsafe(32)
        uid = self._account_uid(namespace, account)
        expires_at = self._now() + lifetime
        credential = {_CREDENTIAL: (f"JTI={secrets.token_hex(16)}",)}
        user = replace(account_user(namespace, account, uid), extra=credential)
        self._issued[token] = _Issued(user, expires_at, namespace, account, uid)
        return token, expires_at

    def _forget_expired(self) -> None:
        now = self._now()
        self._issued = {
            token: issued for token, issued in self._issued.items() if issued.expires_at > now
        }


def impersonated(headers: Iterable[tuple[str, str]]) -> User | None:
    """Whom a client says to speak for, if anybody.

    Raises: ApiError: 400, groups or more are named without a user.
    """
    found = [(name, value) for name, value in headers if name.startswith("impersonate-")]
    if not found:
        return None
    names = [value for name, value in found if name == "impersonate-user"]
    groups = tuple(value for name, value in found if name == "impersonate-group")
    if not names:
        listed = ", ".join(f'"{group}"' for group in groups)
        raise ApiError(
            400, "BadRequest",
            f'requested &user.DefaultInfo{{Name:"", UID:"", Groups:[]string{{{listed}}}, '
            "Extra:map[string][]string(nil)} without impersonating a user name",
        )  # fmt: skip
    extra: dict[str, tuple[str, ...]] = {}
    for name, value in found:
        if name.startswith("impersonate-extra-"):
            # Whatever may not stand in the name of a header is written as %XX.
            key = unquote(name.removeprefix("impersonate-extra-"))
            extra[key] = (*extra.get(key, ()), value)
    uid = next((value for name, value in found if name == "impersonate-uid"), "")
    return _completed(User(name=names[0], uid=uid, groups=groups, extra=extra))


def _completed(user: User) -> User:
    """A user with the groups that everybody of their sort is in."""
    groups = user.groups
    if user.name.startswith(ACCOUNT) and not groups:
        namespace, _, name = user.name.removeprefix(ACCOUNT).partition(":")
        groups = account_user(namespace, name).groups
    elif user.name != ANONYMOUS.name and AUTHENTICATED not in groups:
        groups = (*groups, AUTHENTICATED)
    elif user.name == ANONYMOUS.name and not groups:
        groups = ANONYMOUS.groups
    return replace(user, groups=groups)
