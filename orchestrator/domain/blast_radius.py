"""The most a run may touch, and the decision on one write.

It does not find out what a request touches; the guard expands a request to its targets first.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from typing import Final, TypeAlias

from orchestrator.domain.errors import InvalidValue

PROTECTED_NAMESPACES: Final = frozenset({"kube-system", "kube-public", "kube-node-lease"})
"""Never touched, whatever a plan says."""

DEFAULT_KINDS: Final = frozenset({"pods", "deployments", "services", "configmaps"})

CLUSTER_KINDS: Final = frozenset({"nodes"})
"""Kinds without a namespace that a plan may allow by naming them."""


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
class Write:
    """One write, expanded to all that it touches.

    Shape: written is the object in the request, if it exists or will; lost the pods that
    the write takes away, all of one workload; sizes the number of pods of that workload when
    it was first touched, empty when no workload is behind the write.
    """

    verb: str
    kind: str
    written: Target
    lost: tuple[Target, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)


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

    Units: most_share is a part of one workload's pods, above 0 up to 1.
    """

    namespaces: frozenset[str]
    selectors: Mapping[str, str] = field(default_factory=dict)
    """Labels that each written object and each lost pod must carry."""
    kinds: frozenset[str] = DEFAULT_KINDS
    most_objects: int = 10
    most_share: Fraction = Fraction(1)
    longest: timedelta = timedelta(minutes=30)

    def __post_init__(self) -> None:
        """Refuse limits that limit nothing or allow what is protected."""
        if protected := self.namespaces & PROTECTED_NAMESPACES:
            raise InvalidValue(
                field="blast_radius.namespaces",
                value=", ".join(sorted(protected)),
                problem="is protected and never touched",
                way_out="leave it out",
            )
        if self.most_objects < 1 or not 0 < self.most_share <= 1:
            raise InvalidValue(
                field="blast_radius",
                value=f"most_objects {self.most_objects}, most_share {self.most_share}",
                problem="limits must be positive, and a share at most 1",
            )

    def verdict(self, write: Write, *, touched: Set[str], lost: Mapping[str, Set[str]]) -> Verdict:
        """Decide one write.

        Shape: touched holds the keys of targets touched so far; lost, for each workload,
        the keys of the pods taken away so far.
        """
        if denied := self.place(write.written):
            return denied
        for target in write.lost:
            if denied := self._reach(target):
                return denied
        after = touched | {target.key for target in (write.written, *write.lost)}
        if len(after) > self.most_objects:
            return Denied(
                rule="most_objects",
                reason=f"{write.written.key} would make {len(after)} objects touched,"
                f" {self.most_objects} are allowed",
            )
        return self._shares(write, lost) or Allowed()

    def place(self, target: Target) -> Denied | None:
        """Why an object may not be written at all, whatever the write; None when it may."""
        if target.kind not in self.kinds:
            return Denied(
                rule="kinds",
                reason=f"{target.kind} is not among the kinds allowed:"
                f" {', '.join(sorted(self.kinds))}",
            )
        return self._reach(target)

    def _reach(self, target: Target) -> Denied | None:
        if not self._is_inside(target):
            allowed = ", ".join(sorted(self.namespaces)) or "none"
            return Denied(
                rule="namespaces",
                reason=f"{target.key} lies outside the namespaces allowed: {allowed}",
            )
        missing = sorted(
            f"{key}={value}"
            for key, value in self.selectors.items()
            if target.labels.get(key) != value
        )
        if missing:
            return Denied(
                rule="selectors", reason=f"{target.key} lacks the label {', '.join(missing)}"
            )
        return None

    def _is_inside(self, target: Target) -> bool:
        if not target.namespace:
            return target.kind in CLUSTER_KINDS
        return target.namespace in self.namespaces and target.namespace not in PROTECTED_NAMESPACES

    def _shares(self, write: Write, lost: Mapping[str, Set[str]]) -> Denied | None:
        # A share of one sets no limit: a workload may be lost as a whole, and again
        # when its controller has replaced it.
        if self.most_share == 1:
            return None
        for workload, size in write.sizes.items():
            gone = set(lost.get(workload, frozenset())) | {
                target.key for target in write.lost if target.workload == workload
            }
            if gone and Fraction(len(gone), max(size, 1)) > self.most_share:
                return Denied(
                    rule="most_share",
                    reason=f"{len(gone)} of {size} pods of {workload} would be lost,"
                    f" {float(self.most_share):.0%} are allowed",
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
        return BlastRadius(
            namespaces=frozenset() if disagree else self.namespaces & other.namespaces,
            selectors={**other.selectors, **self.selectors},
            kinds=self.kinds & other.kinds,
            most_objects=min(self.most_objects, other.most_objects),
            most_share=min(self.most_share, other.most_share),
            longest=min(self.longest, other.longest),
        )
