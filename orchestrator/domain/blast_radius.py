"""The most a run may touch, and the decision on one write.

It does not find out what a request touches; the guard expands a request to its targets first.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final, TypeAlias

from orchestrator.domain.changeable import is_covered, may_change, shared
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.labels import Requirement, are_met, equalities
from orchestrator.domain.undo import Path
from orchestrator.domain.verbs import ALL_VERBS, REPLICAS, WriteVerb, done_by, in_order

PROTECTED_NAMESPACES: Final = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Never touched, whatever a plan says."""

DEFAULT_KINDS: Final = frozenset({"pods", "deployments", "services", "configmaps"})

CLUSTER_KINDS: Final = frozenset(
    {
        "nodes",
        "validatingwebhookconfigurations",
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
    }
)
"""Kinds without a namespace that a plan may allow by naming them."""

NODES: Final = "nodes"
"""In the place of a workload: the nodes of the cluster, of which a share may be lost as well."""

IRREVERSIBLE: Final[Mapping[str, str]] = {
    "exec": "what a command does inside a container cannot be put back",
    "jobs": "a job that is made anew runs again from its beginning",
}
"""What cannot be put back and yet may be allowed by a plan, with the reason."""


class Budgets(StrEnum):
    """What a run may do to the PodDisruptionBudgets of the pods that it takes away."""

    RESPECTED = "respect"
    MAY_BE_VIOLATED = "may be violated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One object that a write touches, directly or behind the object that is written.

    `workload` keys the workload that a pod belongs to; empty for other kinds.
    """

    kind: str
    """The plural resource name, such as pods."""
    namespace: str
    name: str
    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    workload: str = ""

    @property
    def key(self) -> str:
        """Names the object within the cluster, for people and for counting."""
        return f"{self.kind}/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a write leaves of the pods that one PodDisruptionBudget protects.

    Units: numbers of pods that are healthy, before the write, after it and as needed.
    """

    budget: str
    before: int
    after: int
    needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All objects of a kind, now and later, that satisfy the conditions."""

    kind: str
    conditions: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write, expanded to all that it touches.

    Shape: written is the object in the request, if it exists or will; lost the pods and nodes
    that the write takes away or cuts off; reached what else it touches; candidates those from
    which the cluster will choose the lost; namespaces those that it extends to. sizes holds
    for each workload behind the lost its number of pods when it was first touched.
    """

    verb: str
    kind: str
    written: Target
    lost: tuple[Target, ...] = ()
    reached: tuple[Target, ...] = ()
    candidates: tuple[Target, ...] = ()
    staying: tuple[Target, ...] = ()
    """Pods on a lost node that the write takes nothing from: shown to people, never judged."""
    namespaces: frozenset[str] = frozenset()
    finds: tuple[Found, ...] = ()
    """What it would be about that is made later, or gets other labels."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    left: tuple[Left, ...] = ()
    changed: frozenset[Path] = frozenset()
    """The fields of the written object that change, as `changed_fields` names them."""
    creates: bool = False
    is_carrier: bool = False
    """Whether the written object is new and does nothing but carry a fault to the others."""
    irreversible: str = ""
    """Which of the things that cannot be put back the write does; empty when none."""
    weakened: str = ""
    """The PodDisruptionBudget that would ask for less than now, or go; empty when none."""

    @property
    def touched(self) -> tuple[Target, ...]:
        """Everything that counts as touched, the written object first."""
        return (self.written, *self.lost, *self.reached)

    def lost_of(self, workload: str) -> Set[str]:
        """The keys of the lost that belong to a workload."""
        return {target.key for target in self.lost if target.workload == workload}


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """The write may be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """The write may not be made: by which rule, and why."""

    rule: str
    reason: str


Verdict: TypeAlias = Allowed | Denied


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRadius:
    """The limits of a run or of a day.

    Units: most_share is a part of one workload's pods, most_node_share of the cluster's
    nodes, above 0 up to 1.
    """

    namespaces: frozenset[str]
    selectors: Mapping[str, str] = field(default_factory=dict)
    """Labels that each written object and each pod behind it must carry."""
    expressions: tuple[Requirement, ...] = ()
    """Further conditions on the same labels."""
    kinds: frozenset[str] = DEFAULT_KINDS
    verbs: Mapping[str, frozenset[WriteVerb]] = field(default_factory=dict)
    """What alone may be done to objects of a kind; to one that is left out, anything."""
    creates: frozenset[str] = frozenset()
    """Kinds of which objects may be made."""
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Fields that may be changed, by kind; a kind that is left out has its default ones."""
    most_objects: int = 10
    named: frozenset[str] = frozenset()
    """Keys of objects for which places among most_objects are kept, since the day's budget counts
    them by name; no other takes their place."""
    most_share: Fraction = Fraction(1)
    most_node_share: Fraction = Fraction(1, 2)
    shares: Mapping[str, Fraction] | None = None
    """Shares by workload, where the day's budget holds them for the run: nothing of others."""
    longest: timedelta = timedelta(minutes=30)
    disruption_budgets: Budgets = Budgets.RESPECTED
    irreversible: frozenset[str] = frozenset()
    """Which of the things that cannot be put back may be done all the same."""
    reads_secrets: bool = False
    """Whether the secrets of its namespaces may be read."""

    def __post_init__(self) -> None:
        """Refuse limits that limit nothing or allow what is protected."""
        if protected := self.namespaces & PROTECTED_NAMESPACES:
            raise InvalidValue(
                field="blast_radius.namespaces",
                value=", ".join(sorted(protected)),
                problem="is protected and never touched",
                way_out="leave it out",
            )
        if unknown := self.irreversible - IRREVERSIBLE.keys():
            raise InvalidValue(
                field="blast_radius.irreversible",
                value=", ".join(sorted(unknown)),
                problem="cannot be allowed",
                way_out=f"use some of: {', '.join(IRREVERSIBLE)}",
            )
        shares = (self.most_share, self.most_node_share)
        if self.most_objects < 1 or not all(0 < share <= 1 for share in shares):
            raise InvalidValue(
                field="blast_radius",
                value=f"most_objects {self.most_objects}, most_share {self.most_share},"
                f" most_node_share {self.most_node_share}",
                problem="limits must be positive, and a share at most 1",
            )

    def verdict(self, write: Write, *, touched: Set[str], lost: Mapping[str, Set[str]]) -> Verdict:
        """Decide one write.

        Shape: touched holds the keys of targets touched so far; lost, for each workload,
        the keys of the pods taken away so far.
        """
        return (
            self._verbs(write)
            or self._deed(write)
            or self._reaches(write)
            or self._count(write, touched)
            or self._shares(write, lost)
            or self._budgets(write)
            or Allowed()
        )

    def place(self, target: Target) -> Denied | None:
        """Why an object may not be written at all, whatever the write; None when it may."""
        if target.kind not in self.kinds:
            return self._no_kind(target.kind)
        return self._outside(target)

    def _no_kind(self, what: str) -> Denied:
        allowed = ", ".join(sorted(self.kinds))
        return Denied(rule="kinds", reason=f"{what} is not among the kinds allowed: {allowed}")

    def verbs_for(self, kind: str) -> frozenset[WriteVerb]:
        """What may be done to objects of a kind, as far as verbs go."""
        return self.verbs.get(kind, ALL_VERBS) if kind in self.kinds else frozenset()

    def _verbs(self, write: Write) -> Denied | None:
        listed = self.verbs.get(write.kind)
        if listed is None:
            return None
        missing = in_order(done_by(write.verb, write.changed) - listed)
        if not missing:
            return None
        more = sorted(".".join(path) for path in write.changed if path != REPLICAS)
        about = f" (of {more[0]})" if missing[0] is WriteVerb.CHANGE and more else ""
        wider = ", ".join(in_order(listed | set(missing)))
        return Denied(
            rule="verbs",
            reason=f"{missing[0]}{about} is not among what may be done to {write.kind}:"
            f" the plan says kinds: {{{write.kind}: [{', '.join(in_order(listed))}]}};"
            f" if it may be done, write kinds: {{{write.kind}: [{wider}]}}, or on the command"
            f" line --kind {write.kind}={wider.replace(' ', '')}",
        )

    def _deed(self, write: Write) -> Denied | None:
        """What is wrong with the write itself, wherever it is made."""
        if write.creates and write.kind not in self.creates:
            named = ", ".join(sorted(self.creates)) or "none"
            return Denied(
                rule="creates",
                reason=f"{write.kind} is not among the kinds that may be made: {named}",
            )
        if write.irreversible and write.irreversible not in self.irreversible:
            return Denied(
                rule="irreversible",
                reason=f"{IRREVERSIBLE.get(write.irreversible, write.irreversible)},"
                f" and the plan does not say irreversible: [{write.irreversible}]",
            )
        allowed = may_change(self.fields, write.kind)
        for path in sorted(write.changed):
            if not is_covered(path, allowed):
                return Denied(
                    rule="fields",
                    reason=f"{'.'.join(path)} is not among the fields of {write.kind}"
                    " that may be changed",
                )
        return None

    def _reaches(self, write: Write) -> Denied | None:
        for namespace in sorted(write.namespaces):
            if not self._is_open(namespace):
                return self._closed(f"what it extends to, {namespace},")
        if denied := self.place(write.written):
            return denied
        for found in write.finds:
            if denied := self._beyond(found):
                return denied
        if not write.is_carrier and (denied := self._labels(write.written)):
            return denied
        for target in (*write.lost, *write.reached, *write.candidates):
            if denied := self._outside(target) or self._labels(target):
                return denied
        return None

    def _beyond(self, found: Found) -> Denied | None:
        """What is wrong with conditions by which a write reaches what nobody can count yet."""
        if found.kind not in self.kinds:
            return self._no_kind(f"what it extends to, {found.kind},")
        for asked in (*equalities(self.selectors), *self.expressions):
            if not any(each.implies(asked) for each in found.conditions):
                return Denied(
                    rule="selectors",
                    reason=f"it would extend to any {found.kind}, also to those that do not"
                    f" satisfy {asked}; have its objectSelector ask for that",
                )
        return None

    def _outside(self, target: Target) -> Denied | None:
        if target.kind in CLUSTER_KINDS:
            is_inside = target.kind in self.kinds
        else:
            is_inside = self._is_open(target.namespace)
        return None if is_inside else self._closed(target.key)

    def _is_open(self, namespace: str) -> bool:
        # What is protected is never among them; see `__post_init__`.
        return namespace in self.namespaces

    def _closed(self, what: str) -> Denied:
        allowed = ", ".join(sorted(self.namespaces)) or "none"
        return Denied(
            rule="namespaces", reason=f"{what} lies outside the namespaces allowed: {allowed}"
        )

    def _labels(self, target: Target) -> Denied | None:
        missing = sorted(
            f"{key}={value}"
            for key, value in self.selectors.items()
            if target.labels.get(key) != value
        )
        if missing:
            return Denied(
                rule="selectors", reason=f"{target.key} lacks the label {', '.join(missing)}"
            )
        if not are_met(self.expressions, target.labels):
            unmet = next(each for each in self.expressions if not each.is_met(target.labels))
            return Denied(rule="selectors", reason=f"{target.key} does not satisfy {unmet}")
        return None

    def _count(self, write: Write, touched: Set[str]) -> Denied | None:
        after = touched | {target.key for target in write.touched}
        unnamed = after - self.named
        if len(unnamed) > self.most_objects - len(self.named) and len(after) <= self.most_objects:
            return Denied(
                rule="most_objects",
                reason=f"{write.written.key} would make {len(unnamed)} objects touched that its"
                f" part of the day's budget does not name; of the {self.most_objects} that are"
                f" allowed it names {', '.join(sorted(self.named))}",
            )
        if len(after) <= self.most_objects:
            return None
        return Denied(
            rule="most_objects",
            reason=f"{write.written.key} would make {len(after)} objects touched,"
            f" {self.most_objects} are allowed",
        )

    def share_of(self, workload: str) -> Fraction:
        """The part of a workload's pods, or of the nodes, that may be lost."""
        most = self.most_node_share if workload == NODES else self.most_share
        return most if self.shares is None else min(most, self.shares.get(workload, Fraction(0)))

    def _shares(self, write: Write, lost: Mapping[str, Set[str]]) -> Denied | None:
        for workload, size in write.sizes.items():
            most = self.share_of(workload)
            gone = lost.get(workload, frozenset()) | write.lost_of(workload)
            # A share of one sets no limit: a workload may be lost as a whole, and again
            # when its controller has replaced it.
            if most < 1 and gone and Fraction(len(gone), max(size, 1)) > most:
                is_node = workload == NODES
                what = "nodes" if is_node else f"pods of {workload}"
                return Denied(
                    rule="most_node_share" if is_node else "most_share",
                    reason=f"{len(gone)} of {size} {what} would be lost,"
                    f" {float(most):.0%} are allowed",
                )
        return None

    def _budgets(self, write: Write) -> Denied | None:
        if self.disruption_budgets is Budgets.MAY_BE_VIOLATED:
            return None
        if write.weakened:
            return Denied(
                rule="disruption_budgets",
                reason=f"{write.weakened} would protect its pods less than it does,"
                " and the plan says disruption_budgets: respect",
            )
        for left in write.left:
            if left.after < left.needed and left.after < left.before:
                return Denied(
                    rule="disruption_budgets",
                    reason=f"{left.after} of the {left.needed} pods that {left.budget} needs"
                    " would be left",
                )
        return None

    def narrowed_to(self, other: "BlastRadius") -> "BlastRadius":
        """The limits that satisfy both.

        Where the two ask for different values of one label, nothing satisfies both, and no
        namespace is left.
        """
        disagree = any(
            other.selectors.get(key, value) != value for key, value in self.selectors.items()
        )
        both = (self.disruption_budgets, other.disruption_budgets)
        return BlastRadius(
            namespaces=frozenset() if disagree else self.namespaces & other.namespaces,
            selectors={**other.selectors, **self.selectors},
            expressions=tuple(dict.fromkeys((*self.expressions, *other.expressions))),
            kinds=self.kinds & other.kinds,
            verbs=self._shared_verbs(other),
            creates=self.creates & other.creates,
            fields=self._shared_fields(other),
            most_objects=min(self.most_objects, other.most_objects),
            named=self.named | other.named,
            most_share=min(self.most_share, other.most_share),
            most_node_share=min(self.most_node_share, other.most_node_share),
            shares=self._shared_shares(other),
            longest=min(self.longest, other.longest),
            disruption_budgets=max(both, key=lambda each: each is Budgets.RESPECTED),
            irreversible=self.irreversible & other.irreversible,
            reads_secrets=self.reads_secrets and other.reads_secrets,
        )

    def _shared_verbs(self, other: "BlastRadius") -> Mapping[str, frozenset[WriteVerb]]:
        kinds = (self.verbs.keys() | other.verbs.keys()) & self.kinds & other.kinds
        return {kind: self.verbs_for(kind) & other.verbs_for(kind) for kind in kinds}

    def _shared_fields(self, other: "BlastRadius") -> Mapping[str, frozenset[str]]:
        kinds: Iterable[str] = self.fields.keys() | other.fields.keys()
        return {
            kind: shared(may_change(self.fields, kind), may_change(other.fields, kind))
            for kind in kinds
        }

    def _shared_shares(self, other: "BlastRadius") -> Mapping[str, Fraction] | None:
        if self.shares is None or other.shares is None:
            return other.shares if self.shares is None else self.shares
        named = self.shares.keys() & other.shares.keys()
        return {each: min(self.shares[each], other.shares[each]) for each in named}
