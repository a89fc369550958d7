"""Kinds that say how much and who: autoscalers, network rules, quotas, priorities and roles.

What they say is stored and read. Quotas, limits and priorities are applied when objects are
created; autoscalers, network policies, ingresses and roles are not acted upon here.
"""

from __future__ import annotations

from typing import Final

from orchestrator.practice.api.columns import policies as tables
from orchestrator.practice.api.defaults import policies as defaults
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.validation import policies as rules

_NETWORKING: Final = "networking.k8s.io"
QUOTA: Final = Kind(
    name="ResourceQuota", plural="resourcequotas", schema="core.v1.ResourceQuota",
    short_names=("quota",), has_generation=False, columns=tables.QUOTA_COLUMNS,
    default=defaults.default_quota, validate=rules.quota_causes, returns_deleted=True,
)  # fmt: skip
LIMIT_RANGE: Final = Kind(
    name="LimitRange", plural="limitranges", schema="core.v1.LimitRange", short_names=("limits",),
    has_status=False, has_generation=False, columns=tables.DATED_COLUMNS,
    default=defaults.default_limit_range, validate=rules.limit_range_causes,
)  # fmt: skip
AUTOSCALER: Final = Kind(
    name="HorizontalPodAutoscaler", plural="horizontalpodautoscalers", group="autoscaling",
    version="v2", schema="autoscaling.v2.HorizontalPodAutoscaler", short_names=("hpa",),
    categories=("all",), has_generation=False, columns=tables.AUTOSCALER_COLUMNS,
    default=defaults.default_autoscaler, validate=rules.autoscaler_causes,
)  # fmt: skip
INGRESS: Final = Kind(
    name="Ingress", plural="ingresses", group=_NETWORKING, schema="networking.v1.Ingress",
    short_names=("ing",), columns=tables.INGRESS_COLUMNS, default=defaults.default_ingress,
    validate=rules.ingress_causes,
)  # fmt: skip
INGRESS_CLASS: Final = Kind(
    name="IngressClass", plural="ingressclasses", group=_NETWORKING,
    schema="networking.v1.IngressClass", namespaced=False, has_status=False,
    columns=tables.INGRESS_CLASS_COLUMNS,
)  # fmt: skip
NETWORK_POLICY: Final = Kind(
    name="NetworkPolicy", plural="networkpolicies", group=_NETWORKING,
    schema="networking.v1.NetworkPolicy", short_names=("netpol",), has_status=False,
    columns=tables.NETWORK_POLICY_COLUMNS, default=defaults.default_network_policy,
    validate=rules.network_policy_causes,
)  # fmt: skip
PRIORITY_CLASS: Final = Kind(
    name="PriorityClass", plural="priorityclasses", group="scheduling.k8s.io",
    schema="scheduling.v1.PriorityClass", namespaced=False, short_names=("pc",),
    has_status=False, columns=tables.PRIORITY_COLUMNS, default=defaults.default_priority_class,
    validate=rules.priority_causes,
)  # fmt: skip
ROLE: Final = Kind(
    name="Role", plural="roles", group=rules.RBAC, schema="rbac.v1.Role", has_status=False,
    has_generation=False, name_rule="path", columns=tables.DATED_COLUMNS,
    default=defaults.default_role, validate=rules.role_causes,
)  # fmt: skip
ROLE_BINDING: Final = Kind(
    name="RoleBinding", plural="rolebindings", group=rules.RBAC, schema="rbac.v1.RoleBinding",
    has_status=False, has_generation=False, name_rule="path", columns=tables.BINDING_COLUMNS,
    default=defaults.default_binding, validate=rules.binding_causes,
)  # fmt: skip
CLUSTER_ROLE: Final = Kind(
    name="ClusterRole", plural="clusterroles", group=rules.RBAC, schema="rbac.v1.ClusterRole",
    namespaced=False, has_status=False, has_generation=False, name_rule="path",
    columns=tables.DATED_COLUMNS, default=defaults.default_role, validate=rules.role_causes,
)  # fmt: skip
CLUSTER_ROLE_BINDING: Final = Kind(
    name="ClusterRoleBinding", plural="clusterrolebindings", group=rules.RBAC,
    schema="rbac.v1.ClusterRoleBinding", namespaced=False, has_status=False,
    has_generation=False, name_rule="path", columns=tables.BINDING_COLUMNS,
    default=defaults.default_binding, validate=rules.binding_causes,
)  # fmt: skip
