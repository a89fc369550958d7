"""Certificates for what the practice cluster serves by TLS: its API server, its kubelets.

Each is its own authority, made at the start and gone with the process. Who trusts it is told there.
"""

import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_LIFETIME: Final = timedelta(days=30)
_ADDRESS: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as everybody may have it, and its key."""

    public: str
    private: str = field(repr=False)

    def trusting(self) -> ssl.SSLContext:
        """TLS for a client that trusts this certificate and no other."""
        return ssl.create_default_context(cadata=self.public)

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """The certificate with its key in a file of the owner's, for a moment."""
        with TemporaryDirectory(prefix="chaosday-practice-") as folder:
            path = Path(folder) / "both.pem"
            path.write_text(self.private + self.public)
            yield path


def new_certificate(name: str, at: datetime) -> Certificate:
    """A certificate for loopback that signs itself, good from that moment on."""
    # Most practice clusters never need it, and it takes a while to import.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    names = [x509.IPAddress(ipaddress.ip_address(_ADDRESS)), x509.DNSName("localhost")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(minutes=1))
        .not_valid_after(at + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Certificate(certificate.public_bytes(pem).decode(), private.decode())
