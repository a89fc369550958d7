"""Defaults of jobs and cron jobs.

Pod templates are filled in by `defaults.pods`.
"""

from __future__ import annotations

from typing import Any, Final

from orchestrator.practice.api.defaults.pods import default_template

Object = dict[str, Any]
CONTROLLER_UID: Final = "batch.kubernetes.io/controller-uid"
JOB_NAME: Final = "batch.kubernetes.io/job-name"


def default_job(job: Object) -> None:
    """Fill in a job; unless it chooses its pods itself, they carry its uid."""
    spec = job.setdefault("spec", {})
    _default_counts(spec)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("manualSelector", False)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    replacement = "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed"
    spec.setdefault("podReplacementPolicy", replacement)
    default_template(spec.setdefault("template", {}))
    if not spec["manualSelector"] and "selector" not in spec:
        _select_by_uid(job)
    job.setdefault("status", {})


def _default_counts(spec: Object) -> None:
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)


def _select_by_uid(job: Object) -> None:
    metadata, template = job["metadata"], job["spec"]["template"]
    uid, name = metadata["uid"], metadata.get("name", "")
    labels = {CONTROLLER_UID: uid, JOB_NAME: name, "controller-uid": uid, "job-name": name}
    if not metadata.get("labels"):
        metadata["labels"] = {**template["metadata"].get("labels", {}), **labels}
    template["metadata"]["labels"] = {**template["metadata"].get("labels", {}), **labels}
    job["spec"]["selector"] = {"matchLabels": {CONTROLLER_UID: uid}}


def default_cron_job(cron_job: Object) -> None:
    """Fill in a cron job; the jobs that it makes are filled in when they are made."""
    spec = cron_job.setdefault("spec", {})
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    template = spec.setdefault("jobTemplate", {})
    template.setdefault("metadata", {})
    default_template(template.setdefault("spec", {}).setdefault("template", {}))
    cron_job.setdefault("status", {})
