"""Nodes that fall silent, by a clock of the test's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.practice.api.bootstrap import new_store
from orchestrator.practice.api.clock import stamp
from orchestrator.practice.api.served.core import NODE, POD
from orchestrator.practice.api.store import Change, Happened, Stored
from orchestrator.practice.api.writing import create, set_status
from orchestrator.practice.controllers.lost_pods import QUARANTINE, LostPods
from orchestrator.practice.controllers.node_health import GRACE, NodeHealth
from orchestrator.practice.controllers.nodes import Nodes


class World:
    """Two nodes, a pod on one of them, and a clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        self.store = new_store(now=lambda: self.at, seed=1)
        for name in ("lost", "other"):
            node = create(self.store, NODE, {"metadata": {"name": name}})
            ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": stamp(self.at)}
            set_status(self.store, NODE, node, {"conditions": [ready]})
        container = {"name": "main", "image": "registry.practice/a:1"}
        spec = {"nodeName": "lost", "containers": [container]}
        pod = create(
            self.store, POD, {"metadata": {"name": "p"}, "spec": spec}, namespace="default"
        )
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": stamp(self.at)}
        set_status(self.store, POD, pod, {"phase": "Running", "conditions": [ready]})

    def node(self, name: str = "lost") -> dict[str, Any]:
        found = self.store.get(NODE, "", name)
        assert found is not None
        return found

    def taints(self, name: str = "lost") -> set[tuple[str, str]]:
        taints = self.node(name)["spec"].get("taints", [])
        return {(taint["key"].partition("/")[2], taint["effect"]) for taint in taints}

    def condition(self, obj: dict[str, Any]) -> str:
        return next(
            str(entry["status"])
            for entry in obj["status"]["conditions"]
            if entry["type"] == "Ready"
        )

    def heartbeat(self, health: NodeHealth, name: str) -> None:
        before = self.node(name)
        ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": stamp(self.at)}
        after = set_status(self.store, NODE, before, {"conditions": [ready]})
        seen = Change(Happened.MODIFIED, Stored(after, 2), Stored(before, 1), 2)
        list(health._on_node(seen))


def test_silent_node_is_unknown_after_its_grace() -> None:
    world = World()
    health = NodeHealth(world.store)
    assert health.reconcile(("", "lost")) == GRACE

    world.at += GRACE
    health.reconcile(("", "lost"))

    assert world.condition(world.node()) == "Unknown"
    pod = world.store.get(POD, "default", "p")
    assert pod is not None
    assert world.condition(pod) == "False"


def test_heartbeat_keeps_a_node() -> None:
    world = World()
    health = NodeHealth(world.store)
    health.reconcile(("", "lost"))
    world.at += GRACE - timedelta(seconds=1)

    world.heartbeat(health, "lost")
    world.at += timedelta(seconds=2)

    assert health.reconcile(("", "lost")) == GRACE - timedelta(seconds=2)
    assert world.condition(world.node()) == "True"


def test_unknown_node_drives_its_pods_off_while_another_is_ready() -> None:
    world = World()
    health, nodes = NodeHealth(world.store), Nodes(world.store)
    for name in ("lost", "other"):
        health.reconcile(("", name))
    world.at += GRACE

    health.reconcile(("", "lost"))
    nodes.reconcile(("", "lost"))
    assert world.taints() == {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}

    health.reconcile(("", "other"))
    nodes.reconcile(("", "lost"))
    assert world.taints() == {("unreachable", "NoSchedule")}


def test_pods_of_a_node_that_is_gone_go_after_a_quarantine() -> None:
    world = World()
    lost = LostPods(world.store)
    world.store.remove(NODE, world.node())
    assert lost.reconcile(("", "lost")) == QUARANTINE

    world.at += QUARANTINE
    lost.reconcile(("", "lost"))

    assert world.store.get(POD, "default", "p") is None


def test_node_that_comes_back_keeps_its_pods() -> None:
    world = World()
    lost = LostPods(world.store)
    world.store.remove(NODE, world.node())
    lost.reconcile(("", "lost"))
    create(world.store, NODE, {"metadata": {"name": "lost"}})

    world.at += QUARANTINE
    lost.reconcile(("", "lost"))

    assert world.store.get(POD, "default", "p") is not None
