"""What a pod takes with it when it goes, and what may be left of it."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.perishing import perishes

OWN = ("emptyDir", "configMap", "secret", "projected", "downwardAPI")
OTHERS = ("persistentVolumeClaim", "hostPath", "nfs", "csi", "ephemeral", "iscsi", "image", "new")


def a_pod(*, context: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    container = {"name": "app", "image": "app", "securityContext": context}
    return {"metadata": {"name": "cart-1"}, "spec": {"containers": [container], **spec}}


@pytest.mark.parametrize(
    "pod",
    [
        a_pod(),
        a_pod(volumes=[{"name": each, each: {}} for each in OWN]),
        a_pod(volumes=[{"name": "unnamed"}]),
        a_pod(hostNetwork=False, hostPID=None, resourceClaims=[]),
        a_pod(context={"privileged": False, "procMount": "Default"}),
        a_pod(context={"capabilities": {"add": ["NET_ADMIN", "CAP_NET_RAW"], "drop": ["ALL"]}}),
    ],
)
def test_what_was_done_in_a_plain_pod_is_gone_with_it(pod: Mapping[str, Any]) -> None:
    assert perishes(pod)


@pytest.mark.parametrize(
    "pod",
    [
        None,
        {},
        {"spec": None},
        {"spec": {"containers": []}},
        a_pod(hostNetwork=True),
        a_pod(hostPID=True),
        a_pod(hostIPC=True),
        a_pod(resourceClaims=[{"name": "gpu"}]),
        a_pod(volumes=[{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]),
        a_pod(context={"privileged": True}),
        a_pod(context={"procMount": "Unmasked"}),
        a_pod(context={"capabilities": {"add": ["SYS_ADMIN"]}}),
        a_pod(context={"capabilities": {"add": ["all"]}}),
        a_pod(context={"windowsOptions": {"hostProcess": True}}),
        a_pod(securityContext={"windowsOptions": {"hostProcess": True}}),
        a_pod(initContainers=[{"securityContext": {"privileged": True}}]),
        a_pod(ephemeralContainers=[{"securityContext": {"privileged": True}}]),
        a_pod(containers=[{"name": "app", "volumeDevices": [{"name": "disk"}]}]),
        {**a_pod(), "metadata": {"annotations": {"kubernetes.io/config.mirror": "a"}}},
    ],
)
def test_what_may_outlive_its_pod_is_not_taken_for_gone(pod: Mapping[str, Any] | None) -> None:
    assert not perishes(pod)


@given(
    own=st.lists(st.sampled_from(OWN)),
    other=st.sampled_from(OTHERS),
    place=st.integers(0, 5),
    content=st.sampled_from([{}, {"a": 1}, ""]),
)
def test_one_volume_that_is_not_known_to_go_is_enough(
    own: list[str], other: str, place: int, content: object
) -> None:
    volumes: list[dict[str, Any]] = [{"name": each, each: {}} for each in own]
    assert perishes(a_pod(volumes=volumes))

    volumes.insert(place, {"name": "x", other: content})

    assert not perishes(a_pod(volumes=volumes))
