"""The way to the cluster, from kubeconfigs of all kinds."""

import json
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.errors import KubeconfigUnreadable
from orchestrator.guard.credentials import Access, load_access


def write(folder: Path, cluster: dict[str, Any], user: dict[str, Any]) -> str:
    path = folder / "kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [
            {"name": "main", "context": {"cluster": "c", "user": "u"}},
            {"name": "other", "context": {"cluster": "gone", "user": "u"}},
        ],
        "current-context": "main",
    }
    path.write_text(json.dumps(document), "utf-8")
    return str(path)


def access(path: str, context: str = "") -> Access:
    return load_access(kubeconfig=path, context=context)


def test_plain_kubeconfig_is_read_without_the_client(tmp_path: Path) -> None:
    path = write(tmp_path, {"server": "http://127.0.0.1:8080/"}, {"token": "s3cret"})
    program = (
        "import sys; from orchestrator.guard.credentials import load_access;"
        f"load_access(kubeconfig={path!r}, context='');"
        "print('kubernetes' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )

    assert done.stdout.strip() == "False"
    found = access(path)
    assert (found.server, found.cluster) == ("http://127.0.0.1:8080", "main")
    assert found.authorization() == "Bearer s3cret"
    assert not found.may_block


def test_plain_and_client_come_to_the_same(tmp_path: Path) -> None:
    cluster = {"server": "http://127.0.0.1:8080"}
    plain = access(write(tmp_path, cluster, {"token": "s3cret"}))
    by_client = access(write(tmp_path, {**cluster, "unknown-knob": True}, {"token": "s3cret"}))

    assert by_client.may_block
    assert by_client.server == plain.server
    assert by_client.authorization() == plain.authorization()


def test_plugin_is_run_for_the_token(tmp_path: Path) -> None:
    credential = {
        "kind": "ExecCredential",
        "apiVersion": "client.authentication.k8s.io/v1",
        "status": {"token": "from-the-plugin"},
    }
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "/bin/echo",
        "args": [json.dumps(credential)],
        "interactiveMode": "Never",
    }
    path = write(tmp_path, {"server": "http://127.0.0.1:8080"}, {"exec": plugin})

    assert access(path).authorization() == "Bearer from-the-plugin"


def test_certificates_are_used_whether_in_the_file_or_beside_it(tmp_path: Path) -> None:
    certificate, key = make_pair(tmp_path)
    beside = {"client-certificate": certificate.name, "client-key": key.name}
    cluster = {"server": "https://127.0.0.1:6443", "certificate-authority": certificate.name}

    tls = access(write(tmp_path, cluster, beside)).tls

    assert tls is not None
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert len(tls.get_ca_certs()) == 1


def test_insecure_is_insecure_only_when_asked_for(tmp_path: Path) -> None:
    cluster = {"server": "https://127.0.0.1:6443", "insecure-skip-tls-verify": True}

    tls = access(write(tmp_path, cluster, {})).tls

    assert tls is not None
    assert tls.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize("content", ["", "nonsense", "a: [", "clusters: 1", "\x00", "[1, 2]"])
def test_file_that_is_no_kubeconfig_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content, "utf-8")

    with pytest.raises(KubeconfigUnreadable, match=str(path)):
        access(str(path))


def test_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, {"server": "http://127.0.0.1:8080"}, {})

    for context in ("missing", "other"):
        with pytest.raises(KubeconfigUnreadable):
            access(path, context)


def test_no_error_repeats_a_token(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    users = [{"name": "u", "user": {"token": "s3cret", "unknown-knob": 1}}]
    contexts = [{"name": "main", "context": {"user": "u", "token": "s3cret"}}]
    document = {"users": users, "contexts": contexts, "clusters": [], "current-context": "main"}
    path.write_text(json.dumps(document), "utf-8")

    with pytest.raises(KubeconfigUnreadable) as caught:
        access(str(path))

    assert "s3cret" not in str(caught.value)


def test_certificate_that_is_none_is_said_without_its_content(tmp_path: Path) -> None:
    cluster = {"server": "https://127.0.0.1:6443", "certificate-authority-data": "c2VjcmV0"}

    with pytest.raises(KubeconfigUnreadable) as caught:
        access(write(tmp_path, cluster, {}))

    assert "secret" not in str(caught.value)


def make_pair(folder: Path) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    try:
        subprocess.run(
            [*command, "-subj", "/CN=test", "-keyout", str(key), "-out", str(certificate)],
            check=True,
            capture_output=True,
            timeout=30,
        )
    except FileNotFoundError:
        pytest.skip("there is no openssl to make a certificate")
    return certificate, key
