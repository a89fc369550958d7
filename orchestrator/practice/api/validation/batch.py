"""The rules of jobs and cron jobs."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.practice.api.schedules import BadSchedule, schedule_of
from orchestrator.practice.api.statuses import Cause
from orchestrator.practice.api.validation.names import label_causes
from orchestrator.practice.api.validation.pods import pod_spec_causes
from orchestrator.practice.api.validation.workloads import count_causes

Object = dict[str, Any]
_COUNTS: Final = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
    "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
_FIXED: Final = ("selector", "template", "completionMode", "podFailurePolicy", "successPolicy")
_MODES: Final = ("NonIndexed", "Indexed")
_POLICIES: Final = {"Allow", "Forbid", "Replace"}
_LONGEST_NAME: Final = 52


def job_causes(job: Object, old: Object | None) -> list[Cause]:
    """What is wrong with a job."""
    spec = job["spec"]
    causes = job_spec_causes(spec, "spec")
    if "selector" not in spec:
        causes.append(Cause.required("spec.selector"))
    if old is None:
        return causes
    suspended = old["spec"].get("suspend") and "startTime" not in old.get("status", {})
    fixed = [key for key in _FIXED if not (suspended and key == "template")]
    if spec["completionMode"] == "NonIndexed":
        fixed.insert(0, "completions")
    return causes + [
        Cause.invalid(f"spec.{key}", spec.get(key), "field is immutable")
        for key in fixed
        if spec.get(key) != old["spec"].get(key)
    ]


def job_spec_causes(spec: Object, field: str) -> list[Cause]:
    """What is wrong with the spec of a job, or of those that a cron job makes."""
    causes: list[Cause] = []
    for key in _COUNTS:
        causes += count_causes(spec.get(key, 0), f"{field}.{key}")
    mode = spec.get("completionMode", "NonIndexed")
    if mode not in _MODES:
        causes.append(Cause.unsupported(f"{field}.completionMode", mode, _MODES))
    if mode == "Indexed" and "completions" not in spec:
        text = "when completion mode is Indexed"
        causes.append(Cause.required(f"{field}.completions", text))
    for key in ("backoffLimitPerIndex", "maxFailedIndexes"):
        if mode == "NonIndexed" and key in spec:
            text = "requires indexed completion mode"
            causes.append(Cause.invalid(f"{field}.{key}", spec[key], text))
    return causes + _template_causes(spec["template"], f"{field}.template")


def _template_causes(template: Object, field: str) -> list[Cause]:
    labels = template.get("metadata", {}).get("labels", {})
    causes = label_causes(labels, f"{field}.labels")
    causes += pod_spec_causes(template["spec"], f"{field}.spec")
    if template["spec"].get("restartPolicy") == "Always":
        text = 'valid values: "OnFailure", "Never"'
        causes.append(Cause.required(f"{field}.spec.restartPolicy", text))
    return causes


def cron_job_causes(cron_job: Object, _old: Object | None) -> list[Cause]:
    """What is wrong with a cron job."""
    spec = cron_job["spec"]
    causes = _name_causes(cron_job) + _schedule_causes(spec)
    if spec["concurrencyPolicy"] not in _POLICIES:
        found = spec["concurrencyPolicy"]
        causes.append(Cause.unsupported("spec.concurrencyPolicy", found, _POLICIES))
    for key in (
        "startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit",
    ):  # fmt: skip
        causes += count_causes(spec.get(key, 0), f"spec.{key}")
    return causes + job_spec_causes(spec["jobTemplate"]["spec"], "spec.jobTemplate.spec")


def _name_causes(cron_job: Object) -> list[Cause]:
    name = cron_job["metadata"].get("name", "")
    if len(name) <= _LONGEST_NAME:
        return []
    text = f"must be no more than {_LONGEST_NAME} characters"
    return [Cause.invalid("metadata.name", name, text)]


def _schedule_causes(spec: Object) -> list[Cause]:
    schedule, zone = spec.get("schedule", ""), spec.get("timeZone")
    if not schedule:
        return [Cause.required("spec.schedule")]
    causes: list[Cause] = []
    if "TZ" in schedule:
        text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        causes.append(Cause.invalid("spec.schedule", schedule, text))
    else:
        try:
            schedule_of(schedule)
        except BadSchedule as error:
            causes.append(Cause.invalid("spec.schedule", schedule, str(error)))
    if zone is not None and not _is_zone(zone):
        causes.append(Cause.invalid("spec.timeZone", zone, f"unknown time zone {zone}"))
    return causes


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
