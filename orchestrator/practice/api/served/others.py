"""The kinds of the groups coordination, discovery, events and policy."""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.columns.core import EVENT_COLUMNS, LEASE_COLUMNS, SLICE_COLUMNS
from orchestrator.practice.api.columns.workloads import BUDGET_COLUMNS
from orchestrator.practice.api.defaults.core import default_lease, default_slice
from orchestrator.practice.api.defaults.workloads import default_budget
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.selectors import field
from orchestrator.practice.api.served.core import EVENT
from orchestrator.practice.api.validation import core as core_rules
from orchestrator.practice.api.validation.workloads import budget_causes

Object = dict[str, Any]
_RENAMED: Final = {
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
    "deprecatedCount": "count",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedSource": "source",
}
_OLD_NAMES: Final = {old: new for new, old in _RENAMED.items()}


def event_to_core(event: Object) -> Object:
    """An event of events.k8s.io as the core group writes it."""
    renamed = {_RENAMED.get(key, key): value for key, value in event.items()}
    return {**renamed, "kind": "Event", "apiVersion": "v1"}


def event_from_core(event: Object) -> Object:
    """An event of the core group as events.k8s.io writes it."""
    renamed = {
        _OLD_NAMES.get(key, key): value for key, value in event.items()
        if not (key == "source" and not value)
    }  # fmt: skip
    return {**renamed, "kind": "Event", "apiVersion": "events.k8s.io/v1"}


LEASE: Final = Kind(
    name="Lease", plural="leases", group="coordination.k8s.io", schema="coordination.v1.Lease",
    has_status=False, has_generation=False, columns=LEASE_COLUMNS, needs_version=True,
    creates_on_update=True, default=default_lease, validate=core_rules.lease_causes,
)  # fmt: skip
ENDPOINT_SLICE: Final = Kind(
    name="EndpointSlice", plural="endpointslices", group="discovery.k8s.io",
    schema="discovery.v1.EndpointSlice", has_status=False, columns=SLICE_COLUMNS,
    default=default_slice, validate=core_rules.slice_causes, index_labels=True,
)  # fmt: skip
NEW_EVENT: Final = Kind(
    name="Event", plural="events", group="events.k8s.io", schema="events.v1.Event",
    short_names=("ev",), has_status=False, has_generation=False, columns=EVENT_COLUMNS,
    fields={
        path: field(path)
        for path in (
            "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid",
            "regarding.apiVersion", "regarding.resourceVersion", "regarding.fieldPath",
            "reason", "reportingController", "type",
        )
    },
    stored_as=EVENT, to_stored=event_to_core, from_stored=event_from_core,
)  # fmt: skip
DISRUPTION_BUDGET: Final = Kind(
    name="PodDisruptionBudget", plural="poddisruptionbudgets", group="policy",
    schema="policy.v1.PodDisruptionBudget", short_names=("pdb",), columns=BUDGET_COLUMNS,
    default=default_budget, validate=budget_causes, needs_version=True,
)  # fmt: skip
