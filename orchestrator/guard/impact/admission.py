"""What stands behind an object that decides on the writes of others: the objects that it covers.

Conditions that would need to be evaluated there, exclusions and names leave more objects, never
fewer. Whether a write to one of them is let through in the end is not looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.domain.blast_radius import Found, Target
from orchestrator.domain.labels import Operator, Requirement, as_query
from orchestrator.domain.net_effect import marks_of
from orchestrator.domain.undo import Verb
from orchestrator.guard.drafting import Draft
from orchestrator.guard.impact.surroundings import Surroundings
from orchestrator.guard.impact.values import (
    NOTHING,
    Impact,
    selector_of,
    spec_of,
    target_of,
    untold,
)
from orchestrator.guard.kinds import KINDS, Expansion, Kind

_NAME: Final = "kubernetes.io/metadata.name"
"""The label of a namespace that its API server keeps equal to its name."""
_DEEDS: Final = frozenset({"CREATE", "UPDATE", "DELETE"})
_PARTS: Final[Mapping[str, frozenset[str]]] = {"pods": frozenset({"eviction", "resize"})}
_LONGEST: Final = 10
"""Units: seconds. How long each write may have to wait for an answer; an API server's default."""
_POLICIES: Final = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """One kind that is covered: in which namespaces, and with which labels."""

    kind: Kind
    namespaces: frozenset[str]
    conditions: tuple[Requirement, ...]


async def of_webhooks(draft: Draft, around: Surroundings) -> Impact:
    """The objects whose writes fail while the webhooks do not answer."""
    if draft.verb is not Verb.CREATE:
        return NOTHING
    key, covers, services = draft.ref.key, list[Cover](), set[str]()
    for webhook in (draft.after or {}).get("webhooks") or ():
        services.add(await _unanswered(webhook, key, around))
        covers += _covers(webhook, webhook.get("rules") or (), key)
    impact = await _impact(covers, key, around)
    return Impact(
        reached=impact.reached, finds=impact.finds, namespaces=impact.namespaces | services
    )


async def of_policy(draft: Draft, around: Surroundings) -> Impact:
    """The objects that a policy matches, whoever binds it."""
    if draft.verb is not Verb.CREATE:
        return NOTHING
    return await _of_spec(spec_of(draft.after), draft.ref.key, around)


async def of_binding(draft: Draft, around: Surroundings) -> Impact:
    """The objects that the policy of a binding matches; the binding leaves no more than those."""
    if draft.verb is not Verb.CREATE:
        return NOTHING
    key, spec = draft.ref.key, spec_of(draft.after)
    name = str(spec.get("policyName") or "")
    policy = await around.read(f"{_POLICIES}/{name}")
    if policy is None or not marks_of(policy) & around.marks:
        raise untold(
            key,
            f"the policy {name or 'without a name'} was not made by this run, so it may be changed"
            " by others; make a policy of its own first",
        )
    if spec.get("paramRef") is not None:
        raise untold(key, "what it decides depends on its paramRef; leave that out")
    return await _of_spec(spec_of(policy), key, around)


async def _of_spec(spec: Mapping[str, Any], key: str, around: Surroundings) -> Impact:
    if spec.get("paramKind") is not None:
        raise untold(key, "what it decides depends on objects of its paramKind; leave that out")
    match = spec.get("matchConstraints") or {}
    return await _impact(_covers(match, match.get("resourceRules") or (), key), key, around)


async def _unanswered(webhook: Mapping[str, Any], key: str, around: Surroundings) -> str:
    """The namespace of the service that a webhook asks, which must not be there to answer."""
    config = webhook.get("clientConfig") or {}
    service = config.get("service") or {}
    if config.get("url") is not None or not service:
        raise untold(
            key,
            "its webhook would be shown whole objects at an address of its own; name a service"
            " in a namespace of the plan that does not exist",
        )
    if config.get("caBundle"):
        raise untold(
            key,
            "with its caBundle a webhook could answer, and be shown whole objects; leave it out",
        )
    if int(webhook.get("timeoutSeconds") or _LONGEST) > _LONGEST:
        raise untold(
            key, f"timeoutSeconds {webhook['timeoutSeconds']} is more than {_LONGEST}; ask for less"
        )
    namespace, name = str(service.get("namespace")), str(service.get("name"))
    if namespace in around.namespaces:
        path = f"/api/v1/namespaces/{namespace}/services/{name}"
        if await around.read(path) is not None:
            raise untold(
                key,
                f"the service {namespace}/{name} exists, so it might answer, and be shown whole"
                " objects; name one that does not exist",
            )
    return namespace


def _covers(match: Mapping[str, Any], listed: Sequence[Mapping[str, Any]], key: str) -> list[Cover]:
    """What rules cover; each kind by itself."""
    if not listed:
        raise untold(key, "it has no rule, so it covers nothing")
    namespaces = _namespaces(match.get("namespaceSelector"), key)
    conditions = selector_of(match.get("objectSelector"), key=key)
    return [
        # A part of an object, such as its scale, has none of its labels.
        Cover(kind=kind, namespaces=namespaces, conditions=() if part else conditions)
        for rule in listed
        for kind, part in _kinds(rule, key)
    ]


def _namespaces(selector: Mapping[str, Any] | None, key: str) -> frozenset[str]:
    """The namespaces that a selector names, so that it finds none that is made later."""
    found: set[str] | None = None
    for condition in selector_of(selector, key=key):
        if condition.key != _NAME or condition.operator is not Operator.IN:
            raise untold(
                key,
                f"its namespaceSelector has the condition {condition}, by which it might find"
                f" others later; name namespaces by matchLabels or In of {_NAME} alone",
            )
        found = set(condition.values) & (set(condition.values) if found is None else found)
    if not found:
        raise untold(
            key,
            f"its namespaceSelector names no namespace; name those meant by {_NAME}",
        )
    return frozenset(found)


def _kinds(rule: Mapping[str, Any], key: str) -> Iterator[tuple[Kind, str]]:
    """The kinds that a rule names, each with the part of it that it means."""
    if more := sorted(set(rule.get("operations") or ()) - _DEEDS):
        raise untold(
            key, f"its rules name the operation {more[0]}; name some of {', '.join(sorted(_DEEDS))}"
        )
    if rule.get("scope") != "Namespaced":
        raise untold(key, f"its rules have the scope {rule.get('scope', '*')}; write Namespaced")
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            plural, _, part = str(resource).partition("/")
            yield _kind(str(group), plural, part, key), part


def _kind(group: str, plural: str, part: str, key: str) -> Kind:
    kind = KINDS.get((group, plural))
    if kind is None or not kind.is_namespaced or kind.expansion is Expansion.CHAOS:
        known = sorted(each.resource for each in KINDS.values() if _may_be_covered(each))
        raise untold(
            key,
            f"its rules name {plural} of the group {group!r}, which no run may cover; name kinds"
            f" of the plan among {', '.join(known)}, in one rule for each group",
        )
    parts = _PARTS.get(plural, frozenset()) | ({"scale"} if kind.has_scale else frozenset())
    if part and part not in parts:
        raise untold(key, f"its rules name {plural}/{part}, which no run may cover; leave it out")
    return kind


def _may_be_covered(kind: Kind) -> bool:
    return kind.is_namespaced and kind.expansion is not Expansion.CHAOS


async def _impact(covers: Sequence[Cover], key: str, around: Surroundings) -> Impact:
    reached: dict[str, Target] = {}
    for cover in covers:
        for target in await _covered(cover, around):
            reached[target.key] = target
    namespaces = frozenset().union(*(cover.namespaces for cover in covers))
    is_inside = (
        namespaces <= around.namespaces
        and {cover.kind.resource for cover in covers} <= around.kinds
    )
    if is_inside and not reached:
        raise untold(key, "it covers no object now; which it covers later cannot be told")
    return Impact(
        reached=tuple(reached.values()),
        namespaces=namespaces,
        finds=tuple(
            Found(kind=cover.kind.resource, conditions=cover.conditions) for cover in covers
        ),
    )


async def _covered(cover: Cover, around: Surroundings) -> list[Target]:
    """The objects that are there; those of kinds and namespaces beyond the plan are not seen."""
    kind = cover.kind
    if kind.resource not in around.kinds:
        return []
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    return [
        target_of(kind.resource, found)
        for namespace in sorted(cover.namespaces & around.namespaces)
        for found in await around.items(
            f"{root}/namespaces/{namespace}/{kind.resource}", as_query(cover.conditions)
        )
    ]
