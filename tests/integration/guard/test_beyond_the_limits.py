"""What a write would do elsewhere or later is counted or refused, on a guard inside a process."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestrator.domain.blast_radius import Budgets
from tests.contract.cluster.asking import MERGE
from tests.integration.guard.conducting import loose, until
from tests.integration.guard.furnished import World, a_shop, rule
from tests.integration.guard.inside import Object, a_guard_inside, an_api
from tests.integration.guard.places import IMAGE, a_deployment, a_pod
from tests.integration.guard.test_evasions import with_powers

SHOP = "/api/v1/namespaces/shop"
APPS = "/apis/apps/v1/namespaces/shop"
CHAOS = "/apis/chaos-mesh.org/v1alpha1/namespaces/shop/podchaos"
WORLD = {"part-of": "world"}
KINDS = loose(namespaces=frozenset({"shop"})).kinds | {"daemonsets"}


@pytest.fixture
async def server() -> AsyncIterator[str]:
    async with an_api() as found:
        yield found


@pytest.fixture
async def world(server: str) -> AsyncIterator[World]:
    radius = loose(namespaces=frozenset({"shop"}), selectors=WORLD, kinds=KINDS, creates=KINDS)
    async with a_shop(server, radius) as found:
        yield found


def reason(answer: tuple[int, Object]) -> str:
    return f"{rule(answer)}: {answer[1]['details']['causes'][0]['message']}"


async def put(world: World, path: str, body: Object) -> None:
    """Make an object beside the guard."""
    status, answer = await world.inside.do("POST", path, body)
    assert status == 201, answer


async def change(world: World, path: str, body: Object) -> tuple[int, Object]:
    return await world.inside.ask("PATCH", path, body, MERGE)


@pytest.fixture
async def chaos_mesh(world: World) -> str:
    """The kind of Chaos Mesh's pod faults; its path."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1alpha1", "served": True, "storage": True,
               "schema": {"openAPIV3Schema": schema}}  # fmt: skip
    names = {"plural": "podchaos", "singular": "podchaos", "kind": "PodChaos"}
    spec = {"group": "chaos-mesh.org", "scope": "Namespaced", "names": names, "versions": [version]}
    await put(
        world,
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        {"metadata": {"name": "podchaos.chaos-mesh.org"}, "spec": spec},
    )

    async def is_served() -> bool:
        return (await world.inside.do("GET", CHAOS))[0] == 200

    await until(is_served)
    return CHAOS


def a_fault(annotations: Object | None = None, **more: Any) -> Object:
    selector = {"namespaces": ["shop"], "labelSelectors": {"app": "web"}}
    return {
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": "PodChaos",
        "metadata": {"name": "fault", "labels": WORLD, "annotations": annotations or {}},
        "spec": {"action": "pod-failure", "mode": "one", "selector": selector} | more,
    }


async def test_fault_of_chaos_mesh_for_another_cluster_is_refused(
    world: World, chaos_mesh: str
) -> None:
    elsewhere = await world.inside.ask("POST", chaos_mesh, a_fault(remoteCluster="production"))
    here = await world.inside.ask("POST", chaos_mesh, a_fault(remoteCluster=""))

    assert reason(elsewhere) == "expansion: it would hit another cluster"
    assert here[0] == 201


async def test_fault_of_chaos_mesh_begins_at_once_and_once(world: World, chaos_mesh: str) -> None:
    pause = {"experiment.chaos-mesh.org/pause": "true"}
    again = await world.inside.ask("POST", chaos_mesh, a_fault(scheduler={"cron": "@every 1m"}))
    later = await world.inside.ask("POST", chaos_mesh, a_fault(pause))
    made = await world.inside.ask("POST", chaos_mesh, a_fault({"note": "ours"}))
    paused = await change(world, f"{chaos_mesh}/fault", {"metadata": {"annotations": pause}})
    noted = await change(world, f"{chaos_mesh}/fault", {"metadata": {"annotations": {"note": "x"}}})

    assert [rule(each) for each in (again, later, paused)] == ["expansion"] * 3
    assert (made[0], noted[0]) == (201, 200)


async def test_target_of_a_fault_is_not_in_another_cluster(world: World, chaos_mesh: str) -> None:
    target = {"mode": "all", "selector": a_fault()["spec"]["selector"], "remoteCluster": "far"}

    answer = await world.inside.ask("POST", chaos_mesh, a_fault(target=target))

    assert reason(answer) == "expansion: it would hit another cluster"


PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"
HOST_PROCESS = {"windowsOptions": {"hostProcess": True}}
POWERS: list[Object] = [
    {"priorityClassName": "high"},
    {"priorityClassName": "high", "priority": 1000},
    {"priority": 1000},
    {"securityContext": HOST_PROCESS},
    {"securityContext": {"windowsOptions": {"gmsaCredentialSpecName": "theirs"}}},
    {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
    {"containers": [{"name": "m", "image": IMAGE, "securityContext": HOST_PROCESS}]},
    {"containers": [{"name": "m", "image": IMAGE, "ports": [{"containerPort": 1, "hostPort": 1}]}]},
    {"volumes": [{"name": "v", "nfs": {"server": "files", "path": "/"}}]},
    {"imagePullSecrets": [{"name": "theirs"}]},
]


@pytest.fixture
async def classes(world: World) -> None:
    """A class above others, and one that a pod without a class gets."""
    await put(world, PRIORITIES, {"metadata": {"name": "high"}, "value": 1000})
    usual = {"metadata": {"name": "usual"}, "value": 10, "globalDefault": True}
    await put(world, PRIORITIES, usual)


@pytest.mark.usefixtures("classes")
@pytest.mark.parametrize("spec", POWERS)
async def test_no_pod_is_made_that_may_displace_others_or_has_the_powers_of_its_node(
    world: World, spec: Object
) -> None:
    answers = [await world.inside.ask("POST", *each) for each in with_powers(spec).items()]

    refusals = {answer[0]: rule(answer) for answer in answers if answer[0] != 422}
    assert refusals == {403: "privileges"}


@pytest.mark.usefixtures("classes")
async def test_class_that_every_pod_gets_is_no_power(world: World) -> None:
    status, made = await world.inside.ask("POST", f"{SHOP}/pods", a_pod("plain"))

    assert (status, made["spec"]["priorityClassName"]) == (201, "usual")


@pytest.mark.usefixtures("classes")
async def test_class_that_a_workload_had_before_is_no_gain(world: World) -> None:
    workload = a_deployment("ranked", 1)
    workload["spec"]["template"]["spec"]["priorityClassName"] = "high"
    await put(world, f"{APPS}/deployments", workload)
    body = {"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}}

    assert (await change(world, f"{APPS}/deployments/ranked", body))[0] == 200


async def test_class_is_not_given_to_a_workload_even_if_the_plan_names_the_field(
    server: str,
) -> None:
    fields = {"deployments": frozenset({"spec.template"})}
    radius = loose(namespaces=frozenset({"shop"}), fields=fields)
    async with a_guard_inside(server, radius) as inside:
        world = World(inside=inside, mine="shop")
        await world.furnish("shop", {"web": 1})
        await put(world, PRIORITIES, {"metadata": {"name": "high"}, "value": 1000})
        body = {"spec": {"template": {"spec": {"priorityClassName": "high"}}}}

        assert rule(await change(world, f"{APPS}/deployments/web", body)) == "privileges"


def a_service(name: str, selector: Object, labels: Object | None = None) -> Object:
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"selector": selector, "ports": [{"port": 80}]},
    }


async def test_pod_is_not_relabelled_to_serve_for_others(world: World) -> None:
    pod = a_pod("idle")
    pod["metadata"]["labels"] = WORLD | {"mine": "yes"}
    await put(world, f"{SHOP}/pods", pod)
    await put(world, f"{SHOP}/services", a_service("theirs", {"team": "theirs"}))
    await put(world, f"{SHOP}/services", a_service("ours", {"team": "ours"}, WORLD))
    await put(world, f"{SHOP}/services", a_service("anybody", {"mine": "yes"}))
    path = f"{SHOP}/pods/idle"

    theirs = await change(world, path, {"metadata": {"labels": {"team": "theirs"}}})
    neutral = await change(world, path, {"metadata": {"labels": {"colour": "red"}}})
    ours = await change(world, path, {"metadata": {"labels": {"team": "ours"}}})

    assert reason(theirs) == "selectors: services/shop/theirs lacks the label part-of=world"
    assert (neutral[0], ours[0]) == (200, 200)
    assert "services/shop/ours" in world.inside.ledger.records[-1].lost


@pytest.mark.parametrize("kind", ["deployments", "daemonsets"])
async def test_template_is_not_relabelled_to_serve_for_others(world: World, kind: str) -> None:
    workload = a_deployment("mine", 1)
    if kind == "daemonsets":
        del workload["spec"]["replicas"]
    await put(world, f"{APPS}/{kind}", workload)
    await put(world, f"{SHOP}/services", a_service("theirs", {"team": "theirs"}))
    await put(world, f"{SHOP}/services", a_service("ours", {"team": "ours"}, WORLD))

    def labelled(team: str) -> Object:
        return {"spec": {"template": {"metadata": {"labels": {"team": team}}}}}

    theirs = await change(world, f"{APPS}/{kind}/mine", labelled("theirs"))
    ours = await change(world, f"{APPS}/{kind}/mine", labelled("ours"))

    assert reason(theirs) == "selectors: services/shop/theirs lacks the label part-of=world"
    assert ours[0] == 200
    assert "services/shop/ours" in world.inside.ledger.records[-1].lost


async def test_pod_is_not_made_one_of_a_daemon_set_or_of_a_job(world: World) -> None:
    daemons = a_deployment("daemons", 1)
    del daemons["spec"]["replicas"]
    await put(world, f"{APPS}/daemonsets", daemons)
    selector = {"matchLabels": {"job": "by-hand"}}
    template = {"metadata": {"labels": {"job": "by-hand"}},
                "spec": {"containers": [{"name": "m", "image": IMAGE}],
                         "restartPolicy": "Never"}}  # fmt: skip
    spec = {"manualSelector": True, "selector": selector, "template": template}
    job = {"metadata": {"name": "by-hand"}, "spec": spec}
    await put(world, "/apis/batch/v1/namespaces/shop/jobs", job)

    answers = []
    for labels in ({"app": "daemons"}, {"job": "by-hand"}):
        pod = a_pod("impostor")
        pod["metadata"]["labels"] = WORLD | labels
        answers.append(await world.inside.ask("POST", f"{SHOP}/pods", pod))

    assert [reason(each) for each in answers] == [
        "expansion: daemonsets/shop/daemons would take it for one of its own",
        "expansion: jobs/shop/by-hand would take it for one of its own",
    ]


def a_set(kind: str, name: str, app: str) -> Object:
    made = a_deployment(name, 1)
    made["spec"]["selector"]["matchLabels"] = {"app": app}
    made["spec"]["template"]["metadata"]["labels"] = WORLD | {"app": app}
    if kind == "daemonsets":
        del made["spec"]["replicas"]
    if kind == "statefulsets":
        made["spec"]["serviceName"] = "web"
    return made


@pytest.mark.parametrize("kind", ["replicasets", "statefulsets", "daemonsets"])
async def test_workload_is_not_made_that_would_take_pods_of_nobody(world: World, kind: str) -> None:
    bare = a_pod("bare")
    await put(world, f"{SHOP}/pods", bare)

    takes = await world.inside.ask("POST", f"{APPS}/{kind}", a_set(kind, "taker", "bare"))
    makes = await world.inside.ask("POST", f"{APPS}/{kind}", a_set(kind, "maker", "new"))

    assert reason(takes) == "expansion: it would take pods/shop/bare for one of its own"
    assert makes[0] == 201


async def test_replica_sets_and_deployments_do_not_take_each_other(world: World) -> None:
    await put(world, f"{APPS}/replicasets", a_set("replicasets", "lone", "lone"))
    deployment = a_set("deployments", "taker", "lone")
    replica_set = a_set("replicasets", "taken", "web")
    replica_set["metadata"]["labels"] = WORLD | {"app": "web"}

    takes = await world.inside.ask("POST", f"{APPS}/deployments", deployment)
    taken = await world.inside.ask("POST", f"{APPS}/replicasets", replica_set)
    lured = await change(
        world, f"{APPS}/replicasets/lone", {"metadata": {"labels": {"app": "web"}}}
    )

    assert reason(takes) == "expansion: it would take replicasets/shop/lone for one of its own"
    assert reason(taken) == reason(lured)
    assert reason(taken) == "expansion: deployments/shop/web would take it for one of its own"


HPAS = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
CRON_JOBS = "/apis/batch/v1/namespaces/shop/cronjobs"


def an_autoscaler(**spec: Any) -> Object:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    whole = {"scaleTargetRef": reference, "maxReplicas": 8} | spec
    return {"metadata": {"name": "web", "labels": WORLD}, "spec": whole}


async def test_autoscaler_is_not_made(world: World) -> None:
    answer = await world.inside.ask("POST", HPAS, an_autoscaler(minReplicas=4))

    assert reason(answer).startswith("expansion: what it scales later cannot be told now")


async def test_autoscaler_gets_no_more_room_than_it_had(world: World) -> None:
    await put(world, HPAS, an_autoscaler(minReplicas=3))
    path = f"{HPAS}/web"

    async def ranged(least: int | None, most: int) -> tuple[int, Object]:
        return await change(world, path, {"spec": {"minReplicas": least, "maxReplicas": most}})

    lower, to_default, higher = await ranged(2, 8), await ranged(None, 8), await ranged(3, 9)
    pinned, half, back = await ranged(4, 4), await ranged(2, 4), await ranged(3, 8)

    assert [rule(each) for each in (lower, to_default, higher, half)] == ["expansion"] * 4
    assert (pinned[0], back[0]) == (200, 200)


async def test_autoscaler_is_put_back_as_others_left_it(world: World) -> None:
    await put(world, HPAS, an_autoscaler(minReplicas=2))
    path = f"{HPAS}/web"
    await change(world, path, {"spec": {"minReplicas": 3}})
    await world.inside.do("PATCH", path, {"spec": {"minReplicas": 4}}, MERGE)

    assert rule(await change(world, path, {"spec": {"minReplicas": 2}})) == "expansion"


def a_cron_job(*, suspend: bool) -> Object:
    pod = {"containers": [{"name": "m", "image": IMAGE}], "restartPolicy": "Never"}
    spec = {"schedule": "0 0 1 1 *", "suspend": suspend,
            "jobTemplate": {"spec": {"template": {"spec": pod}}}}  # fmt: skip
    return {"metadata": {"name": "nightly", "labels": WORLD}, "spec": spec}


@pytest.mark.parametrize("suspended", [True, False])
async def test_cron_job_is_not_set_going_but_may_go_on(world: World, suspended: bool) -> None:
    await put(world, CRON_JOBS, a_cron_job(suspend=suspended))

    answers = [
        await change(world, f"{CRON_JOBS}/nightly", {"spec": {"suspend": suspend}})
        for suspend in (not suspended, suspended)
    ]

    if suspended:
        assert rule(answers[0]) == "expansion"
    else:
        assert [each[0] for each in answers] == [200, 200]


SETS = f"{APPS}/statefulsets"
CLAIMS = f"{SHOP}/persistentvolumeclaims"
KEPT = {"whenDeleted": "Retain", "whenScaled": "Retain"}
GONE_WITH_SET = {"whenDeleted": "Delete", "whenScaled": "Retain"}
GONE_WITH_POD = {"whenDeleted": "Retain", "whenScaled": "Delete"}
CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


def a_store(policy: Object | None, replicas: int = 2) -> Object:
    made = a_set("statefulsets", "store", "store")
    made["metadata"]["labels"] = WORLD
    made["spec"] |= {"replicas": replicas, "volumeClaimTemplates": [CLAIM]}
    if policy is not None:
        made["spec"]["persistentVolumeClaimRetentionPolicy"] = policy
    return made


async def scale(world: World, replicas: int) -> tuple[int, Object]:
    return await change(world, f"{SETS}/store/scale", {"spec": {"replicas": replicas}})


@pytest.mark.parametrize("policy", [None, KEPT, GONE_WITH_POD])
async def test_set_is_not_made_whose_volumes_would_stay(
    world: World, policy: Object | None
) -> None:
    answer = await world.inside.ask("POST", SETS, a_store(policy))

    assert reason(answer).startswith("irreversible: the volumes that it makes would stay behind")


async def test_set_is_made_and_deleted_whose_volumes_go_with_it(world: World) -> None:
    made = await world.inside.ask("POST", SETS, a_store(GONE_WITH_SET))
    scaled = await scale(world, 3)
    deleted = await world.inside.ask("DELETE", f"{SETS}/store")

    assert (made[0], scaled[0], deleted[0]) == (201, 200, 200)


async def test_set_gets_no_more_pods_whose_volumes_would_stay(world: World) -> None:
    await put(world, SETS, a_store(KEPT))

    more = await scale(world, 3)
    patched = await change(world, f"{SETS}/store", {"spec": {"replicas": 3}})
    fewer, back, beyond = await scale(world, 1), await scale(world, 2), await scale(world, 3)

    assert [rule(each) for each in (more, patched, beyond)] == ["irreversible"] * 3
    assert (fewer[0], back[0]) == (200, 200)


async def test_set_that_was_deleted_is_made_anew_with_its_volumes(world: World) -> None:
    await put(world, SETS, a_store(KEPT))
    await put(world, CLAIMS, CLAIM | {"metadata": {"name": "data-store-1"}})
    await world.inside.ask("DELETE", f"{SETS}/store")

    larger = await world.inside.ask("POST", SETS, a_store(KEPT, replicas=3))
    again = await world.inside.ask("POST", SETS, a_store(KEPT))

    assert (rule(larger), again[0]) == ("irreversible", 201)


async def test_set_gets_more_pods_whose_volumes_go_with_them_and_loses_no_others(
    world: World,
) -> None:
    await put(world, SETS, a_store(GONE_WITH_POD))

    more, back, fewer = await scale(world, 4), await scale(world, 2), await scale(world, 1)

    assert (more[0], back[0], rule(fewer)) == (200, 200, "irreversible")


@pytest.mark.parametrize("is_new", [True, False])
async def test_volume_that_was_there_is_not_taken_in_and_deleted(
    world: World, is_new: bool
) -> None:
    await put(world, CLAIMS, CLAIM | {"metadata": {"name": "data-store-3"}})
    if is_new:
        answer = await world.inside.ask("POST", SETS, a_store(GONE_WITH_SET, replicas=4))
    else:
        await put(world, SETS, a_store(GONE_WITH_POD))
        answer = await scale(world, 4)

    assert reason(answer) == (
        "irreversible: persistentvolumeclaims/shop/data-store-3 would become one of its own,"
        " and be deleted with them"
    )


INGRESSES = "/apis/networking.k8s.io/v1/namespaces/shop/ingresses"


def a_backend(name: str) -> Object:
    return {"service": {"name": name, "port": {"number": 80}}}


def a_rule(host: str, service: str = "web", path: str = "/", kind: str = "Prefix") -> Object:
    backend = {"path": path, "pathType": kind, "backend": a_backend(service)}
    found: Object = {"http": {"paths": [backend]}}
    return found | ({"host": host} if host else {})


def an_ingress(*rules: Object, **spec: Any) -> Object:
    return {"metadata": {"name": "web", "labels": WORLD}, "spec": {"rules": list(rules)} | spec}


@pytest.fixture
async def ingress(world: World) -> str:
    """An ingress of the shop, to its web; another team's service stands beside it."""
    await put(world, f"{SHOP}/services", a_service("theirs", {"team": "theirs"}))
    tls = [{"hosts": ["shop.example"], "secretName": "ours"}]
    made = an_ingress(a_rule("shop.example"), tls=tls, ingressClassName="outer")
    made["metadata"]["annotations"] = {"nginx.ingress.kubernetes.io/limit-rps": "5"}
    await put(world, INGRESSES, made)
    return f"{INGRESSES}/web"


TAKING: list[Object] = [
    {"rules": [a_rule("shop.example"), a_rule("bank.example")]},
    {"rules": [a_rule("")]},
    {"rules": [a_rule("*.example")]},
    {"rules": [{"host": "bank.example"}]},
    {"rules": [a_rule("shop.example"), a_rule("shop.example", path="/accounts")]},
    {"rules": [a_rule("shop.example", kind="ImplementationSpecific")]},
    {"defaultBackend": a_backend("web")},
    {"tls": [{"hosts": ["shop.example", "bank.example"], "secretName": "ours"}]},
    {"tls": [{"secretName": "ours"}]},
    {"ingressClassName": None},
]


@pytest.mark.parametrize("spec", TAKING)
async def test_ingress_takes_no_requests_that_it_did_not_take_before(
    world: World, ingress: str, spec: Object
) -> None:
    assert rule(await change(world, ingress, {"spec": spec})) == "expansion"


async def test_ingress_is_not_made_for_a_host_of_others(world: World) -> None:
    host = await world.inside.ask("POST", INGRESSES, an_ingress(a_rule("bank.example")))
    any_host = await world.inside.ask(
        "POST", INGRESSES, an_ingress(defaultBackend=a_backend("web"))
    )

    assert [rule(each) for each in (host, any_host)] == ["expansion"] * 2


async def test_ingress_leads_to_no_service_outside(world: World, ingress: str) -> None:
    theirs = await change(world, ingress, {"spec": {"rules": [a_rule("shop.example", "theirs")]}})
    nobody = await change(world, ingress, {"spec": {"rules": [a_rule("shop.example", "none")]}})
    other = await change(world, ingress, {"spec": {"rules": [a_rule("shop.example", "cart")]}})
    back = await change(world, ingress, {"spec": {"rules": [a_rule("shop.example")]}})

    assert reason(theirs) == "selectors: services/shop/theirs lacks the label part-of=world"
    assert (rule(nobody), other[0], back[0]) == ("selectors", 200, 200)
    assert set(world.inside.ledger.records[0].lost) == {"services/shop/cart", "services/shop/web"}


async def test_ingress_does_not_get_the_secret_of_another(world: World, ingress: str) -> None:
    tls = [{"hosts": ["shop.example"], "secretName": "theirs"}]

    assert rule(await change(world, ingress, {"spec": {"tls": tls}})) == "privileges"


async def test_rule_that_was_taken_away_and_ingress_that_was_deleted_come_back(
    world: World, ingress: str
) -> None:
    whole = (await world.inside.do("GET", ingress))[1]
    kept = {each: whole["metadata"][each] for each in ("name", "labels", "annotations")}

    emptied = await change(
        world, ingress, {"spec": {"rules": None, "defaultBackend": None, "tls": None}}
    )
    refilled = await change(world, ingress, {"spec": {"rules": whole["spec"]["rules"]}})
    deleted = await world.inside.ask("DELETE", ingress)
    again = await world.inside.ask(
        "POST", INGRESSES, {"metadata": kept, "spec": {"rules": whole["spec"]["rules"],
                                                       "ingressClassName": "outer"}}
    )  # fmt: skip

    assert emptied[0] in {200, 422}
    assert [each[0] for each in (refilled, deleted, again)] == [200, 200, 201]


ALIAS = "nginx.ingress.kubernetes.io/server-alias"
NAME = "external-dns.alpha.kubernetes.io/hostname"
OF_KUBECTL = "kubectl.kubernetes.io/last-applied-configuration"


async def noted(world: World, path: str, key: str) -> tuple[int, Object]:
    return await change(world, path, {"metadata": {"annotations": {key: "bank.example"}}})


async def test_annotations_do_not_lead_requests_elsewhere(world: World, ingress: str) -> None:
    alias, name = await noted(world, ingress, ALIAS), await noted(world, ingress, NAME)
    of_service = await noted(world, f"{SHOP}/services/web", NAME)
    limit = {"nginx.ingress.kubernetes.io/limit-rps": None}
    unlimited = await change(world, ingress, {"metadata": {"annotations": limit}})
    plain, kept = await noted(world, ingress, "note"), await noted(world, ingress, OF_KUBECTL)

    assert [rule(each) for each in (alias, name, of_service, unlimited)] == ["expansion"] * 4
    assert (plain[0], kept[0]) == (200, 200)


async def test_ingress_may_be_given_to_nobody_and_taken_back(world: World, ingress: str) -> None:
    classes = "/apis/networking.k8s.io/v1/ingressclasses"
    spec = {"controller": "example.com/inner"}
    await put(world, classes, {"metadata": {"name": "inner"}, "spec": spec})

    inner, nobody, back = [
        await change(world, ingress, {"spec": {"ingressClassName": each}})
        for each in ("inner", "nobody", "outer")
    ]

    assert (rule(inner), nobody[0], back[0]) == ("expansion", 200, 200)


BUDGETS = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets"


def a_budget(**spec: Any) -> Object:
    selector = {"matchLabels": {"app": "web"}}
    return {"metadata": {"name": "web", "labels": WORLD}, "spec": {"selector": selector} | spec}


WEAKENED: list[tuple[Object, Object]] = [
    ({"minAvailable": 3}, {"minAvailable": 2}),
    ({"minAvailable": 3}, {"minAvailable": "75%"}),
    ({"minAvailable": "75%"}, {"minAvailable": "50%"}),
    ({"minAvailable": 3}, {"minAvailable": None, "maxUnavailable": 1}),
    ({"minAvailable": 3}, {"minAvailable": None}),
    ({"maxUnavailable": 1}, {"maxUnavailable": 2}),
    ({"maxUnavailable": "25%"}, {"maxUnavailable": "50%"}),
    ({"maxUnavailable": 1}, {"unhealthyPodEvictionPolicy": "AlwaysAllow"}),
]
STRENGTHENED: list[tuple[Object, Object]] = [
    ({"minAvailable": 3}, {"minAvailable": 4}),
    ({"minAvailable": "75%"}, {"minAvailable": "80%"}),
    ({"minAvailable": 3}, {"minAvailable": None, "maxUnavailable": 0}),
    ({"maxUnavailable": 2}, {"maxUnavailable": 1}),
    ({"maxUnavailable": "50%"}, {"maxUnavailable": None, "minAvailable": "100%"}),
    ({"unhealthyPodEvictionPolicy": "AlwaysAllow"}, {"unhealthyPodEvictionPolicy": None}),
]


@pytest.mark.parametrize(("spec", "changed"), WEAKENED)
async def test_budget_that_is_respected_is_not_weakened(
    world: World, spec: Object, changed: Object
) -> None:
    await put(world, BUDGETS, a_budget(**spec))

    answer = await change(world, f"{BUDGETS}/web", {"spec": changed})

    assert reason(answer).startswith("disruption_budgets: poddisruptionbudgets/shop/web would")


@pytest.mark.parametrize(("spec", "changed"), STRENGTHENED)
async def test_budget_that_is_respected_may_ask_for_more_and_be_put_back(
    world: World, spec: Object, changed: Object
) -> None:
    await put(world, BUDGETS, a_budget(**spec))
    back = {each: spec.get(each) for each in changed}

    answers = [await change(world, f"{BUDGETS}/web", {"spec": each}) for each in (changed, back)]

    assert [each[0] for each in answers] == [200, 200]


async def test_budget_that_is_respected_is_not_deleted_but_for_the_runs_own(world: World) -> None:
    own = a_budget(minAvailable=1)
    own["metadata"]["name"] = "own"
    await put(world, BUDGETS, a_budget(minAvailable=3))
    await world.inside.ask("POST", BUDGETS, own)

    all_of_them = await world.inside.ask("DELETE", BUDGETS)
    theirs = await world.inside.ask("DELETE", f"{BUDGETS}/web")
    ours = await world.inside.ask("DELETE", f"{BUDGETS}/own")

    assert (rule(all_of_them), rule(theirs), ours[0]) == (
        "disruption_budgets",
        "disruption_budgets",
        200,
    )


async def test_budget_is_weakened_where_the_plan_lets_it_be_violated(server: str) -> None:
    radius = loose(namespaces=frozenset({"shop"}), disruption_budgets=Budgets.MAY_BE_VIOLATED)
    async with a_guard_inside(server, radius) as inside:
        world = World(inside=inside, mine="shop")
        await world.furnish("shop", {"web": 4})
        await put(world, BUDGETS, a_budget(minAvailable=3))

        weaker = await change(world, f"{BUDGETS}/web", {"spec": {"minAvailable": 1}})
        deleted = await inside.ask("DELETE", f"{BUDGETS}/web")

    assert (weaker[0], deleted[0]) == (200, 200)


async def make_ready(world: World) -> None:
    """Say that all pods are ready, as no node does here."""
    status = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}
    for pod in (await world.inside.do("GET", f"{SHOP}/pods"))[1]["items"]:
        path = f"{SHOP}/pods/{pod['metadata']['name']}/status"
        assert (await world.inside.do("PATCH", path, status, MERGE))[0] == 200


async def needed(world: World, count: int) -> None:
    """Wait until the budget's controller asks for so many pods."""

    async def is_counted() -> bool:
        status = (await world.inside.do("GET", f"{BUDGETS}/web"))[1].get("status") or {}
        return bool(status.get("desiredHealthy") == count)

    await until(is_counted)


async def test_budget_that_shrinks_with_its_workload_is_as_it_was_at_first(world: World) -> None:
    await make_ready(world)
    await put(world, BUDGETS, a_budget(maxUnavailable=1))
    await needed(world, 3)
    path = f"{APPS}/deployments/web"

    first = await change(world, path, {"spec": {"replicas": 3}})
    await needed(world, 2)
    second = await change(world, path, {"spec": {"replicas": 2}})

    assert (first[0], rule(second)) == (200, "disruption_budgets")
