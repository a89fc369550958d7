"""Whatever is asked in whatever order: the cluster differs only as far as the limits allow.

What is compared is the cluster, not what the guard counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.domain.blast_radius import BlastRadius
from tests.contract.cluster.asking import APPLY, MERGE, STRATEGIC
from tests.integration.guard.furnished import SIZES, World
from tests.integration.guard.inside import an_api
from tests.integration.guard.places import Object, a_deployment

KINDS = frozenset({"pods", "deployments", "services", "configmaps", "networkpolicies"})
_numbers = count()

NAMES = st.sampled_from(["web", "cart", "ledger"])
SPACES = st.sampled_from(["{mine}", "{mine}", "{mine}", "bank"])
CONTAINERS: list[Object] = [
    {"image": "registry.practice/shop/catalog:broken"},
    {"env": [{"name": "A", "value": "b"}]},
    {"securityContext": {"privileged": True}},
    {"securityContext": {"runAsUser": 0}},
]
SPECS = st.one_of(
    st.integers(0, 9).map(lambda number: {"replicas": number}),
    st.sampled_from(CONTAINERS).map(
        lambda more: {"template": {"spec": {"containers": [{"name": "main"} | more]}}}
    ),
    st.just({"template": {"spec": {"hostNetwork": True}}}),
    st.just({"paused": True}),
)


@dataclass(frozen=True)
class Ask:
    """One request; `{mine}` stands for the namespace of the run, `{pod}` for a pod's name."""

    method: str
    path: str
    body: Any = None
    media: str = "application/json"
    pod: int = 0


def patches() -> st.SearchStrategy[Ask]:
    return st.builds(
        lambda space, name, spec: Ask(
            "PATCH",
            f"/apis/apps/v1/namespaces/{space}/deployments/{name}",
            {"spec": spec},
            STRATEGIC,
        ),
        SPACES,
        NAMES,
        SPECS,
    )


def labellings() -> st.SearchStrategy[Ask]:
    return st.builds(
        lambda space, name, labels: Ask(
            "PATCH",
            f"/api/v1/namespaces/{space}/services/{name}",
            {"metadata": {"labels": labels}, "spec": {"selector": {"app": "nobody"}}},
            MERGE,
        ),
        SPACES,
        NAMES,
        st.dictionaries(st.sampled_from(["a", "part-of"]), st.none() | st.just("x"), max_size=2),
    )


def removals() -> st.SearchStrategy[Ask]:
    return st.builds(
        lambda space, path, number: Ask("DELETE", path.replace("{space}", space), pod=number),
        SPACES,
        st.sampled_from(
            [
                "/api/v1/namespaces/{space}/pods/{pod}?gracePeriodSeconds=0",
                "/api/v1/namespaces/{space}/pods?labelSelector=app%3Dweb",
                "/api/v1/namespaces/{space}/pods",
                "/api/v1/namespaces/{space}/services/web",
                "/apis/apps/v1/namespaces/{space}/deployments/cart",
                "/apis/apps/v1/namespaces/{space}/deployments",
                "/api/v1/namespaces/{space}/configmaps/made",
                "/apis/networking.k8s.io/v1/namespaces/{space}/networkpolicies",
                "/api/v1/namespaces/{space}",
            ]
        ),
        st.integers(0, 9),
    )


def makings() -> st.SearchStrategy[Ask]:
    labels = {"part-of": "world"}
    config = {"apiVersion": "v1", "kind": "ConfigMap",
              "metadata": {"name": "made", "labels": labels}}  # fmt: skip
    policy = {"metadata": {"name": "cut"}, "spec": {"podSelector": {"matchLabels": {"app": "web"}}}}
    roots = "/api/v1/namespaces/{space}"
    network = "/apis/networking.k8s.io/v1/namespaces/{space}/networkpolicies"
    asks = [
        ("POST", f"{roots}/configmaps", config, "application/json"),
        ("PATCH", f"{roots}/configmaps/made?fieldManager=me&force=true", config, APPLY),
        ("PUT", f"{roots}/configmaps/made", config, "application/json"),
        ("POST", f"{roots}/secrets", {"metadata": {"name": "made"}}, "application/json"),
        ("POST", network, policy, "application/json"),
        ("POST", roots.replace("/v1/", "/v1/./"), config, "application/json"),
        ("POST", "/apis/apps/v1/namespaces/{space}/deployments", a_deployment("made", 1),
         "application/json"),
    ]  # fmt: skip
    return st.builds(
        lambda space, ask: Ask(ask[0], ask[1].replace("{space}", space), ask[2], ask[3]),
        SPACES,
        st.sampled_from(asks),
    )


def evictions() -> st.SearchStrategy[Ask]:
    return st.builds(
        lambda space, number: Ask(
            "POST",
            f"/api/v1/namespaces/{space}/pods/{{pod}}/eviction",
            {"metadata": {"name": "{pod}"}},
            pod=number,
        ),
        SPACES,
        st.integers(0, 9),
    )


ASKS = st.lists(st.one_of(patches(), labellings(), removals(), makings(), evictions()), max_size=8)


async def asked(world: World, ask: Ask) -> int:
    path = ask.path.replace("{mine}", world.mine)
    body = ask.body
    if "{pod}" in path:
        space = path.split("/")[4]
        found = (await world.inside.do("GET", f"/api/v1/namespaces/{space}/pods"))[1]["items"]
        names = sorted(pod["metadata"]["name"] for pod in found) or ["none"]
        name = names[ask.pod % len(names)]
        path = path.replace("{pod}", name)
        body = body and {"metadata": {"name": name}}
    status, _ = await world.inside.ask(ask.method, path, body, ask.media)
    return status


@dataclass(frozen=True)
class Seen:
    """Both namespaces at one moment."""

    mine: Mapping[str, Object]
    bank: Mapping[str, Object]
    pods: Mapping[str, str]
    bank_pods: Mapping[str, str]


async def look(world: World) -> Seen:
    return Seen(
        mine=await world.objects(world.mine),
        bank=await world.objects("bank"),
        pods=await world.pods(world.mine),
        bank_pods=await world.pods("bank"),
    )


def within(before: Seen, now: Seen, radius: BlastRadius) -> None:
    assert (now.bank, now.bank_pods) == (before.bank, before.bank_pods)
    changed = {
        key
        for key in before.mine.keys() | now.mine.keys()
        if before.mine.get(key) != now.mine.get(key)
    }
    gone = before.pods.keys() - now.pods.keys()
    assert len(changed) + len(gone) <= radius.most_objects
    for app, size in SIZES.items():
        lost = sum(before.pods[uid] == app for uid in gone)
        assert Fraction(lost, size) <= radius.most_share
    for key in now.mine.keys() - before.mine.keys():
        assert key.split("/")[-2] in radius.creates
    for each in now.mine.values():
        text = str(each)
        assert "privileged" not in text
        assert "hostNetwork" not in text
        assert "runAsUser" not in text


async def play(server: str, asks: list[Ask], radius: BlastRadius) -> list[int]:
    async with World.begun(server, radius) as world:
        before = await look(world)
        statuses = []
        for ask in asks:
            statuses.append(await asked(world, ask))
            within(before, await look(world), radius)
        await world.inside.gate.restrain()
        for ask in asks[:3]:
            await asked(world, ask)
            within(before, await look(world), radius)
        async with world.inside.gate.closed():
            restoration = await world.inside.undoing.undo()
        assert restoration.is_proven, restoration
        assert restoration.kept == ()
        after = await look(world)
        assert (after.mine, after.bank) == (before.mine, before.bank)
        return statuses


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as found:
        yield found


@pytest.fixture(scope="module")
def server(portal: BlockingPortal) -> Iterator[str]:
    with portal.wrap_async_context_manager(an_api()) as found:
        yield found


def a_radius(objects: int, share: Fraction, creates: frozenset[str]) -> BlastRadius:
    return BlastRadius(
        namespaces=frozenset({f"mine-{next(_numbers)}"}),
        selectors={"part-of": "world"},
        kinds=KINDS,
        creates=creates,
        most_objects=objects,
        most_share=share,
    )


RADII = st.builds(
    a_radius,
    st.integers(1, 9),
    st.sampled_from([Fraction(1, 4), Fraction(1, 2), Fraction(1)]),
    st.sets(st.sampled_from(sorted(KINDS))).map(frozenset),
)


@given(asks=ASKS, radius=RADII)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_sequence_of_requests_exceeds_the_limits(
    portal: BlockingPortal, server: str, asks: list[Ask], radius: BlastRadius
) -> None:
    portal.call(play, server, asks, radius)


@pytest.mark.slow
@given(asks=ASKS, radius=RADII)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_sequence_of_many_exceeds_the_limits(
    portal: BlockingPortal, server: str, asks: list[Ask], radius: BlastRadius
) -> None:
    portal.call(play, server, asks, radius)


def test_requests_within_the_limits_are_let_through(portal: BlockingPortal, server: str) -> None:
    """The property would hold of a guard that refuses everything."""
    scale = Ask(
        "PATCH", "/apis/apps/v1/namespaces/{mine}/deployments/web", {"spec": {"replicas": 2}}, MERGE
    )
    evict = Ask(
        "POST",
        "/api/v1/namespaces/{mine}/pods/{pod}/eviction",
        {"metadata": {"name": "{pod}"}},
    )
    asks = [scale, evict]

    statuses = portal.call(play, server, asks, a_radius(9, Fraction(1), frozenset()))

    assert statuses == [200, 201]
