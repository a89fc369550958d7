"""Runs the program that a kubeconfig names for credentials, and keeps what it gave until its end.

Nothing that it says but its credentials is read or repeated: it may be a secret.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import base64
import json
import math
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from orchestrator.domain.errors import ClusterUnavailable
from orchestrator.guard.access.certificates import Pair
from orchestrator.guard.access.kubeconfigs import Way

_GROUP: Final = "client.authentication.k8s.io"
_VERSIONS: Final = frozenset({f"{_GROUP}/v1", f"{_GROUP}/v1beta1"})
_PATIENCE: Final = 12
"""Units: seconds. Shorter than any request waits."""
_OF_CLUSTER: Final = (
    "server",
    "tls-server-name",
    "insecure-skip-tls-verify",
    "proxy-url",
    "disable-compression",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a plugin gave.

    Units: until is in seconds of the wall's clock.
    """

    token: str
    pair: Pair | None
    until: float


class Plugin:
    """The plugin of one user of a kubeconfig."""

    def __init__(self, way: Way, *, now: Callable[[], float]) -> None:
        self._way = way
        self._entry: Mapping[str, Any] = way.user.values["exec"]
        self._now = now
        self._given: Given | None = None

    def credentials(self, *, anew: bool) -> Given:
        """What it gives, or gave as long as that lasts. Raises: ClusterUnavailable."""
        if anew or self._given is None or self._now() >= self._given.until:
            # What has ended or was refused is never shown again, even when the next run fails.
            self._given = None
            self._given = self._read(self._run())
        return self._given

    def _run(self) -> bytes:
        if self._version not in _VERSIONS:
            raise self._fails(f"speaks {self._version or 'no version'}, not {_GROUP}/v1")
        if self._entry.get("interactiveMode") == "Always":
            raise self._fails("wants a terminal (interactiveMode: Always), and a guard has none")
        try:
            done = subprocess.run(
                [self._command, *map(str, self._entry.get("args") or ())],
                env=self._environment(),
                cwd=self._way.user.folder,
                # Ours is where the conductor speaks; the plugin's words may hold secrets.
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self._fails(f"gave nothing within {_PATIENCE} s") from error
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            problem = getattr(error, "strerror", None) or type(error).__name__
            raise self._fails(f"cannot be started ({problem})") from error
        if done.returncode != 0:
            raise self._fails(f"ended with exit code {done.returncode}")
        return done.stdout

    @property
    def _version(self) -> str:
        return str(self._entry.get("apiVersion") or "")

    @property
    def _command(self) -> str:
        command = str(self._entry.get("command") or "")
        is_path = os.sep in command
        return str(self._way.user.folder / Path(command)) if is_path else command

    def _environment(self) -> dict[str, str]:
        added = {str(each["name"]): str(each["value"]) for each in self._entry.get("env") or ()}
        spec: dict[str, Any] = {"interactive": False}
        if self._entry.get("provideClusterInfo"):
            spec["cluster"] = self._cluster()
        about = {"apiVersion": self._version, "kind": "ExecCredential", "spec": spec}
        return {**os.environ, **added, "KUBERNETES_EXEC_INFO": json.dumps(about)}

    def _cluster(self) -> dict[str, Any]:
        cluster = self._way.cluster
        said = {key: cluster.values[key] for key in _OF_CLUSTER if key in cluster.values}
        if authority := cluster.content("certificate-authority"):
            said["certificate-authority-data"] = base64.b64encode(authority).decode()
        for each in cluster.values.get("extensions") or ():
            if each.get("name") == f"{_GROUP}/exec":
                said["config"] = each.get("extension")
        return said

    def _read(self, said: bytes) -> Given:
        try:
            answer = json.loads(said)
            if (answer["kind"], answer["apiVersion"]) != ("ExecCredential", self._version):
                raise ValueError("another version")
            status = answer["status"]
            given = Given(
                token=str(status.get("token") or ""),
                pair=_pair(status),
                until=_ending(status.get("expirationTimestamp")),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            # Its words are not kept with the error, for they may hold a token.
            raise self._fails("gave no credentials of the version that is asked for") from None
        if not given.token and given.pair is None:
            raise self._fails("gave neither a token nor a certificate")
        return given

    def _fails(self, problem: str) -> ClusterUnavailable:
        name = Path(str(self._entry.get("command") or "(no command)")).name
        way_out = f"see why by `kubectl --context {self._way.context} version`"
        return ClusterUnavailable(
            cluster=self._way.context, problem=f"the plugin {name} {problem}; {way_out}"
        )


def _pair(status: Mapping[str, Any]) -> Pair | None:
    certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
    if not certificate and not key:
        return None
    if not certificate or not key:
        raise ValueError("half of a pair")
    return Pair(certificate=certificate.encode(), key=key.encode())


def _ending(text: str | None) -> float:
    """Units: seconds of the wall's clock. Raises: ValueError; TypeError."""
    if not text:
        return math.inf
    ending = datetime.fromisoformat(text)
    if ending.tzinfo is None:
        raise ValueError("no zone")
    return ending.timestamp()
