"""The certificate of a kubelet's port, made when it opens and signed by nobody else.

API servers do not verify it unless they are told to; what it gives is encryption, and the right to
ask for a client's certificate.
"""

import ssl
from typing import Final

from orchestrator.practice.certificate import new_certificate
from orchestrator.practice.nodes.client import Api, ApiRefused
from orchestrator.practice.nodes.moments import now

PUBLISHED: Final = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"


async def client_authority(api: Api) -> str:
    """The authority of client certificates that the API server publishes; empty when it has none.

    Raises: ApiError: the API server could not tell.
    """
    try:
        found = await api.get(PUBLISHED)
    except ApiRefused as refused:
        if refused.status in {403, 404}:
            return ""
        raise
    return str((found.get("data") or {}).get("client-ca-file") or "")


def serving_tls(authority: str) -> ssl.SSLContext:
    """TLS with a new certificate, for clients that may show one of the authority's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # The library reads certificates from files alone.
    with new_certificate("practice-node", now()).as_file() as path:
        context.load_cert_chain(path)
    context.load_verify_locations(cadata=authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context
