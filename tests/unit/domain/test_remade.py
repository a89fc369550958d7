"""What ties an object to where it was, and which of its fields a patch mends."""

from typing import Any

import pytest

from orchestrator.domain.remade import anew, is_mark, is_patched, leaves_between

Document = dict[str, Any]


def a_pod(*, labels: Document | None = None, letters: str = "abcde", **spec: Any) -> Document:
    volume = {"name": f"kube-api-access-{letters}"}
    mount = {"name": f"kube-api-access-{letters}", "mountPath": "/token"}
    container = {"name": "one", "image": "cart:1", "volumeMounts": [mount]}
    spec.setdefault("terminationGracePeriodSeconds", 30)
    whole = {"volumes": [volume], "containers": [container], **spec}
    return {"metadata": {"name": "cart", "labels": labels}, "spec": whole}


def test_pod_is_made_anew_without_its_node_and_what_that_wrote() -> None:
    said = {"cni.projectcalico.org/podIP": "10.0.0.1", "k8s.ovn.org/x": "y", "ours": "stays"}
    pod = {"metadata": {"name": "cart", "annotations": said}, "spec": {"nodeName": "one", "a": 1}}

    found = anew("pods", pod)

    assert found == {"metadata": {"name": "cart", "annotations": {"ours": "stays"}},
                     "spec": {"a": 1}}  # fmt: skip


BINDING = {
    "controller-uid": "u",
    "job-name": "once",
    "batch.kubernetes.io/controller-uid": "u",
    "batch.kubernetes.io/job-name": "once",
}


def a_job(**more: Any) -> Document:
    labels = {"app": "cart", **BINDING}
    template = {"metadata": {"labels": labels, "annotations": {"a": "b"}}, "spec": {}}
    selector = {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    spec = {"parallelism": 2, "selector": selector, "template": template, **more}
    return {"metadata": {"name": "once"}, "spec": spec}


def test_job_is_made_anew_without_what_binds_it_to_its_pods() -> None:
    template = {"metadata": {"labels": {"app": "cart"}, "annotations": {"a": "b"}}, "spec": {}}

    assert anew("jobs", a_job())["spec"] == {"parallelism": 2, "template": template}


def test_job_that_chose_its_pods_itself_is_made_anew_as_it_is() -> None:
    job = a_job(manualSelector=True)

    assert anew("jobs", job) == job


def test_job_without_labels_on_its_pods_is_made_anew() -> None:
    found = anew("jobs", {"metadata": {"name": "once"}, "spec": {"template": {"spec": {}}}})

    assert found["spec"]["template"] == {"metadata": {"labels": {}}, "spec": {}}


def test_two_pods_of_one_file_differ_in_nothing_that_lasts() -> None:
    zone = {"topology.kubernetes.io/zone": "a", "topology.kubernetes.io/region": "b"}
    one = a_pod(labels={"app": "cart", **zone}, letters="abcde", nodeName="one")
    other = a_pod(labels={"app": "cart"}, letters="fghij", nodeName="two")

    assert leaves_between("pods", one, other) == {}


def test_what_is_another_in_each_pod_counts_of_any_other_object() -> None:
    one, other = ({"metadata": {"labels": {"topology.kubernetes.io/zone": zone}}} for zone in "ab")

    assert leaves_between("pods", one, other) == {}
    assert len(leaves_between("services", one, other)) == 1


def test_what_two_pods_were_made_with_tells_them_apart() -> None:
    one = a_pod(labels={"app": "cart"}, restartPolicy="Always")
    other = a_pod(labels={"app": "other"}, restartPolicy="Never")

    assert set(leaves_between("pods", one, other)) == {
        ("metadata", "labels", "app"),
        ("spec", "restartPolicy"),
    }


@pytest.mark.parametrize(
    ("kind", "path", "now", "expected"),
    [
        ("pods", "metadata.labels.app", {}, True),
        ("pods", "spec.containers", {}, False),
        ("deployments", "spec.replicas", {}, True),
        ("deployments", "spec.template.spec.containers", {}, True),
        ("deployments", "spec.selector.matchLabels", {}, False),
        ("statefulsets", "spec.serviceName", {}, False),
        ("jobs", "spec.template.spec.containers", {}, False),
        ("configmaps", "data.a", {}, True),
        ("configmaps", "data.a", {"immutable": True}, False),
        ("configmaps", "metadata.labels.a", {"immutable": True}, True),
    ],
)
def test_only_some_fields_are_mended_by_a_patch(
    kind: str, path: str, now: Document, expected: bool
) -> None:
    assert is_patched(kind, tuple(path.split(".")), now) is expected


def test_only_an_annotation_of_its_form_is_a_mark() -> None:
    assert is_mark(("metadata", "annotations", "x-0a1b2c3d"))
    assert not is_mark(("metadata", "labels", "x-0a1b2c3d"))
    assert not is_mark(("metadata", "annotations", "x-0a1b2c3d-and-more"))
