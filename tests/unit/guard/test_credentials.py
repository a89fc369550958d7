"""The way to the cluster, from kubeconfigs of all kinds."""

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.domain.errors import KubeconfigUnreadable, Unavailable
from orchestrator.guard.access.showing import Shown
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
    return load_access(kubeconfig=path, context=context, clock=SystemClock())


def shown(path: str) -> Shown:
    """What is shown to the cluster of a kubeconfig."""
    return access(path).credentials.renewed()


def test_plain_kubeconfig_is_read_without_the_client(tmp_path: Path) -> None:
    path = write(tmp_path, {"server": "http://127.0.0.1:8080/"}, {"token": "s3cret"})
    program = (
        "import sys; from orchestrator.guard.credentials import load_access;"
        "from orchestrator.adapters.clock import SystemClock;"
        f"load_access(kubeconfig={path!r}, context='', clock=SystemClock());"
        "print('kubernetes' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
    )

    assert done.stdout.strip() == "False"
    found = access(path)
    assert (found.server, found.cluster) == ("http://127.0.0.1:8080", "main")
    assert shown(path).authorization == "Bearer s3cret"


def test_plain_and_client_come_to_the_same(tmp_path: Path) -> None:
    cluster = {"server": "http://127.0.0.1:8080"}
    plain = shown(write(tmp_path, cluster, {"token": "s3cret"}))
    by_client = shown(write(tmp_path, cluster, {"token": "s3cret", "unknown-knob": True}))

    assert by_client.until < plain.until
    assert by_client.authorization == plain.authorization


def test_name_and_password_are_shown_as_such(tmp_path: Path) -> None:
    path = write(tmp_path, {"server": "http://127.0.0.1:8080"}, {"username": "a", "password": "b"})

    assert shown(path).authorization == "Basic YTpi"


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

    assert shown(path).authorization == "Bearer from-the-plugin"


def test_certificates_are_used_whether_in_the_file_or_beside_it(tmp_path: Path) -> None:
    certificate, key = make_pair(tmp_path)
    beside = {"client-certificate": certificate.name, "client-key": key.name}
    cluster = {"server": "https://127.0.0.1:6443", "certificate-authority": certificate.name}

    tls = shown(write(tmp_path, cluster, beside)).tls

    assert tls is not None
    assert tls.verify_mode is ssl.CERT_REQUIRED
    assert len(tls.get_ca_certs()) == 1


def test_insecure_is_insecure_only_when_asked_for(tmp_path: Path) -> None:
    cluster = {"server": "https://127.0.0.1:6443", "insecure-skip-tls-verify": True}

    tls = shown(write(tmp_path, cluster, {})).tls

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


@pytest.mark.parametrize(
    "user",
    [
        {"exec": "s3cret"},
        {"exec": {}},
        {"client-certificate-data": 17, "client-key-data": 18},
        {"client-certificate-data": "s3cret"},
        {"tokenFile": "missing"},
        {"tokenFile": "."},
        {"auth-provider": "s3cret"},
    ],
)
def test_user_that_cannot_be_read_is_never_taken_for_nobody(
    tmp_path: Path, user: dict[str, Any]
) -> None:
    with pytest.raises(Unavailable) as caught:
        access(write(tmp_path, {"server": "https://127.0.0.1:6443"}, user))

    assert "s3cret" not in str(caught.value)


def test_quoted_word_does_not_turn_tls_off(tmp_path: Path) -> None:
    cluster = {"server": "https://127.0.0.1:6443", "insecure-skip-tls-verify": "false"}

    tls = shown(write(tmp_path, cluster, {})).tls

    assert tls is not None
    assert tls.verify_mode is ssl.CERT_REQUIRED


def test_certificate_that_is_none_is_said_without_its_content(tmp_path: Path) -> None:
    cluster = {"server": "https://127.0.0.1:6443", "certificate-authority-data": "c2VjcmV0"}

    with pytest.raises(KubeconfigUnreadable) as caught:
        access(write(tmp_path, cluster, {}))

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["socks5://kim:s3cret@127.0.0.1:1080", "socks4://h:1", "gopher"])
def test_proxy_that_is_not_spoken_to_in_http_is_refused_with_a_way_out(
    tmp_path: Path, proxy: str
) -> None:
    cluster = {"server": "https://127.0.0.1:6443", "proxy-url": proxy}

    with pytest.raises(KubeconfigUnreadable, match=r"put an HTTP proxy|http://HOST:PORT") as caught:
        access(write(tmp_path, cluster, {}))

    assert "s3cret" not in str(caught.value)


def test_whom_the_user_acts_as_is_told_in_headers(tmp_path: Path) -> None:
    user = {
        "token": "s3cret",
        "as": "kim",
        "as-uid": "u-1",
        "as-groups": ["one", "two"],
        "as-user-extra": {"example.org/Scope%": ["a", "b"]},
    }
    found = access(write(tmp_path, {"server": "http://127.0.0.1:8080"}, user))

    assert sorted(found.headers_with(found.credentials.renewed()).items()) == [
        ("Authorization", "Bearer s3cret"),
        ("Impersonate-Extra-example.org%2FScope%25", "a"),
        ("Impersonate-Extra-example.org%2FScope%25", "b"),
        ("Impersonate-Group", "one"),
        ("Impersonate-Group", "two"),
        ("Impersonate-Uid", "u-1"),
        ("Impersonate-User", "kim"),
    ]


@pytest.mark.parametrize(
    "user",
    [
        {"as-groups": ["system:masters"]},
        {"as-user-extra": {"scopes": ["a"]}},
        {"as": "kim", "as-groups": "system:masters"},
        {"as": "kim", "as-user-extra": ["a"]},
        {"as": "kim\r\nImpersonate-Group: system:masters"},
    ],
)
def test_somebody_who_cannot_be_acted_as_is_refused(tmp_path: Path, user: dict[str, Any]) -> None:
    with pytest.raises(KubeconfigUnreadable, match="as"):
        access(write(tmp_path, {"server": "http://127.0.0.1:8080"}, {"token": "t", **user}))


def test_of_several_files_the_first_entry_and_the_first_current_context_count(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    paths = []
    for folder in folders:
        folder.mkdir()
        (folder / "token").write_text(f"of-{folder.name}\n", "utf-8")
        cluster = {"server": f"http://{folder.name}:8080"}
        paths.append(write(folder, cluster, {"tokenFile": "token"}))
    missing = str(tmp_path / "missing")

    found = access(os.pathsep.join([missing, *paths]))

    assert found.server == "http://one:8080"
    assert found.credentials.renewed().authorization == "Bearer of-one"
    with pytest.raises(KubeconfigUnreadable, match="holds no clusters"):
        access(os.pathsep.join([missing, missing]))


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        ({}, True),
        ({"server": "https://one:6443/"}, True),
        ({"server": "https://two:6443"}, False),
        ({"proxy-url": "http://bastion:3128"}, False),
        ({"tls-server-name": "two"}, False),
        ({"certificate-authority-data": "dHdv"}, False),
        ({"certificate-authority": "missing"}, False),
    ],
)
def test_contexts_of_the_same_cluster_are_told_from_others(
    tmp_path: Path, changes: dict[str, str], *, is_same: bool
) -> None:
    first = {"server": "https://one:6443"}
    path = Path(write(tmp_path, first, {}))
    document = json.loads(path.read_text("utf-8"))
    document["clusters"].append({"name": "d", "cluster": {**first, **changes}})
    beside = {"cluster": "d", "user": "u", "namespace": "shop"}
    document["contexts"].append({"name": "beside", "context": beside})
    path.write_text(json.dumps(document), "utf-8")

    found = {
        each.name: (each.namespace, each.is_same_cluster) for each in access(str(path)).contexts
    }

    # A context whose cluster is not there leads nowhere.
    assert found == {"main": ("", True), "beside": ("shop", is_same)}


def test_plugin_cannot_read_what_the_conductor_says(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    status = json.dumps({"token": "t"})
    version = "client.authentication.k8s.io/v1"
    plugin.write_text(
        "#!/bin/sh\nread heard\n"
        f"""echo '{{"apiVersion": "{version}", "kind": "ExecCredential", "status": {status}}}'\n"""
    )
    plugin.chmod(0o700)
    user = {"exec": {"apiVersion": version, "command": "./plugin"}}
    path = write(tmp_path, {"server": "http://127.0.0.1:8080"}, user)
    program = (
        "import sys; from orchestrator.guard.credentials import load_access;"
        "from orchestrator.adapters.clock import SystemClock;"
        f"load_access(kubeconfig={path!r}, context='', clock=SystemClock());"
        "print(sys.stdin.read())"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        input="a command", capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip

    assert done.stdout.strip() == "a command"


@pytest.mark.parametrize(
    ("server", "no_proxy", "is_direct"),
    [
        ("https://10.1.2.3:6443", "", False),
        ("https://10.1.2.3:6443", "192.168.0.0/16, 10.0.0.0/8", True),
        ("https://10.1.2.3:6443", "10.1.2.3", True),
        ("https://api.example:6443", "10.0.0.0/8,.example", True),
        ("https://api.example:6443", "other", False),
        ("https://127.0.0.1:6443", "", True),
        ("https://localhost:6443", "", True),
    ],
)
def test_proxy_of_the_environment_leads_there_but_for_exceptions(
    tmp_path: Path, server: str, no_proxy: str, *, is_direct: bool
) -> None:
    program = (
        "from orchestrator.guard.credentials import load_access;"
        "from orchestrator.adapters.clock import SystemClock;"
        f"print(load_access(kubeconfig={write(tmp_path, {'server': server}, {})!r}, context='',"
        "clock=SystemClock()).proxy)"
    )
    environment = {**os.environ, "HTTPS_PROXY": "http://10.9.9.9:3128", "NO_PROXY": no_proxy}
    quiet = {k: v for k, v in environment.items() if k not in {"no_proxy", "https_proxy"}}

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=quiet, capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip

    assert done.stdout.strip() == ("None" if is_direct else "http://10.9.9.9:3128")


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
