"""Whatever is sent of workloads, policies, volumes and custom kinds, nothing fails over it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.practice.controllers import run_controllers
from tests.unit.practice.api.calling import Server
from tests.unit.practice.api.test_garbage import (
    METADATA,
    PATCHES,
    SELECTOR,
    SPACE,
    TEMPLATE,
    VALUES,
    places,
    spoilt,
)

POD_SPEC: Any = TEMPLATE["spec"]
ENDING = {**TEMPLATE, "spec": {**POD_SPEC, "restartPolicy": "Never"}}
CLAIM = {
    "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    "storageClassName": "x",
}  # fmt: skip
BACKEND = {"service": {"name": "a", "port": {"number": 80}}}
RULE = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = f"/apis/example.com/v1{SPACE}/widgets"
WIDGET_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "minimum": 1, "default": 2},
                "tags": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                },
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
            },
        }
    },
}
DEFINITION = {
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["w"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": WIDGET_SCHEMA},
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size",
                    },
                },
                "additionalPrinterColumns": [
                    {"name": "A", "type": "date", "jsonPath": '.spec.tags[?(@.name=="a")].at'}
                ],
            }
        ],
    }
}  # fmt: skip
OBJECTS: dict[str, dict[str, Any]] = {
    f"/apis/apps/v1{SPACE}/statefulsets": {
        "spec": {
            "replicas": 1, "serviceName": "a", "selector": SELECTOR, "template": TEMPLATE,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
            "volumeClaimTemplates": [{"metadata": {"name": "c"}, "spec": CLAIM}],
            "ordinals": {"start": 1},
        }
    },
    f"/apis/apps/v1{SPACE}/daemonsets": {
        "spec": {
            "selector": SELECTOR, "template": TEMPLATE,
            "updateStrategy": {"rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 0}},
        }
    },
    f"/apis/apps/v1{SPACE}/controllerrevisions": {"revision": 1, "data": {"a": "b"}},
    f"/apis/batch/v1{SPACE}/jobs": {
        "spec": {
            "template": ENDING, "completions": 2, "parallelism": 1, "backoffLimit": 1,
            "completionMode": "Indexed", "activeDeadlineSeconds": 9,
        }
    },
    f"/apis/batch/v1{SPACE}/cronjobs": {
        "spec": {
            "schedule": "* * * * *", "timeZone": "UTC",
            "jobTemplate": {"spec": {"template": ENDING}},
        }
    },
    f"/apis/autoscaling/v2{SPACE}/horizontalpodautoscalers": {
        "spec": {
            "maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "a"},
            "metrics": [{"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {}}}],
        }
    },
    f"/apis/networking.k8s.io/v1{SPACE}/networkpolicies": {
        "spec": {
            "podSelector": SELECTOR,
            "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": "http"}]}],
        }
    },
    f"/apis/networking.k8s.io/v1{SPACE}/ingresses": {
        "spec": {
            "rules": [
                {"host": "a.b", "http": {
                    "paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}],
                }}
            ],
            "tls": [{"hosts": ["a.b"]}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}},
    },
    f"/api/v1{SPACE}/resourcequotas": {
        "spec": {"hard": {"pods": "1", "requests.cpu": "1"}, "scopes": ["NotBestEffort"]}
    },
    f"/api/v1{SPACE}/limitranges": {
        "spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}, "min": {"cpu": "1m"}}]}
    },
    f"/api/v1{SPACE}/persistentvolumeclaims": {"spec": CLAIM},
    "/api/v1/persistentvolumes": {
        "spec": {
            "capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/x"}, "claimRef": {"namespace": "default", "name": "c"},
        }
    },
    "/apis/storage.k8s.io/v1/storageclasses": {"provisioner": "x/y", "parameters": {"a": "b"}},
    "/apis/scheduling.k8s.io/v1/priorityclasses": {"value": 5, "globalDefault": True},
    f"/apis/rbac.authorization.k8s.io/v1{SPACE}/roles": {"rules": [RULE]},
    f"/apis/rbac.authorization.k8s.io/v1{SPACE}/rolebindings": {
        "roleRef": {"kind": "Role", "name": "a"}, "subjects": [{"kind": "User", "name": "u"}],
    },
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": {
        "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}
    },
    DEFINITIONS: DEFINITION,
    WIDGETS: {
        "apiVersion": "example.com/v1", "kind": "Widget",
        "spec": {"size": 3, "tags": [{"name": "a"}], "free": {"a": 1}, "counts": {"a": 1}},
    },
}  # fmt: skip
METHODS = ("POST", "PUT", *PATCHES[:3])


def named(path: str, name: str) -> str:
    """The name of an object of a collection; that of a definition is made of others."""
    return "widgets.example.com" if path == DEFINITIONS else name


async def sent(server: Server, path: str, body: Any) -> list[int]:
    """The answers to an object sent in every way there is."""
    name = named(path, "y")
    good = {**OBJECTS[path], "metadata": {"name": name}}
    codes = [(await server.call("POST", path, body))[0], (await server.call("POST", path, good))[0]]
    metadata = body.get("metadata")
    renamed = {**(metadata if isinstance(metadata, dict) else {}), "name": name}
    for kind in PATCHES[:3]:
        query = {"fieldManager": "m"} if "apply" in kind else {}
        patch = {**body, "metadata": renamed}
        for place in (name, f"{name}/status"):
            found = await server.call("PATCH", f"{path}/{place}", patch, kind=kind, **query)
            codes.append(found[0])
    codes.append((await server.call("PUT", f"{path}/{name}", body))[0])
    codes.append((await server.call("GET", f"{path}/{name}"))[0])
    return codes


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_spoilt_object_fails_neither_server_nor_controllers(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(OBJECTS)))
    whole = {"metadata": {**METADATA, "name": named(path, "x")}, **OBJECTS[path]}
    place = data.draw(st.sampled_from(places(whole)))
    body = spoilt(whole, place, data.draw(VALUES))

    async def send() -> list[int]:
        server = Server()
        await server.call("POST", "/api/v1/nodes", {"metadata": {"name": "n"}})
        if path == WIDGETS:
            definition = {**DEFINITION, "metadata": {"name": "widgets.example.com"}}
            await server.call("POST", DEFINITIONS, definition)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_controllers, server.store)
            codes = await sent(server, path, body)
            with anyio.move_on_after(0.02):
                await anyio.sleep_forever()
            tasks.cancel_scope.cancel()
        codes.append((await server.call("GET", path))[0])
        codes.append((await server.call("DELETE", path))[0])
        return codes

    with failures() as failed:
        codes = anyio.run(send)

    assert failed == []
    # Applying what does not fit its type is answered with 500, as by a real server.
    assert set(codes) & {500} <= ({500} if fails_to_apply(codes) else set())


class Failures(logging.Handler):
    """What the server and its controllers failed over, which they log and survive."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@contextmanager
def failures() -> Iterator[list[str]]:
    """The failures while the scope lasts."""
    handler, logger = Failures(), logging.getLogger("orchestrator.practice")
    logger.addHandler(handler)
    try:
        yield handler.texts
    finally:
        logger.removeHandler(handler)


def fails_to_apply(codes: list[int]) -> bool:
    """Whether the server refused to apply something, and failed at nothing else."""
    applied = {6, 7}
    return all(code < 500 for place, code in enumerate(codes) if place not in applied)
