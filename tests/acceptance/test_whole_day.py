"""A day from a plan file, conducted from one terminal."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.stage import Stage, until


def plan_of(stage: Stage) -> str:
    now = datetime.now(UTC)  # noqa: TID251 - the window of a plan is in real time
    opens, closes = now - timedelta(minutes=1), now + timedelta(minutes=10)
    return json.dumps(
        {
            "version": 1,
            "day": {"name": "A short day"},
            "environment": "test",
            "window": {
                "zone": "UTC",
                "opens": f"{opens:%Y-%m-%dT%H:%M}",
                "closes": f"{closes:%Y-%m-%dT%H:%M}",
            },
            "people": [{"name": "Fay", "role": "facilitator", "team": "platform"}],
            "services": [{"name": "catalog", "team": "catalog", "namespace": "shop"}],
            "blast_radius": {
                "namespaces": ["shop"],
                "kinds": ["pods", "deployments", "services"],
                "most_objects": 4,
                "most_share": "100%",
                "longest": "60s",
            },
            "agenda": [
                {
                    "box": "selector",
                    "experiment": "selector-broken",
                    "at": "+1s",
                    "lasts": "15s",
                    "service": "catalog",
                    "configuration": {
                        "hold": 2,
                        "front_door": stage.cluster["front_door_url"],
                    },
                },
                {
                    "box": "own-file",
                    "experiment": "experiment.yaml",
                    "at": "+17s",
                    "lasts": "20s",
                    "service": "catalog",
                },
            ],
        }
    )


def test_day_runs_its_agenda_and_writes_its_debrief(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    experiment = stage.write_experiment()
    experiment.write_text(experiment.read_text().replace("after: 60", "after: 1"))
    (stage.folder / "day.json").write_text(plan_of(stage))

    called = stage.call(
        "conduct", str(stage.folder / "day.json"), "--output", str(stage.folder), "--json"
    )

    assert called.returncode == 10, called.stderr
    told = json.loads(called.stdout)
    assert [run["finding"] for run in told["runs"]] == ["deviated", "held"]
    page = (stage.folder / "debrief.html").read_text()
    assert "A short day" in page
    assert "Undetected" in page
    assert (stage.folder / "debrief.md").stat().st_size > 1000
    assert stage.injections == 1


@pytest.mark.slow
def test_day_that_the_service_conducts_is_followed_and_debriefed(sqlite_stage: Stage) -> None:
    stage = sqlite_stage
    experiment = stage.write_experiment()
    experiment.write_text(experiment.read_text().replace("after: 60", "after: 1"))
    (stage.folder / "day.json").write_text(plan_of(stage))
    token = stage.folder / "token"
    stage.start("serve", "--port", "0", "--token-file", str(token))
    url = until(stage.service_url)

    called = stage.call(
        "conduct", str(stage.folder / "day.json"), "--by-service", "--output", str(stage.folder),
        CHAOSDAY_URL=url, CHAOSDAY_TOKEN=token.read_text().strip(),
    )  # fmt: skip

    assert called.returncode == 10, called.stderr
    assert "injecting" in called.stderr
    assert "deviated" in called.stdout
    assert "A short day" in (stage.folder / "debrief.html").read_text()
