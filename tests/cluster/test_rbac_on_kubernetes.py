"""The printed roles let a whole run through on Kubernetes' own control plane, and no rule is idle.

Skipped where it is not compiled.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
import yaml
from kubernetes import client, config

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.planfile import PlanFile
from orchestrator.adapters.storage import Database, SqlStorage, SqlUndoJournal
from orchestrator.domain.cluster_identity import ClusterIdentity, identity_from
from orchestrator.domain.plan import Plan
from orchestrator.guard.permissions import NAME, Permission, needed_for
from orchestrator.guard.reviewing import Reviewed, review
from tests.cluster.starting import RealCluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.slow, pytest.mark.timeout(280)]

IMAGE = "registry.practice/shop/catalog:1.4"
PLAN = """\
version: 1
day: {name: A day with the least of rights}
environment: test
window: {zone: UTC, opens: 2026-01-01T00:00, closes: 2099-01-01T00:00}
people: [{name: Kim, role: facilitator}]
cluster: {kubeconfig: KUBECONFIG}
blast_radius:
  namespaces: [NAMESPACE]
  kinds: {deployments: [scale], pods: [delete]}
  most_objects: 4
approved_preview: required
abort_when:
  - kubernetes: {kind: deployments.apps, namespace: NAMESPACE, name: web, condition: Available}
    out_for: 30s
agenda:
  - {box: fewer, at: +1s, lasts: 2m, experiment: fewer.yaml}
"""
KINDS = ("Role", "RoleBinding")
EXPERIMENT = """\
title: One pod fewer
description: The rest carries on.
steady-state-hypothesis:
  title: Somebody is there
  probes:
    - name: replicas-wanted
      type: probe
      tolerance: {type: range, range: [1, 2]}
      provider:
        type: python
        module: experiments.probes.kubernetes
        func: replicas_wanted
        arguments: {name: web, namespace: NAMESPACE}
method:
  - name: scale-down
    type: action
    provider:
      type: python
      module: chaosk8s.deployment.actions
      func: scale_deployment
      arguments: {name: web, ns: NAMESPACE, replicas: 1}
    pauses: {after: 1}
  - name: kill-one-pod
    type: action
    provider:
      type: python
      module: chaosk8s.pod.actions
      func: terminate_pods
      arguments: {label_selector: app=web, ns: NAMESPACE, qty: 1, grace_period: 0}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A plan for a namespace of its own, with a workload in it, and the admin's way in."""

    namespace: str
    folder: Path
    admin: client.ApiClient
    apps: Any
    rights: Any

    @property
    def plan_file(self) -> Path:
        return self.folder / "plan.yaml"

    @property
    def plan(self) -> Plan:
        return PlanFile().read(self.plan_file.read_text(), source="plan.yaml")

    def roles(self) -> list[dict[str, Any]]:
        """The manifests that `chaosday rbac` prints for user `limited`."""
        done = self.chaosday("rbac", str(self.plan_file), "--user", "limited")
        assert done.returncode == 0, done.stdout
        return list(yaml.safe_load_all(done.stdout))

    def chaosday(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "orchestrator.cli", *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=200, check=False, cwd=self.folder,
            env={
                **os.environ,
                # A busy machine must not lose its runs: what is asked here is another question.
                "CHAOSDAY_PACE_LEASE": "20",
                "CHAOSDAY_STORAGE_URL": f"sqlite+aiosqlite:///{self.folder}/chaosday.db",
            },
        )  # fmt: skip

    def cluster_of_the_run(self) -> ClusterIdentity | None:
        """In which cluster the run noted that it was."""

        async def read() -> ClusterIdentity | None:
            async with Database(f"sqlite+aiosqlite:///{self.folder}/chaosday.db") as database:
                storage = SqlStorage(database)
                (day,) = await storage.days()
                (run,) = await storage.runs(day.id)
                return identity_from(await SqlUndoJournal(database).baseline(run.id))

        return anyio.run(read)

    def uid(self) -> str:
        """The uid of the cluster, as its administrator reads it."""
        core: Any = client.CoreV1Api(self.admin)
        return str(core.read_namespace("kube-system").metadata.uid)

    def review(self) -> Reviewed:
        return anyio.run(partial(review, self.plan, clock=SystemClock()))

    def is_ready(self) -> bool:
        status = self.apps.read_namespaced_deployment("web", self.namespace).status
        return bool(status.ready_replicas == 2)


@pytest.fixture
def site(kubernetes: RealCluster, tmp_path: Path) -> Iterator[Site]:
    namespace = f"rights-{uuid4().hex[:6]}"
    for name, text in (("plan.yaml", PLAN), ("fewer.yaml", EXPERIMENT)):
        filled = text.replace("NAMESPACE", namespace)
        (tmp_path / name).write_text(filled.replace("KUBECONFIG", str(kubernetes.limited)))
    admin = config.new_client_from_config(  # type: ignore[no-untyped-call]
        str(kubernetes.admin)
    )
    core: Any = client.CoreV1Api(admin)
    rights: Any = client.RbacAuthorizationV1Api(admin)
    core.create_namespace({"metadata": {"name": namespace}})
    apps: Any = client.AppsV1Api(admin)
    apps.create_namespaced_deployment(namespace, a_deployment())
    try:
        yield Site(namespace=namespace, folder=tmp_path, admin=admin, apps=apps, rights=rights)
    finally:
        core.delete_namespace(namespace)
        _take_back(rights)
        admin.close()


def _take_back(rights: Any) -> None:
    """Take away what was granted outside of the namespace that goes."""
    for listed, delete in (
        (rights.list_namespaced_role, rights.delete_namespaced_role),
        (rights.list_namespaced_role_binding, rights.delete_namespaced_role_binding),
    ):
        if any(each.metadata.name == NAME for each in listed("kube-system").items):
            delete(NAME, "kube-system")


def a_deployment() -> dict[str, Any]:
    labels = {"app": "web"}
    container = {"name": "main", "image": IMAGE}
    return {
        "metadata": {"name": "web", "labels": labels},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def eventually(look: Callable[[], Any], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not look() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(look())


def is_missing(site: Site, taken: set[Permission]) -> bool:
    return set(site.review().missing) == taken


def granted(site: Site) -> dict[str, Any]:
    """Apply what is printed; returns the role of the plan's namespace."""
    manifests = site.roles()
    assert [(each["kind"], each["metadata"]["namespace"]) for each in manifests] == [
        (kind, namespace) for namespace in ("kube-system", site.namespace) for kind in KINDS
    ]
    for role, binding in (manifests[:2], manifests[2:]):
        namespace = role["metadata"]["namespace"]
        site.rights.create_namespaced_role(namespace, role)
        site.rights.create_namespaced_role_binding(namespace, binding)
    return dict(manifests[2])


def test_the_printed_role_suffices_for_preview_run_and_restoration(site: Site) -> None:
    assert site.chaosday("check", str(site.plan_file)).returncode == 6
    granted(site)
    assert eventually(lambda: not site.review().missing)
    assert eventually(site.is_ready)

    checked = site.chaosday("check", str(site.plan_file))
    preview = site.chaosday("preview", str(site.plan_file))
    shown = preview.stdout.rpartition("--approve ")[2].strip()
    approved = site.chaosday("preview", "--approve", shown)
    done = site.chaosday("conduct", str(site.plan_file))

    assert checked.returncode == 0, checked.stdout
    assert "MISSING" not in checked.stdout
    assert "warning" not in checked.stdout
    assert "1 of 2 of deployments" in preview.stdout, preview.stdout
    assert approved.returncode == 0, approved.stdout
    assert done.returncode == 0, done.stdout
    assert "the hypothesis held" in done.stdout
    noted = site.cluster_of_the_run()
    assert noted is not None
    assert noted.uid == site.uid()
    assert eventually(site.is_ready)


def test_whichever_rule_is_taken_away_is_missed(site: Site) -> None:
    role = granted(site)
    assert eventually(lambda: not site.review().missing)
    needed = needed_for(site.plan)

    for rule in role["rules"]:
        fewer = {**role, "rules": [each for each in role["rules"] if each != rule]}
        site.rights.replace_namespaced_role(role["metadata"]["name"], site.namespace, fewer)
        taken = {
            each
            for each in needed
            if each.group in rule["apiGroups"]
            and each.resource in rule["resources"]
            and each.verb in rule["verbs"]
        }
        assert taken
        assert eventually(partial(is_missing, site, taken)), rule


def test_an_account_that_may_do_anything_is_warned_of(site: Site, kubernetes: RealCluster) -> None:
    text = site.plan_file.read_text().replace(str(kubernetes.limited), str(kubernetes.admin))
    site.plan_file.write_text(text)

    checked = site.chaosday("check", str(site.plan_file))

    assert checked.returncode == 0, checked.stdout
    assert "warning: the guard's account may do more" in checked.stdout
    assert "do anything in the cluster" in checked.stdout


def test_whatever_is_granted_beyond_the_plan_is_warned_of(site: Site) -> None:
    granted(site)
    site.rights.create_namespaced_role(site.namespace, a_role("more"))
    site.rights.create_namespaced_role_binding(site.namespace, a_binding("Role", "more"))
    site.rights.create_cluster_role(a_role("wide"))
    site.rights.create_cluster_role_binding(a_binding("ClusterRole", "wide"))
    try:
        expected = [
            f"delete leases.coordination.k8s.io in {site.namespace}",
            "delete leases.coordination.k8s.io in the whole cluster",
        ]
        assert eventually(lambda: [str(each) for each in site.review().excess] == expected[1:])
        assert not site.review().unlisted
    finally:
        site.rights.delete_cluster_role_binding("wide")
        site.rights.delete_cluster_role("wide")

    assert eventually(lambda: [str(each) for each in site.review().excess] == expected[:1])


def a_role(name: str) -> dict[str, Any]:
    rule = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["delete"]}
    return {"metadata": {"name": name}, "rules": [rule]}


def a_binding(kind: str, name: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name},
        "subjects": [{"kind": "User", "name": "limited"}],
    }
