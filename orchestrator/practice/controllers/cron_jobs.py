"""The cron job controller: a job at each moment of a schedule."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from orchestrator.practice.api.clock import instant, stamp
from orchestrator.practice.api.deleting import Deletion, delete
from orchestrator.practice.api.schedules import schedule_of
from orchestrator.practice.api.served.batch import CRON_JOB, JOB
from orchestrator.practice.api.statuses import ApiError
from orchestrator.practice.api.store import Change, Store
from orchestrator.practice.api.writing import create, set_status
from orchestrator.practice.controllers.conditions import is_true
from orchestrator.practice.controllers.jobs import is_finished
from orchestrator.practice.controllers.loops import ControlLoop, Key, own_key
from orchestrator.practice.controllers.owners import controller_of, reference_to
from orchestrator.practice.controllers.recording import Recorder
from orchestrator.practice.controllers.replica_sets import fresh

Object = dict[str, Any]
NAME: Final = "cronjob-controller"
SCHEDULED: Final = "batch.kubernetes.io/cronjob-scheduled-timestamp"
MOST_MISSED: Final = 100


class CronJobs:
    """Looks after all cron jobs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._events = Recorder(store, NAME)

    def loop(self) -> ControlLoop:
        """The loop that does it."""
        watches = {CRON_JOB: own_key, JOB: self._cron_job_of}
        return ControlLoop(self._store, NAME, watches, self.reconcile)

    def _cron_job_of(self, change: Change) -> Iterable[Key]:
        owner = controller_of(change.stored.object)
        if owner is not None and owner["kind"] == CRON_JOB.name:
            yield change.stored.object["metadata"]["namespace"], owner["name"]

    def reconcile(self, key: Key) -> timedelta | None:
        """Start the job that is due, forget old ones, and wait for the next moment."""
        cron_job = self._store.get(CRON_JOB, *key)
        if cron_job is None or "deletionTimestamp" in cron_job["metadata"]:
            return None
        cron_job = self._followed(cron_job)
        self._forget(cron_job)
        if cron_job["spec"].get("suspend"):
            return None
        due = self._due(cron_job)
        if due is not None:
            self._start(cron_job, due)
        return self._until_next(cron_job)

    def _jobs(self, cron_job: Object) -> list[Object]:
        found = [
            self._store.get(JOB, reference.namespace, reference.name)
            for reference in self._store.owned_by(cron_job["metadata"]["uid"])
            if reference.resource == JOB.storage
        ]
        return [job for job in found if job is not None]

    def _followed(self, cron_job: Object) -> Object:
        """The cron job with its status brought up to what its jobs have done."""
        status = dict(cron_job.get("status", {}))
        jobs = {job["metadata"]["uid"]: job for job in self._jobs(cron_job)}
        active = []
        for reference in status.get("active", ()):
            job = jobs.get(reference["uid"])
            if job is None:
                text = f"Active job went missing: {reference['name']}"
                self._events.note(cron_job, "MissingJob", text)
            elif is_finished(job):
                self._note_finished(cron_job, job, status)
            else:
                active.append(reference)
        status.pop("active", None)
        if active:
            status["active"] = active
        if status == cron_job.get("status"):
            return cron_job
        return set_status(self._store, CRON_JOB, cron_job, status)

    def _note_finished(self, cron_job: Object, job: Object, status: Object) -> None:
        word = "Complete" if is_true(job, "Complete") else "Failed"
        text = f"Saw completed job: {job['metadata']['name']}, condition: {word}"
        self._events.note(cron_job, "SawCompletedJob", text)
        ended = job.get("status", {}).get("completionTime")
        if word == "Complete" and ended and ended > status.get("lastSuccessfulTime", ""):
            status["lastSuccessfulTime"] = ended

    def _forget(self, cron_job: Object) -> None:
        """Delete the oldest ended jobs beyond those to keep."""
        for word, key in (
            ("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit"),
        ):  # fmt: skip
            ended = [job for job in self._jobs(cron_job) if is_true(job, word)]
            ended.sort(key=lambda job: str(job["metadata"]["creationTimestamp"]))
            for job in ended[: max(0, len(ended) - cron_job["spec"][key])]:
                self._delete(cron_job, job)

    def _delete(self, cron_job: Object, job: Object) -> None:
        delete(self._store, JOB, job, Deletion(propagation="Background"))
        text = f"Deleted job {job['metadata']['name']}"
        self._events.note(cron_job, "SuccessfulDelete", text)

    def _due(self, cron_job: Object) -> datetime | None:
        """The latest moment that has come since a job was started last."""
        spec, now = cron_job["spec"], self._store.now()
        since = self._since(cron_job)
        patience = spec.get("startingDeadlineSeconds")
        if patience is not None:
            since = max(since, now - timedelta(seconds=patience))
        due: datetime | None = None
        for _ in range(MOST_MISSED):
            following = _after(spec, due or since)
            if following is None or following > now:
                return due
            due = following
        text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds"
        self._events.note(cron_job, "TooManyMissedTimes", text, warning=True)
        return due

    def _since(self, cron_job: Object) -> datetime:
        last = cron_job.get("status", {}).get("lastScheduleTime")
        return instant(last or cron_job["metadata"]["creationTimestamp"])

    def _until_next(self, cron_job: Object) -> timedelta | None:
        now = self._store.now()
        following = _after(cron_job["spec"], now)
        return following - now if following else None

    def _start(self, cron_job: Object, due: datetime) -> None:
        status = cron_job.get("status", {})
        active = list(status.get("active", ()))
        if active and cron_job["spec"]["concurrencyPolicy"] == "Forbid":
            text = (
                "Not starting job because prior execution is running and concurrency policy is "
                "Forbid"
            )
            self._events.note(cron_job, "JobAlreadyActive", text)
            return
        if active and cron_job["spec"]["concurrencyPolicy"] == "Replace":
            for reference in active:
                job = self._store.get(JOB, reference["namespace"], reference["name"])
                if job is not None:
                    self._delete(cron_job, job)
            active = []
        job = self._made(cron_job, due)
        if job is None:
            return
        status = {**status, "active": [*active, _reference(job)], "lastScheduleTime": stamp(due)}
        set_status(self._store, CRON_JOB, cron_job, status)

    def _made(self, cron_job: Object, due: datetime) -> Object | None:
        namespace = cron_job["metadata"]["namespace"]
        wanted = _job_for(cron_job, due)
        known = self._store.get(JOB, namespace, wanted["metadata"]["name"])
        if known is not None:
            return known
        try:
            job = create(self._store, JOB, wanted, namespace=namespace)
        except ApiError as refusal:
            text = f"Error creating job: {refusal}"
            self._events.note(cron_job, "FailedCreate", text, warning=True)
            return None
        text = f"Created job {job['metadata']['name']}"
        self._events.note(cron_job, "SuccessfulCreate", text)
        return job


def _after(spec: Object, moment: datetime) -> datetime | None:
    """The first moment of the schedule after one; without a zone it is read as UTC."""
    zone = ZoneInfo(spec["timeZone"]) if spec.get("timeZone") else UTC
    following = schedule_of(spec["schedule"]).after(moment.astimezone(zone))
    return following.astimezone(UTC) if following else None


def _job_for(cron_job: Object, due: datetime) -> Object:
    template = cron_job["spec"]["jobTemplate"]
    wanted = template.get("metadata", {})
    name = f"{cron_job['metadata']['name']}-{int(due.timestamp()) // 60}"
    metadata = {
        "name": name,
        "annotations": {**wanted.get("annotations", {}), SCHEDULED: stamp(due)},
        "ownerReferences": [reference_to(cron_job)],
    }
    if wanted.get("labels"):
        metadata["labels"] = dict(wanted["labels"])
    return {"metadata": metadata, "spec": fresh(template["spec"])}


def _reference(job: Object) -> Object:
    metadata = job["metadata"]
    return {
        "kind": JOB.name, "namespace": metadata["namespace"], "name": metadata["name"],
        "uid": metadata["uid"], "apiVersion": JOB.api_version,
        "resourceVersion": metadata["resourceVersion"],
    }  # fmt: skip
