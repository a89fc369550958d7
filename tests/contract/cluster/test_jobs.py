"""Pods that are meant to end: jobs and cron jobs. The checks play the kubelet."""

from typing import Any

from tests.contract.cluster.asking import MERGE, STRATEGIC, Cluster, Kubectl, eventually

JOBS = "batch/v1/jobs"
CRON_JOBS = "batch/v1/cronjobs"


def a_job(name: str = "work", **spec: Any) -> dict[str, Any]:
    """A job whose pods nobody schedules."""
    return {"metadata": {"name": name}, "spec": {"template": a_template(), **spec}}


def a_template() -> dict[str, Any]:
    """A template of pods that no scheduler takes up."""
    container = {"name": "main", "image": "registry.practice/shop/catalog:1.4"}
    spec = {"restartPolicy": "Never", "schedulerName": "nobody", "containers": [container]}
    return {"spec": spec}


def a_cron_job(name: str = "tick", schedule: str = "0 0 1 1 *", **spec: Any) -> dict[str, Any]:
    """A cron job."""
    template = {"spec": {"template": a_template()}}
    return {
        "metadata": {"name": name},
        "spec": {"schedule": schedule, "jobTemplate": template, **spec},
    }


def pods(cluster: Cluster, name: str = "work", phase: str = "Pending") -> list[dict[str, Any]]:
    """The pods of a job that are in a phase and not being deleted."""
    path, selector = cluster.path("pods"), f"batch.kubernetes.io/job-name={name}"
    items = cluster.send("GET", path, labelSelector=selector).body["items"]
    return [
        item for item in items
        if item["status"]["phase"] == phase and "deletionTimestamp" not in item["metadata"]
    ]  # fmt: skip


def end(cluster: Cluster, phase: str, name: str = "work") -> None:
    """Let one pod of a job end."""
    pod = eventually(lambda: pods(cluster, name))[0]
    path = cluster.path("pods", pod["metadata"]["name"], "status")
    answer = cluster.send("PATCH", path, {"status": {"phase": phase}}, kind=STRATEGIC)
    assert answer.code == 200, answer.body


def job_with(cluster: Cluster, condition: str, name: str = "work") -> dict[str, Any]:
    """The job, once a condition of it is true."""

    def look() -> dict[str, Any] | None:
        job = cluster.get(JOBS, name)
        true = {
            entry["type"]
            for entry in job["status"].get("conditions", [])
            if entry["status"] == "True"
        }
        return job if condition in true else None

    return eventually(look)


def said(job: dict[str, Any], kind: str) -> tuple[str, str]:
    """The reason and the message of a condition."""
    entry = next(c for c in job["status"]["conditions"] if c["type"] == kind)
    return entry["reason"], entry["message"]


def refused(cluster: Cluster, resource: str, body: dict[str, Any]) -> str:
    """What is wrong with an object, which must be refused."""
    answer = cluster.send("POST", cluster.path(resource), body)
    assert answer.code == 422, answer.body
    return str(answer.body["message"])


def test_job_is_filled_in(cluster: Cluster) -> None:
    job = cluster.create(JOBS, a_job())

    spec, uid = job["spec"], job["metadata"]["uid"]
    assert (spec["parallelism"], spec["completions"], spec["backoffLimit"]) == (1, 1, 6)
    assert spec["completionMode"] == "NonIndexed"
    assert spec["suspend"] is False
    assert spec["podReplacementPolicy"] == "TerminatingOrFailed"
    assert spec["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    labels = spec["template"]["metadata"]["labels"]
    assert labels["batch.kubernetes.io/job-name"] == labels["job-name"] == "work"


def test_job_is_complete_when_enough_pods_succeeded(cluster: Cluster) -> None:
    cluster.create(JOBS, a_job(completions=2))
    end(cluster, "Succeeded")
    eventually(lambda: cluster.get(JOBS, "work")["status"].get("succeeded") == 1)
    end(cluster, "Succeeded")

    job = job_with(cluster, "Complete")

    assert job["status"]["succeeded"] == 2
    assert "completionTime" in job["status"]
    reached = ("CompletionsReached", "Reached expected number of succeeded pods")
    assert said(job, "Complete") == said(job, "SuccessCriteriaMet") == reached
    finalizers = [pod["metadata"].get("finalizers") for pod in pods(cluster, phase="Succeeded")]
    assert finalizers == [None, None]


def test_pods_of_a_job_are_tracked_until_they_are_counted(cluster: Cluster) -> None:
    cluster.create(JOBS, a_job())

    pod = eventually(lambda: pods(cluster))[0]

    assert pod["metadata"]["finalizers"] == ["batch.kubernetes.io/job-tracking"]
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "Job"


def test_job_runs_as_many_pods_at_a_time_as_it_may(cluster: Cluster) -> None:
    cluster.create(JOBS, a_job(completions=5, parallelism=2))

    eventually(lambda: len(pods(cluster)) == 2)
    end(cluster, "Succeeded")

    eventually(lambda: cluster.get(JOBS, "work")["status"].get("succeeded") == 1)
    assert eventually(lambda: len(pods(cluster)) == 2)


def test_job_fails_when_too_many_pods_failed(cluster: Cluster) -> None:
    cluster.create(JOBS, a_job(backoffLimit=0))
    end(cluster, "Failed")

    job = job_with(cluster, "Failed")

    assert job["status"]["failed"] == 1
    reason = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    assert said(job, "Failed") == said(job, "FailureTarget") == reason


def test_failed_pod_is_followed_by_another_after_a_pause(cluster: Cluster) -> None:
    cluster.create(JOBS, a_job())
    end(cluster, "Failed")

    status = eventually(lambda: cluster.get(JOBS, "work")["status"].get("failed") == 1)

    assert status
    assert pods(cluster) == []
    assert eventually(lambda: pods(cluster))


def test_job_fails_when_it_runs_too_long(cluster: Cluster) -> None:
    cluster.create(JOBS, a_job(activeDeadlineSeconds=1))

    job = job_with(cluster, "Failed")

    assert said(job, "Failed")[0] == "DeadlineExceeded"
    assert eventually(lambda: not pods(cluster))


def test_indexed_job_numbers_its_pods(cluster: Cluster) -> None:
    cluster.create(JOBS, a_job(completions=2, parallelism=2, completionMode="Indexed"))
    eventually(lambda: len(pods(cluster)) == 2)
    found = pods(cluster)
    index = "batch.kubernetes.io/job-completion-index"
    numbers = {pod["metadata"]["annotations"][index]: pod for pod in found}
    assert set(numbers) == {"0", "1"}
    pod = numbers["1"]
    assert pod["metadata"]["name"].startswith("work-1-")
    assert pod["metadata"]["labels"][index] == "1"
    assert pod["spec"]["hostname"] == "work-1"
    assert pod["spec"]["containers"][0]["env"][0]["name"] == "JOB_COMPLETION_INDEX"

    end(cluster, "Succeeded")
    end(cluster, "Succeeded")

    assert job_with(cluster, "Complete")["status"]["completedIndexes"] == "0,1"


def test_suspended_job_has_no_pods_and_runs_when_resumed(cluster: Cluster) -> None:
    cluster.create(JOBS, a_job(suspend=True))
    assert said(job_with(cluster, "Suspended"), "Suspended") == ("JobSuspended", "Job suspended")
    assert pods(cluster) == []
    path = cluster.path(JOBS, "work")

    cluster.send("PATCH", path, {"spec": {"suspend": False}}, kind=MERGE)
    eventually(lambda: len(pods(cluster)) == 1)
    cluster.send("PATCH", path, {"spec": {"suspend": True}}, kind=MERGE)

    job_with(cluster, "Suspended")
    assert eventually(lambda: not pods(cluster))


def test_deleted_job_takes_its_pods_along(cluster: Cluster) -> None:
    cluster.create(JOBS, a_job())
    eventually(lambda: pods(cluster))

    options = {"propagationPolicy": "Background"}
    cluster.send("DELETE", cluster.path(JOBS, "work"), options)

    assert eventually(lambda: not cluster.names("pods"))


def test_unfit_jobs_are_refused(cluster: Cluster) -> None:
    always = a_job()
    del always["spec"]["template"]["spec"]["restartPolicy"]
    assert (
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
        in refused(cluster, JOBS, always)
    )
    assert "spec.completions: Invalid value: -1" in refused(cluster, JOBS, a_job(completions=-1))
    assert "when completion mode is Indexed" in refused(
        cluster, JOBS, a_job(completionMode="Indexed", parallelism=1)
    )


def test_template_of_a_job_is_fixed(cluster: Cluster) -> None:
    cluster.create(JOBS, a_job())
    body = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 5}}}}

    answer = cluster.send("PATCH", cluster.path(JOBS, "work"), body, kind=MERGE)

    assert answer.code == 422
    assert "spec.template: Invalid value" in answer.body["message"]
    assert "field is immutable" in answer.body["message"]


def test_cron_job_is_filled_in(cluster: Cluster) -> None:
    spec = cluster.create(CRON_JOBS, a_cron_job())["spec"]

    assert spec["concurrencyPolicy"] == "Allow"
    assert spec["suspend"] is False
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (3, 1)


def test_unfit_cron_jobs_are_refused(cluster: Cluster) -> None:
    assert "expected exactly 5 fields, found 2: [* *]" in refused(
        cluster, CRON_JOBS, a_cron_job(schedule="* *")
    )
    assert "end of range (61) above maximum (59): 61" in refused(
        cluster, CRON_JOBS, a_cron_job(schedule="61 * * * *")
    )
    assert "unknown time zone Moon/Sea" in refused(
        cluster, CRON_JOBS, a_cron_job(timeZone="Moon/Sea")
    )
    assert "spec.concurrencyPolicy: Unsupported value" in refused(
        cluster, CRON_JOBS, a_cron_job(concurrencyPolicy="Maybe")
    )


def test_cron_job_starts_a_job_when_its_moment_has_come(cluster: Cluster) -> None:
    cluster.create(CRON_JOBS, a_cron_job(schedule="* * * * *"))

    # The next full minute may be that far away.
    (name,) = eventually(lambda: cluster.names(JOBS), patience=80.0)

    job = cluster.get(JOBS, name)
    at = job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    status = eventually(lambda: cluster.get(CRON_JOBS, "tick")["status"])
    assert at == status["lastScheduleTime"]
    assert at.endswith(":00Z")
    assert [entry["name"] for entry in status["active"]] == [name]
    assert job["metadata"]["ownerReferences"][0]["kind"] == "CronJob"
    end(cluster, "Succeeded", name)
    assert eventually(lambda: "lastSuccessfulTime" in cluster.get(CRON_JOBS, "tick")["status"])


def test_job_can_be_made_from_a_cron_job(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.create(CRON_JOBS, a_cron_job())

    kubectl("create", "job", "now", "--from=cronjob/tick")

    assert eventually(lambda: pods(cluster, "now"))
    assert "0 0 1 1 *" in kubectl("get", "cronjobs")
    assert "0/1" in kubectl("get", "jobs")
    assert "Parallelism" in kubectl("describe", "job", "now")
    assert "Concurrency Policy" in kubectl("describe", "cronjob", "tick")
