"""Who may do what: tokens, roles and bindings, and what the server says about them."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import NotFoundException

from tests.contract.cluster.asking import JSON, Answer, Cluster, Kubectl, Object, eventually

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
RBAC = "rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authorization.k8s.io/v1"
WHOAMI = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of one who may do everything, on a cluster that keeps to roles."""
    given = os.environ.get("CHAOSDAY_CONTRACT_KUBECONFIG")
    if given:
        yield Path(given)
        return
    path = tmp_path_factory.mktemp("guarded") / "kubeconfig"
    process = subprocess.Popen(
        [sys.executable, str(HERE / "guarding.py"), str(path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "the practice API server did not start"
        yield path
    finally:
        process.kill()
        process.communicate(timeout=10)


@pytest.fixture(scope="module")
def admins(guarded: Path) -> Iterator[client.ApiClient]:
    found = config.new_client_from_config(str(guarded))  # type: ignore[no-untyped-call]
    yield found
    found.close()


@pytest.fixture
def admin(admins: client.ApiClient) -> Iterator[Cluster]:
    """One who may do everything, in a namespace of their own."""
    core: Any = client.CoreV1Api(admins)
    name = f"scratch-{uuid.uuid4().hex[:8]}"
    core.create_namespace({"metadata": {"name": name}})
    yield Cluster(admins, name)
    with suppress(NotFoundException):
        core.delete_namespace(name)


@dataclass(frozen=True)
class Person:
    """One who shows a token, and may do what bindings give."""

    name: str
    cluster: Cluster
    kubeconfig: Path

    def sends(self, method: str, path: str, body: Any = None, **query: str) -> Answer:
        return self.cluster.send(method, path, body, **query)

    def close(self) -> None:
        api: Any = self.cluster.api
        api.close()

    def lists(self, resource: str) -> int:
        """The code of the answer to a list in the namespace."""
        return self.sends("GET", self.cluster.path(resource)).code


def signed_in(admin: Cluster, token: str, folder: Path, name: str = "") -> Person:
    """Whoever a token belongs to."""
    path = folder / f"{uuid.uuid4().hex}.kubeconfig"
    path.write_text(json.dumps(_kubeconfig(admin, token)))
    api = config.new_client_from_config(str(path))  # type: ignore[no-untyped-call]
    return Person(name, Cluster(api, admin.namespace), path)


def _kubeconfig(admin: Cluster, token: str) -> Object:
    known = admin.api.configuration
    trust = {"certificate-authority": known.ssl_ca_cert} if known.ssl_ca_cert else {}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": known.host, **trust}}],
        "users": [{"name": "u", "user": {"token": token} if token else {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }


def a_token(admin: Cluster, account: str) -> str:
    path = admin.path("serviceaccounts", account, "token")
    answer = admin.send("POST", path, {"spec": {}})
    assert answer.code == 201, answer.body
    return str(answer.body["status"]["token"])


@pytest.fixture
def bot(admin: Cluster, tmp_path: Path) -> Iterator[Person]:
    """A service account that nobody has given anything."""
    admin.create("serviceaccounts", {"metadata": {"name": "bot"}})
    name = f"system:serviceaccount:{admin.namespace}:bot"
    person = signed_in(admin, a_token(admin, "bot"), tmp_path, name)
    yield person
    person.close()


@pytest.fixture
def stranger(admin: Cluster, tmp_path: Path) -> Iterator[Person]:
    """One who shows no token at all."""
    person = signed_in(admin, "", tmp_path, "system:anonymous")
    yield person
    person.close()


def rule(verbs: str, resources: str, group: str = "", *names: str) -> Object:
    named = {"resourceNames": list(names)} if names else {}
    return {
        "apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **named,
    }  # fmt: skip


def grant(admin: Cluster, *rules: Object, name: str = "some") -> None:
    """Give the bot a role of these rules."""
    admin.create(f"{RBAC}/roles", {"metadata": {"name": name}, "rules": list(rules)})
    bind(admin, "Role", name)


def bind(admin: Cluster, kind: str, name: str, subject: Object | None = None) -> None:
    account = {"kind": "ServiceAccount", "name": "bot", "namespace": admin.namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
    body = {
        "metadata": {"generateName": "b-"},
        "subjects": [subject or account],
        "roleRef": reference,
    }
    admin.create(f"{RBAC}/rolebindings", body)


def soon(person: Person, resource: str, code: int = 200) -> bool:
    """Whether a list is answered so within a short time; a server may learn of roles late."""
    return eventually(lambda: person.lists(resource) == code)


def test_token_that_nobody_knows_is_refused(admin: Cluster, tmp_path: Path) -> None:
    answer = signed_in(admin, "unknown", tmp_path).sends("GET", "/api")

    assert answer.code == 401
    assert answer.body == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "Unauthorized", "reason": "Unauthorized", "code": 401,
    }  # fmt: skip


def test_one_without_a_token_is_anonymous(stranger: Person) -> None:
    refused = stranger.sends("GET", "/api")

    assert refused.code == 403
    assert refused.body["message"] == 'forbidden: User "system:anonymous" cannot get path "/api"'
    assert refused.body["details"] == {}


@pytest.mark.parametrize("path", ["/version", "/healthz", "/livez", "/readyz"])
def test_everybody_may_know_that_the_server_lives(stranger: Person, path: str) -> None:
    assert stranger.sends("GET", path).code == 200


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/apis", "/apis/apps/v1", "/openapi/v3"])
def test_everybody_with_a_token_may_know_what_is_served(bot: Person, path: str) -> None:
    assert bot.sends("GET", path).code == 200


@pytest.mark.parametrize(
    ("method", "path", "said", "details"),
    [
        (
            "GET", "/api/v1/namespaces/{ns}/pods",
            ('pods is forbidden: User "{me}" cannot list resource "pods" in API group "" in the '
            'namespace "{ns}"'),
            {"kind": "pods"},
        ),
        (
            "GET", "/api/v1/namespaces/{ns}/pods?watch=1&fieldSelector=metadata.name%3Dx",
            ('pods "x" is forbidden: User "{me}" cannot watch resource "pods" in API group "" in '
            'the namespace "{ns}"'),
            {"name": "x", "kind": "pods"},
        ),
        (
            "DELETE", "/api/v1/namespaces/{ns}/pods",
            ('pods is forbidden: User "{me}" cannot deletecollection resource "pods" in API group '
            '"" in the namespace "{ns}"'),
            {"kind": "pods"},
        ),
        (
            "GET", "/api/v1/namespaces/{ns}",
            ('namespaces "{ns}" is forbidden: User "{me}" cannot get resource "namespaces" in API '
            'group "" in the namespace "{ns}"'),
            {"name": "{ns}", "kind": "namespaces"},
        ),
        (
            "GET", "/api/v1/nodes/one",
            ('nodes "one" is forbidden: User "{me}" cannot get resource "nodes" in API group "" at '
            "the cluster scope"),
            {"name": "one", "kind": "nodes"},
        ),
        (
            "PUT", "/apis/apps/v1/namespaces/{ns}/deployments/web/scale",
            ('deployments.apps "web" is forbidden: User "{me}" cannot update resource '
            '"deployments/scale" in API group "apps" in the namespace "{ns}"'),
            {"name": "web", "group": "apps", "kind": "deployments"},
        ),
        (
            "POST", "/api/v1/namespaces/{ns}/pods/one/eviction",
            ('pods "one" is forbidden: User "{me}" cannot create resource "pods/eviction" in API '
            'group "" in the namespace "{ns}"'),
            {"name": "one", "kind": "pods"},
        ),
        (
            "GET", "/apis/nowhere.example/v1/things",
            ('things.nowhere.example is forbidden: User "{me}" cannot list resource "things" in '
            'API group "nowhere.example" at the cluster scope'),
            {"group": "nowhere.example", "kind": "things"},
        ),
        (
            "GET", "/metrics", 'forbidden: User "{me}" cannot get path "/metrics"', {},
        ),
        (
            "POST", "/api/v1/namespaces/{ns}/serviceaccounts/bot/token",
            ('serviceaccounts "bot" is forbidden: User "{me}" cannot create resource '
            '"serviceaccounts/token" in API group "" in the namespace "{ns}"'),
            {"name": "bot", "kind": "serviceaccounts"},
        ),
    ],
)  # fmt: skip
def test_one_who_was_given_nothing_is_told_what_they_may_not_do(
    bot: Person, method: str, path: str, said: str, details: Object
) -> None:
    space = bot.cluster.namespace

    answer = bot.sends(method, path.replace("{ns}", space))

    assert (answer.code, answer.body["reason"]) == (403, "Forbidden")
    assert answer.body["message"] == said.replace("{me}", bot.name).replace("{ns}", space)
    assert answer.body["details"] == {
        key: value.replace("{ns}", space) for key, value in details.items()
    }


def test_role_gives_its_verbs_and_no_others(admin: Cluster, bot: Person) -> None:
    grant(admin, rule("list", "configmaps"))
    soon(bot, "configmaps")

    got = bot.sends("GET", bot.cluster.path("configmaps", "kube-root-ca.crt"))
    made = bot.sends("POST", bot.cluster.path("configmaps"), {"metadata": {"name": "x"}})
    watched = bot.sends("GET", bot.cluster.path("configmaps"), watch="1", timeoutSeconds="1")

    assert [got.code, made.code, watched.code] == [403, 403, 403]


def test_role_holds_in_its_namespace_alone(admin: Cluster, bot: Person) -> None:
    grant(admin, rule("list", "configmaps"))
    soon(bot, "configmaps")

    elsewhere = bot.sends("GET", "/api/v1/namespaces/default/configmaps")
    everywhere = bot.sends("GET", "/api/v1/configmaps")

    assert (elsewhere.code, everywhere.code) == (403, 403)


def test_rule_can_be_about_one_object(admin: Cluster, bot: Person) -> None:
    admin.create("configmaps", {"metadata": {"name": "mine"}})
    admin.create("configmaps", {"metadata": {"name": "yours"}})
    grant(admin, rule("get list", "configmaps", "", "mine"))

    mine = bot.cluster.path("configmaps", "mine")
    assert eventually(lambda: bot.sends("GET", mine).code == 200)
    assert bot.sends("GET", bot.cluster.path("configmaps", "yours")).code == 403
    assert bot.lists("configmaps") == 403
    picked = bot.sends("GET", bot.cluster.path("configmaps"), fieldSelector="metadata.name=mine")
    assert picked.code == 200


def test_subresource_is_given_by_itself(admin: Cluster, bot: Person) -> None:
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "9"}}}
    admin.create("resourcequotas", quota)
    grant(admin, rule("get", "resourcequotas"))
    path = bot.cluster.path("resourcequotas", "q")
    assert eventually(lambda: bot.sends("GET", path).code == 200)
    assert bot.sends("GET", f"{path}/status").code == 403

    grant(admin, rule("get", "*/status"), name="below")

    assert eventually(lambda: bot.sends("GET", f"{path}/status").code == 200)


def test_cluster_role_can_be_bound_in_one_namespace(admin: Cluster, bot: Person) -> None:
    bind(admin, "ClusterRole", "view")

    assert soon(bot, "pods")
    assert soon(bot, "apps/v1/deployments")
    assert bot.lists("secrets") == 403
    assert bot.sends("POST", bot.cluster.path("pods"), {}).code == 403
    assert bot.sends("GET", "/api/v1/nodes").code == 403


@pytest.mark.parametrize(
    ("role", "resource", "verb", "code"),
    [
        ("edit", "secrets", "GET", 200),
        ("edit", f"{RBAC}/roles", "GET", 403),
        ("admin", f"{RBAC}/roles", "GET", 200),
        ("admin", "resourcequotas", "POST", 403),
    ],
)
def test_roles_of_every_cluster_give_what_they_give_anywhere(
    admin: Cluster, bot: Person, role: str, resource: str, verb: str, code: int
) -> None:
    bind(admin, "ClusterRole", role)
    soon(bot, "secrets")

    answer = bot.sends(verb, bot.cluster.path(resource), {} if verb == "POST" else None)

    assert answer.code == code, answer.body


def test_group_of_all_accounts_of_a_namespace_can_be_given_a_role(
    admin: Cluster, bot: Person
) -> None:
    group = f"system:serviceaccounts:{admin.namespace}"
    subject = {"kind": "Group", "name": group, "apiGroup": "rbac.authorization.k8s.io"}

    bind(admin, "ClusterRole", "view", subject)

    assert soon(bot, "configmaps")


def test_binding_that_is_deleted_gives_no_more(admin: Cluster, bot: Person) -> None:
    grant(admin, rule("list", "configmaps"))
    soon(bot, "configmaps")

    admin.send("DELETE", admin.path(f"{RBAC}/rolebindings"))

    assert soon(bot, "configmaps", 403)


def test_role_gathers_the_rules_of_others_by_label(admin: Cluster, bot: Person) -> None:
    label = {f"example.com/{admin.namespace}": "true"}
    path = f"/apis/{RBAC}/clusterroles"
    whole: Object = {
        "metadata": {"name": f"{admin.namespace}-whole"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": label}]},
        "rules": [],
    }
    part: Object = {
        "metadata": {"name": f"{admin.namespace}-part", "labels": label},
        "rules": [rule("list", "configmaps")],
    }
    try:
        assert admin.send("POST", path, whole).code == 201
        assert admin.send("POST", path, part).code == 201
        bind(admin, "ClusterRole", whole["metadata"]["name"])

        assert soon(bot, "configmaps")
    finally:
        for body in (whole, part):
            admin.send("DELETE", f"{path}/{body['metadata']['name']}")


# Giving away


def test_nobody_can_make_a_role_that_gives_more_than_they_have(admin: Cluster, bot: Person) -> None:
    grant(admin, rule("create list", "roles", "rbac.authorization.k8s.io"))
    soon(bot, f"{RBAC}/roles")
    more = {"metadata": {"name": "more"}, "rules": [rule("get list", "pods services")]}

    answer = bot.sends("POST", bot.cluster.path(f"{RBAC}/roles"), more)

    space = admin.namespace
    assert answer.code == 403
    assert answer.body["message"] == (
        f'roles.rbac.authorization.k8s.io "more" is forbidden: user "{bot.name}" '
        f'(groups=["system:serviceaccounts" "system:serviceaccounts:{space}" '
        '"system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n'
        '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}\n'
        '{APIGroups:[""], Resources:["services"], Verbs:["get" "list"]}'
    )


def test_anybody_can_make_a_role_of_what_they_have(admin: Cluster, bot: Person) -> None:
    own = rule("list", "configmaps")
    grant(admin, rule("create list", "roles", "rbac.authorization.k8s.io"), own)
    soon(bot, f"{RBAC}/roles")

    made = {"metadata": {"name": "same"}, "rules": [own]}
    answer = bot.sends("POST", bot.cluster.path(f"{RBAC}/roles"), made)

    assert answer.code == 201, answer.body


@pytest.mark.parametrize(
    ("verb", "about", "resource"), [("escalate", "roles", "roles"), ("bind", "roles", "b")]
)
def test_verb_of_its_own_allows_giving_more(
    admin: Cluster, bot: Person, verb: str, about: str, resource: str
) -> None:
    group = "rbac.authorization.k8s.io"
    admin.create(f"{RBAC}/roles", {"metadata": {"name": "big"}, "rules": [rule("*", "pods")]})
    path = bot.cluster.path(f"{RBAC}/{'roles' if resource == 'roles' else 'rolebindings'}")
    body: Object = {"metadata": {"name": "new"}, "rules": [rule("*", "pods")]}
    if resource != "roles":
        reference = {"apiGroup": group, "kind": "Role", "name": "big"}
        body = {"metadata": {"name": "new"}, "roleRef": reference}
    grant(admin, rule("create list", "roles rolebindings", group))
    soon(bot, f"{RBAC}/roles")
    before = bot.sends("POST", path, body)

    grant(admin, rule(verb, about, group), name="freely")

    assert before.code == 403, before.body
    assert "not currently held" in before.body["message"]
    assert eventually(lambda: bot.sends("POST", path, body).code == 201)


def test_binding_to_a_role_that_is_not_there_can_not_be_judged(admin: Cluster, bot: Person) -> None:
    grant(admin, rule("create list", "rolebindings", "rbac.authorization.k8s.io"))
    soon(bot, f"{RBAC}/rolebindings")
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "none"}
    body = {"metadata": {"name": "new"}, "roleRef": reference}

    answer = bot.sends("POST", bot.cluster.path(f"{RBAC}/rolebindings"), body)

    assert answer.code == 404, answer.body


# Reviews


def review(person: Person | Cluster, kind: str, spec: Object, path: str = "") -> Answer:
    send = person.sends if isinstance(person, Person) else person.send
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    return send("POST", path or f"{REVIEWS}/{kind.lower()}s", body)


def about(space: str, verb: str, resource: str, **more: str) -> Object:
    return {"resourceAttributes": {"namespace": space, "verb": verb, "resource": resource, **more}}


def test_everybody_can_ask_what_they_may_do(admin: Cluster, bot: Person) -> None:
    grant(admin, rule("list", "configmaps"))
    soon(bot, "configmaps")

    yes = review(bot, "SelfSubjectAccessReview", about(admin.namespace, "list", "configmaps"))
    no = review(bot, "SelfSubjectAccessReview", about(admin.namespace, "list", "secrets"))

    assert (yes.code, yes.body["status"]["allowed"]) == (201, True)
    assert yes.body["status"]["reason"].startswith("RBAC: allowed by RoleBinding")
    assert no.body["status"] == {"allowed": False}


def test_admins_may_do_everything(admin: Cluster) -> None:
    answer = review(admin, "SelfSubjectAccessReview", about("", "anything", "whatever"))

    assert answer.body["status"]["allowed"] is True


def test_admins_can_ask_for_others(admin: Cluster, bot: Person) -> None:
    bind(admin, "ClusterRole", "view")
    soon(bot, "pods")
    user = {"user": bot.name}

    yes = review(admin, "SubjectAccessReview", user | about(admin.namespace, "list", "pods"))
    no = review(admin, "SubjectAccessReview", user | about(admin.namespace, "delete", "pods"))
    url = {"nonResourceAttributes": {"verb": "get", "path": "/metrics"}}
    path = review(admin, "SubjectAccessReview", user | url)

    assert yes.body["status"]["allowed"] is True
    assert 'of ClusterRole "view" to ServiceAccount "bot/' in yes.body["status"]["reason"]
    assert (no.body["status"]["allowed"], path.body["status"]["allowed"]) == (False, False)


def test_others_can_not_ask_for_others(bot: Person) -> None:
    spec = {"user": "x"} | about(bot.cluster.namespace, "list", "pods")

    assert review(bot, "SubjectAccessReview", spec).code == 403


def test_groups_count_in_a_review(admin: Cluster) -> None:
    spec = {"user": "x", "groups": ["system:masters"]} | about("", "delete", "nodes")

    assert review(admin, "SubjectAccessReview", spec).body["status"]["allowed"] is True


def test_local_review_is_about_its_namespace(admin: Cluster) -> None:
    path = admin.path("authorization.k8s.io/v1/localsubjectaccessreviews")
    spec = {"user": "x"} | about("default", "list", "pods")

    answer = review(admin, "LocalSubjectAccessReview", spec, path)

    assert answer.code in {400, 422}, answer.body


@pytest.mark.parametrize(
    "spec",
    [{"user": "x"}, about("default", "list", "pods")],
)
def test_review_that_asks_nothing_is_refused(admin: Cluster, spec: Object) -> None:
    answer = review(admin, "SubjectAccessReview", spec)

    assert answer.code == 422, answer.body


def test_everybody_can_list_their_rules(admin: Cluster, bot: Person) -> None:
    grant(admin, rule("list", "configmaps", "", "one"))
    admin_path = f"{REVIEWS}/selfsubjectrulesreviews"

    def found() -> Object | None:
        answer = bot.sends("POST", admin_path, {"spec": {"namespace": admin.namespace}})
        assert answer.code == 201, answer.body
        assert answer.body["status"]["incomplete"] is False
        rules = answer.body["status"]["resourceRules"]
        own: list[Object] = [item for item in rules if item["resources"] == ["configmaps"]]
        return own[0] if own else None

    assert eventually(found) == {
        "verbs": ["list"], "apiGroups": [""], "resources": ["configmaps"],
        "resourceNames": ["one"],
    }  # fmt: skip


def test_everybody_can_ask_who_they_are(bot: Person) -> None:
    answer = bot.sends("POST", WHOAMI, {})

    info = answer.body["status"]["userInfo"]
    assert answer.code == 201
    assert info["username"] == bot.name
    assert info["groups"] == [
        "system:serviceaccounts",
        f"system:serviceaccounts:{bot.cluster.namespace}",
        "system:authenticated",
    ]
    account = bot.cluster.namespace
    assert account in info["username"]
    assert info["uid"]


def test_kubectl_tells_who_one_is_and_what_one_may_do(
    admin: Cluster, bot: Person, kubectl: Kubectl
) -> None:
    grant(admin, rule("list", "configmaps"))
    soon(bot, "configmaps")
    own = Kubectl(kubectl.binary, bot.kubeconfig, admin.namespace)

    assert bot.name in own("auth", "whoami")
    assert own("auth", "can-i", "list", "configmaps") == "yes\n"
    assert own.attempt("auth", "can-i", "list", "secrets").stdout == "no\n"
    assert "configmaps" in own("auth", "can-i", "--list")


# Speaking for others


def speaking_for(
    cluster: Cluster, path: str, *headers: tuple[str, str], method: str = "GET", body: Any = None
) -> Answer:
    """A request with the headers that say for whom it is."""
    own: dict[str, str] = {"Accept": JSON, "Content-Type": JSON}
    cluster.api.update_params_for_auth(own, [], ["BearerToken"], path, method, None)
    pool = cluster.api.rest_client.pool_manager
    raw = json.dumps(body) if body is not None else None
    found = pool.request(
        method, cluster.api.configuration.host + path, body=raw, headers={**own, **dict(headers)},
        retries=False,
    )  # fmt: skip
    return Answer(found.status, json.loads(found.data), found.headers)


def test_admins_can_speak_for_others(admin: Cluster) -> None:
    answer = speaking_for(admin, admin.path("pods"), ("Impersonate-User", "bob"))

    assert answer.code == 403
    assert 'User "bob" cannot list resource "pods"' in answer.body["message"]


def test_one_who_is_spoken_for_brings_their_groups(admin: Cluster) -> None:
    headers = (("Impersonate-User", "bob"), ("Impersonate-Group", "builders"))

    answer = speaking_for(admin, WHOAMI, *headers, method="POST", body={})

    info = answer.body["status"]["userInfo"]
    assert (info["username"], info["groups"]) == ("bob", ["builders", "system:authenticated"])


def test_more_of_whom_one_speaks_for_may_have_any_key(admin: Cluster) -> None:
    extra = ("Impersonate-Extra-Example.org%2FScope%25", "a")
    answer = speaking_for(admin, WHOAMI, ("Impersonate-User", "bob"), extra, method="POST", body={})

    assert answer.body["status"]["userInfo"]["extra"] == {"example.org/scope%": ["a"]}


def test_account_that_is_spoken_for_is_in_the_groups_of_accounts(
    admin: Cluster, bot: Person
) -> None:
    answer = speaking_for(admin, WHOAMI, ("Impersonate-User", bot.name), method="POST", body={})

    space = admin.namespace
    assert answer.body["status"]["userInfo"]["groups"] == [
        "system:serviceaccounts", f"system:serviceaccounts:{space}", "system:authenticated",
    ]  # fmt: skip


def test_others_can_not_speak_for_anybody(bot: Person) -> None:
    answer = speaking_for(bot.cluster, bot.cluster.path("pods"), ("Impersonate-User", "bob"))

    assert answer.code == 403
    assert "cannot impersonate" in answer.body["message"]


def test_speaking_for_others_can_be_allowed(admin: Cluster, bot: Person) -> None:
    name = f"{admin.namespace}-speaker"
    path = f"/apis/{RBAC}"
    role = {"metadata": {"name": name}, "rules": [rule("impersonate", "users", "", "bob")]}
    account = {"kind": "ServiceAccount", "name": "bot", "namespace": admin.namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    binding = {"metadata": {"name": name}, "subjects": [account], "roleRef": reference}
    try:
        assert admin.send("POST", f"{path}/clusterroles", role).code == 201
        assert admin.send("POST", f"{path}/clusterrolebindings", binding).code == 201

        def heard() -> bool:
            pods = bot.cluster.path("pods")
            answer = speaking_for(bot.cluster, pods, ("Impersonate-User", "bob"))
            return 'User "bob" cannot list' in answer.body["message"]

        assert eventually(heard)
        other = speaking_for(bot.cluster, "/api/v1/nodes", ("Impersonate-User", "eve"))
        assert "cannot impersonate" in other.body["message"]
    finally:
        admin.send("DELETE", f"{path}/clusterrolebindings/{name}")
        admin.send("DELETE", f"{path}/clusterroles/{name}")


def test_group_without_a_user_can_not_be_spoken_for(admin: Cluster) -> None:
    answer = speaking_for(admin, "/api/v1/nodes", ("Impersonate-Group", "builders"))

    assert answer.code == 400, answer.body
    assert "without impersonating a user name" in answer.body["message"]


# Tokens


def test_token_says_how_long_it_lasts(admin: Cluster) -> None:
    admin.create("serviceaccounts", {"metadata": {"name": "bot"}})
    path = admin.path("serviceaccounts", "bot", "token")

    answer = admin.send("POST", path, {"spec": {"expirationSeconds": 900}})

    assert answer.code == 201, answer.body
    assert answer.body["kind"] == "TokenRequest"
    assert answer.body["spec"]["expirationSeconds"] == 900
    assert answer.body["status"]["expirationTimestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (5, "may not specify a duration less than 10 minutes"),
        (2**33, "may not specify a duration larger than 2^32 seconds"),
    ],
)
def test_token_that_lasts_too_short_or_too_long_is_refused(
    admin: Cluster, seconds: int, said: str
) -> None:
    admin.create("serviceaccounts", {"metadata": {"name": "bot"}})
    path = admin.path("serviceaccounts", "bot", "token")

    answer = admin.send("POST", path, {"spec": {"expirationSeconds": seconds}})

    assert answer.code == 422, answer.body
    assert said in answer.body["message"]


def test_token_of_an_account_that_is_not_there_can_not_be_had(admin: Cluster) -> None:
    path = admin.path("serviceaccounts", "nobody", "token")

    assert admin.send("POST", path, {"spec": {}}).code == 404
    assert admin.send("GET", path).code == 405


def test_token_ends_with_its_account(admin: Cluster, bot: Person) -> None:
    assert bot.sends("GET", "/api").code == 200

    admin.send("DELETE", admin.path("serviceaccounts", "bot"))

    assert eventually(lambda: bot.sends("GET", "/api").code == 401)
