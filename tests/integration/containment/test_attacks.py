"""A hostile experiment gets nothing where containment is on, and gets it all where it is off.

Every attack is tried both ways, so that none passes for a mistake of its own. The trials are run
as whoever runs the tests and, where that is root, also as an ordinary user.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tests.integration.containment.trial import MEASURE_AGAINST, ROOT, SECRET

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps a runner in")

USERS: Final = ["root", "ordinary"] if os.geteuid() == 0 else ["ourselves"]
ONLY_ROOT: Final = "be root"


@cache
def trial(how: str, user: str) -> dict[str, Any]:
    """What came of every attack."""
    command = [sys.executable, "-m", "tests.integration.containment.trial", how, user]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "OPERATORS_TOKEN": SECRET},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # What comes before are logs, such as that a runner is not wholly kept in.
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def skip_where_missing(how: str, user: str, attack: str) -> None:
    measure = MEASURE_AGAINST[attack]
    state = trial(how, user)["measures"][measure.value]
    if state == "off" or (state == "partly" and how == "on"):
        pytest.skip(f"{measure} is {state} on this machine for {user}")


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("attack", MEASURE_AGAINST)
def test_an_attack_fails_where_containment_is_on(attack: str, user: str) -> None:
    skip_where_missing("on", user, attack)

    assert trial("on", user)["outcomes"][attack]


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("attack", MEASURE_AGAINST)
def test_an_attack_fails_without_namespaces_where_landlock_is_on(attack: str, user: str) -> None:
    skip_where_missing("narrow", user, attack)

    assert trial("narrow", user)["outcomes"][attack]


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("attack", MEASURE_AGAINST)
def test_the_same_attack_comes_to_something_where_containment_is_off(
    attack: str, user: str
) -> None:
    found = trial("off", user)
    if attack == ONLY_ROOT and found["uid"] != 0:
        pytest.skip("whoever is not root is not root without containment either")
    if attack in {"trace the guard", "read the guard's memory"} and _yama() and found["uid"] != 0:
        pytest.skip("this machine lets nobody trace what is not a child")

    assert found["outcomes"][attack] == ""


def _yama() -> bool:
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    return scope.exists() and scope.read_text().strip() != "0"
