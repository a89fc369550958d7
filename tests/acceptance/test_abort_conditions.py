"""What a plan watches ends a run, as measured in the cluster and from the outside."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
import yaml

from tests.acceptance.shop import Shop
from tests.acceptance.stage import AT_ANY_TIME, Stage, until
from tests.unit.experiments.test_prometheus import Prometheus

pytestmark = pytest.mark.timeout(200)

PLAN: Final = (
    AT_ANY_TIME
    + """\
blast_radius: {namespaces: [shop], kinds: [deployments], most_objects: 4}
abort_when: []
agenda:
  - {box: zero, at: +1s, lasts: 2m, experiment: gone.yaml}
"""
)
QUERY: Final = 'sum(kube_deployment_status_replicas_ready{deployment="catalog"})'
AVAILABLE: Final = {"kind": "deployments.apps", "namespace": "shop", "name": "catalog"}


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is watched, what of it is out of tolerance once the fault is in, and how that reads.

    Shape: FRONT_DOOR and PROMETHEUS stand for the addresses of either.
    """

    measure: dict[str, Any]
    deed: tuple[str, dict[str, Any]]
    said: str


GONE: Final = ("scale", {"name": "catalog", "replicas": 0})
WATCHED: Final[dict[str, Watched]] = {
    "an address": Watched(
        measure={"http": {"url": "FRONT_DOOR/products/mug"}},
        deed=GONE,
        said="GET FRONT_DOOR/products/mug answers 200",
    ),
    "a query": Watched(
        measure={"prometheus": {"url": "PROMETHEUS", "query": QUERY, "lowest": 1}},
        deed=GONE,
        said=f"{QUERY} is 1 or more",
    ),
    "a condition": Watched(
        measure={"kubernetes": {**AVAILABLE, "condition": "Available"}},
        deed=("replace_all_at_once", {"name": "catalog"}),
        said="deployments.apps shop/catalog has Available=True",
    ),
}


class OfTheShop(Prometheus):
    """Knows how many pods of the catalog are ready, each time that it is asked."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage

    def answered(self) -> Any:
        ready = self._stage.replicas("catalog")[1]
        self.say("vector", [{"metric": {}, "value": [0, str(ready)]}])
        return super().answered()


@pytest.fixture
def prometheus(sqlite_stage: Stage) -> Iterator[OfTheShop]:
    server = OfTheShop(sqlite_stage)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def write(stage: Stage, watched: Watched, *, prometheus: str) -> str:
    """The plan and its experiment, in which nothing is measured but what the plan watches."""
    front_door = stage.cluster["front_door_url"]
    plan = yaml.safe_load(PLAN)
    plan["abort_when"] = [{**watched.measure, "out_for": "1s"}]
    text = yaml.safe_dump(plan).replace("FRONT_DOOR", front_door)
    path = stage.folder / "plan.yaml"
    path.write_text(text.replace("PROMETHEUS", prometheus))
    name, arguments = watched.deed
    provider = {"type": "python", "module": "tests.acceptance.deeds", "func": name}
    action = {"type": "action", "name": name, "provider": {**provider, "arguments": arguments}}
    experiment = {
        "title": "The catalog vanishes",
        "description": "Nothing is measured but what the plan watches.",
        "method": [{**action, "pauses": {"after": 60}}],
    }
    (stage.folder / "gone.yaml").write_text(yaml.safe_dump(experiment))
    return str(path)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("an address", marks=pytest.mark.slow),
        "a query",
        pytest.param("a condition", marks=pytest.mark.slow),
    ],
)
def test_what_is_out_of_tolerance_ends_the_run_and_it_is_restored(
    sqlite_stage: Stage, prometheus: OfTheShop, name: str
) -> None:
    # As on any day: the observer asks from where nothing but the guard is reached.
    sqlite_stage.is_contained = True
    watched, shop = WATCHED[name], Shop(sqlite_stage)
    before = shop.seen()
    plan = write(sqlite_stage, watched, prometheus=prometheus.url)

    done = sqlite_stage.call("conduct", plan, "--json", "--output", str(sqlite_stage.folder))

    assert done.returncode == 11, done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    said = watched.said.replace("FRONT_DOOR", sqlite_stage.cluster["front_door_url"])
    assert (run["finding"], run["phase"]) == ("aborted", "concluded")
    assert run["reason"] == f"abort condition: {said} was out of tolerance for 1 s"
    until(lambda: shop.is_as(before, mended=False))
