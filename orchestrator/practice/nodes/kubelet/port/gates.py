"""Who may ask a kubelet at its port: the API server, and whoever it would let through.

A gate says who is refused. It opens no port.
"""

import hmac
import ssl
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from orchestrator.practice.nodes.client import Api, ApiError, Json
from orchestrator.practice.nodes.kubelet.port.refusals import Refused

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Gate(Protocol):
    """Decides about requests at the port of one node."""

    @property
    def tls(self) -> ssl.SSLContext | None:
        """How connections are encrypted, if they are."""
        ...

    async def admit(self, request: web.BaseRequest, node: str) -> None:
        """Let a request in.

        Raises: Refused: 401, nobody known asks; 403, they may not.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGate:
    """Plain HTTP for an API server in the same process, which shares a secret."""

    token: str
    tls: None = None

    async def admit(self, request: web.BaseRequest, node: str) -> None:  # noqa: ARG002
        """Let in whoever knows the secret."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self.token.encode()):
            raise Refused(401, "Unauthorized")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateGate:
    """TLS, client certificates of the cluster's own authority, and its rules of access.

    Source: a kubelet with authentication by x509 and authorization by webhook.
    """

    api: Api
    tls: ssl.SSLContext

    async def admit(self, request: web.BaseRequest, node: str) -> None:
        """Let in whom the cluster allows to `proxy` to the node."""
        if request.transport is None:
            raise Refused(401, "Unauthorized")
        subject = _subject(request.transport.get_extra_info("peercert") or {})
        user = "".join(subject.get("commonName", [])[:1])
        if not user:
            raise Refused(401, "Unauthorized")
        verb = "create" if request.method == "POST" else "get"
        groups = [*subject.get("organizationName", []), "system:authenticated"]
        if not await self._may(user, groups, verb, node):
            text = f"Forbidden (user={user}, verb={verb}, resource=nodes, subresource(s)=[proxy])\n"
            raise Refused(403, text)

    async def _may(self, user: str, groups: list[str], verb: str, node: str) -> bool:
        spec: Json = {
            "user": user,
            "groups": groups,
            "resourceAttributes": {
                "verb": verb,
                "version": "v1",
                "resource": "nodes",
                "subresource": "proxy",
                "name": node,
            },
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": spec,
        }
        try:
            answer = await self.api.create(REVIEWS, review)
        except ApiError as error:
            text = f"Authorization error (user={user}, verb={verb}, resource=nodes): {error}"
            raise Refused(500, text) from error
        return bool((answer.get("status") or {}).get("allowed"))


def _subject(certificate: Json) -> dict[str, list[str]]:
    """The parts of a certificate's subject by their names."""
    found: dict[str, list[str]] = {}
    for part in certificate.get("subject", ()):
        for name, value in part:
            found.setdefault(name, []).append(value)
    return found
