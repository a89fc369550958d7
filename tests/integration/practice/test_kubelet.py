"""What a kubelet does with pods that are not well, seen through the API."""

from datetime import timedelta
from typing import Any

from orchestrator.practice.nodes.client import Json, Patch
from orchestrator.practice.nodes.kubelet.kit import Pace
from tests.integration.practice.outside import SHOP, Outside, Started

IMAGE = "registry.practice/shop/cart:1.4"
QUICK = Pace(
    first_back_off=timedelta(milliseconds=100),
    longest_back_off=timedelta(milliseconds=400),
    until_image_back_off=timedelta(milliseconds=50),
    missing_reference_retry=timedelta(milliseconds=50),
    shortest_start=timedelta(milliseconds=1),
    longest_start=timedelta(milliseconds=5),
)


async def create(outside: Outside, name: str, **container: Any) -> None:
    """A pod of one container that no deployment looks after."""
    spec = {"containers": [{"name": "main", "image": IMAGE, **container}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    await outside.api.create(f"{SHOP}/pods", pod)


async def container_status(outside: Outside, name: str) -> Json:
    """The status of the pod's only container; empty while there is none."""
    pod = await outside.api.get(f"{SHOP}/pods/{name}")
    statuses = pod["status"].get("containerStatuses") or [{}]
    return dict(statuses[0])


async def until_waiting(outside: Outside, name: str, reason: str) -> Json:
    """Wait till the container waits for that reason, and give its status."""
    status: Json = {}

    async def waits() -> bool:
        nonlocal status
        status = await container_status(outside, name)
        waiting = (status.get("state") or {}).get("waiting") or {}
        return bool(waiting.get("reason") == reason)

    await outside.eventually(waits)
    return status


async def delete(outside: Outside, name: str) -> None:
    """Ask for the end of a pod."""
    pod = await outside.api.get(f"{SHOP}/pods/{name}")
    await outside.api.delete(f"{SHOP}/pods/{name}", uid=pod["metadata"]["uid"])


async def reasons(outside: Outside, pod: str) -> set[str]:
    """The reasons of all events about a pod."""
    found = await outside.api.get(
        f"{SHOP}/events", fieldSelector=f"involvedObject.name={pod},involvedObject.kind=Pod"
    )
    return {event["reason"] for event in found["items"]}


async def until_told(outside: Outside, pod: str, *wanted: str) -> None:
    """Wait till events with these reasons were written about a pod."""

    async def told() -> bool:
        return set(wanted) <= await reasons(outside, pod)

    await outside.eventually(told)


async def until_restarted(outside: Outside, name: str, times: int) -> Json:
    """Wait till the container was restarted so often, and give its status."""
    status: Json = {}

    async def restarted() -> bool:
        nonlocal status
        status = await container_status(outside, name)
        return int(status.get("restartCount") or 0) >= times

    await outside.eventually(restarted)
    return status


async def test_crashing_container_is_restarted_with_back_off(started: Started) -> None:
    async with started(pace=QUICK) as outside:
        await create(outside, "crash", command=["sh", "-c", "exit 3"])

        status = await until_waiting(outside, "crash", "CrashLoopBackOff")
        assert status["lastState"]["terminated"]["exitCode"] == 3
        assert status["lastState"]["terminated"]["reason"] == "Error"
        await until_restarted(outside, "crash", 3)
        await until_told(outside, "crash", "Scheduled", "Pulled", "Created", "Started", "BackOff")


async def test_program_told_to_fail_crashes(started: Started) -> None:
    async with started(pace=QUICK) as outside:
        await create(outside, "failing", env=[{"name": "FAIL", "value": "start"}])

        status = await until_waiting(outside, "failing", "CrashLoopBackOff")

    assert status["lastState"]["terminated"]["exitCode"] == 1


async def test_unknown_executable_is_a_start_error(started: Started) -> None:
    async with started(pace=QUICK) as outside:
        await create(outside, "odd", command=["/opt/odd"])

        status = await until_waiting(outside, "odd", "CrashLoopBackOff")

    assert status["lastState"]["terminated"]["reason"] == "StartError"
    assert status["lastState"]["terminated"]["exitCode"] == 128
    assert (
        'exec: "/opt/odd": stat /opt/odd: no such file or directory'
        in (status["lastState"]["terminated"]["message"])
    )


async def test_unknown_image_is_backed_off_from(started: Started) -> None:
    async with started(pace=QUICK) as outside:
        await create(outside, "unknown", image="elsewhere.example/thing:1")

        status = await until_waiting(outside, "unknown", "ImagePullBackOff")
        await until_told(outside, "unknown", "Pulling", "Failed", "BackOff")

    assert "lookup elsewhere.example: no such host" in status["state"]["waiting"]["message"]


async def test_new_version_is_pulled_before_it_runs(started: Started) -> None:
    async with started(pace=QUICK) as outside:
        await create(outside, "new", image="registry.practice/shop/cart:1.6")

        await until_told(outside, "new", "Pulling", "Pulled", "Started")


async def test_missing_config_map_is_waited_for(started: Started) -> None:
    reference = {"configMapKeyRef": {"name": "settings", "key": "fail"}}
    async with started(pace=QUICK) as outside:
        await create(outside, "waiting", env=[{"name": "FAIL", "valueFrom": reference}])
        status = await until_waiting(outside, "waiting", "CreateContainerConfigError")
        assert status["state"]["waiting"]["message"] == 'configmap "settings" not found'

        await outside.api.create(
            f"{SHOP}/configmaps",
            {"metadata": {"name": "settings"}, "data": {"fail": "start"}},
        )

        status = await until_restarted(outside, "waiting", 1)

    assert status["lastState"]["terminated"]["exitCode"] == 1


async def test_missing_secret_is_named(started: Started) -> None:
    async with started(pace=QUICK) as outside:
        await create(outside, "secretive", envFrom=[{"secretRef": {"name": "keys"}}])

        status = await until_waiting(outside, "secretive", "CreateContainerConfigError")

    assert status["state"]["waiting"]["message"] == 'secret "keys" not found'


async def test_failing_readiness_keeps_a_running_pod_out_of_service(started: Started) -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    async with started(pace=QUICK) as outside:
        await create(
            outside,
            "unready",
            env=[{"name": "FAIL", "value": "health"}],
            readinessProbe=probe,
        )

        await until_told(outside, "unready", "Started", "Unhealthy")
        status = await container_status(outside, "unready")

    assert "running" in status["state"]
    assert status["ready"] is False
    assert status["started"] is True


async def test_failing_liveness_restarts_the_container(started: Started) -> None:
    probe = {
        "httpGet": {"path": "/healthz", "port": 8080},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    async with started(pace=QUICK) as outside:
        await create(
            outside, "dying", env=[{"name": "FAIL", "value": "health"}], livenessProbe=probe
        )

        status = await until_restarted(outside, "dying", 1)
        await until_told(outside, "dying", "Unhealthy", "Killing")

    assert status["lastState"]["terminated"]["exitCode"] == 143


async def test_stop_of_a_deleted_pod_is_told(started: Started) -> None:
    async with started(pace=QUICK) as outside:
        pod, *_ = await outside.pods("cart")
        name = pod["metadata"]["name"]

        await outside.api.delete(f"{SHOP}/pods/{name}", uid=pod["metadata"]["uid"])

        await until_told(outside, name, "Killing")


async def test_hook_that_fails_after_the_start_ends_the_container(started: Started) -> None:
    hook = {"postStart": {"exec": {"command": ["false"]}}}
    async with started(pace=QUICK) as outside:
        await create(outside, "hooked", lifecycle=hook)

        await until_restarted(outside, "hooked", 1)

        await until_told(outside, "hooked", "FailedPostStartHook", "Killing")


async def test_hook_before_the_end_that_fails_is_told_and_holds_up_nobody(
    started: Started,
) -> None:
    hook = {"preStop": {"httpGet": {"path": "/nothing", "port": 9}}}
    async with started(pace=QUICK) as outside:
        await create(outside, "hooked", lifecycle=hook)
        await outside.eventually(lambda: is_ready(outside, "hooked"))
        await delete(outside, "hooked")

        await until_told(outside, "hooked", "Killing", "FailedPreStopHook")


async def is_ready(outside: Outside, name: str) -> bool:
    """Whether the pod's container is ready."""
    return bool((await container_status(outside, name)).get("ready"))


async def test_another_image_restarts_a_container_at_once(started: Started) -> None:
    async with started(pace=QUICK) as outside:
        await create(outside, "renewed")
        await outside.eventually(lambda: is_ready(outside, "renewed"))

        image = {"name": "main", "image": "registry.practice/shop/cart:1.5"}
        body = {"spec": {"containers": [image]}}
        await outside.api.patch(f"{SHOP}/pods/renewed", body, Patch.STRATEGIC)

        status = await until_restarted(outside, "renewed", 1)
        await outside.eventually(lambda: is_ready(outside, "renewed"))
        assert status["lastState"]["terminated"]["exitCode"] == 143
        assert (await container_status(outside, "renewed"))["image"].endswith("cart:1.5")


async def test_pod_that_a_finalizer_keeps_is_not_started_again(started: Started) -> None:
    async with started(pace=QUICK) as outside:
        metadata = {"name": "kept", "finalizers": ["example.com/hold"]}
        spec = {"containers": [{"name": "main", "image": IMAGE}]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        await outside.api.create(f"{SHOP}/pods", pod)
        await outside.eventually(lambda: is_ready(outside, "kept"))
        await delete(outside, "kept")

        async def has_ended() -> bool:
            return "terminated" in (await container_status(outside, "kept")).get("state", {})

        await outside.eventually(has_ended)
        body = {"metadata": {"labels": {"looked": "at"}}}
        await outside.api.patch(f"{SHOP}/pods/kept", body)

        kept = await outside.api.get(f"{SHOP}/pods/kept")
        assert kept["status"]["phase"] == "Failed"
        assert kept["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 143
