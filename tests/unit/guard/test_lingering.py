"""What is taken away is gone before the run has to answer for it."""

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.domain.undo import ObjectRef, Verb, changed_leaves
from orchestrator.guard.calls import Action, Call
from orchestrator.guard.drafting import Draft, Outgoing
from orchestrator.guard.kinds import KINDS
from orchestrator.guard.lingering import lingers
from orchestrator.guard.paths import Route

LONG = timedelta(minutes=20)
SHORT = timedelta(seconds=5)
DAY = 86_400


def an_object(kind: str, grace: int | None, **spec: Any) -> dict[str, Any]:
    pod: dict[str, Any] = {} if grace is None else {"terminationGracePeriodSeconds": grace}
    whole = {**pod, **spec} if kind == "pods" else {"template": {"spec": pod}, **spec}
    return {"metadata": {"name": "one", "namespace": "shop", "uid": "u"}, "spec": whole}


def a_draft(
    verb: Verb, kind: str, before: Any, after: Any = None, options: dict[str, Any] | None = None
) -> Draft:
    group = "" if kind in {"pods", "services"} else "apps"
    route = Route(group=group, version="v1", resource=kind, namespace="shop", name="one")
    body: dict[str, Any] = options or {}
    if verb is Verb.EVICT:
        body = {"metadata": {"name": "one"}, "deleteOptions": body}
    action = Action(verb.value)
    call = Call(action=action, kind=KINDS[group, kind], route=route, method="DELETE", body=body)
    return Draft(
        call=call,
        verb=verb,
        ref=ObjectRef(path=route.path, kind=kind, namespace="shop", name="one"),
        before=before,
        after=after,
        outgoing=Outgoing(method="DELETE", path=route.path),
    )


def why(draft: Draft, remaining: timedelta = LONG) -> str:
    denied = lingers(draft, remaining)
    assert denied is None or denied.rule == "grace"
    return "" if denied is None else denied.reason


@pytest.mark.parametrize("verb", [Verb.DELETE, Verb.EVICT])
def test_a_pod_is_given_no_more_time_than_it_takes_by_itself(verb: Verb) -> None:
    usual, patient = an_object("pods", None), an_object("pods", 120)

    for seconds in (0, 1, 30):
        assert not why(a_draft(verb, "pods", usual, options={"gracePeriodSeconds": seconds}))
    assert not why(a_draft(verb, "pods", patient, options={"gracePeriodSeconds": 120}))
    for pod, seconds in [(usual, 31), (usual, DAY), (patient, 121)]:
        found = why(a_draft(verb, "pods", pod, options={"gracePeriodSeconds": seconds}))
        assert "of its own" in found


@pytest.mark.parametrize("verb", [Verb.DELETE, Verb.EVICT])
def test_a_pod_that_takes_longer_than_the_run_is_not_taken_away_by_its_own_time(verb: Verb) -> None:
    pod = an_object("pods", 120)

    assert not why(a_draft(verb, "pods", pod), LONG)
    assert "left to the run" in why(a_draft(verb, "pods", pod), SHORT)
    assert not why(a_draft(verb, "pods", pod, options={"gracePeriodSeconds": 3}), SHORT)
    # As long as any pod may take, it may at any time.
    assert not why(a_draft(verb, "pods", an_object("pods", None)), timedelta())


@pytest.mark.parametrize("kind", ["statefulsets", "deployments", "replicasets", "daemonsets"])
def test_a_workload_goes_only_if_its_pods_go_in_time(kind: str) -> None:
    assert not why(a_draft(Verb.DELETE, kind, an_object(kind, None)))
    assert not why(a_draft(Verb.DELETE, kind, an_object(kind, 120)))
    assert why(a_draft(Verb.DELETE, kind, an_object(kind, DAY)))
    asked = {"gracePeriodSeconds": DAY}
    assert why(a_draft(Verb.DELETE, kind, an_object(kind, None), options=asked))


def test_what_has_no_pods_is_given_no_long_time_either() -> None:
    service = {"metadata": {"name": "one"}, "spec": {"type": "ClusterIP"}}

    assert not why(a_draft(Verb.DELETE, "services", service))
    assert why(a_draft(Verb.DELETE, "services", service, options={"gracePeriodSeconds": DAY}))


@pytest.mark.parametrize(
    "changed",
    [an_object("statefulsets", DAY, replicas=1), an_object("statefulsets", 5, replicas=3)],
)
def test_a_set_whose_pods_take_too_long_loses_none_of_them(changed: dict[str, Any]) -> None:
    """The pods that take their places have their names, and wait until those are gone."""
    slow, quick = (an_object("statefulsets", grace, replicas=3) for grace in (DAY, 30))
    assert changed_leaves(slow, changed)

    assert why(a_draft(Verb.CHANGE, "statefulsets", slow, changed))
    more = an_object("statefulsets", DAY, replicas=4)
    assert not why(a_draft(Verb.CHANGE, "statefulsets", slow, more))
    fewer = an_object("statefulsets", 30, replicas=1)
    assert not why(a_draft(Verb.CHANGE, "statefulsets", quick, fewer))


@pytest.mark.parametrize("kind", ["pods", "deployments", "statefulsets"])
def test_nothing_is_made_that_takes_long_to_take_away(kind: str) -> None:
    assert not why(a_draft(Verb.CREATE, kind, None, an_object(kind, None)))
    assert not why(a_draft(Verb.CREATE, kind, None, an_object(kind, 30)))
    assert why(a_draft(Verb.CREATE, kind, None, an_object(kind, 31)))


def test_pods_are_not_made_to_take_longer_than_they_did() -> None:
    before = an_object("deployments", 60)

    assert not why(a_draft(Verb.CHANGE, "deployments", before, an_object("deployments", 60)))
    assert not why(a_draft(Verb.CHANGE, "deployments", before, an_object("deployments", 5)))
    quick = an_object("deployments", 5)
    assert not why(a_draft(Verb.CHANGE, "deployments", quick, an_object("deployments", 30)))
    assert why(a_draft(Verb.CHANGE, "deployments", quick, an_object("deployments", 31)))
    assert why(a_draft(Verb.CHANGE, "deployments", before, an_object("deployments", 61)))


def test_jobs_made_by_a_cron_job_count_by_the_pods_that_they_make() -> None:
    route = Route(group="batch", version="v1", resource="cronjobs", namespace="shop", name="one")
    template = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": DAY}}}}
    call = Call(
        action=Action.CREATE, kind=KINDS["batch", "cronjobs"], route=route, method="POST", body={}
    )
    draft = Draft(
        call=call,
        verb=Verb.CREATE,
        ref=ObjectRef(path=route.path, kind="cronjobs", namespace="shop", name="one"),
        before=None,
        after={"metadata": {"name": "one"}, "spec": {"jobTemplate": template}},
        outgoing=Outgoing(method="POST", path=route.collection),
    )

    assert why(draft)


def test_a_set_that_is_made_without_pods_takes_none_away() -> None:
    """However little time is left, nothing that was there goes."""
    made = an_object("statefulsets", None, replicas=0)

    assert not why(a_draft(Verb.CREATE, "statefulsets", None, made), timedelta())
