"""Lists, pages, selectors, tables and watches."""

import pytest

from tests.contract.cluster.asking import MERGE, Cluster, a_pod, eventually

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture
def labelled(cluster: Cluster) -> Cluster:
    """A cluster with four config maps."""
    for name, labels in {
        "a": {"tier": "web", "size": "s"},
        "b": {"tier": "web", "size": "l"},
        "c": {"tier": "db"},
        "d": {},
    }.items():
        cluster.create("configmaps", {"metadata": {"name": name, "labels": {**labels, "ours": ""}}})
    return cluster


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("tier=web", "ab"),
        ("tier==web", "ab"),
        ("tier!=web", "cd"),
        ("tier in (web,db)", "abc"),
        ("tier notin (web)", "cd"),
        ("tier", "abc"),
        ("!tier", "d"),
        ("tier=web,size=l", "b"),
        ("tier=web,size notin (l)", "a"),
    ],
)
def test_label_selectors(labelled: Cluster, selector: str, names: str) -> None:
    assert labelled.names("configmaps", labelSelector=f"ours,{selector}") == list(names)


@pytest.mark.parametrize(
    ("selector", "names"), [("metadata.name=b", "b"), ("metadata.name!=b", "acd")]
)
def test_field_selectors(labelled: Cluster, selector: str, names: str) -> None:
    found = labelled.names("configmaps", fieldSelector=selector, labelSelector="ours")

    assert found == list(names)


def test_pods_are_found_by_phase_and_node(cluster: Cluster) -> None:
    cluster.create("pods", a_pod("lost", nodeSelector={"no": "such-node"}))
    cluster.create("pods", a_pod("runs"))

    assert eventually(lambda: cluster.names("pods", fieldSelector="status.phase=Running"))
    node = cluster.get("pods", "runs")["spec"]["nodeName"]
    assert cluster.names("pods", fieldSelector=f"spec.nodeName={node}") == ["runs"]
    assert cluster.names("pods", fieldSelector="spec.nodeName=") == ["lost"]


def test_pages_are_of_one_moment(labelled: Cluster) -> None:
    path = labelled.path("configmaps")
    first = labelled.send("GET", path, limit="2", labelSelector="ours").body
    labelled.send("DELETE", f"{path}/c")
    token = first["metadata"]["continue"]
    second = labelled.send("GET", path, limit="5", labelSelector="ours", **{"continue": token}).body

    names = [item["metadata"]["name"] for page in (first, second) for item in page["items"]]
    assert names == ["a", "b", "c", "d"]
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


def test_last_page_says_that_it_is_the_last(labelled: Cluster) -> None:
    body = labelled.send("GET", labelled.path("configmaps"), limit="50").body

    assert not body["metadata"].get("continue")
    assert body["items"]
    assert "kind" not in body["items"][0]


def test_continue_token_of_nobody_is_refused(cluster: Cluster) -> None:
    answer = cluster.send("GET", cluster.path("pods"), limit="1", **{"continue": "nonsense"})

    assert answer.code == 400


def test_empty_list_has_items(cluster: Cluster) -> None:
    body = cluster.send("GET", cluster.path("pods")).body

    assert (body["kind"], body["items"]) == ("PodList", [])


def test_table_has_a_row_for_each_object(cluster: Cluster) -> None:
    cluster.create("pods", a_pod("lost", nodeSelector={"no": "such-node"}))

    body = cluster.send("GET", cluster.path("pods"), accept=TABLE).body

    columns = [column["name"] for column in body["columnDefinitions"]]
    assert columns[:5] == ["Name", "Ready", "Status", "Restarts", "Age"]
    assert body["rows"][0]["cells"][:4] == ["lost", "0/1", "Pending", "0"]
    assert body["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


def test_watch_goes_on_where_the_list_ended(cluster: Cluster) -> None:
    cluster.create("configmaps", {"metadata": {"name": "before"}})
    version = cluster.send("GET", cluster.path("configmaps")).body["metadata"]["resourceVersion"]

    # A young namespace gets its certificates' config map at a moment of its own.
    mine = {"resourceVersion": version, "fieldSelector": "metadata.name=x"}
    with cluster.watching("configmaps", **mine) as events:
        cluster.create("configmaps", {"metadata": {"name": "x"}})
        path = cluster.path("configmaps", "x")
        cluster.send("PATCH", path, {"data": {"a": "1"}}, kind=MERGE)
        cluster.send("DELETE", path)
        seen = [next(events) for _ in range(3)]

    assert [event["type"] for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
    assert {event["object"]["metadata"]["name"] for event in seen} == {"x"}
    assert seen[0]["object"]["kind"] == "ConfigMap"
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in seen]
    assert versions == sorted(set(versions))


def test_watch_without_a_version_begins_with_what_is_there(cluster: Cluster) -> None:
    cluster.create("secrets", {"metadata": {"name": "there"}})

    with cluster.watching("secrets") as events:
        event = next(events)

    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "there")


def test_object_enters_and_leaves_a_selection(cluster: Cluster) -> None:
    made = cluster.create("configmaps", {"metadata": {"name": "x"}})
    version = made["metadata"]["resourceVersion"]
    path = cluster.path("configmaps", "x")

    with cluster.watching("configmaps", resourceVersion=version, labelSelector="on") as events:
        cluster.send("PATCH", path, {"metadata": {"labels": {"on": "1"}}}, kind=MERGE)
        cluster.send("PATCH", path, {"metadata": {"labels": {"on": "2"}}}, kind=MERGE)
        cluster.send("PATCH", path, {"metadata": {"labels": {"on": None}}}, kind=MERGE)
        seen = [next(events) for _ in range(3)]

    assert [event["type"] for event in seen] == ["ADDED", "MODIFIED", "DELETED"]


def test_watch_from_too_long_ago_is_told_that_it_is_gone(cluster: Cluster) -> None:
    with cluster.watching("configmaps", resourceVersion="1") as events:
        event = next(events)

    if event["type"] == "ADDED" and "practice" not in cluster.version:
        pytest.skip("a real cluster this young still remembers its first version")
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")


def test_watch_ends_when_its_time_is_up(cluster: Cluster) -> None:
    version = cluster.send("GET", cluster.path("pods")).body["metadata"]["resourceVersion"]

    with cluster.watching("pods", resourceVersion=version, timeoutSeconds="1") as events:
        assert list(events) == []


def test_initial_events_end_with_a_bookmark(cluster: Cluster) -> None:
    cluster.create("secrets", {"metadata": {"name": "there"}})

    with cluster.watching(
        "secrets",
        sendInitialEvents="true",
        allowWatchBookmarks="true",
        resourceVersionMatch="NotOlderThan",
    ) as events:
        first, second = next(events), next(events)

    assert [first["type"], second["type"]] == ["ADDED", "BOOKMARK"]
    assert second["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_event_is_served_by_both_groups(cluster: Cluster) -> None:
    about = {"kind": "Pod", "namespace": cluster.namespace, "name": "x"}
    metadata = {"generateName": "x."}
    body = {"metadata": metadata, "involvedObject": about, "message": "hm", "reason": "Tried"}
    name = cluster.create("events", body)["metadata"]["name"]

    found = cluster.get("events.k8s.io/v1/events", name)

    assert (found["apiVersion"], found["note"]) == ("events.k8s.io/v1", "hm")
    assert found["regarding"] == about
    assert cluster.names("events", fieldSelector="involvedObject.name=x,reason=Tried") == [name]
