"""Keeps what became of each check, and lets a check say where the practice cluster differs.

`--outcomes FILE` writes them as JSON; later runs on the same cluster add to it. The table in the
documentation is made of such files, by `table.py`; this module draws nothing.
"""

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest
from kubernetes import client, config

PRACTICE: Final = "practice"
PASSES: Final = "passes"
FAILS: Final = "fails"
DIFFERS: Final = "known difference"
NOT_RUN: Final = "not run"
LACKING: Final = "not on practice nodes: "
"""So begins the reason of a check that is skipped because practice nodes lack what it asks for."""
MARKER: Final = "differs(practice=REASON): the practice cluster is known to answer otherwise"


@lru_cache(maxsize=1)
def asked() -> str:
    """The cluster that this run asks, as the table names it."""
    given = os.environ.get("CHAOSDAY_CONTRACT_KUBECONFIG")
    if not given:
        return PRACTICE
    api = config.new_client_from_config(given)  # type: ignore[no-untyped-call]
    with api:
        version: str = client.VersionApi(api).get_code().git_version
        core: Any = client.CoreV1Api(api)
        nodes = core.list_node().items
    if version.endswith(f"+{PRACTICE}"):
        return PRACTICE
    runtimes = [node.status.node_info.container_runtime_version for node in nodes]
    contained = any(runtime.startswith("containerd") for runtime in runtimes)
    return f"Kubernetes {version}" + (", containers" if contained else "")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says where outcomes go."""
    parser.addoption("--outcomes", type=Path, default=None, help="JSON file to add outcomes to")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect a declared difference, strictly, where it is declared for the cluster asked."""
    for item in items:
        marker = item.get_closest_marker("differs")
        if marker is not None and asked() == PRACTICE:
            reason = marker.kwargs[PRACTICE]
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError))


class Recorder:
    """Collects the outcome of every check in the process that reports."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of a check; a failure in its set-up or its end counts too."""
        if report.when == "call" or report.outcome != "passed":
            known = self.found.get(report.nodeid, {})
            if known.get("outcome") != FAILS:
                self.found[report.nodeid] = outcome_of(report)


def outcome_of(report: Any) -> dict[str, str]:
    """The outcome that a report tells, in the table's words."""
    if getattr(report, "wasxfail", None) is not None and report.outcome == "skipped":
        return {"outcome": DIFFERS, "reason": report.wasxfail.removeprefix("reason: ")}
    if report.outcome == "skipped":
        _, _, skipped = report.longrepr
        reason = skipped.removeprefix("Skipped: ")
        if reason.startswith(LACKING):
            return {"outcome": DIFFERS, "reason": reason.removeprefix(LACKING)}
        return {"outcome": NOT_RUN, "reason": reason}
    return {"outcome": PASSES if report.outcome == "passed" else FAILS}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Collect outcomes where they are reported: not in the workers of a parallel run."""
    if session.config.getoption("--outcomes", None) and not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(Recorder(), "outcomes")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Add what was found to the file."""
    recorder = session.config.pluginmanager.get_plugin("outcomes")
    if isinstance(recorder, Recorder):
        add(session.config.getoption("--outcomes"), asked(), recorder.found)


def add(path: Path, cluster: str, found: dict[str, dict[str, str]]) -> None:
    """Add outcomes to a file; those of another cluster are dropped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    kept = known.get("outcomes", {}) if known.get("cluster") == cluster else {}
    document = {"cluster": cluster, "outcomes": dict(sorted((kept | found).items()))}
    path.write_text(json.dumps(document, indent=1) + "\n")
