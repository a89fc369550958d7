"""What webhooks that do not answer and policies that deny do to a write.

No webhook is ever called: a call fails as it does where nobody listens. Reviews, tokens and
connections are not asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.served.barriers import BARRIERS, BINDING, POLICY, WEBHOOKS
from orchestrator.practice.api.served.core import NAMESPACE, SERVICE
from orchestrator.practice.api.statuses import ApiError, internal, of_name
from orchestrator.practice.api.store import Store

Object = dict[str, Any]
_CODES: Final[Mapping[str, int]] = {"Forbidden": 403, "Invalid": 422, "RequestEntityTooLarge": 413}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A write that is about to be made: new is None for a deletion, old for a creation."""

    kind: Kind
    operation: str
    name: str
    namespace: str
    part: str = ""
    new: Object | None = None
    old: Object | None = None


def refuse_barred(store: Store, attempt: Attempt) -> None:
    """Refuse a write that a policy denies, or whose webhook does not answer.

    Raises: ApiError.
    """
    if attempt.kind in BARRIERS:
        return
    for binding in store.objects(BINDING):
        policy = store.get(POLICY, "", binding["spec"]["policyName"])
        if policy is not None and "Deny" in binding["spec"]["validationActions"]:
            _refuse_denied(store, attempt, policy, binding)
    for configuration in store.objects(WEBHOOKS):
        for webhook in configuration.get("webhooks", ()):
            if webhook["failurePolicy"] == "Fail" and _covers(
                store, attempt, webhook, webhook.get("rules", ())
            ):
                raise internal(_unanswered(store, webhook))


def _refuse_denied(store: Store, attempt: Attempt, policy: Object, binding: Object) -> None:
    constraints = policy["spec"]["matchConstraints"]
    narrower = binding["spec"].get("matchResources")
    if not _matches(store, attempt, constraints):
        return
    if narrower is not None and not _matches(store, attempt, narrower):
        return
    for validation in policy["spec"].get("validations", ()):
        if validation["expression"].strip() == "false":
            raise _denial(attempt, policy, binding, validation)


def _matches(store: Store, attempt: Attempt, match: Object) -> bool:
    if any(_holds(rule, attempt) for rule in match.get("excludeResourceRules", ())):
        return False
    listed = match.get("resourceRules")
    if listed is None:
        return _selects(store, attempt, match)
    return _covers(store, attempt, match, listed)


def _covers(store: Store, attempt: Attempt, match: Object, listed: Iterable[Object]) -> bool:
    return any(_holds(rule, attempt) for rule in listed) and _selects(store, attempt, match)


def _holds(rule: Object, attempt: Attempt) -> bool:
    """Whether a rule names a write."""
    kind = attempt.kind
    scope = "Namespaced" if kind.namespaced else "Cluster"
    names = rule.get("resourceNames")
    return (
        rule["scope"] in {"*", scope}
        and _names(rule["operations"], attempt.operation)
        and _names(rule["apiGroups"], kind.group)
        and _names(rule["apiVersions"], kind.version)
        and any(_is_of(each, kind.plural, attempt.part) for each in rule["resources"])
        and (not names or attempt.name in names)
    )


def _names(listed: Iterable[str], value: str) -> bool:
    return any(each in {"*", value} for each in listed)


def _is_of(resource: str, plural: str, part: str) -> bool:
    named, _, named_part = resource.partition("/")
    return named in {"*", plural} and named_part in {"*", part}


def _selects(store: Store, attempt: Attempt, match: Object) -> bool:
    selector = of_object(match["objectSelector"])
    objects = [each for each in (attempt.new, attempt.old) if each is not None]
    if not any(selector.holds(_labels(each)) for each in objects):
        return False
    return all(
        of_object(match["namespaceSelector"]).holds(labels) for labels in _around(store, attempt)
    )


def _around(store: Store, attempt: Attempt) -> Iterator[Mapping[str, str]]:
    """The labels that a namespace selector is about; none for what is in no namespace."""
    if attempt.kind is NAMESPACE:
        yield _labels(attempt.new or attempt.old or {})
    elif attempt.kind.namespaced:
        yield _labels(store.get(NAMESPACE, "", attempt.namespace) or {})


def _labels(obj: Object) -> Mapping[str, str]:
    found: Mapping[str, str] = obj.get("metadata", {}).get("labels", {})
    return found


def _denial(attempt: Attempt, policy: Object, binding: Object, validation: Object) -> ApiError:
    said = validation.get("message") or f"failed expression: {validation['expression'].strip()}"
    why = (
        f"ValidatingAdmissionPolicy '{policy['metadata']['name']}' with binding"
        f" '{binding['metadata']['name']}' denied request: {said}"
    )
    reason = validation.get("reason", "Invalid")
    message = f'{attempt.kind.qualified} "{attempt.name}" is forbidden: {why}'
    details = of_name(attempt.kind, attempt.name, causes=[{"message": why}])
    return ApiError(_CODES[reason], reason, message, details=details)


def _unanswered(store: Store, webhook: Object) -> str:
    """What becomes of a call that nobody answers."""
    config, seconds = webhook["clientConfig"], webhook["timeoutSeconds"]
    head = f'failed calling webhook "{webhook["name"]}": failed to call webhook: Post '
    if "url" in config:
        return f'{head}"{config["url"]}?timeout={seconds}s": dial tcp: connect: connection refused'
    service = config["service"]
    name, namespace, port = service["name"], service["namespace"], service["port"]
    path = service.get("path") or "/"
    address = f'"https://{name}.{namespace}.svc:{port}{path}?timeout={seconds}s"'
    return f"{head}{address}: {_unreached(store, namespace, name, port)}"


def _unreached(store: Store, namespace: str, name: str, port: int) -> str:
    found = store.get(SERVICE, namespace, name)
    if found is None:
        return f'service "{name}" not found'
    if all(each["port"] != port for each in found["spec"].get("ports", ())):
        return f'no service port {port} found for service "{name}"'
    return f"dial tcp {found['spec'].get('clusterIP', '')}:{port}: connect: connection refused"
