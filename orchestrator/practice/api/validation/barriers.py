"""The rules of webhooks and policies of admission.

Expressions are not evaluated here: beyond `true` and `false` they are refused, and so is whatever
else would need them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from orchestrator.practice.api.statuses import Cause
from orchestrator.practice.api.validation.names import name_causes
from orchestrator.practice.api.validation.workloads import selector_causes

Object = dict[str, Any]
_OPERATIONS: Final = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES: Final = ("*", "Cluster", "Namespaced")
_REASONS: Final = ("Forbidden", "Invalid", "RequestEntityTooLarge")
_ACTIONS: Final = ("Audit", "Deny", "Warn")
_VERSIONS: Final = ("v1", "v1beta1")
_CONSTANTS: Final = ("false", "true")
_NO_EXPRESSIONS: Final = "the practice cluster evaluates no expression but true and false"


def webhooks_causes(configuration: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a configuration of webhooks."""
    causes: list[Cause] = []
    names: list[str] = []
    for index, webhook in enumerate(configuration.get("webhooks", ())):
        field = f"webhooks[{index}]"
        causes += _webhook_causes(webhook, field)
        if (name := webhook.get("name", "")) in names:
            causes.append(Cause.duplicate(f"{field}.name", name))
        names.append(name)
    return causes


def _webhook_causes(webhook: Object, field: str) -> list[Cause]:
    name = webhook.get("name", "")
    causes = _host_causes(name, f"{field}.name")
    causes += _rules_causes(webhook.get("rules", ()), f"{field}.rules")
    causes += _choice_causes(webhook, field, "failurePolicy", ("Fail", "Ignore"))
    causes += _choice_causes(webhook, field, "matchPolicy", ("Equivalent", "Exact"))
    effects = ("None", "NoneOnDryRun")
    if "sideEffects" not in webhook:
        text = f"must specify one of {', '.join(effects)}"
        causes.append(Cause.required(f"{field}.sideEffects", text))
    else:
        causes += _choice_causes(webhook, field, "sideEffects", effects)
    if not 1 <= webhook["timeoutSeconds"] <= 30:
        text = "the timeout value must be between 1 and 30 seconds"
        where = f"{field}.timeoutSeconds"
        causes.append(Cause.invalid(where, webhook["timeoutSeconds"], text))
    causes += _selectors_causes(webhook, field)
    causes += _client_causes(webhook.get("clientConfig", {}), f"{field}.clientConfig")
    causes += _review_causes(webhook.get("admissionReviewVersions", ()), field)
    return causes + _no_expressions(webhook, field, ("matchConditions",))


def _host_causes(name: str, field: str) -> list[Cause]:
    if not name:
        return [Cause.required(field)]
    if causes := name_causes(name, field, "subdomain"):
        return causes
    text = "should be a domain with at least three segments separated by dots"
    return [Cause.invalid(field, name, text)] if name.count(".") < 2 else []


def _review_causes(versions: Sequence[str], field: str) -> list[Cause]:
    where = f"{field}.admissionReviewVersions"
    if not versions:
        return [Cause.required(where, f"must specify one of {', '.join(_VERSIONS)}")]
    if not set(versions) & set(_VERSIONS):
        text = f"must include at least one of {', '.join(_VERSIONS)}"
        return [Cause.invalid(where, versions, text)]
    return []


def _client_causes(config: Object, field: str) -> list[Cause]:
    service, url = config.get("service"), config.get("url")
    if (service is None) == (url is None):
        return [Cause.required(field, "exactly one of url or service is required")]
    if service is None:
        return _url_causes(str(url), f"{field}.url")
    causes = [
        Cause.required(f"{field}.service.{key}")
        for key in ("name", "namespace")
        if not service.get(key)
    ]
    if not 1 <= service["port"] <= 65535:
        text = "port is not valid: must be between 1 and 65535, inclusive"
        causes.append(Cause.invalid(f"{field}.service.port", service["port"], text))
    return causes


def _url_causes(url: str, field: str) -> list[Cause]:
    scheme = urlsplit(url).scheme
    if scheme != "https":
        text = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
        return [Cause.invalid(field, scheme, text)]
    return []


def policy_causes(policy: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a policy."""
    spec = policy["spec"]
    causes = _choice_causes(spec, "spec", "failurePolicy", ("Fail", "Ignore"))
    if "paramKind" in spec:
        causes += [
            Cause.required(f"spec.paramKind.{key}")
            for key in ("apiVersion", "kind")
            if not spec["paramKind"].get(key)
        ]
    match = spec.get("matchConstraints")
    if match is None:
        causes.append(Cause.required("spec.matchConstraints"))
    else:
        causes += _match_causes(match, "spec.matchConstraints")
        if not match.get("resourceRules"):
            causes.append(Cause.required("spec.matchConstraints.resourceRules"))
    validations, field = spec.get("validations", ()), "spec.validations"
    for index, validation in enumerate(validations):
        causes += _validation_causes(validation, f"{field}[{index}]")
    if not validations and not spec.get("auditAnnotations"):
        text = "validations or auditAnnotations must contain at least one item"
        causes += [Cause.required(name, text) for name in (field, "spec.auditAnnotations")]
    needing = ("matchConditions", "variables", "auditAnnotations", "paramKind")
    return causes or _no_expressions(spec, "spec", needing)


def _validation_causes(validation: Object, field: str) -> list[Cause]:
    causes: list[Cause] = []
    expression = validation.get("expression", "").strip()
    if not expression:
        text = "expression is not specified"
        causes.append(Cause.required(f"{field}.expression", text))
    elif expression not in _CONSTANTS:
        causes.append(Cause.invalid(f"{field}.expression", expression, _NO_EXPRESSIONS))
    if "\n" in (message := validation.get("message", "")):
        causes.append(Cause.invalid(f"{field}.message", message, "must not contain line breaks"))
    if "reason" in validation:
        causes += _choice_causes(validation, field, "reason", _REASONS)
    return causes + _no_expressions(validation, field, ("messageExpression",))


def binding_causes(binding: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with the binding of a policy."""
    spec = binding["spec"]
    causes: list[Cause] = []
    if name := spec.get("policyName"):
        causes += name_causes(name, "spec.policyName", "subdomain")
    else:
        causes.append(Cause.required("spec.policyName"))
    if "matchResources" in spec:
        causes += _match_causes(spec["matchResources"], "spec.matchResources")
    causes += _actions_causes(spec.get("validationActions", []))
    return causes + _no_expressions(spec, "spec", ("paramRef",))


def _actions_causes(actions: list[str]) -> list[Cause]:
    field = "spec.validationActions"
    if not actions:
        return [Cause.required(field, "at least one validation action is required")]
    causes: list[Cause] = []
    for index, action in enumerate(actions):
        if action not in _ACTIONS:
            causes.append(Cause.unsupported(f"{field}[{index}]", action, _ACTIONS))
        elif action in actions[:index]:
            causes.append(Cause.duplicate(f"{field}[{index}]", action))
    if {"Deny", "Warn"} <= set(actions):
        text = (
            "must not contain both Deny and Warn (repeating the same validation failure"
            " information in the API response and headers serves no purpose)"
        )
        causes.append(Cause.invalid(field, actions, text))
    return causes


def _match_causes(match: Object, field: str) -> list[Cause]:
    causes = _choice_causes(match, field, "matchPolicy", ("Equivalent", "Exact"))
    causes += _selectors_causes(match, field)
    for key in ("resourceRules", "excludeResourceRules"):
        causes += _rules_causes(match.get(key, ()), f"{field}.{key}")
    return causes


def _selectors_causes(match: Object, field: str) -> list[Cause]:
    return [
        cause
        for key in ("namespaceSelector", "objectSelector")
        for cause in selector_causes(match[key], f"{field}.{key}")
    ]


def _choice_causes(obj: Object, field: str, key: str, choices: tuple[str, ...]) -> list[Cause]:
    if obj[key] in choices:
        return []
    return [Cause.unsupported(f"{field}.{key}", obj[key], choices)]


def _rules_causes(listed: Iterable[Object], field: str) -> list[Cause]:
    return [
        cause
        for index, rule in enumerate(listed)
        for cause in _rule_causes(rule, f"{field}[{index}]")
    ]


def _rule_causes(rule: Object, field: str) -> list[Cause]:
    causes: list[Cause] = []
    for key in ("operations", "apiGroups", "apiVersions"):
        causes += _list_causes(rule.get(key, []), f"{field}.{key}", key)
    for index, operation in enumerate(rule.get("operations", ())):
        if operation not in _OPERATIONS:
            where = f"{field}.operations[{index}]"
            causes.append(Cause.unsupported(where, operation, _OPERATIONS))
    causes += _resources_causes(rule.get("resources", []), f"{field}.resources")
    causes += _choice_causes(rule, field, "scope", _SCOPES)
    names = rule.get("resourceNames", [])
    return causes + [
        Cause.duplicate(f"{field}.resourceNames[{index}]", name)
        for index, name in enumerate(names)
        if name in names[:index]
    ]


def _list_causes(found: list[str], field: str, what: str) -> list[Cause]:
    if not found:
        return [Cause.required(field)]
    if "*" in found and len(found) > 1:
        words = {"apiGroups": "API groups", "apiVersions": "API versions"}.get(what, what)
        text = f"if '*' is present, must not specify other {words}"
        return [Cause.invalid(field, found, text)]
    return []


def _resources_causes(found: list[str], field: str) -> list[Cause]:
    if not found:
        return [Cause.required(field)]
    causes: list[Cause] = []
    for index, resource in enumerate(found):
        plural, _, part = resource.partition("/")
        if part and part != "*" and f"{plural}/*" in found:
            text = f"if '{plural}/*' is present, must not specify {resource}"
            causes.append(Cause.invalid(f"{field}[{index}]", resource, text))
    if "*" in found and any("/" not in each for each in found if each != "*"):
        text = "if '*' is present, must not specify other resources without subresources"
        causes.append(Cause.invalid(field, found, text))
    return causes


def _no_expressions(obj: Object, field: str, keys: Iterable[str]) -> list[Cause]:
    return [
        Cause.invalid(f"{field}.{key}", obj[key], _NO_EXPRESSIONS) for key in keys if obj.get(key)
    ]
