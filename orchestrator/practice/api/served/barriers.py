"""The kinds that decide on the writes of others: webhooks that validate, and policies.

What they do to a write is in `barring`. Those that alter what others write are not served.
"""

from __future__ import annotations

from typing import Final

from orchestrator.practice.api.columns import barriers as tables
from orchestrator.practice.api.defaults import barriers as defaults
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.validation import barriers as rules

GROUP: Final = "admissionregistration.k8s.io"
POLICY: Final = Kind(
    name="ValidatingAdmissionPolicy", plural="validatingadmissionpolicies", group=GROUP,
    schema="admissionregistration.v1.ValidatingAdmissionPolicy", namespaced=False,
    categories=("api-extensions",), columns=tables.POLICY_COLUMNS,
    default=defaults.default_policy, validate=rules.policy_causes,
)  # fmt: skip
BINDING: Final = Kind(
    name="ValidatingAdmissionPolicyBinding", plural="validatingadmissionpolicybindings",
    group=GROUP, schema="admissionregistration.v1.ValidatingAdmissionPolicyBinding",
    namespaced=False, has_status=False, categories=("api-extensions",),
    columns=tables.BINDING_COLUMNS, default=defaults.default_binding,
    validate=rules.binding_causes,
)  # fmt: skip
WEBHOOKS: Final = Kind(
    name="ValidatingWebhookConfiguration", plural="validatingwebhookconfigurations", group=GROUP,
    schema="admissionregistration.v1.ValidatingWebhookConfiguration", namespaced=False,
    has_status=False, categories=("api-extensions",), columns=tables.WEBHOOK_COLUMNS,
    default=defaults.default_webhooks, validate=rules.webhooks_causes,
)  # fmt: skip
BARRIERS: Final = (POLICY, BINDING, WEBHOOKS)
