"""The tokens of a practice cluster that asks for them, and the kubeconfigs that hold them.

They are made anew at each start and end with the cluster; nothing but a kubeconfig keeps one.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.practice.api.access.users import MASTERS, User
from orchestrator.practice.api.clock import utc_now
from orchestrator.practice.certificate import Certificate, new_certificate
from orchestrator.practice.kubeconfig import written_kubeconfig
from orchestrator.practice.nodes.client import Access


def _key() -> str:
    return secrets.token_urlsafe(32)


def _certificate() -> Certificate:
    return new_certificate("practice-api-server", utc_now())


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Who is let in: one who may do everything, one who may do what bindings give, the nodes."""

    admin: str = field(default_factory=_key, repr=False)
    limited: str = field(default_factory=_key, repr=False)
    nodes: str = field(default_factory=_key, repr=False)
    certificate: Certificate = field(default_factory=_certificate)

    @property
    def users(self) -> Mapping[str, User]:
        """The users by their tokens."""
        return {
            self.admin: User(name="admin", groups=(MASTERS,)),
            self.limited: User(name="limited", groups=("limited",)),
            # They bring the shop as well, so a kubelet's rights are not enough.
            self.nodes: User(name="practice-nodes", groups=(MASTERS,)),
        }


def node_access(url: str, keys: Keys | None) -> Access:
    """How the nodes are let in by the API server."""
    if keys is None:
        return Access(url=url)
    shown = {"Authorization": f"Bearer {keys.nodes}"}
    return Access(url=url, headers=shown, tls=keys.certificate.trusting())


def limited_kubeconfig(kubeconfig: Path) -> Path:
    """Where the kubeconfig of user `limited` is, beside the one of the admin."""
    return kubeconfig.with_name(f"{kubeconfig.stem}-limited{kubeconfig.suffix}")


@contextmanager
def written_kubeconfigs(path: Path, url: str, keys: Keys | None) -> Iterator[None]:
    """One kubeconfig, or with keys one for each user, for as long as the scope lasts.

    Raises:
        KubeconfigNotWritten: a file is somebody else's, or can't be written.
    """
    with ExitStack() as files:
        if keys is None:
            files.enter_context(written_kubeconfig(path, url))
        else:
            for place, token in ((path, keys.admin), (limited_kubeconfig(path), keys.limited)):
                trusted = keys.certificate.public
                files.enter_context(written_kubeconfig(place, url, token, trusted))
        yield
