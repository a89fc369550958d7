"""The most that all runs of a day may touch together, and whether one more run fits.

A run reserves its part before it starts. It does not count what a single run touches; the blast
radius does, and is narrowed to what was reserved.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from orchestrator.domain.blast_radius import NODES, BlastRadius
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.identity import RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The part of the day's budget that one run may use.

    Shape: objects is how many it may touch in all; targets the keys of those that are known, which
    keep their places among them, or touched already; shares maps the workloads that its preview
    named to the part of their pods that it may take away, and it may take nothing of any other.
    Without a preview shares is None, and share holds for each workload, node_share for the nodes.
    Units: shares from 0 to 1.
    """

    run: RunId
    objects: int
    targets: frozenset[str] = frozenset()
    share: Fraction = Fraction(1)
    node_share: Fraction = Fraction(1)
    shares: Mapping[str, Fraction] | None = None

    @property
    def unknown(self) -> int:
        """How many objects it may still touch that nobody can name yet."""
        return max(self.objects - len(self.targets), 0)

    def share_of(self, workload: str) -> Fraction:
        """The part of a workload that it may take away."""
        most = self.node_share if workload == NODES else self.share
        return most if self.shares is None else min(most, self.shares.get(workload, Fraction(0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBudget:
    """Limits over all runs of a day that hold a fault at once; None sets no limit.

    Units: most_share is a part of one workload's pods, most_node_share of the cluster's nodes,
    above 0 up to 1.
    """

    most_runs: int | None = None
    most_objects: int | None = None
    most_share: Fraction = Fraction(1)
    most_node_share: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        """Refuse limits under which nothing could ever run."""
        limits = (self.most_runs, self.most_objects)
        shares = (self.most_share, self.most_node_share)
        if any(limit is not None and limit < 1 for limit in limits) or not all(
            0 < share <= 1 for share in shares
        ):
            raise InvalidValue(
                field="day_budget",
                value=f"most_runs {self.most_runs}, most_objects {self.most_objects},"
                f" most_share {self.most_share}, most_node_share {self.most_node_share}",
                problem="limits must be positive, and a share at most 1",
            )

    def overdrawn(self, held: Iterable[Reservation], wanted: Reservation) -> str:
        """Why one more run does not fit beside those that hold their parts; empty when it does."""
        others = [each for each in held if each.run != wanted.run]
        return (
            self._too_many_runs(others)
            or self._too_many_objects(others, wanted)
            or self._too_much_of_one(others, wanted)
        )

    def _too_many_runs(self, others: list[Reservation]) -> str:
        if self.most_runs is None or len(others) < self.most_runs:
            return ""
        return f"{len(others)} runs are under way, {self.most_runs} are allowed at once"

    def _too_many_objects(self, others: list[Reservation], wanted: Reservation) -> str:
        if self.most_objects is None:
            return ""
        parts = [*others, wanted]
        # An object that two runs touch counts once; what cannot be named yet may be any.
        known = frozenset().union(*(each.targets for each in parts))
        total = len(known) + sum(each.unknown for each in parts)
        if total <= self.most_objects:
            return ""
        return (
            f"with the {wanted.objects} objects of this run, {total} objects would be touched"
            f" at once, {self.most_objects} are allowed"
        )

    def _too_much_of_one(self, others: list[Reservation], wanted: Reservation) -> str:
        parts = [*others, wanted]
        named = {workload for each in parts for workload in each.shares or ()}
        # The empty name stands for any workload that nobody named.
        for workload in sorted(named | {NODES, ""}):
            most = self.most_node_share if workload == NODES else self.most_share
            total = sum((each.share_of(workload) for each in parts), Fraction(0))
            # A share of one sets no limit, as within one run.
            if most < 1 and wanted.share_of(workload) and total > most:
                return (
                    f"{float(total):.0%} of {workload or 'one workload'} could be lost at once,"
                    f" {float(most):.0%} are allowed"
                )
        return ""


def asked_by(run: RunId, radius: BlastRadius, budget: DayBudget) -> Reservation:
    """What a run without a preview asks for: its own limits, as far as the day has as much."""
    objects = radius.most_objects
    return Reservation(
        run=run,
        objects=objects if budget.most_objects is None else min(objects, budget.most_objects),
        share=min(radius.most_share, budget.most_share),
        node_share=min(radius.most_node_share, budget.most_node_share),
    )


def within(radius: BlastRadius, reservation: Reservation) -> BlastRadius:
    """The limits of a run, narrowed to what it reserved."""
    return replace(
        radius,
        most_objects=min(radius.most_objects, max(reservation.objects, 1)),
        named=reservation.targets,
        most_share=min(radius.most_share, reservation.share),
        most_node_share=min(radius.most_node_share, reservation.node_share),
        shares=reservation.shares,
    )
