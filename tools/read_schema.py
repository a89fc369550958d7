"""Reads Kubernetes' types and writes the practice cluster's table of them.

Usage: python tools/read_schema.py MODULES orchestrator/practice/api/schema.json

MODULES is a folder that holds the Go modules k8s.io/kubernetes, k8s.io/api, k8s.io/apimachinery
and k8s.io/apiextensions-apiserver in folders named `<module>@<version>`, as Go's own module cache
does.
Fields come from `api/openapi-spec/swagger.json`, their protobuf numbers from the struct tags.
It takes over types only: no description, no path, no default.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOTS = [
    *(f"core.v1.{kind}" for kind in (
        "Binding", "ConfigMap", "Endpoints", "Event", "LimitRange", "Namespace", "Node",
        "PersistentVolume", "PersistentVolumeClaim", "Pod", "ResourceQuota", "Secret", "Service",
        "ServiceAccount",
    )),
    *(f"apps.v1.{kind}" for kind in (
        "ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet",
    )),
    *(f"admissionregistration.v1.{kind}" for kind in (
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    )),
    "apiextensions.v1.CustomResourceDefinition", "authentication.v1.SelfSubjectReview",
    "authentication.v1.TokenRequest",
    *(f"authorization.v1.{kind}" for kind in (
        "LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview",
        "SubjectAccessReview",
    )),
    "autoscaling.v1.Scale", "autoscaling.v2.HorizontalPodAutoscaler",
    "batch.v1.CronJob", "batch.v1.Job",
    "coordination.v1.Lease", "discovery.v1.EndpointSlice", "events.v1.Event",
    "networking.v1.Ingress", "networking.v1.IngressClass", "networking.v1.NetworkPolicy",
    "policy.v1.Eviction", "policy.v1.PodDisruptionBudget",
    "rbac.v1.ClusterRole", "rbac.v1.ClusterRoleBinding", "rbac.v1.Role", "rbac.v1.RoleBinding",
    "scheduling.v1.PriorityClass", "storage.v1.StorageClass", "meta.v1.DeleteOptions",
]  # fmt: skip
SCALARS = {
    "api.resource.Quantity": "quantity",
    "meta.v1.Time": "time",
    "meta.v1.MicroTime": "microtime",
    "util.intstr.IntOrString": "int-or-string",
    "meta.v1.FieldsV1": "any",
    "runtime.RawExtension": "any",
    "apiextensions.v1.JSON": "any",
    "apiextensions.v1.JSONSchemaPropsOrArray": "@apiextensions.v1.JSONSchemaProps",
    "apiextensions.v1.JSONSchemaPropsOrBool": "any",
    "apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
}

PREFIXES = (
    "io.k8s.api.", "io.k8s.apimachinery.pkg.apis.", "io.k8s.apimachinery.pkg.",
    "io.k8s.apiextensions-apiserver.pkg.apis.",
)  # fmt: skip


def short(name: str) -> str:
    """The definition's name without the prefix that all of them share."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def node_of(schema: dict[str, Any]) -> Any:
    """The table's form of one field: a word, `@type`, or an object for lists and maps."""
    if "$ref" in schema:
        name = short(schema["$ref"].removeprefix("#/definitions/"))
        node: Any = SCALARS.get(name, "@" + name)
        if "retainKeys" in schema.get("x-kubernetes-patch-strategy", ""):
            return {"of": node, "retain": True}
        return node
    kind = schema.get("type", "any")
    if kind == "array":
        return _list_of(schema)
    if kind == "object":
        values = schema.get("additionalProperties")
        return {"map": node_of(values), **_whole(schema)} if values else "any"
    return {"int32": "int32", "int64": "int64", "byte": "bytes"}.get(schema.get("format", ""), kind)


def _whole(schema: dict[str, Any]) -> dict[str, bool]:
    """The mark of what has one owner and is replaced as a whole."""
    return {"atomic": True} if schema.get("x-kubernetes-map-type") == "atomic" else {}


def _list_of(schema: dict[str, Any]) -> dict[str, Any]:
    node: dict[str, Any] = {"list": node_of(schema["items"])}
    strategy = schema.get("x-kubernetes-patch-strategy", "")
    if "merge" in strategy:
        node["merge"] = schema.get("x-kubernetes-patch-merge-key", "")
    if "retainKeys" in strategy:
        node["retain"] = True
    match schema.get("x-kubernetes-list-type"):
        case "map":
            node["keys"] = schema["x-kubernetes-list-map-keys"]
        case "set":
            node["keys"] = []
    return node


def references(node: Any) -> list[str]:
    """The types that a field's form mentions."""
    if isinstance(node, dict):
        return [name for value in node.values() for name in references(value)]
    return [node[1:]] if isinstance(node, str) and node.startswith("@") else []


# One field of a Go struct: name (none if embedded), type, JSON name and options, protobuf number.
_FIELD = re.compile(
    r"^\t(?:(?P<name>\w+)\s+)?(?P<type>[\w.*\[\]]+)\s+`json:\"(?P<json>[^,\"]*)(?P<options>[^\"]*)\""
    r"(?:\s+\w+:\"[^\"]*\")*?\s+proto(?:buf)?:\"\w+,(?P<number>\d+),", re.MULTILINE,
)  # fmt: skip
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)


def structs(modules: Path) -> dict[str, str]:
    """The bodies of all structs, by the name of their type."""
    found: dict[str, str] = {}
    below = Path("pkg", "apis")
    for folder in (
        only(modules, "api"),
        only(modules, "apimachinery") / below,
        only(modules, "apiextensions-apiserver") / below,
    ):
        for source in sorted(folder.glob("*/v*/*types.go")):
            package = f"{source.parent.parent.name}.{source.parent.name}"
            for name, body in _STRUCT.findall(source.read_text()):
                found.setdefault(f"{package}.{name}", body)
    return found


def numbers(name: str, bodies: dict[str, str]) -> dict[str, Any]:
    """The fields of a type by protobuf number; a star marks those that tell unset from zero."""
    package = name.rpartition(".")[0]
    found: dict[str, Any] = {}
    for field in _FIELD.finditer(bodies.get(name, "")):
        kind = field["type"]
        if not field["json"]:
            inner = kind.lstrip("*")
            inner = inner if "." in inner else f"{package}.{inner}"
            found[field["number"]] = numbers(inner, bodies)
        else:
            found[field["number"]] = field["json"] + ("*" if kind.startswith("*") else "")
    return found


def only(modules: Path, name: str) -> Path:
    """The folder of a module, of which one version is there."""
    (folder,) = modules.glob(f"{name}@*")
    return folder


def table(definitions: dict[str, Any], bodies: dict[str, str]) -> dict[str, Any]:
    """Every type that the roots reach."""
    types: dict[str, Any] = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if name in types:
            continue
        definition = definitions[name]
        fields = {key: node_of(value) for key, value in definition.get("properties", {}).items()}
        types[name] = {"fields": fields, "wire": numbers(name, bodies), **_whole(definition)}
        if definition.get("required"):
            types[name]["required"] = definition["required"]
        waiting += [found for node in fields.values() for found in references(node)]
    return dict(sorted(types.items()))


def main() -> None:
    """Write the table of the modules in the folder named first to the path named second."""
    modules = Path(sys.argv[1])
    source = only(modules, "kubernetes")
    document = json.loads((source / "api" / "openapi-spec" / "swagger.json").read_bytes())
    definitions = {short(name): value for name, value in document["definitions"].items()}
    types = table(definitions, structs(modules))
    lines = [
        f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}"
        for name, value in types.items()
    ]
    head = f'{{"version":{json.dumps(source.name.partition("@")[2])},"types":{{\n'
    Path(sys.argv[2]).write_text(head + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main()
