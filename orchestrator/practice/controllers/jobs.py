"""The job controller: pods until enough of them have succeeded, or too many have failed.

Failed pods are followed by others after a pause that doubles. Pod failure policies, success
policies and limits per index are stored and not acted upon.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from orchestrator.practice.api.clock import instant, stamp
from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.selectors import of_object
from orchestrator.practice.api.served.batch import JOB
from orchestrator.practice.api.served.core import POD
from orchestrator.practice.api.statuses import ApiError
from orchestrator.practice.api.store import Change, Store
from orchestrator.practice.api.writing import create, set_status, update
from orchestrator.practice.controllers.conditions import condition, is_true
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key
from orchestrator.practice.controllers.owners import claim, controller_of
from orchestrator.practice.controllers.pods import is_active, is_ready
from orchestrator.practice.controllers.recording import Recorder
from orchestrator.practice.controllers.templates import pod_of

Object = dict[str, Any]
NAME: Final = "job-controller"
TRACKING: Final = "batch.kubernetes.io/job-tracking"
INDEX: Final = "batch.kubernetes.io/job-completion-index"
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=10)
BURST: Final = 500
_REACHED: Final = ("Complete", "CompletionsReached", "Reached expected number of succeeded pods")
_TOO_OFTEN: Final = (
    "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit",
)  # fmt: skip
_TOO_LONG: Final = (
    "Failed", "DeadlineExceeded", "Job was active longer than specified deadline",
)  # fmt: skip
_FIRST: Final = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}
Verdict = tuple[str, str, str]
"""How a job ends: the type of its condition, the reason and the message."""


@dataclass(slots=True)
class Tally:
    """A job with its pods, and what has become of them so far."""

    job: Object
    active: list[Object]
    terminating: int
    succeeded: int
    failed: int
    indexes: set[int] = field(default_factory=set)

    @property
    def spec(self) -> Object:
        """What the job asks for."""
        spec: Object = self.job["spec"]
        return spec

    @property
    def is_indexed(self) -> bool:
        """Whether each completion has a number of its own."""
        return bool(self.spec["completionMode"] == "Indexed")

    @property
    def done(self) -> int:
        """How many completions there are."""
        return len(self.indexes) if self.is_indexed else self.succeeded

    @property
    def is_complete(self) -> bool:
        """Whether enough pods have succeeded; without a number, one and nobody still at work."""
        if "completions" in self.spec:
            return self.done >= int(self.spec["completions"])
        return self.succeeded > 0 and not self.active

    @property
    def missing(self) -> int:
        """How many more pods there should be now; less than none when there are too many."""
        wanted = int(self.spec["parallelism"])
        if "completions" in self.spec:
            wanted = min(wanted, int(self.spec["completions"]) - self.done)
        elif self.succeeded:
            return min(0, wanted - len(self.active))
        return wanted - len(self.active)


class Jobs:
    """Looks after all jobs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, NAME)

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {JOB: own_key, POD: self._job_of}
        return ControlLoop(self._store, NAME, watches, self.reconcile)

    def _job_of(self, change: Change) -> Iterable[Key]:
        owner = controller_of(change.stored.object)
        if owner is not None and owner["kind"] == JOB.name:
            yield change.stored.object["metadata"]["namespace"], owner["name"]

    def reconcile(self, key: Key) -> timedelta | None:
        """Count what has ended, make or delete pods, and say how things are."""
        job = self._store.get(JOB, *key)
        if job is None:
            self._let_go(key)
            return None
        if "deletionTimestamp" in job["metadata"] or is_finished(job):
            self._release_all(job)
            return None
        job = self._started(job)
        tally = self._tally(job)
        verdict = self._verdict(tally)
        if verdict is not None:
            self._finish(tally, *verdict)
            return None
        wait = self._manage(tally)
        self._report(self._tally(tally.job))
        return wait

    def _started(self, job: Object) -> Object:
        """The job with a moment from which it runs, and a condition while it is suspended."""
        status, suspended = dict(job.get("status", {})), bool(job["spec"].get("suspend"))
        now, held = self._store.now(), is_true(job, "Suspended")
        if suspended and not held:
            status.pop("startTime", None)
            self._events.note(job, "Suspended", "Job suspended")
            status["conditions"] = _with(
                status, now, "Suspended", "JobSuspended", "Job suspended", word="True"
            )
        elif not suspended and "startTime" not in status:
            status["startTime"] = stamp(now)
            if condition(status, "Suspended") is not None:
                self._events.note(job, "Resumed", "Job resumed")
                status["conditions"] = _with(
                    status, now, "Suspended", "JobResumed", "Job resumed", word="False"
                )
        if status == job.get("status"):
            return job
        return set_status(self._store, JOB, job, status)

    def _tally(self, job: Object) -> Tally:
        """Count the job's pods; those that ended are counted once, and then let go."""
        pods = claim(self._store, job, POD, of_object(job["spec"]["selector"]))
        status = job.get("status", {})
        tally = Tally(
            job, [pod for pod in pods if is_active(pod)], 0, status.get("succeeded", 0),
            status.get("failed", 0), _parsed(status.get("completedIndexes", "")),
        )  # fmt: skip
        for pod in pods:
            if is_active(pod):
                continue
            phase = pod.get("status", {}).get("phase")
            if TRACKING in pod["metadata"].get("finalizers", ()):
                self._count(tally, pod, succeeded=phase == "Succeeded")
            if phase not in {"Succeeded", "Failed"} and self._store.get(POD, *_key(pod)):
                tally.terminating += 1
        return tally

    def _count(self, tally: Tally, pod: Object, *, succeeded: bool) -> None:
        if not succeeded:
            tally.failed += 1
        elif not tally.is_indexed:
            tally.succeeded += 1
        elif _index_of(pod) is not None:
            tally.indexes.add(_index_of(pod) or 0)
            tally.succeeded = len(tally.indexes)
        status = {**tally.job.get("status", {}), **_counts(tally)}
        tally.job = set_status(self._store, JOB, tally.job, status)
        self._release(pod)

    def _release(self, pod: Object) -> None:
        present = self._store.get(POD, *_key(pod))
        if present is None or TRACKING not in present["metadata"].get("finalizers", ()):
            return
        left = [name for name in present["metadata"]["finalizers"] if name != TRACKING]
        metadata = {**present["metadata"], "finalizers": left}
        update(self._store, POD, present, {**present, "metadata": metadata})

    def _release_all(self, job: Object) -> None:
        for pod in claim(self._store, job, POD, of_object(job["spec"]["selector"])):
            self._release(pod)

    def _let_go(self, key: Key) -> None:
        """Release the pods of a job that is gone, which wait for nobody else."""
        for pod in list(self._store.objects(POD, key[0])):
            owner = controller_of(pod)
            if owner is not None and (owner["kind"], owner["name"]) == (JOB.name, key[1]):
                self._release(pod)

    def _verdict(self, tally: Tally) -> Verdict | None:
        """How the job ends, or none while it goes on; once said it stays."""
        for kind, first in _FIRST.items():
            said = condition(tally.job.get("status", {}), first)
            if said is not None:
                return kind, said["reason"], said["message"]
        if tally.failed + _restarts(tally) > tally.spec["backoffLimit"]:
            return _TOO_OFTEN
        left = self._time_left(tally.job)
        if left is not None and left <= timedelta():
            return _TOO_LONG
        return _REACHED if tally.is_complete else None

    def _time_left(self, job: Object) -> timedelta | None:
        limit, since = job["spec"].get("activeDeadlineSeconds"), job["status"].get("startTime")
        if limit is None or since is None or job["spec"].get("suspend"):
            return None
        return instant(since) + timedelta(seconds=limit) - self._store.now()

    def _finish(self, tally: Tally, kind: str, reason: str, text: str) -> None:
        """Delete what still runs; when all of it is gone, say how the job ended."""
        for pod in tally.active:
            self._end(tally, pod)
        tally = self._tally(tally.job)
        status, now = dict(tally.job.get("status", {})), self._store.now()
        if condition(status, _FIRST[kind]) is None:
            status["conditions"] = _with(status, now, _FIRST[kind], reason, text)
        status |= _counts(tally) | {"terminating": tally.terminating, "ready": 0}
        status.pop("active", None)
        if not tally.terminating:
            status["conditions"] = _with(status, now, kind, reason, text)
            if kind == "Complete":
                status["completionTime"] = stamp(now)
            self._note_end(tally.job, kind, reason, text)
        if status != tally.job.get("status"):
            set_status(self._store, JOB, tally.job, status)

    def _note_end(self, job: Object, kind: str, reason: str, text: str) -> None:
        if kind == "Complete":
            self._events.note(job, "Completed", "Job completed")
        else:
            self._events.note(job, reason, text, warning=True)

    def _manage(self, tally: Tally) -> timedelta | None:
        left = self._time_left(tally.job)
        if tally.spec.get("suspend"):
            for pod in tally.active:
                self._end(tally, pod, uncounted=True)
            return left
        missing = tally.missing
        if missing < 0:
            for pod in sorted(tally.active, key=is_ready)[:-missing]:
                self._end(tally, pod, uncounted=True)
        elif missing:
            pause = self._pause(tally)
            if pause > timedelta():
                return min(pause, left) if left is not None else pause
            for number in range(min(missing, BURST)):
                self._make(tally, number)
        return left

    def _pause(self, tally: Tally) -> timedelta:
        """How long to wait after failures before the next pod."""
        ended = [_ended_at(pod) for pod in self._failed_pods(tally)]
        if not ended:
            return timedelta()
        pause = min(FIRST_PAUSE * (1 << min(len(ended) - 1, 10)), LONGEST_PAUSE)
        return max(ended) + pause - self._store.now()

    def _failed_pods(self, tally: Tally) -> list[Object]:
        """The pods that failed since one succeeded last."""
        pods = claim(self._store, tally.job, POD, of_object(tally.spec["selector"]))
        ended = sorted((pod for pod in pods if not is_active(pod)), key=_ended_at)
        failed: list[Object] = []
        for pod in ended:
            phase = pod.get("status", {}).get("phase")
            if phase == "Succeeded":
                failed = []
            elif phase == "Failed":
                failed.append(pod)
        return failed

    def _make(self, tally: Tally, number: int) -> None:
        job = tally.job
        pod = pod_of(job, job["spec"]["template"])
        pod["metadata"]["finalizers"] = [TRACKING]
        if tally.is_indexed:
            _number(pod, job, _free_indexes(tally)[number])
        try:
            made = create(self._store, POD, pod, namespace=job["metadata"]["namespace"])
        except ApiError as refusal:
            text = f"Error creating: {refusal}"
            self._events.note(job, "FailedCreate", text, warning=True)
            raise
        self._events.note(job, "SuccessfulCreate", f"Created pod: {made['metadata']['name']}")

    def _end(self, tally: Tally, pod: Object, *, uncounted: bool = False) -> None:
        """Delete a pod; one that the job no longer wants does not count as failed."""
        if uncounted:
            self._release(pod)
        present = self._store.get(POD, *_key(pod))
        if present is not None:
            delete(self._store, POD, present, Deletion())
        text = f"Deleted pod: {pod['metadata']['name']}"
        self._events.note(tally.job, "SuccessfulDelete", text)

    def _report(self, tally: Tally) -> None:
        status = dict(tally.job.get("status", {}))
        status |= _counts(tally)
        status |= {
            "terminating": tally.terminating,
            "ready": sum(1 for pod in tally.active if is_ready(pod)),
        }
        status.pop("active", None)
        if tally.active:
            status["active"] = len(tally.active)
        if status != tally.job.get("status"):
            set_status(self._store, JOB, tally.job, status)


def is_finished(job: Object) -> bool:
    """Whether a job has ended, one way or the other."""
    return is_true(job, "Complete") or is_true(job, "Failed")


def _key(obj: Object) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _counts(tally: Tally) -> Object:
    counts: Object = {"uncountedTerminatedPods": {}}
    if tally.succeeded:
        counts["succeeded"] = tally.succeeded
    if tally.failed:
        counts["failed"] = tally.failed
    if tally.is_indexed and tally.indexes:
        counts["completedIndexes"] = _listed(tally.indexes)
    return counts


def _restarts(tally: Tally) -> int:
    """How often containers were started again, where the pod does that itself."""
    if tally.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return 0
    return sum(
        entry.get("restartCount", 0)
        for pod in tally.active
        for entry in pod.get("status", {}).get("containerStatuses", ())
    )


def _with(
    status: Object, now: datetime, name: str, reason: str, text: str, *, word: str = "True"
) -> list[Object]:
    entry = {
        "type": name, "status": word, "reason": reason, "message": text,
        "lastProbeTime": stamp(now), "lastTransitionTime": stamp(now),
    }  # fmt: skip
    return [*(item for item in status.get("conditions", ()) if item["type"] != name), entry]


def _ended_at(pod: Object) -> datetime:
    moments = [
        entry["state"]["terminated"]["finishedAt"]
        for entry in pod.get("status", {}).get("containerStatuses", ())
        if entry.get("state", {}).get("terminated", {}).get("finishedAt")
    ]
    return instant(max(moments, default=pod["metadata"]["creationTimestamp"]))


def _index_of(pod: Object) -> int | None:
    text = pod["metadata"].get("annotations", {}).get(INDEX, "")
    return int(text) if text.isdigit() else None


def _free_indexes(tally: Tally) -> list[int]:
    taken = {_index_of(pod) for pod in tally.active} | tally.indexes
    return [number for number in range(tally.spec["completions"]) if number not in taken]


def _number(pod: Object, job: Object, index: int) -> None:
    """Give a pod the number of the completion that it works on."""
    metadata, name = pod["metadata"], f"{job['metadata']['name']}-{index}"
    metadata["generateName"] = f"{name}-"
    metadata["labels"][INDEX] = str(index)
    metadata["annotations"] = {**metadata.get("annotations", {}), INDEX: str(index)}
    pod["spec"]["hostname"] = name
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    for container in pod["spec"]["containers"]:
        variable = {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}
        container["env"] = [*container.get("env", ()), variable]


def _listed(indexes: set[int]) -> str:
    """Numbers in Kubernetes' short form, such as `0-2,5`."""
    runs: list[list[int]] = []
    for number in sorted(indexes):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(
        f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs
    )


def _parsed(text: str) -> set[int]:
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
