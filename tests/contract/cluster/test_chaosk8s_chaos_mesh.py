"""chaosk8s' faults of Chaos Mesh: what they ask for where the kinds are served.

Nothing carries the faults out. The kinds have those parts of Chaos Mesh's own schema that the
requests touch.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from tests.contract.cluster.asking import Cluster, Object, eventually
from tests.contract.cluster.chaosk8s_calls import Chaosk8s
from tests.contract.cluster.chaosk8s_world import DEFINITIONS, MADE_FOR, defined

GROUP = "chaos-mesh.org"
VERSION = "v1alpha1"
LATENCY = "chaosmesh.network.actions.add_latency"
DELETE_FAULT = "chaosmesh.network.actions.delete_network_fault"
GET_FAULT = "chaosmesh.network.probes.get_network_fault"
GET_FAULTS = "chaosmesh.network.probes.get_network_faults"
STRESS_CPU = "chaosmesh.stress.actions.stress_cpu"
STRESS_MEMORY = "chaosmesh.stress.actions.stress_memory"
DELETE_STRESSOR = "chaosmesh.stress.actions.delete_stressor"
GET_STRESSOR = "chaosmesh.stress.probes.get_stressor"
GET_STRESSORS = "chaosmesh.stress.probes.get_stressors"
NO_PAGE = "'Not Found' 404 page not found"
EFFECTS = {
    "chaosmesh.network.actions.set_loss": ("loss", {"loss": "10", "correlation": "5"}),
    "chaosmesh.network.actions.duplicate_packets": (
        "duplicate",
        {"duplicate": "10", "correlation": "5"},
    ),
    "chaosmesh.network.actions.corrupt_packets": ("corrupt", {"corrupt": "10", "correlation": "5"}),
}
TEXT: Object = {"type": "string"}
NUMBER: Object = {"type": "integer"}
TEXTS: Object = {"type": "object", "additionalProperties": TEXT}
NAMES: Object = {"type": "array", "items": TEXT}
MODES: Object = {
    "type": "string",
    "enum": ["one", "all", "fixed", "fixed-percent", "random-max-percent"],
}


def an_object(*required: str, **properties: Object) -> Object:
    """The schema of an object."""
    found: Object = {"type": "object", "properties": properties}
    return {**found, "required": list(required)} if required else found


SELECTOR = an_object(namespaces=NAMES, labelSelectors=TEXTS, annotationSelectors=TEXTS)
ACTIONS = ["netem", "delay", "loss", "duplicate", "corrupt", "partition", "bandwidth"]
NETWORK_CHAOS = an_object(
    "action", "mode", "selector",
    action={"type": "string", "enum": ACTIONS},
    mode=MODES,
    value=TEXT,
    selector=SELECTOR,
    direction={"type": "string", "enum": ["to", "from", "both"]},
    duration=TEXT,
    externalTargets=NAMES,
    target=an_object("mode", "selector", mode=MODES, value=TEXT, selector=SELECTOR),
    delay=an_object("latency", latency=TEXT, correlation=TEXT, jitter=TEXT),
    loss=an_object("loss", loss=TEXT, correlation=TEXT),
    duplicate=an_object("duplicate", duplicate=TEXT, correlation=TEXT),
    corrupt=an_object("corrupt", corrupt=TEXT, correlation=TEXT),
    bandwidth=an_object(
        "rate", "limit", "buffer",
        rate=TEXT, limit=NUMBER, buffer=NUMBER, peakrate=NUMBER, minburst=NUMBER,
    ),
)  # fmt: skip
CPU = an_object("workers", workers=NUMBER, load=NUMBER)
MEMORY = an_object("workers", workers=NUMBER, size=TEXT, time=TEXT, oomScoreAdj=NUMBER)
STRESS_CHAOS = an_object(
    "mode", "selector",
    mode=MODES,
    value=TEXT,
    selector=SELECTOR,
    duration=TEXT,
    containerNames=NAMES,
    stressngStressors=TEXT,
    stressors=an_object(cpu=CPU, memory=MEMORY),
)  # fmt: skip


@pytest.fixture(scope="module")
def mesh(api: client.ApiClient) -> Iterator[None]:
    """The kinds of Chaos Mesh, which are served meanwhile."""
    anywhere = Cluster(api, "default")
    _leave_others_alone(anywhere)
    network = defined(anywhere, GROUP, VERSION, "NetworkChaos", "networkchaos", NETWORK_CHAOS)
    stress = defined(anywhere, GROUP, VERSION, "StressChaos", "stresschaos", STRESS_CHAOS)
    with network, stress:
        yield


def _leave_others_alone(cluster: Cluster) -> None:
    """Skip where somebody else's Chaos Mesh would carry the faults out."""
    found = cluster.send("GET", f"{DEFINITIONS}/networkchaos.{GROUP}")
    if found.code == 200 and MADE_FOR not in found.body["metadata"].get("labels", {}):
        pytest.skip("the cluster has a Chaos Mesh of its own")


def spec(made: dict[str, Any]) -> dict[str, Any]:
    """What the created object asks for."""
    found: dict[str, Any] = made["spec"]
    return found


def test_faults_without_chaos_mesh_are_no_page(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    _leave_others_alone(cluster)
    eventually(lambda: cluster.send("GET", f"/apis/{GROUP}").code == 404, patience=60)
    named = {"name": "a", "ns": cluster.namespace}
    calls: list[tuple[str, dict[str, Any]]] = [
        (LATENCY, {**named, "latency": "1ms"}),
        (
            "chaosmesh.network.actions.set_bandwidth",
            {**named, "rate": "1mbps", "limit": 1, "buffer": 1},
        ),
        ("chaosmesh.network.actions.reorder_packets", named),
        *((function, named) for function in EFFECTS),
        (STRESS_CPU, {**named, "workers": 1, "load": 1}),
        (STRESS_MEMORY, named),
        *((function, named) for function in (DELETE_FAULT, DELETE_STRESSOR)),
        *((function, named) for function in (GET_FAULT, GET_STRESSOR)),
        *((function, {"ns": cluster.namespace}) for function in (GET_FAULTS, GET_STRESSORS)),
    ]

    for function, arguments in calls:
        outcome = chaosk8s.attempt(function, **arguments)
        assert outcome.fails_with("ActivityFailed", NO_PAGE), (function, outcome)


@pytest.mark.usefixtures("mesh")
def test_latency_is_asked_for_read_and_taken_back(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    ns = cluster.namespace

    made = chaosk8s(
        LATENCY, name="a", ns=ns, latency="10ms", jitter="1ms", correlation="5",
        namespaces_selectors=ns, label_selectors="app=web,tier=front",
        annotations_selectors={"note": "x"}, external_targets="example.com",
        target_mode="fixed", target_mode_value="2", target_namespaces_selectors=[ns],
        target_label_selectors="app=db", target_annotations_selectors="note=y",
    )  # fmt: skip

    labels = {"app": "web", "tier": "front"}
    target = {
        "namespaces": [ns], "labelSelectors": {"app": "db"}, "annotationSelectors": {"note": "y"},
    }  # fmt: skip
    assert spec(made) == {
        "action": "delay",
        "delay": {"latency": "10ms", "jitter": "1ms", "correlation": "5"},
        "mode": "one",
        "direction": "to",
        "selector": {
            "namespaces": [ns], "labelSelectors": labels, "annotationSelectors": {"note": "x"},
        },
        "externalTargets": ["example.com"],
        "target": {"mode": "fixed", "value": "2", "selector": target},
    }  # fmt: skip
    # What it calls the namespace in the metadata is no field, and is forgotten.
    assert "ns" not in made["metadata"]
    assert chaosk8s(GET_FAULT, name="a", ns=ns) == made
    assert [item["metadata"]["name"] for item in chaosk8s(GET_FAULTS, ns=ns)["items"]] == ["a"]

    assert chaosk8s(DELETE_FAULT, name="a", ns=ns)["status"] == "Success"
    outcome = chaosk8s.attempt(GET_FAULT, name="a", ns=ns)
    assert outcome.fails_with("ActivityFailed", "'Not Found'", r"\"a\" not found"), outcome


@pytest.mark.usefixtures("mesh")
@pytest.mark.parametrize("function", EFFECTS)
def test_fault_of_packets_is_asked_for(cluster: Cluster, chaosk8s: Chaosk8s, function: str) -> None:
    action, effect = EFFECTS[function]

    made = chaosk8s(function, name="a", ns=cluster.namespace, **effect)

    target = {"mode": "one", "selector": {}}
    assert spec(made) == {
        "action": action, action: effect, "mode": "one", "direction": "to", "selector": {},
        "target": target,
    }  # fmt: skip


@pytest.mark.usefixtures("mesh")
def test_network_fault_has_no_end(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    arguments = {"name": "a", "ns": cluster.namespace, "latency": "1ms"}

    outcome = chaosk8s.attempt(LATENCY, duration="30s", **arguments)
    assert outcome.fails_with("TypeError", "unexpected keyword argument 'duration'"), outcome

    assert "duration" not in spec(chaosk8s(LATENCY, **arguments))


@pytest.mark.usefixtures("mesh")
@pytest.mark.parametrize(
    ("mode", "value"), [("fixed-percent", "50"), ("fixed", None), ("random-max-percent", None)]
)
def test_number_of_pods_reaches_chaos_mesh_in_one_mode_only(
    cluster: Cluster, chaosk8s: Chaosk8s, mode: str, value: str | None
) -> None:
    arguments: dict[str, Any] = {"name": "a", "ns": cluster.namespace, "mode": mode}

    made = chaosk8s(LATENCY, mode_value="50", latency="1ms", **arguments)
    assert spec(made).get("value") == value

    made = chaosk8s(STRESS_CPU, workers=1, load=50, mode_value="50", **arguments)
    assert spec(made).get("value") == value


@pytest.mark.usefixtures("mesh")
def test_bandwidth_is_misspelt(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    outcome = chaosk8s.attempt(
        "chaosmesh.network.actions.set_bandwidth",
        name="a",
        rate="1mbps",
        limit=1,
        buffer=1,
        ns=cluster.namespace,
    )

    core = r"spec.action: Unsupported value: \"bandwdith\""
    assert outcome.fails_with("ActivityFailed", "'Unprocessable Entity'", core), outcome


@pytest.mark.usefixtures("mesh")
def test_reordering_is_no_action_of_its_own(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    outcome = chaosk8s.attempt(
        "chaosmesh.network.actions.reorder_packets",
        name="a",
        reorder="50",
        gap="5",
        ns=cluster.namespace,
    )

    core = r"spec.action: Unsupported value: \"reorder\""
    assert outcome.fails_with("ActivityFailed", "'Unprocessable Entity'", core), outcome


@pytest.mark.usefixtures("mesh")
def test_latency_needs_a_latency(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    outcome = chaosk8s.attempt(LATENCY, name="a", ns=cluster.namespace)

    core = "spec.delay.latency: Required value"
    assert outcome.fails_with("ActivityFailed", "'Unprocessable Entity'", core), outcome


@pytest.mark.usefixtures("mesh")
def test_fault_of_the_same_name_counts_as_created(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    arguments = {"name": "a", "ns": cluster.namespace}
    chaosk8s(LATENCY, latency="1ms", **arguments)

    answer = chaosk8s("chaosmesh.network.actions.set_loss", loss="10", **arguments)

    assert (answer["kind"], answer["reason"]) == ("Status", "AlreadyExists")
    assert spec(chaosk8s(GET_FAULT, **arguments))["action"] == "delay"


@pytest.mark.usefixtures("mesh")
def test_stress_of_the_cpu_is_asked_for_and_taken_back(
    cluster: Cluster, chaosk8s: Chaosk8s
) -> None:
    ns = cluster.namespace

    made = chaosk8s(
        STRESS_CPU, name="a", workers=2, load=80, label_selectors="app=web", ns=ns,
        container_names="main,side",
    )  # fmt: skip

    assert spec(made) == {
        "mode": "one",
        "duration": "30s",
        "containerNames": ["main", "side"],
        "selector": {"labelSelectors": {"app": "web"}},
        "stressors": {"cpu": {"workers": 2, "load": 80}},
    }
    assert chaosk8s(GET_STRESSOR, name="a", ns=ns) == made
    assert [item["metadata"]["name"] for item in chaosk8s(GET_STRESSORS, ns=ns)["items"]] == ["a"]

    assert chaosk8s(DELETE_STRESSOR, name="a", ns=ns)["status"] == "Success"
    outcome = chaosk8s.attempt(DELETE_STRESSOR, name="a", ns=ns)
    assert outcome.fails_with("ActivityFailed", "Failed to delete", "'Not Found'"), outcome


@pytest.mark.usefixtures("mesh")
def test_stress_of_memory_needs_workers(cluster: Cluster, chaosk8s: Chaosk8s) -> None:
    arguments: dict[str, Any] = {"name": "a", "size": "64MB", "ns": cluster.namespace}

    outcome = chaosk8s.attempt(STRESS_MEMORY, **arguments)
    core = "spec.stressors.memory.workers: Required value"
    assert outcome.fails_with("ActivityFailed", "'Unprocessable Entity'", core), outcome

    made = chaosk8s(STRESS_MEMORY, workers=1, time_to_get_to_size="5s", oom_score=10, **arguments)
    wanted = {"workers": 1, "size": "64MB", "time": "5s", "oomScoreAdj": 10}
    assert spec(made)["stressors"] == {"memory": wanted}
