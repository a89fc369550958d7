"""Defaults of webhooks and policies of admission."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]


def default_webhooks(configuration: Object) -> None:
    """Fill in a configuration of webhooks that validate."""
    for webhook in configuration.get("webhooks", ()):
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("timeoutSeconds", 10)
        if service := webhook.get("clientConfig", {}).get("service"):
            service.setdefault("port", 443)
        _default_match(webhook, webhook.get("rules", ()))


def default_policy(policy: Object) -> None:
    """Fill in a policy."""
    spec = policy.setdefault("spec", {})
    spec.setdefault("failurePolicy", "Fail")
    policy.setdefault("status", {})
    if "matchConstraints" in spec:
        _default_resources(spec["matchConstraints"])


def default_binding(binding: Object) -> None:
    """Fill in the binding of a policy."""
    match = binding.setdefault("spec", {}).get("matchResources")
    if match is not None:
        _default_resources(match)


def _default_resources(match: Object) -> None:
    _default_match(match, (*match.get("resourceRules", ()), *match.get("excludeResourceRules", ())))


def _default_match(match: Object, listed: Iterable[Object]) -> None:
    match.setdefault("matchPolicy", "Equivalent")
    for selector in ("namespaceSelector", "objectSelector"):
        match.setdefault(selector, {})
    for rule in listed:
        rule.setdefault("scope", "*")
