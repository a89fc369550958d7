"""The shop during a fuzz: what is in it, and what others do to it meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException

from orchestrator.domain.ownership import owners_by_field
from tests.acceptance.deeds import COUNTED, SHOP
from tests.acceptance.stage import Stage, until

_NOT_OURS: Final = ("others", "deployment.kubernetes.io/revision")
"""Annotations that others write all the time."""


class Shop:
    """The shop, as everybody sees it."""

    def __init__(self, stage: Stage) -> None:
        self._api = client.ApiClient(stage._configuration())
        self._apps = client.AppsV1Api(self._api)
        self._core = client.CoreV1Api(self._api)
        self._network = client.NetworkingV1Api(self._api)

    def seen(self) -> dict[str, Any]:
        """What is wanted of each object, and how much of it is ready."""
        found: dict[str, Any] = {}
        for each in self._items(self._core.list_node()):
            node = f"node {each['metadata']['name']}"
            found[node] = (bool(each["spec"].get("unschedulable")), _taints(each))
            found[f"owners of {node}"] = _owners(each)
        for each in self._items(self._apps.list_namespaced_deployment(SHOP)):
            found[f"owners of deployment {each['metadata']['name']}"] = _owners(each)
            spec, ready = each["spec"], each["status"].get("readyReplicas")
            image = spec["template"]["spec"]["containers"][0]["image"]
            found[f"deployment {each['metadata']['name']}"] = (
                spec["replicas"],
                image,
                ready,
                _marks(each),
            )
        for each in self._items(self._core.list_namespaced_service(SHOP)):
            found[f"service {each['metadata']['name']}"] = (each["spec"]["selector"], _marks(each))
            found[f"owners of service {each['metadata']['name']}"] = _owners(each)
        for each in self._items(self._core.list_namespaced_config_map(SHOP)):
            found[f"config map {each['metadata']['name']}"] = each.get("data")
            found[f"owners of config map {each['metadata']['name']}"] = _owners(each)
        for each in self._items(self._network.list_namespaced_network_policy(SHOP)):
            found[f"network policy {each['metadata']['name']}"] = each["spec"]
        return found

    def _items(self, found: object) -> list[dict[str, Any]]:
        plain: Any = self._api.sanitize_for_serialization(found)  # type: ignore[no-untyped-call]
        items: list[dict[str, Any]] = plain["items"]
        return items

    def is_as(self, before: dict[str, Any], *, mended: bool) -> bool:
        now = self.seen()
        if mended:
            key = f"deployment {COUNTED}"
            assert now[key][0] in {2, 3}, "neither as before nor as mended"
            before, now = {**before, key: None}, {**now, key: None}
            # What one mended is theirs from then on.
            before, now = _without_owners_of_mended(before), _without_owners_of_mended(now)
        return now == before

    @contextmanager
    def others_at_work(self, *, mending: bool) -> Iterator[None]:
        """Others change what is not ours, all the time; and one mends what is, once."""
        over = threading.Event()

        def work() -> None:
            for turn in range(10_000):
                if over.wait(0.1):
                    return
                body: dict[str, Any] = {"metadata": {"annotations": {"others": str(turn)}}}
                with suppress(ApiException):
                    self._apps.patch_namespaced_deployment(COUNTED, SHOP, body)
                    self._core.patch_namespaced_service("catalog", SHOP, body)
                if mending:
                    with suppress(ApiException):
                        self._mend()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _mend(self) -> None:
        """What a responder does on seeing what is wrong; of it, only the count differs."""
        if self.seen()[f"deployment {COUNTED}"][0] == 0:
            self._scale(3)
        body = {"spec": {"selector": {"app": "catalog", "broken": None}}}
        self._core.patch_namespaced_service("catalog", SHOP, body)
        for each in self._items(self._core.list_node()):
            if each["spec"].get("unschedulable"):
                self._core.patch_node(each["metadata"]["name"], {"spec": {"unschedulable": None}})

    def _scale(self, replicas: int) -> None:
        with suppress(ApiException):
            self._apps.patch_namespaced_deployment(COUNTED, SHOP, {"spec": {"replicas": replicas}})

    def tidy(self) -> None:
        """As before for the next run, also where others mended."""
        self._scale(2)
        until(lambda: self.seen()[f"deployment {COUNTED}"][2] == 2)
        self._api.close()  # type: ignore[no-untyped-call]


def _owners(found: dict[str, Any]) -> dict[str, list[str]]:
    """Who owns which field, but for annotations, which others write all the time."""
    return {
        ".".join(field): sorted(owner.manager for owner in owners)
        for field, owners in owners_by_field(found).items()
        if field[:2] != ("f:metadata", "f:annotations")
    }


def _without_owners_of_mended(seen: dict[str, Any]) -> dict[str, Any]:
    mended = (f"owners of deployment {COUNTED}", "owners of service catalog", "owners of node ")
    return {key: value for key, value in seen.items() if not key.startswith(mended)}


def _marks(found: dict[str, Any]) -> list[str]:
    """The names of labels and annotations; what we leave there would show among them."""
    metadata = found["metadata"]
    names = [*metadata.get("labels", {}), *metadata.get("annotations", {})]
    return sorted(name for name in names if name not in _NOT_OURS)


def _taints(node: dict[str, Any]) -> list[tuple[str, str]]:
    """The taints of people; the cluster itself puts others on and takes them off."""
    taints = node["spec"].get("taints") or ()
    found = [(each["key"], each["effect"]) for each in taints]
    return sorted(each for each in found if not each[0].startswith("node.kubernetes.io/"))
