"""The printed roles hold what a plan's runs need, namespaced where that is possible."""

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.domain.abort import KubernetesCondition
from orchestrator.domain.plan import AbortCondition, Plan
from orchestrator.domain.verbs import WriteVerb
from orchestrator.guard.excess import samples_beyond
from orchestrator.guard.permissions import (
    Permission,
    needed_for,
    roles_for,
)
from tests.builders import a_plan, a_radius

SUBJECT = {"kind": "User", "name": "guard"}


def planned(*kinds: str, **changes: Any) -> Plan:
    return a_plan(blast_radius=a_radius(kinds=frozenset(kinds), **changes))


def verbs(plan: Plan, resource: str, namespace: str = "shop") -> set[str]:
    return {
        each.verb
        for each in needed_for(plan)
        if (each.resource, each.namespace) == (resource, namespace)
    }


def test_only_kinds_of_the_plan_may_be_written() -> None:
    writing = {"create", "update", "patch", "delete"}

    assert verbs(planned("deployments"), "deployments") >= writing
    assert verbs(planned("deployments"), "deployments/scale") == {"get", "update", "patch"}
    assert not verbs(planned("deployments"), "pods") & writing
    assert verbs(planned("pods"), "pods") >= writing
    assert verbs(planned("pods"), "pods/eviction") == {"create"}
    assert verbs(planned("configmaps", creates=frozenset({"ingresses"})), "ingresses") >= writing


@pytest.mark.parametrize(
    ("kind", "verb", "needed"),
    [
        ("deployments", WriteVerb.SCALE, "patch update"),
        ("deployments", WriteVerb.CHANGE, "patch update"),
        ("deployments", WriteVerb.DELETE, "create delete patch"),
        ("configmaps", WriteVerb.CREATE, "create delete patch"),
        ("pods", WriteVerb.EVICT, "create patch"),
        ("pods", WriteVerb.EXEC, ""),
    ],
)
def test_a_verb_needs_what_does_and_undoes_it(kind: str, verb: WriteVerb, needed: str) -> None:
    plan = planned(kind, verbs={kind: frozenset({verb})}, irreversible=frozenset({"exec"}))

    assert " ".join(sorted(verbs(plan, kind) - {"get", "list", "watch"})) == needed


def test_parts_of_objects_are_granted_for_what_is_done_by_them() -> None:
    def parts(kind: str, *listed: WriteVerb) -> set[str]:
        limits = {"verbs": {kind: frozenset(listed)}, "irreversible": frozenset({"exec"})}
        needed = needed_for(planned(kind, **limits))
        return {each.resource for each in needed if "/" in each.resource} - {"pods/log"}

    assert parts("deployments", WriteVerb.SCALE) == {"deployments/scale"}
    assert not parts("deployments", WriteVerb.CHANGE, WriteVerb.CREATE, WriteVerb.DELETE)
    assert parts("pods", WriteVerb.CHANGE) == {"pods/resize"}
    assert parts("pods", WriteVerb.EVICT, WriteVerb.EXEC) == {"pods/eviction", "pods/exec"}
    assert not parts("pods", WriteVerb.DELETE)


def test_nothing_is_needed_in_the_whole_cluster_unless_nodes_are_touched() -> None:
    assert not [each for each in needed_for(planned("pods")) if not each.namespace]
    assert verbs(planned("nodes"), "nodes", "") == {"get", "list", "watch", "update", "patch"}
    assert verbs(planned("nodes"), "pods", "") == {"list"}


def test_what_expands_a_write_may_be_read() -> None:
    assert verbs(planned("pods"), "replicationcontrollers") == {"list"}
    assert verbs(planned("statefulsets"), "persistentvolumeclaims") == {"list"}
    assert not verbs(planned("pods"), "persistentvolumeclaims")
    assert verbs(planned("ingresses"), "ingressclasses", "") == {"get"}


def test_policies_are_read_where_labels_are_limits() -> None:
    assert verbs(planned("pods", selectors={"part-of": "shop"}), "networkpolicies") == {"list"}
    assert not verbs(planned("pods", selectors={}), "networkpolicies")


def test_commands_and_secrets_are_granted_only_where_the_plan_says_so() -> None:
    careful, bold = (
        planned("pods"),
        planned("pods", irreversible=frozenset({"exec"}), reads_secrets=True),
    )

    assert not verbs(careful, "pods/exec") | verbs(careful, "secrets")
    assert verbs(bold, "pods/exec") == {"get", "create"}
    assert verbs(bold, "secrets") == {"get", "list", "watch"}
    beyond = {(each.resource, each.namespace) for each in samples_beyond(careful)}
    assert {("pods/exec", "shop"), ("secrets", "shop")} <= beyond
    assert not {("pods/exec", "shop"), ("secrets", "shop")} & {
        (each.resource, each.namespace) for each in samples_beyond(bold)
    }


def test_what_an_abort_condition_looks_at_may_be_read() -> None:
    measure = KubernetesCondition(kind="things.example.org", name="a", condition="Ready")
    condition = AbortCondition(out_for=timedelta(seconds=1), kubernetes=measure)

    plan = a_plan(abort_when=(condition,))

    thing = Permission(namespace="", group="example.org", resource="things", verb="get")
    assert thing in needed_for(plan)


def test_roles_grant_every_permission_once_where_it_is_needed() -> None:
    plan = planned("pods", "nodes", namespaces=frozenset({"shop", "warehouse"}))
    manifests = roles_for(needed_for(plan), subject=SUBJECT)

    granted = [
        Permission(
            namespace=each["metadata"].get("namespace", ""),
            group=rule["apiGroups"][0],
            resource=resource,
            verb=verb,
        )
        for each in manifests
        for rule in each.get("rules", [])
        for resource in rule["resources"]
        for verb in rule["verbs"]
    ]

    assert sorted(granted) == needed_for(plan)
    assert [(each["kind"], each["metadata"].get("namespace")) for each in manifests] == [
        ("ClusterRole", None),
        ("ClusterRoleBinding", None),
        ("Role", "kube-system"),
        ("RoleBinding", "kube-system"),
        ("Role", "shop"),
        ("RoleBinding", "shop"),
        ("Role", "warehouse"),
        ("RoleBinding", "warehouse"),
    ]
    assert all(each["subjects"] == [SUBJECT] for each in manifests if "subjects" in each)


def test_no_plan_needs_what_is_warned_of() -> None:
    for plan in (planned("pods", "deployments"), planned("nodes", "pods", "daemonsets")):
        assert not set(needed_for(plan)) & set(samples_beyond(plan))
