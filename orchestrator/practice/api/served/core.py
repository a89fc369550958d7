"""The kinds of the core group."""

from __future__ import annotations

from typing import Final

from orchestrator.practice.api.columns import core as tables
from orchestrator.practice.api.columns.pods import POD_COLUMNS
from orchestrator.practice.api.defaults import core as defaults
from orchestrator.practice.api.defaults.pods import default_pod
from orchestrator.practice.api.kinds import Kind, Subresource
from orchestrator.practice.api.pod_parts import POD_PARTS
from orchestrator.practice.api.selectors import field
from orchestrator.practice.api.validation import core as rules
from orchestrator.practice.api.validation.pods import pod_causes

EVENT_FIELDS: Final = {
    path: field(path)
    for path in (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
        "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath", "reason", "reportingComponent", "type",
    )
} | {"source": field("source.component")}  # fmt: skip

NAMESPACE: Final = Kind(
    name="Namespace", plural="namespaces", schema="core.v1.Namespace", namespaced=False,
    short_names=("ns",), has_generation=False, name_rule="label", returns_deleted=True,
    deletes_collection=False, fields={"status.phase": field("status.phase")},
    columns=tables.NAMESPACE_COLUMNS, default=defaults.default_namespace,
    subresources=(Subresource("finalize", "Namespace", ("update",)),),
)  # fmt: skip
NODE: Final = Kind(
    name="Node", plural="nodes", schema="core.v1.Node", namespaced=False, short_names=("no",),
    has_generation=False, fields={"spec.unschedulable": field("spec.unschedulable")},
    columns=tables.NODE_COLUMNS, default=defaults.default_node, validate=rules.node_causes,
)  # fmt: skip
POD: Final = Kind(
    name="Pod", plural="pods", schema="core.v1.Pod", short_names=("po",), categories=("all",),
    fields={
        path: field(path)
        for path in (
            "spec.nodeName", "spec.restartPolicy", "spec.schedulerName",
            "spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP",
            "status.nominatedNodeName",
        )
    },
    columns=POD_COLUMNS, default=default_pod, validate=pod_causes,
    returns_deleted=True, graceful=True, index_labels=True,
    subresources=(
        Subresource("attach", "PodAttachOptions", ("create", "get")),
        Subresource("binding", "Binding", ("create",)),
        Subresource("ephemeralcontainers", "Pod", ("get", "patch", "update")),
        Subresource("eviction", "Eviction", ("create",), "policy", "v1"),
        Subresource("exec", "PodExecOptions", ("create", "get")),
        Subresource("log", "Pod", ("get",)),
        Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
        Subresource("resize", "Pod", ("get", "patch", "update")),
    ),
    parts=POD_PARTS,
)  # fmt: skip
SERVICE: Final = Kind(
    name="Service", plural="services", schema="core.v1.Service", short_names=("svc",),
    categories=("all",), has_generation=False, name_rule="label",
    fields={"spec.clusterIP": field("spec.clusterIP"), "spec.type": field("spec.type")},
    columns=tables.SERVICE_COLUMNS, default=defaults.default_service,
    validate=rules.service_causes, returns_deleted=True,
)  # fmt: skip
ENDPOINTS: Final = Kind(
    name="Endpoints", plural="endpoints", schema="core.v1.Endpoints", short_names=("ep",),
    has_status=False, has_generation=False, columns=tables.ENDPOINTS_COLUMNS,
    default=defaults.default_endpoints,
    warning="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
)  # fmt: skip
EVENT: Final = Kind(
    name="Event", plural="events", schema="core.v1.Event", short_names=("ev",), has_status=False,
    has_generation=False, fields=EVENT_FIELDS, columns=tables.EVENT_COLUMNS,
    default=defaults.default_event, validate=rules.event_causes, creates_on_update=True,
)  # fmt: skip
CONFIG_MAP: Final = Kind(
    name="ConfigMap", plural="configmaps", schema="core.v1.ConfigMap", short_names=("cm",),
    has_status=False, has_generation=False, columns=tables.CONFIG_MAP_COLUMNS,
    validate=rules.config_map_causes,
)  # fmt: skip
SECRET: Final = Kind(
    name="Secret", plural="secrets", schema="core.v1.Secret", has_status=False,
    has_generation=False, fields={"type": field("type")}, columns=tables.SECRET_COLUMNS,
    default=defaults.default_secret, validate=rules.secret_causes,
)  # fmt: skip
SERVICE_ACCOUNT: Final = Kind(
    name="ServiceAccount", plural="serviceaccounts", schema="core.v1.ServiceAccount",
    short_names=("sa",), has_status=False, has_generation=False, returns_deleted=True,
    columns=tables.ACCOUNT_COLUMNS,
    subresources=(
        Subresource("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1"),
    ),
)  # fmt: skip
