"""Bad input gets one clear message and the documented exit code, and never a traceback."""

import json
import socket
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Called, Chaosday

SCALE = {
    "title": "Payment is gone",
    "description": "Nobody can pay.",
    "method": [
        {
            "type": "action",
            "name": "scale-to-zero",
            "provider": {
                "type": "python",
                "module": "chaosk8s.deployment.actions",
                "func": "scale_deployment",
                "arguments": {"name": "payment", "ns": "shop", "replicas": 0},
            },
        }
    ],
}


def told(called: Called, *, code: int) -> str:
    """What was said, after a look at its manners."""
    assert called.returncode == code, called.stderr
    assert "Traceback" not in called.stderr + called.stdout
    return called.stderr


@pytest.fixture
def plan(chaosday: Chaosday, tmp_path: Path) -> Path:
    assert chaosday("init", "day.yaml").returncode == 0
    return tmp_path / "day.yaml"


def test_scaffold_is_valid_as_it_is(chaosday: Chaosday, plan: Path) -> None:
    called = chaosday("check", plan.name)

    assert called.returncode == 0, called.stderr
    assert "is valid" in called.stdout


def test_scaffold_is_not_written_over_a_plan(chaosday: Chaosday, plan: Path) -> None:
    before = plan.read_text()

    assert "is there already" in told(chaosday("init", plan.name), code=2)
    assert plan.read_text() == before


def test_invalid_plan_is_told_with_line_field_value_and_way_out(
    chaosday: Chaosday, plan: Path
) -> None:
    plan.write_text(plan.read_text().replace("environment: test", "environment: tset"))

    message = told(chaosday("check", plan.name), code=2)

    line = next(line for line in message.splitlines() if "environment" in line)
    assert "day.yaml: line " in line
    assert "tset" in line
    assert "test" in line.split(";")[-1]


def test_plan_that_is_not_there_is_told(chaosday: Chaosday) -> None:
    assert "chaosday init" in told(chaosday("conduct", "nowhere.yaml"), code=2)


def test_experiment_outside_the_blast_radius_is_told_beforehand(
    chaosday: Chaosday, plan: Path
) -> None:
    text = plan.read_text().replace("configuration: {namespace: shop}",
                                    "configuration: {namespace: bank}")  # fmt: skip
    plan.write_text(text)

    assert "bank, outside the blast radius" in told(chaosday("check", plan.name), code=2)


def test_unknown_experiment_is_told_with_those_that_are_known(chaosday: Chaosday) -> None:
    message = told(chaosday("run", "no-such-thing"), code=3)

    assert "pod-killed" in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title: [", "line"),
        ("title: only a title\n", "description"),
        ("just: {a: text", "line"),
        ("", "broken.yaml"),
    ],
)
def test_broken_experiment_file_is_told(
    chaosday: Chaosday, tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "broken.yaml").write_text(text)

    message = told(chaosday("run", "broken.yaml"), code=2)

    assert "broken.yaml" in message
    assert says in message


def test_missing_cluster_is_told(chaosday: Chaosday, tmp_path: Path) -> None:
    (tmp_path / "scale.json").write_text(json.dumps(SCALE))
    (tmp_path / "kubeconfig").write_text(kubeconfig("http://127.0.0.1:9"))

    called = chaosday("run", "scale.json", KUBECONFIG=str(tmp_path / "kubeconfig"))

    assert "chaosday practice" in told(called, code=12) + called.stdout


@pytest.mark.parametrize("text", [None, "kind: [", "apiVersion: v1\nkind: Config\n", "\x00\x01"])
def test_unreadable_kubeconfig_is_told(
    chaosday: Chaosday, tmp_path: Path, text: str | None
) -> None:
    (tmp_path / "scale.json").write_text(json.dumps(SCALE))
    path = tmp_path / "my-kubeconfig"
    if text is not None:
        path.write_text(text)

    called = chaosday("run", "scale.json", KUBECONFIG=str(path))

    assert "my-kubeconfig" in told(called, code=12) + called.stdout


@pytest.mark.parametrize("command", ["serve", "practice"])
def test_occupied_port_is_told(chaosday: Chaosday, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        message = told(chaosday(command, "--port", str(port)), code=6)

    assert f"port {port}" in message
    assert "occupied" in message


def test_database_that_cannot_be_used_is_told(chaosday: Chaosday, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("no folder")

    called = chaosday(
        "debrief", "--direct",
        CHAOSDAY_STORAGE_URL=f"sqlite+aiosqlite:///{tmp_path}/taken/chaosday.db",
    )  # fmt: skip

    assert "CHAOSDAY_STORAGE_URL" in told(called, code=6)


def test_service_that_does_not_answer_is_told(chaosday: Chaosday) -> None:
    called = chaosday("log", "saw", "checkout answers 503", "--url", "http://127.0.0.1:9")

    assert "chaosday serve" in told(called, code=6)


def test_value_that_is_no_setting_is_told_by_its_variable(chaosday: Chaosday) -> None:
    called = chaosday("debrief", "--direct", CHAOSDAY_PACE_LEASE="soon")

    assert "CHAOSDAY_PACE_LEASE" in told(called, code=2)


def kubeconfig(server: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": server}}],
            "users": [{"name": "here", "user": {}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
        }
    )
