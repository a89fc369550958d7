"""The kinds of the group batch."""

from __future__ import annotations

from typing import Final

from orchestrator.practice.api.columns.batch import CRON_JOB_COLUMNS, JOB_COLUMNS
from orchestrator.practice.api.defaults.batch import default_cron_job, default_job
from orchestrator.practice.api.kinds import Kind
from orchestrator.practice.api.selectors import field
from orchestrator.practice.api.validation.batch import cron_job_causes, job_causes

JOB: Final = Kind(
    name="Job", plural="jobs", group="batch", schema="batch.v1.Job", categories=("all",),
    columns=JOB_COLUMNS, default=default_job, validate=job_causes,
    fields={"status.successful": field("status.succeeded")},
)  # fmt: skip
CRON_JOB: Final = Kind(
    name="CronJob", plural="cronjobs", group="batch", schema="batch.v1.CronJob",
    short_names=("cj",), categories=("all",), columns=CRON_JOB_COLUMNS, default=default_cron_job,
    validate=cron_job_causes,
)  # fmt: skip
