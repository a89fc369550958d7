"""What a run would do, found out before it does, and whether that grew since it was approved.

It does not find anything out: the inspection of the experiment and its dry run do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from orchestrator.domain.cluster_identity import ClusterIdentity
from orchestrator.domain.identity import PreviewId
from orchestrator.domain.plan import ClusterAddress


class Effect(StrEnum):
    """What an activity does to the world, as far as can be told from its text."""

    READ = "read"
    WRITE = "write"
    OPAQUE = "opaque"
    """It may do anything: its code, its process or its request is not known here."""


class Part(StrEnum):
    """Where in the experiment an activity stands."""

    CONFIGURATION = "configuration"
    HYPOTHESIS = "hypothesis"
    TOLERANCE = "tolerance"
    METHOD = "method"
    ROLLBACKS = "rollbacks"
    CONTROLS = "controls"
    PROOF = "proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One activity of an experiment.

    Shape: candidates are the keys of the objects from which it takes `chooses`; without a number
    it takes all of them, and without candidates they could not be found by reading.
    """

    part: Part
    name: str
    does: str
    effect: Effect
    why: str = ""
    """Why it is opaque, or what could not be resolved."""
    candidates: tuple[str, ...] = ()
    chooses: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeseenWrite:
    """One write that the dry run came to.

    Shape: behind holds the keys of the pods and nodes that would be lost by their workload; those
    of none by an empty key.
    """

    verb: str
    target: str
    touched: tuple[str, ...] = ()
    behind: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    staying: tuple[str, ...] = ()
    """Keys of the pods on a node that takes no more of them: none of these is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeseenRefusal:
    """One write that the guard would refuse."""

    target: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSet:
    """What a run would touch, so that two previews of it can be compared.

    Shape: objects are keys of what is touched itself; the pods of workloads are counted in lost,
    since their names change with every rollout and which of them is hit may be left to chance.
    candidates are keys from which the experiment chooses. Sizes are numbers of pods. is_whole says
    whether a dry run came to its end, so that there is nothing else.
    """

    objects: frozenset[str] = frozenset()
    count: int = 0
    lost: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    candidates: frozenset[str] = frozenset()
    is_whole: bool = False

    @property
    def certain(self) -> frozenset[str]:
        """The objects that are not left to chance: every run of the experiment touches these."""
        is_chosen = bool(self.candidates - self.objects)
        return self.objects - self.candidates if is_chosen else self.objects

    def beyond(self, approved: "TargetSet") -> str:
        """How it is larger than what was approved; empty when it is not.

        Where the approved preview had no whole dry run, its facilitator knew that, and there is
        nothing to compare with.
        """
        if not approved.is_whole:
            return ""
        if not self.is_whole:
            return "what it would touch could not be found out again"
        if new := sorted(self.objects - approved.objects - approved.candidates):
            return f"{', '.join(new)} was not in the approved preview"
        for workload, lost in sorted(self.lost.items()):
            before = approved.lost.get(workload, 0)
            if lost > before:
                return f"{lost} pods of {workload} would be lost, {before} were approved"
            was, now = approved.sizes.get(workload, 0), self.sizes.get(workload, 0)
            if lost * was > before * now:
                return (
                    f"{lost} of {now} pods of {workload} would be lost,"
                    f" {before} of {was} were approved"
                )
        if self.count > approved.count:
            return f"{self.count} objects would be touched, {approved.count} were approved"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What one run would do.

    Shape: subject is a digest of the experiment, its configuration, the cluster and the limits:
    what the preview is of. made_dry says whether the experiment was played without effect, or
    only read; problem why that was not done or broke off.
    """

    id: PreviewId
    subject: str
    title: str
    made_at: datetime
    activities: tuple[Activity, ...] = ()
    writes: tuple[ForeseenWrite, ...] = ()
    refusals: tuple[ForeseenRefusal, ...] = ()
    made_dry: bool = False
    problem: str = ""
    targets: TargetSet = field(default_factory=TargetSet)
    address: ClusterAddress | None = None
    """Where it was found out; None for one of a time when that was not noted."""
    cluster: ClusterIdentity | None = None
    """Which cluster was there; None for one of a time when that was not noted."""
    approved_by: str = ""
    approved_at: datetime | None = None

    @property
    def opaque(self) -> tuple[Activity, ...]:
        """The activities that may do anything."""
        return tuple(each for each in self.activities if each.effect is Effect.OPAQUE)

    @property
    def refused(self) -> str:
        """What the guard would refuse first; empty when it would refuse nothing."""
        if not self.refusals:
            return ""
        first = self.refusals[0]
        return f"the guard would refuse {first.target} by the rule {first.rule}: {first.reason}"


def targets_of(
    writes: Iterable[ForeseenWrite], activities: Iterable[Activity], *, is_whole: bool
) -> TargetSet:
    """What the writes of a dry run touch in all."""
    keys: set[str] = set()
    objects: set[str] = set()
    lost: dict[str, set[str]] = {}
    sizes: dict[str, int] = {}
    for write in writes:
        behind = {key for workload, pods in write.behind.items() if workload for key in pods}
        keys |= {write.target, *write.touched, *behind}
        objects |= {write.target, *write.touched} - behind
        for workload, pods in write.behind.items():
            if workload:
                lost.setdefault(workload, set()).update(pods)
        for workload, size in write.sizes.items():
            sizes.setdefault(workload, size)
    return TargetSet(
        objects=frozenset(objects),
        count=len(keys),
        lost={workload: len(pods) for workload, pods in lost.items()},
        sizes=sizes,
        candidates=frozenset(key for each in activities for key in each.candidates),
        is_whole=is_whole,
    )
