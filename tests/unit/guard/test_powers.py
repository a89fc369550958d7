"""Whatever an object lets its pods do beyond running an image is seen."""

from typing import Any

import pytest

from orchestrator.guard.powers import asked_for, powers_of

Spec = dict[str, Any]


def of_container(**fields: Any) -> Spec:
    return {"containers": [{"name": "one", **fields}]}


def of_context(**fields: Any) -> Spec:
    return {"securityContext": fields}


POWERS: list[tuple[Spec, str]] = [
    ({"nodeName": "one"}, "the node one"),
    ({"hostNetwork": True}, "hostNetwork"),
    ({"hostPID": True}, "hostPID"),
    ({"hostIPC": True}, "hostIPC"),
    ({"serviceAccountName": "admin"}, "the service account admin"),
    ({"runtimeClassName": "bare"}, "the runtime class bare"),
    ({"resourceClaims": [{"name": "gpu"}]}, "the resource claim"),
    (of_context(sysctls=[{"name": "net.x", "value": "1"}]), "the sysctl net.x=1"),
    (of_context(windowsOptions={"hostProcess": True}), "windowsOptions.hostProcess"),
    (of_context(windowsOptions={"gmsaCredentialSpec": "x"}), "windowsOptions.gmsaCredentialSpec"),
    (
        of_context(windowsOptions={"gmsaCredentialSpecName": "x"}),
        "windowsOptions.gmsaCredentialSpecName",
    ),
    (of_context(seccompProfile={"type": "Unconfined"}), "seccompProfile Unconfined"),
    (of_context(appArmorProfile={"type": "Unconfined"}), "appArmorProfile Unconfined"),
    (of_context(seLinuxOptions={"level": "x"}), "seLinuxOptions"),
    ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "the hostPath of volume v"),
    ({"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}, "the secret of volume v"),
    (
        {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}]}}]},
        "the secret of volume v",
    ),
    (of_container(securityContext={"privileged": True}), "privileged"),
    (of_container(securityContext={"allowPrivilegeEscalation": True}), "allowPrivilegeEscalation"),
    (of_container(securityContext={"procMount": "Unmasked"}), "procMount"),
    (of_container(securityContext={"capabilities": {"add": ["NET_ADMIN"]}}), "NET_ADMIN"),
    (of_container(securityContext={"seccompProfile": {"type": "Unconfined"}}), "seccompProfile"),
    (of_container(ports=[{"hostPort": 80}]), "the port 80 of its node"),
    (of_container(envFrom=[{"secretRef": {"name": "s"}}]), "the secret s"),
    (of_container(env=[{"valueFrom": {"secretKeyRef": {"name": "s"}}}]), "the secret s"),
    ({"initContainers": [{"securityContext": {"privileged": True}}]}, "privileged"),
    ({"ephemeralContainers": [{"securityContext": {"privileged": True}}]}, "privileged"),
]


@pytest.mark.parametrize(("spec", "said"), POWERS)
def test_a_power_is_named_of_a_pod_and_of_a_template_alike(spec: Spec, said: str) -> None:
    (of_pod,) = powers_of("pods", {"spec": spec})
    (of_template,) = powers_of("deployments", {"spec": {"template": {"spec": spec}}})

    assert said in of_pod
    assert of_pod == of_template


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"serviceAccountName": "default"},
        of_context(seccompProfile={"type": "RuntimeDefault"}, runAsUser=1),
        of_container(securityContext={"privileged": False, "capabilities": {"drop": ["ALL"]}}),
        of_container(ports=[{"containerPort": 80}], env=[{"name": "a", "value": "b"}]),
        of_container(envFrom=[{"configMapRef": {"name": "x"}}]),
        {
            "volumes": [
                {"name": "a", "emptyDir": {}, "hostPath": None},
                {"name": "b", "configMap": {"name": "x"}},
                {"name": "c", "downwardAPI": {}},
                {"name": "d", "image": {"reference": "x"}},
                {"name": "e", "projected": {"sources": [{"serviceAccountToken": {}}]}},
            ]
        },
    ],
)
def test_what_any_pod_may_do_is_no_power(spec: Spec) -> None:
    assert not powers_of("pods", {"spec": spec})
    assert not powers_of("deployments", {"spec": {"template": {"spec": spec}}})


FILLED_IN: list[tuple[Spec, str]] = [
    ({"tolerations": [{"operator": "Exists"}]}, "any key:any effect"),
    (
        {"tolerations": [{"key": "dedicated", "effect": "NoExecute"}]},
        "dedicated:NoExecute",
    ),
    (
        {"tolerations": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]},
        "not-ready:NoSchedule",
    ),
    ({"priorityClassName": "first"}, "priorityClassName first"),
    ({"priority": 1000}, "priority 1000"),
    ({"imagePullSecrets": [{"name": "registry"}]}, "the secret registry"),
]


@pytest.mark.parametrize(("spec", "said"), FILLED_IN)
def test_what_admission_fills_in_counts_where_a_request_asks_for_it(spec: Spec, said: str) -> None:
    (asked,) = asked_for("pods", {"spec": spec})
    (of_template,) = powers_of("deployments", {"spec": {"template": {"spec": spec}}})

    assert said in asked
    assert asked == of_template
    assert not powers_of("pods", {"spec": spec})
    assert not asked_for("deployments", {"spec": spec})


@pytest.mark.parametrize(
    "toleration",
    [
        {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"},
        {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"},
        {"key": "dedicated", "effect": "PreferNoSchedule"},
    ],
)
def test_a_toleration_that_leads_to_no_other_node_is_no_power(toleration: Spec) -> None:
    assert not asked_for("pods", {"spec": {"tolerations": [toleration]}})


def test_a_pod_without_a_specification_asks_for_nothing() -> None:
    assert not asked_for("pods", {})


@pytest.mark.parametrize(
    ("spec", "is_power"),
    [
        ({}, False),
        ({"type": "ClusterIP"}, False),
        ({"type": "NodePort"}, True),
        ({"type": "LoadBalancer"}, True),
        ({"type": "ClusterIP", "externalIPs": ["192.0.2.1"]}, True),
    ],
)
def test_a_service_that_is_reached_from_outside_has_a_power(spec: Spec, is_power: bool) -> None:
    assert bool(powers_of("services", {"spec": spec})) is is_power


def test_an_ingress_has_the_secrets_of_its_hosts() -> None:
    tls = [{"hosts": ["a"]}, {"hosts": ["b"], "secretName": "certificate"}]

    assert powers_of("ingresses", {"spec": {"tls": tls}}) == {"the secret certificate"}
