"""What experiments do with chaosk8s's own actions, through a guard, on both kinds of cluster.

Each is a whole: within the limits it works and is put back, beyond them it is refused by a rule,
and a refusal in the middle leaves nothing behind.
"""

import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from orchestrator.adapters.chaostoolkit.environment import write_kubeconfig
from orchestrator.domain.blast_radius import Budgets
from tests.contract.cluster.asking import eventually
from tests.integration.guard.conducting import ROOT, Guard
from tests.integration.guard.conftest import StartGuard
from tests.integration.guard.places import Place, a_deployment
from tests.integration.guard.test_impacts import a_definition, specs

pytestmark = pytest.mark.timeout(120)

HALF: Final = Fraction(1, 2)
WEB: Final = {"selectors": {"app": "web"}, "most_share": HALF}
NODE: Final = {"most_node_share": HALF}
Call = tuple[str, dict[str, Any]]

NETWORK_CHAOS: Final = "chaos-mesh.org/v1alpha1/networkchaos"
DEFINITIONS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What is called, within which limits, and what comes of it.

    Shape: refused holds the rules that refused something; written the kinds that were written.
    """

    calls: tuple[Call, ...]
    limits: dict[str, Any] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    written: tuple[str, ...] = ()


def kill(**arguments: Any) -> Call:
    settings = {"label_selector": "app=web", "ns": "NAMESPACE", "grace_period": 0}
    return "pod.actions.terminate_pods", settings | arguments


def scale(replicas: int, **arguments: Any) -> Call:
    settings: dict[str, Any] = {"name": "web", "ns": "NAMESPACE", "replicas": replicas}
    return "deployment.actions.scale_deployment", settings | arguments


def cordon(**arguments: Any) -> Call:
    return "node.actions.cordon_node", arguments


def drain(**arguments: Any) -> Call:
    return "node.actions.drain_nodes", {
        "timeout": 5,
        "delete_pods_with_local_storage": True,
        **arguments,
    }


def latency(mode: str) -> Call:
    return "chaosmesh.network.actions.add_latency", {
        "name": "slow", "ns": "NAMESPACE", "mode": mode, "latency": "90ms",
        "namespaces_selectors": "NAMESPACE", "label_selectors": "app=web", "target_mode": None,
    }  # fmt: skip


SCENARIOS: Final[dict[str, Scenario]] = {
    "two pods of four": Scenario(calls=(kill(qty=2),), limits=WEB, written=("pods", "pods")),
    "all pods": Scenario(
        calls=(kill(all=True),),
        limits=WEB,
        refused=frozenset({"most_share"}),
        written=("pods", "pods"),
    ),
    "more objects than allowed": Scenario(
        calls=(kill(all=True),),
        limits={"most_objects": 3},
        refused=frozenset({"most_objects"}),
        written=("pods", "pods", "pods"),
    ),
    "pods of another workload": Scenario(
        calls=(kill(label_selector="app=other"),), limits=WEB, refused=frozenset({"selectors"})
    ),
    "no selector at all": Scenario(
        calls=(kill(label_selector=None, all=True),),
        limits=WEB,
        refused=frozenset({"selectors"}),
    ),
    "another namespace": Scenario(
        calls=(kill(label_selector=None, ns="BYSTANDER"),), refused=frozenset({"namespaces"})
    ),
    "scaled to three": Scenario(calls=(scale(3),), limits=WEB, written=("deployments",)),
    "scaled to zero": Scenario(
        calls=(scale(0),), limits=WEB, refused=frozenset({"most_share"})
    ),
    "one node": Scenario(calls=(cordon(name="NODE"),), limits=NODE, written=("nodes",)),
    "every node": Scenario(
        calls=(cordon(),),
        limits=NODE,
        refused=frozenset({"most_node_share"}),
        written=("nodes",),
    ),
    "drained with what others run there": Scenario(
        calls=(drain(name="NODE"),),
        limits={**NODE, "disruption_budgets": Budgets.MAY_BE_VIOLATED},
        refused=frozenset({"namespaces"}),
        written=("nodes", "..."),
    ),
    "whole namespace cut off": Scenario(
        calls=(("networking.actions.deny_all_ingress", {"ns": "NAMESPACE"}),),
        limits={"most_share": HALF},
        refused=frozenset({"most_share"}),
    ),
    "one workload cut off": Scenario(
        calls=(
            (
                "networking.actions.deny_all_ingress",
                {"ns": "NAMESPACE", "label_selectors": {"app": "other"}},
            ),
        ),
        written=("networkpolicies",),
    ),
    "fault on one": Scenario(calls=(latency("one"),), limits=WEB, written=("networkchaos",)),
    "fault on all": Scenario(
        calls=(latency("all"),), limits=WEB, refused=frozenset({"most_share"})
    ),
    "service deleted": Scenario(
        calls=(("service.actions.delete_service", {"name": "web", "ns": "NAMESPACE"}),),
        written=("services",),
    ),
    "namespace deleted": Scenario(
        calls=(("namespace.actions.delete_namespace", {"name": "NAMESPACE"}),),
        refused=frozenset({"irreversible"}),
    ),
    "command": Scenario(
        calls=(
            (
                "pod.actions.exec_in_pods",
                {"cmd": "hostname", "label_selector": "app=web", "qty": 1, "ns": "NAMESPACE",
                 "container_name": "main"},
            ),
        ),
        limits={"irreversible": frozenset({"exec"})},
        written=("pods",),
    ),
    "several, in a context of another name": Scenario(
        calls=(
            scale(3, secrets={"KUBERNETES_CONTEXT": "prod-eu"}),
            kill(qty=1, secrets={"KUBERNETES_CONTEXT": "prod-eu"}),
            cordon(name="NODE", secrets={"KUBERNETES_CONTEXT": "prod-eu"}),
        ),
        limits=NODE,
        written=("deployments", "pods", "nodes"),
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Site:
    """A place, one of the nodes its pods are on, and a bystander's namespace on the same node."""

    place: Place
    node: str
    bystander: str

    @property
    def fill(self) -> tuple[tuple[str, str], ...]:
        """What stands for a name in the scenarios, and the name."""
        names = {"NAMESPACE": self.place.namespace, "NODE": self.node, "BYSTANDER": self.bystander}
        return tuple(names.items())


@pytest.fixture(scope="module")
def site(place: Place) -> Iterator[Site]:
    """A site whose cluster knows a kind of Chaos Mesh, without Chaos Mesh."""
    pods = place.direct.send("GET", place.path("pods"), labelSelector="app=web").body["items"]
    site = Site(place=place, node=pods[0]["spec"]["nodeName"], bystander=f"{place.namespace}-by")
    settle_bystander(site)
    place.direct.send("POST", DEFINITIONS, a_definition("networkchaos", "NetworkChaos"))
    faults = place.path(NETWORK_CHAOS)
    eventually(lambda: place.direct.send("GET", faults).code == 200)
    yield site
    place.direct.send("DELETE", f"{DEFINITIONS}/networkchaos.chaos-mesh.org")
    place.direct.send("DELETE", f"/api/v1/namespaces/{site.bystander}")


def settle_bystander(site: Site) -> None:
    send = site.place.direct.send
    send("POST", "/api/v1/namespaces", {"metadata": {"name": site.bystander}})
    deployment = a_deployment("bystander", 1)
    spec = deployment["spec"]["template"]["spec"]
    # chaosk8s's drain fails by itself on a pod without volumes.
    spec |= {"nodeName": site.node, "volumes": [{"name": "scratch", "emptyDir": {}}]}
    root = f"/namespaces/{site.bystander}"
    assert send("POST", f"/apis/apps/v1{root}/deployments", deployment).code == 201
    eventually(lambda: send("GET", f"/api/v1{root}/pods").body["items"])


def state(site: Site) -> dict[str, Any]:
    """All that a scenario might have changed, and its bystander."""
    send = site.place.direct.send
    nodes = send("GET", "/api/v1/nodes").body["items"]
    pods = send("GET", f"/api/v1/namespaces/{site.bystander}/pods").body["items"]
    return {
        **specs(site.place),
        **{each["metadata"]["name"]: each["spec"].get("unschedulable") for each in nodes},
        "bystanders": [each["metadata"]["uid"] for each in pods],
        "faults": send("GET", site.place.path(NETWORK_CHAOS)).body["items"],
    }


@pytest.fixture
async def untouched(site: Site) -> AsyncIterator[Site]:
    """The site, whose state after a scenario must be that before it."""
    await anyio.to_thread.run_sync(site.place.settle)
    before = await anyio.to_thread.run_sync(state, site)
    assert before["bystanders"]
    yield site
    await anyio.to_thread.run_sync(site.place.settle)
    assert await anyio.to_thread.run_sync(state, site) == before


async def play(guard: Guard, folder: Path, calls: tuple[Call, ...], site: Site) -> Any:
    """Call all, one after the other, in a process whose every context leads to the guard."""
    path = folder / "guarded"
    write_kubeconfig(path, url=(await guard.cluster()).url, contexts={"prod-eu": ""})
    text = json.dumps(calls)
    for name, value in site.fill:
        text = text.replace(name, value)
    command = [sys.executable, "-m", "tests.integration.guard.playing", text]
    environment = {"KUBECONFIG": str(path), "NO_PROXY": "127.0.0.1", "PATH": os.environ["PATH"]}
    with anyio.fail_after(60):
        done = await anyio.run_process(command, cwd=ROOT, env=environment, stderr=None)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_scenario_stays_within_its_limits_and_is_put_back(
    guarding: StartGuard, untouched: Site, tmp_path: Path, name: str
) -> None:
    scenario = SCENARIOS[name]
    async with guarding(**scenario.limits) as guard:
        await guard.begin()
        said = await play(guard, tmp_path, scenario.calls, untouched)

        assert {line["rule"] for line in guard.events("refused")} == scenario.refused, said
        assert all(not each for each in said) or scenario.refused, said
        written = [line["target"].partition("/")[0] for line in guard.events("write")]
        if scenario.written[-1:] == ("...",):
            assert written[: len(scenario.written) - 1] == list(scenario.written[:-1])
        else:
            assert written == list(scenario.written)

        await guard.undo()
        restoration = await guard.verify(30)
        assert restoration.is_proven, restoration
