"""The tables of jobs and cron jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from orchestrator.practice.api.clock import instant
from orchestrator.practice.api.columns.ages import AGE, NAME, human, since
from orchestrator.practice.api.columns.workloads import CONTAINERS, IMAGES, SELECTOR, selector_text
from orchestrator.practice.api.kinds import Column

Object = dict[str, Any]


def _holds(job: Object, name: str) -> bool:
    return any(
        entry["type"] == name and entry["status"] == "True"
        for entry in job.get("status", {}).get("conditions", ())
    )


def _status(job: Object, _now: datetime) -> str:
    for name in ("Complete", "Failed"):
        if _holds(job, name):
            return name
    if "deletionTimestamp" in job["metadata"]:
        return "Terminating"
    for name in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if _holds(job, name):
            return name
    return "Running"


def _completions(job: Object, _now: datetime) -> str:
    spec, succeeded = job["spec"], job.get("status", {}).get("succeeded", 0)
    if "completions" in spec:
        return f"{succeeded}/{spec['completions']}"
    parallelism = spec.get("parallelism", 0)
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _duration(job: Object, now: datetime) -> str:
    status = job.get("status", {})
    if "startTime" not in status:
        return ""
    ended = instant(status["completionTime"]) if "completionTime" in status else now
    return human((ended - instant(status["startTime"])).total_seconds())


JOB_COLUMNS: Final = (
    NAME,
    Column("Status", _status),
    Column("Completions", _completions),
    Column("Duration", _duration),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
)


def _schedule(cron_job: Object, _now: datetime) -> str:
    return str(cron_job["spec"].get("schedule", ""))


def _zone(cron_job: Object, _now: datetime) -> str:
    return cron_job["spec"].get("timeZone") or "<none>"


def _suspend(cron_job: Object, _now: datetime) -> str:
    return str(bool(cron_job["spec"].get("suspend")))


def _active(cron_job: Object, _now: datetime) -> int:
    return len(cron_job.get("status", {}).get("active", ()))


def _last(cron_job: Object, now: datetime) -> str:
    last = cron_job.get("status", {}).get("lastScheduleTime")
    return since(last, now) if last else "<none>"


def _in_job(column: Column) -> Column:
    """The column of a job, for a cron job: of its job template."""

    def cell(cron_job: Object, now: datetime) -> Any:
        return column.cell(cron_job["spec"]["jobTemplate"], now)

    return Column(column.name, cell, priority=1)


def _job_selector(cron_job: Object, _now: datetime) -> str:
    return selector_text(cron_job["spec"]["jobTemplate"]["spec"].get("selector"))


CRON_JOB_COLUMNS: Final = (
    NAME,
    Column("Schedule", _schedule),
    Column("Timezone", _zone),
    Column("Suspend", _suspend, "boolean"),
    Column("Active", _active, "integer"),
    Column("Last Schedule", _last),
    AGE,
    _in_job(CONTAINERS),
    _in_job(IMAGES),
    Column("Selector", _job_selector, priority=1),
)
