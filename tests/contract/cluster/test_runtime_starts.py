"""Whether a container starts: images, configuration, volumes, and the containers before it."""

import pytest

from tests.contract.cluster.asking import eventually
from tests.contract.cluster.running import PATIENCE, Running

pytestmark = [pytest.mark.needs_runtime, pytest.mark.slow]

ABSENT = "registry.practice/shop/no-such-image:1"


def test_image_that_cannot_be_pulled_is_tried_ever_more_rarely(running: Running) -> None:
    running.start(container={"image": ABSENT})

    waiting = running.waits_for("ImagePullBackOff")

    assert waiting["message"].startswith(f'Back-off pulling image "{ABSENT}"')
    assert running.event("Pulling") == f'Pulling image "{ABSENT}"'
    assert running.event("BackOff") == f'Back-off pulling image "{ABSENT}"'
    assert running.status()["phase"] == "Pending"


def test_failed_pull_is_told_by_an_event(running: Running) -> None:
    running.start(container={"image": ABSENT})

    assert running.event("Failed").startswith(f'Failed to pull image "{ABSENT}": ')


def test_image_that_may_not_be_pulled_has_to_be_there(running: Running) -> None:
    running.start(container={"image": ABSENT, "imagePullPolicy": "Never"})

    waiting = running.waits_for("ErrImageNeverPull")

    assert waiting["message"] == (
        f'Container image "{ABSENT}" is not present with pull policy of Never'
    )


def test_image_with_an_impossible_name_is_refused(running: Running) -> None:
    running.start(container={"image": "Not/A/Name:"})

    waiting = running.waits_for("InvalidImageName")

    assert waiting["message"].startswith('Failed to apply default image tag "Not/A/Name:"')


def test_pod_runs_once_its_image_is_put_right(running: Running) -> None:
    running.start(container={"image": ABSENT})
    running.waits_for("ImagePullBackOff")

    running.kubectl("set", "image", "pod/one", f"main={running.image}")

    running.until_ready()


def test_missing_configuration_keeps_a_container_from_being_created(running: Running) -> None:
    reference = {"configMapKeyRef": {"name": "absent", "key": "x"}}
    running.start(container={"env": [{"name": "X", "valueFrom": reference}]})

    waiting = running.waits_for("CreateContainerConfigError")

    assert waiting["message"] == 'configmap "absent" not found'
    assert running.event("Failed") == 'Error: configmap "absent" not found'


def test_container_starts_once_its_configuration_is_there(running: Running) -> None:
    reference = {"configMapKeyRef": {"name": "late", "key": "x"}}
    running.start(container={"env": [{"name": "X", "valueFrom": reference}]})
    running.waits_for("CreateContainerConfigError")

    running.cluster.create("configmaps", {"metadata": {"name": "late"}, "data": {"x": "1"}})

    running.until_ready()


def test_missing_key_is_told_by_name(running: Running) -> None:
    running.cluster.create("secrets", {"metadata": {"name": "known"}, "stringData": {"a": "1"}})
    reference = {"secretKeyRef": {"name": "known", "key": "b"}}
    running.start(container={"env": [{"name": "X", "valueFrom": reference}]})

    waiting = running.waits_for("CreateContainerConfigError")

    namespace = running.cluster.namespace
    assert waiting["message"] == f"couldn't find key b in Secret {namespace}/known"


def test_missing_volume_keeps_a_container_from_being_created(running: Running) -> None:
    volume = {"name": "settings", "configMap": {"name": "absent"}}
    mount = {"name": "settings", "mountPath": "/settings"}
    running.start(container={"volumeMounts": [mount]}, volumes=[volume])

    message = running.event("FailedMount")

    assert (
        message == 'MountVolume.SetUp failed for volume "settings" : configmap "absent" not found'
    )
    assert running.waits_for("ContainerCreating") == {"reason": "ContainerCreating"}


def test_containers_before_the_others_run_one_after_the_other(running: Running) -> None:
    first = {"name": "first", "image": running.image, "command": ["true"]}
    second = {"name": "second", "image": running.image, "command": ["true"]}
    running.start(initContainers=[first, second])

    running.until_ready()

    statuses = running.status()["initContainerStatuses"]
    assert [item["name"] for item in statuses] == ["first", "second"]
    assert [item["state"]["terminated"]["exitCode"] for item in statuses] == [0, 0]
    assert all(item["ready"] for item in statuses)


def test_pod_waits_for_its_init_containers(running: Running) -> None:
    first = {"name": "first", "image": running.image, "command": ["sleep", "infinity"]}
    running.start(initContainers=[first])

    waiting = running.waits_for("PodInitializing")

    assert waiting == {"reason": "PodInitializing"}
    assert running.status()["phase"] == "Pending"
    conditions = {item["type"]: item for item in running.status()["conditions"]}
    assert conditions["Initialized"]["status"] == "False"
    assert conditions["Initialized"]["reason"] == "ContainersNotInitialized"


def test_init_container_that_fails_ends_a_pod_that_is_not_restarted(running: Running) -> None:
    first = {"name": "first", "image": running.image, "command": ["sh", "-c", "exit 5"]}
    running.start(initContainers=[first], restartPolicy="Never")

    eventually(lambda: running.status().get("phase") == "Failed", PATIENCE)

    end = running.container(of="initContainerStatuses")["state"]["terminated"]
    assert end["exitCode"] == 5


def test_init_container_that_goes_on_stays_beside_the_others(running: Running) -> None:
    aside = {"name": "aside", "image": running.image, "restartPolicy": "Always"}
    env = [{"name": "PORT", "value": "8081"}]
    running.start(initContainers=[{**aside, "env": env}])

    running.until_ready()

    status = running.container(of="initContainerStatuses")
    assert status["started"] is True
    assert "running" in status["state"]


def test_files_of_a_configuration_are_seen_in_the_container(running: Running) -> None:
    running.cluster.create("configmaps", {"metadata": {"name": "settings"}, "data": {"a": "one"}})
    volume = {"name": "settings", "configMap": {"name": "settings"}}
    mount = {"name": "settings", "mountPath": "/settings"}
    running.start(container={"volumeMounts": [mount]}, volumes=[volume])
    running.until_ready()

    assert running.kubectl("exec", "one", "--", "cat", "/settings/a") == "one"


def test_container_knows_its_pod(running: Running) -> None:
    fields = {"POD": "metadata.name", "ADDRESS": "status.podIP", "NODE": "spec.nodeName"}
    env = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in fields.items()
    ]
    running.start(container={"env": env})
    running.until_ready()

    known = running.kubectl("exec", "one", "--", "env").splitlines()

    assert "POD=one" in known
    assert f"ADDRESS={running.status()['podIP']}" in known
    assert f"NODE={running.cluster.get('pods', 'one')['spec']['nodeName']}" in known
