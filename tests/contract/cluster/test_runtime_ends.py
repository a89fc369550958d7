"""How containers end: by themselves, by signals, for want of memory; and what comes after."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.cluster.asking import JSON_PATCH, Object, eventually
from tests.contract.cluster.running import (
    PATIENCE,
    SLOW_PATIENCE,
    Running,
)

pytestmark = [pytest.mark.needs_runtime, pytest.mark.slow]

HOLD = {"finalizers": ["example.com/hold"]}


def ended_while_deleted(running: Running, **options: Any) -> Object:
    """How the container of a pod ends that a finalizer keeps to be looked at."""
    running.delete(**options)
    try:
        return running.until_ended()
    finally:
        remove = [{"op": "remove", "path": "/metadata/finalizers"}]
        running.cluster.send("PATCH", running.cluster.path("pods", "one"), remove, kind=JSON_PATCH)


def moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp).astimezone(UTC)


def test_exit_code_is_told_and_the_pod_has_failed(running: Running) -> None:
    running.start("one", "sh", "-c", "exit 3", restartPolicy="Never")

    end = running.until_ended()

    assert (end["exitCode"], end["reason"]) == (3, "Error")
    assert moment(end["startedAt"]) <= moment(end["finishedAt"])
    eventually(lambda: running.status()["phase"] == "Failed")
    assert running.container()["restartCount"] == 0


def test_pod_whose_container_completes_has_succeeded(running: Running) -> None:
    running.start("one", "true", restartPolicy="OnFailure")

    end = running.until_ended()

    assert (end["exitCode"], end["reason"]) == (0, "Completed")
    eventually(lambda: running.status()["phase"] == "Succeeded")
    ready = [item for item in running.status()["conditions"] if item["type"] == "Ready"]
    assert [(item["status"], item["reason"]) for item in ready] == [("False", "PodCompleted")]


def test_container_that_fails_is_restarted_on_failure(running: Running) -> None:
    running.start("one", "false", restartPolicy="OnFailure")

    status = running.until(lambda found: found["restartCount"] >= 1)

    assert status["lastState"]["terminated"]["exitCode"] == 1


def test_container_that_completes_is_restarted_always(running: Running) -> None:
    running.start("one", "true")

    status = running.until(lambda found: found["restartCount"] >= 1)

    assert status["lastState"]["terminated"]["reason"] == "Completed"


def test_container_that_keeps_failing_waits_longer(running: Running) -> None:
    pod = running.start("one", "false")

    waiting = running.waits_for("CrashLoopBackOff")

    namespace, uid = pod["metadata"]["namespace"], pod["metadata"]["uid"]
    assert waiting["message"] == (
        f"back-off 10s restarting failed container=main pod=one_{namespace}({uid})"
    )
    assert running.event("BackOff") == (
        f"Back-off restarting failed container main in pod one_{namespace}({uid})"
    )
    assert running.status()["phase"] == "Running"


def test_command_that_is_not_in_the_image_cannot_start(running: Running) -> None:
    running.start("one", "no-such-command", restartPolicy="Never")

    end = running.until_ended()

    assert (end["exitCode"], end["reason"]) == (128, "StartError")
    assert 'exec: "no-such-command": executable file not found in $PATH' in end["message"]


def test_server_that_minds_the_signal_ends_before_the_grace_period(running: Running) -> None:
    running.start(metadata=HOLD, terminationGracePeriodSeconds=30)
    running.until_ready()
    began = time.monotonic()

    end = ended_while_deleted(running)

    assert time.monotonic() - began < 20
    assert end["exitCode"] in (0, 143)


def test_container_that_ignores_the_signal_is_killed_after_the_grace_period(
    running: Running,
) -> None:
    running.start("one", "sleep", "infinity", metadata=HOLD, terminationGracePeriodSeconds=3)
    running.until_ready()
    began = time.monotonic()

    end = ended_while_deleted(running)

    assert (end["exitCode"], end["reason"]) == (137, "Error")
    assert time.monotonic() - began >= 2


def test_grace_period_of_the_deletion_wins(running: Running) -> None:
    running.start("one", "sleep", "infinity", metadata=HOLD, terminationGracePeriodSeconds=300)
    running.until_ready()

    end = ended_while_deleted(running, gracePeriodSeconds=1)

    assert end["exitCode"] == 137


def test_pod_that_is_deleted_says_that_it_is_stopped(running: Running) -> None:
    running.start()
    running.until_ready()

    running.delete()

    assert running.event("Killing") == "Stopping container main"
    eventually(running.is_gone, PATIENCE)


def test_pod_deleted_by_force_is_gone_at_once(running: Running) -> None:
    running.start("one", "sleep", "infinity", terminationGracePeriodSeconds=300)
    running.until_ready()

    assert running.delete(gracePeriodSeconds=0).code == 200

    assert running.is_gone()


def test_deleted_pod_of_a_deployment_is_replaced(running: Running) -> None:
    container = {"name": "main", "image": running.image}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    running.cluster.create("apps/v1/deployments", {"metadata": {"name": "web"}, "spec": spec})

    def available() -> bool:
        status = running.cluster.get("apps/v1/deployments", "web")["status"]
        return bool(status.get("availableReplicas") == 3)

    eventually(available, PATIENCE)
    first = running.cluster.names("pods")
    running.delete(first[0])

    eventually(lambda: len(set(running.cluster.names("pods")) - set(first)) == 1, PATIENCE)
    eventually(lambda: first[0] not in running.cluster.names("pods") and available(), PATIENCE)


def test_pod_ends_when_its_time_is_over(running: Running) -> None:
    running.start("one", "sleep", "infinity", activeDeadlineSeconds=2)

    eventually(lambda: running.status().get("phase") == "Failed", SLOW_PATIENCE)

    assert running.status()["reason"] == "DeadlineExceeded"


def test_pre_stop_hook_is_waited_for(running: Running) -> None:
    lifecycle = {"preStop": {"sleep": {"seconds": 3}}}
    running.start(
        container={"lifecycle": lifecycle}, metadata=HOLD, terminationGracePeriodSeconds=30
    )
    running.until_ready()
    began = time.monotonic()

    ended_while_deleted(running)

    assert time.monotonic() - began >= 2


def test_pre_stop_command_runs_before_the_signal(running: Running) -> None:
    # The first process's own output is the container's log.
    farewell = ["echo-to", "/proc/1/fd/1", "farewell"]
    running.start(container={"lifecycle": {"preStop": {"exec": {"command": farewell}}}})
    running.until_ready()

    with running.kubectl.started("logs", "one", "--follow") as following:
        assert following.stdout is not None
        # It follows by now, and ends with the container.
        assert following.stdout.readline()
        running.delete()
        *_, last_but_one, last = following.stdout

    assert last_but_one == "farewell\n"
    assert "stop" in last


def test_container_that_takes_too_much_memory_is_killed(running: Running) -> None:
    limits = {"limits": {"memory": "64Mi"}}
    running.start("one", "hog", "200", container={"resources": limits}, restartPolicy="Never")

    end = running.until_ended()

    assert (end["exitCode"], end["reason"]) == (137, "OOMKilled")


def test_container_within_its_memory_lives(running: Running) -> None:
    limits = {"limits": {"memory": "128Mi"}}
    running.start("one", "hog", "40", container={"resources": limits})

    assert "took 40 MiB" in running.until_logged("took")
    assert running.container()["restartCount"] == 0


def test_last_words_are_kept_in_the_status(running: Running) -> None:
    words = "echo-to /dev/termination-log 'out of paper' && exit 4"
    running.start("one", "sh", "-c", words, restartPolicy="Never")

    end = running.until_ended()

    assert (end["exitCode"], end["message"].strip()) == (4, "out of paper")


def test_last_lines_of_the_log_are_the_last_words_where_asked(running: Running) -> None:
    fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    env = [{"name": "FAIL", "value": "start"}]
    running.start(container={**fallback, "env": env}, restartPolicy="Never")

    end = running.until_ended()

    assert end["exitCode"] == 1
    assert "FAIL=start" in end["message"]
