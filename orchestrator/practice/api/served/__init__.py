"""The kinds that the practice cluster serves, one entry each.

To serve another kind, add its entry to a module here and to `KINDS`. Kinds that clients define
are in `custom`.
"""

from __future__ import annotations

from typing import Final

from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.served.apps import DEPLOYMENT, REPLICA_SET
from orchestrator.practice.api.served.barriers import BARRIERS
from orchestrator.practice.api.served.batch import CRON_JOB, JOB
from orchestrator.practice.api.served.core import (
    CONFIG_MAP,
    ENDPOINTS,
    EVENT,
    NAMESPACE,
    NODE,
    POD,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
)
from orchestrator.practice.api.served.extensions import DEFINITION
from orchestrator.practice.api.served.others import (
    DISRUPTION_BUDGET,
    ENDPOINT_SLICE,
    LEASE,
    NEW_EVENT,
)
from orchestrator.practice.api.served.policies import (
    AUTOSCALER,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    INGRESS,
    INGRESS_CLASS,
    LIMIT_RANGE,
    NETWORK_POLICY,
    PRIORITY_CLASS,
    QUOTA,
    ROLE,
    ROLE_BINDING,
)
from orchestrator.practice.api.served.registry import Registry
from orchestrator.practice.api.served.reviews import REVIEWS
from orchestrator.practice.api.served.sets import CONTROLLER_REVISION, DAEMON_SET, STATEFUL_SET
from orchestrator.practice.api.served.storage import CLAIM, STORAGE_CLASS, VOLUME

KINDS: Final[tuple[Kind, ...]] = (
    CONFIG_MAP,
    ENDPOINTS,
    EVENT,
    LIMIT_RANGE,
    NAMESPACE,
    NODE,
    CLAIM,
    VOLUME,
    POD,
    QUOTA,
    SECRET,
    SERVICE_ACCOUNT,
    SERVICE,
    CONTROLLER_REVISION,
    DAEMON_SET,
    DEPLOYMENT,
    REPLICA_SET,
    STATEFUL_SET,
    NEW_EVENT,
    *REVIEWS,
    *BARRIERS,
    AUTOSCALER,
    CRON_JOB,
    JOB,
    INGRESS,
    INGRESS_CLASS,
    NETWORK_POLICY,
    DISRUPTION_BUDGET,
    CLUSTER_ROLE_BINDING,
    CLUSTER_ROLE,
    ROLE_BINDING,
    ROLE,
    STORAGE_CLASS,
    PRIORITY_CLASS,
    LEASE,
    ENDPOINT_SLICE,
    DEFINITION,
)
SERVED: Final = Registry(KINDS)
