"""TLS towards a cluster: whom to trust, and which certificate to show.

It makes a context only for what it has not made one for, so that connections are shared.
"""

import ssl
import tempfile
from dataclasses import dataclass

from orchestrator.guard.access.kubeconfigs import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A client certificate and its key, both as PEM."""

    certificate: bytes
    key: bytes


class Trust:
    """The TLS of one cluster."""

    def __init__(self, cluster: Entry) -> None:
        self._cluster = cluster
        self._made_for: tuple[bytes, Pair | None] | None = None
        self._made: ssl.SSLContext | None = None

    def showing(self, pair: Pair | None) -> ssl.SSLContext | None:
        """The context that shows a pair; None where there is no TLS.

        Raises: OSError; ValueError: an authority or the pair is none.
        """
        if not self._cluster.text("server").startswith("https:"):
            return None
        wanted = (self._cluster.content("certificate-authority"), pair)
        if self._made is None or self._made_for != wanted:
            self._made, self._made_for = self._make(*wanted), wanted
        return self._made

    def _make(self, authority: bytes, pair: Pair | None) -> ssl.SSLContext:
        tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
        if self._cluster.values.get("insecure-skip-tls-verify") is True:
            tls.check_hostname = False
            tls.verify_mode = ssl.CERT_NONE
        if pair is not None:
            _load(tls, pair)
        return tls


def pair_of(user: Entry) -> Pair | None:
    """The pair that a kubeconfig's user names. Raises: OSError; ValueError."""
    certificate = user.content("client-certificate")
    return Pair(certificate=certificate, key=user.content("client-key")) if certificate else None


def _load(tls: ssl.SSLContext, pair: Pair) -> None:
    # OpenSSL reads a pair from a file only: one that nobody else can read, for a moment.
    with tempfile.NamedTemporaryFile() as file:
        file.write(pair.certificate.rstrip() + b"\n" + pair.key)
        file.flush()
        tls.load_cert_chain(file.name)
