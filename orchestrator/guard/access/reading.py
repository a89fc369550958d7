"""Reads a user's credentials: tokens, passwords, certificates, and those of a plugin.

Files are read again every minute, as kubectl's own library does, since others renew them.
"""

import base64
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from orchestrator.domain.errors import ClusterUnavailable, KubeconfigUnreadable, Unavailable
from orchestrator.guard.access.by_client import authorization_by_client
from orchestrator.guard.access.certificates import Trust, pair_of
from orchestrator.guard.access.impersonating import KEYS as IMPERSONATING
from orchestrator.guard.access.kubeconfigs import Way
from orchestrator.guard.access.plugins import Given, Plugin
from orchestrator.guard.access.showing import Shown

_LOOK_AGAIN: Final = 60.0
"""Units: seconds."""
_FILES: Final = frozenset({"tokenFile", "client-certificate", "client-key"})
_PLAIN: Final = (
    _FILES
    | IMPERSONATING
    | {
        *("token", "username", "password", "extensions"),
        *("client-certificate-data", "client-key-data"),
    }
)


class Reading:
    """Reads what a user of a kubeconfig shows to a cluster, as often as it is asked."""

    def __init__(self, way: Way, *, source: str, now: Callable[[], float]) -> None:
        self._way = way
        self._source = source
        self._now = now
        self._trust = Trust(way.cluster)
        self._plugin = Plugin(way, now=now) if self._has_plugin() else None
        self._by_client = None if self._is_plain() else authorization_by_client(source, way.context)
        self._last: Shown | None = None

    def _has_plugin(self) -> bool:
        # A token goes before a plugin, which is not run then.
        user = self._way.user
        has_token = user.text("token") or user.text("tokenFile")
        plugin = user.values.get("exec")
        if plugin is not None and not isinstance(plugin, dict):
            raise KubeconfigUnreadable(path=self._source, problem="its user's exec is no object")
        return plugin is not None and not has_token

    def _is_plain(self) -> bool:
        return self._plugin is not None or self._way.user.values.keys() <= _PLAIN | {"exec"}

    def __call__(self, *, anew: bool) -> Shown:
        """What to show from now on.

        Raises: KubeconfigUnreadable: the first time alone; ClusterUnavailable.
        """
        if self._plugin is not None:
            return self._of_plugin(self._plugin.credentials(anew=anew))
        self._last = self._of_user_or_before()
        return self._last

    def _of_user_or_before(self) -> Shown:
        try:
            return self._of_user()
        except (OSError, ValueError) as error:
            # Whoever renews files may be in the middle of it; what they held still counts.
            if self._last is None:
                raise self._unusable(error) from error
            return replace(self._last, until=self._next_look())

    def _of_user(self) -> Shown:
        return Shown(
            authorization=self._authorization(),
            tls=self._trust.showing(pair_of(self._way.user)),
            until=self._next_look(),
        )

    def _of_plugin(self, given: Given) -> Shown:
        try:
            pair = given.pair or pair_of(self._way.user)
            tls = self._trust.showing(pair)
            authorization = _bearer(given.token) if given.token else ""
        except (OSError, ValueError) as error:
            raise self._unusable(error) from error
        self._last = Shown(authorization=authorization, tls=tls, until=given.until)
        return self._last

    def _authorization(self) -> str:
        user = self._way.user
        if self._by_client is not None:
            found = self._by_client()
            if not found and "auth-provider" in user.values:
                raise ValueError("its auth-provider gives no token: name a plugin by exec")
            return found
        if token := user.file("tokenFile").decode().strip() or user.text("token"):
            return _bearer(token)
        if name := user.text("username"):
            both = f"{name}:{user.text('password')}"
            return f"Basic {base64.b64encode(both.encode()).decode()}"
        return ""

    def _next_look(self) -> float:
        """Units: seconds of the wall's clock."""
        if self._by_client is not None:
            # The client knows when it has to look again, and looks at once when it has not to.
            return self._now()
        return self._now() + _LOOK_AGAIN if self._way.user.values.keys() & _FILES else math.inf

    def _unusable(self, error: Exception) -> Unavailable:
        # The words of another kind of error may repeat what could not be read.
        own = str(error) if type(error) is ValueError else type(error).__name__
        why = getattr(error, "strerror", None) or own
        problem = f"its certificates or tokens cannot be used ({why})"
        if self._last is None:
            return KubeconfigUnreadable(path=self._source, problem=problem)
        return ClusterUnavailable(cluster=self._way.context, problem=problem)


def _bearer(token: str) -> str:
    """The header that shows a token. Raises: ValueError: it is none that a header can hold."""
    if not token.isprintable():
        raise ValueError("more than one line")
    return f"Bearer {token}"
