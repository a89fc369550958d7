"""How each number of a debrief is computed, in words that reports and docs share.

It holds no code that computes: each rule is followed by the module named beside it.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One way to compute, as people read it."""

    slug: str
    title: str
    text: str


FAULT_START: Final = Rule(
    slug="fault-start",
    title="Start of the fault",
    text=(
        "The first write that the guard let through for the run. Where the timeline holds no such"
        " write, the moment at which the method was let loose, which is the earliest possible."
    ),
)
FAULT_END: Final = Rule(
    slug="fault-end",
    title="End of the fault",
    text=(
        "The moment at which restoring began: the last one at which the fault certainly was still"
        " there. A fault without that moment counts as active until this debrief was written."
    ),
)
FAULT_LASTED: Final = Rule(
    slug="fault-lasted",
    title="How long the fault was active",
    text="From the start of the fault to its end.",
)
PROOF: Final = Rule(
    slug="proof",
    title="Proof of injection",
    text=(
        "A probe of its own looks, until a deadline, whether the fault took effect. Proven: seen to"
        " have. Not effective: not seen by the deadline. Unknown: there was no such probe, or it"
        " had no answer. The time runs from the start of the fault to the first sight of it."
    ),
)
SHARE_WITHIN: Final = Rule(
    slug="share-within",
    title="Share within tolerance",
    text=(
        "Samples inside the probe's tolerance, divided by all samples of that probe: before the"
        " start of the fault, from its start to its end (during), and after its end. A probe that"
        " had no answer counts as outside. Without a sample the share is unknown, not zero."
    ),
)
FIRST_LOST: Final = Rule(
    slug="first-lost",
    title="Steady state first lost at",
    text=(
        "The first sample outside the tolerance at or after the start of the fault. It can be late"
        " by as much as the time between two samples."
    ),
)
RESTORED_AT: Final = Rule(
    slug="restored-at",
    title="Steady state restored at",
    text=(
        "The first sample inside the tolerance after the last one outside, for probes that were"
        " outside at some time from the start of the fault on. Unknown while the last sample lies"
        " outside."
    ),
)
LONGEST_OUT: Final = Rule(
    slug="longest-out",
    title="Longest time out",
    text=(
        "The longest stretch from a sample outside the tolerance to the next one inside, from the"
        " start of the fault on. A stretch that sampling did not see the end of is given as longer"
        " than what was seen of it. It can be off by the time between two samples at either end."
    ),
)
STEADY_STATE_LOST: Final = Rule(
    slug="steady-state-lost",
    title="Whether the steady state was lost",
    text=(
        "Lost: at least one sample, of any probe, outside its tolerance from the start of the fault"
        " to its end. Not lost: samples, and all of them inside. Unknown: no sample in that time."
    ),
)
BELONGS: Final = Rule(
    slug="belongs-to-a-run",
    title="What people said or did belongs to a run",
    text=(
        "An entry by a person belongs to a run when it was recorded on that run, or on an incident"
        " that is linked to it. An entry that is tied to no run in this way belongs by time alone"
        " to each run during whose fault it occurred, and is marked so, for the room to confirm."
        " Entries of facilitators and agents of chaos, who know the plan, are shown and never"
        " counted; neither are plain notes. An entry that another one corrects is shown and not"
        " counted. What counts is when a thing occurred, not when it was recorded."
    ),
)
NOTICED: Final = Rule(
    slug="noticed",
    title="Whether people noticed",
    text=(
        "At least one counted entry of a person that belongs to the run occurred from the start of"
        " the fault to its end."
    ),
)
TIME_TO: Final = Rule(
    slug="time-to",
    title="Time to detect, declare, acknowledge, escalate, mitigate, resolve",
    text=(
        "From the start of the fault to the first counted entry of a person that belongs to the run"
        " and says so (to detect: any such entry). When the fault ended first, there is no such"
        " time: the table then says within which time it did not happen, and when it was recorded"
        " later, if it was. Such a limit is not a duration and never enters one."
    ),
)
EXPECTATION: Final = Rule(
    slug="expectation",
    title="Expectation and observation",
    text=(
        "Decided by rule only where the expectation gives a time and says, by its kind or in its"
        " words, that people notice, declare, acknowledge, escalate, mitigate or resolve. Matched:"
        " it happened within the time. Differed: it did not, and the fault was active that long."
        " Not observable: the fault ended before the time was over, or there was none. All others"
        " are to be said in the room. A row judges what was believed, never people."
    ),
)
WRITES: Final = Rule(
    slug="writes",
    title="Writes made and refused",
    text=(
        "Entries of the guard for the run: each write that it let through, split at the moment at"
        " which restoring began, and each that it refused, with the rule. Unknown when the timeline"
        " holds no entry of the guard for a run that injected."
    ),
)
RESTORATION: Final = Rule(
    slug="restoration",
    title="Restoration",
    text=(
        "Proven: the run concluded, which it does only after the cluster was compared with the"
        " baseline and the steady state was seen to hold again. Not proven: the run is stranded."
        " The time runs from the start of restoring until both were so. Kept: fields that others"
        " changed meanwhile, so that theirs stay."
    ),
)
OUTCOME: Final = Rule(
    slug="outcome",
    title="Outcome",
    text=(
        "From two facts, whether the steady state was lost and whether people noticed. Absorbed:"
        " neither. Early notice: noticed, not lost. Found by people: both. Undetected: lost, and"
        " nobody recorded noticing it while the fault was active. Indeterminate: nothing was"
        " measured. Not started: the run did not inject. Ineffective: the fault did not take"
        " effect. Alerts are not recorded on this day, so none enters."
    ),
)
COUNTS: Final = Rule(
    slug="counts",
    title="Counts of the day",
    text=(
        "Planned: runs of the agenda. Started: runs whose method was let loose. Proven: started"
        " runs whose fault was seen to take effect. Lost, and noticed: started runs of which that"
        " is known to be so. Restored: started runs whose restoration was proven."
    ),
)
UNLINKED: Final = Rule(
    slug="found-not-injected",
    title="Found, not injected",
    text="Incidents of people that are linked to no run of the day.",
)

RULES: Final = (
    FAULT_START,
    FAULT_END,
    FAULT_LASTED,
    PROOF,
    STEADY_STATE_LOST,
    SHARE_WITHIN,
    FIRST_LOST,
    RESTORED_AT,
    LONGEST_OUT,
    BELONGS,
    NOTICED,
    TIME_TO,
    OUTCOME,
    EXPECTATION,
    WRITES,
    RESTORATION,
    COUNTS,
    UNLINKED,
)
"""All rules, in the order in which a report explains them."""

LIMITS: Final = (
    (
        "Durations of a Chaos Day are cut short: agents, timers and halts end faults. A thing that"
        " had not happened by then is given as a limit, not as a number."
    ),
    "There is no mean and no score: a day has too few runs for either to say something.",
    "Unknown is written as unknown. It never counts as zero.",
    "People appear by role and team. A name stands only beside its bearer's own words.",
    (
        "Instants carry the clock of the machine that recorded them; people's moments are as they"
        " gave them, and recalled ones are marked."
    ),
)
"""What to keep in mind when reading the numbers."""
