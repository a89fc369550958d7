"""The certificate of a kubelet's port, made when it opens and signed by nobody else.

API servers do not verify it unless they are told to; what it gives is encryption, and the right to
ask for a client's certificate.
"""

import ipaddress
import ssl
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from orchestrator.practice.nodes.client import Api, ApiRefused
from orchestrator.practice.nodes.moments import now
from orchestrator.practice.nodes.network import LOOPBACK

PUBLISHED: Final = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
LIFETIME: Final = timedelta(days=30)


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
    with TemporaryDirectory(prefix="chaosday-kubelet-") as folder:
        # The library reads certificates from files alone; these are the owner's, for a moment.
        path = Path(folder) / "both.pem"
        path.write_bytes(_new_pair())
        context.load_cert_chain(path)
    context.load_verify_locations(cadata=authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _new_pair() -> bytes:
    """A key and its certificate, as PEM."""
    # Most practice clusters never need it, and it takes a while to import.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "practice-node")])
    address = x509.IPAddress(ipaddress.ip_address(LOOPBACK))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(minutes=1))
        .not_valid_after(now() + LIFETIME)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(pem)
