"""The observer's process samples the steady state, whatever a probe does."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest

from tests.integration.chaostoolkit.activities import SECRET
from tests.integration.chaostoolkit.running import (
    PATIENCE,
    experiment,
    hypothesis,
    probe,
    running,
)
from tests.integration.chaostoolkit.test_playing import assert_silent


class Door(BaseHTTPRequestHandler):
    """Answers 200, 503 at /gone, and never at /hang."""

    over: ClassVar[threading.Event]

    def do_GET(self) -> None:
        if self.path == "/hang":
            self.over.wait(30)
            return
        self.send_response(503 if self.path == "/gone" else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def door() -> Iterator[str]:
    """The address of a small server on loopback."""
    Door.over = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        Door.over.set()
        server.shutdown()
        thread.join(10)


def asking(url: str, **options: Any) -> dict[str, Any]:
    provider = {"type": "http", "url": url, **options}
    return {"type": "probe", "name": url, "tolerance": 200, "provider": provider}


def observed(*probes: dict[str, Any], **parts: Any) -> dict[str, Any]:
    return experiment(**{"steady-state-hypothesis": hypothesis(*probes)}, **parts)


async def test_every_probe_is_sampled_again_and_again(tmp_path: Path, door: str) -> None:
    number = tmp_path / "number"
    number.write_text("7")
    document = observed(
        asking(door),
        asking(f"{door}/gone"),
        probe("small", "number_in", {"type": "range", "range": [0, 9]}, path=str(number)),
    )

    async with running(tmp_path, "observe", document) as observer:
        await observer.begin()
        await observer.event("sample", count=9)

    first = observer.all("sample")[:3]
    assert [(line["within"], line["value"]) for line in first] == [
        (True, "status 200"),
        (False, "status 503"),
        (True, "7.0"),
    ]
    assert [line["probe"] for line in observer.all("sample")[3:6]] == [
        line["probe"] for line in first
    ]
    assert all(line["took"] >= 0 and not line["problem"] for line in first)


async def test_a_measurement_that_is_asked_for_waits_for_no_pause(
    tmp_path: Path, door: str
) -> None:
    async with running(tmp_path, "observe", observed(asking(door)), interval=3600) as observer:
        await observer.begin()
        await observer.event("sample")
        for count in (2, 3):
            await observer.say(do="look")
            await observer.event("sample", count=count)


async def test_what_is_imported_is_imported_before_the_work_begins(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for name in ("asked", "measured"):
        source = f"with open('pipe', 'w') as told:\n    told.write('{name}\\n')\n"
        (tmp_path / f"{name}.py").write_text(source)
    document = observed(
        {"type": "probe", "name": "a", "tolerance": 1, "provider": {"module": "not_there"}},
        {"type": "probe", "name": "b", "tolerance": 1, "provider": {"module": "measured"}},
        configuration={"now": {"type": "probe", "name": "c", "provider": {"module": "asked"}}},
    )

    async with running(tmp_path, "observe", document):
        with anyio.fail_after(PATIENCE):
            told = await anyio.to_thread.run_sync(two_lines_of, pipe, abandon_on_cancel=True)

    assert told == {"asked\n", "measured\n"}


def two_lines_of(pipe: Path) -> set[str]:
    # Open for both, or it would seem to end between its two writers.
    with os.fdopen(os.open(pipe, os.O_RDWR), "r") as lines:
        return {lines.readline() for _ in range(2)}


async def test_a_sample_follows_what_is_there(tmp_path: Path) -> None:
    number = tmp_path / "number"
    number.write_text("7")
    small = probe("small", "number_in", {"type": "range", "range": [0, 9]}, path=str(number))

    async with running(tmp_path, "observe", observed(small)) as observer:
        await observer.begin()
        await observer.event("sample")
        await anyio.Path(number).write_text("70")
        await observer.until(lambda: observer.all("sample")[-1]["within"] is False)
        await anyio.Path(number).unlink()
        await observer.until(lambda: bool(observer.all("sample")[-1]["problem"]))
        await anyio.Path(number).write_text("8")
        await observer.until(lambda: observer.all("sample")[-1]["within"] is True)


async def test_a_probe_that_has_no_answer_is_out_and_says_why(tmp_path: Path) -> None:
    document = observed(
        asking("http://127.0.0.1:1/"),
        probe("broken", "fail", True, how="error"),
        probe("unknown", "no_such_function", True),
        {"type": "probe", "name": "nonsense", "tolerance": True, "provider": {}},
    )

    async with running(tmp_path, "observe", document) as observer:
        await observer.begin()
        await observer.event("sample", count=8)

    for line in observer.all("sample"):
        assert not line["within"]
        assert line["problem"]
    assert observer.all("sample")[1]["problem"].endswith("out of range")


async def test_an_http_probe_that_hangs_is_out_after_a_while(tmp_path: Path, door: str) -> None:
    document = observed(asking(f"{door}/hang", timeout=0.2), asking(door))

    async with running(tmp_path, "observe", document) as observer:
        await observer.begin()
        await observer.event("sample", count=4)

    hung, well, *_ = observer.all("sample")
    assert (hung["within"], well["within"]) == (False, True)
    assert hung["problem"]


@pytest.mark.slow
async def test_no_probe_that_hangs_silences_the_others(tmp_path: Path, door: str) -> None:
    document = observed(
        asking(f"{door}/hang"),
        probe("hangs", "hang", True),
        asking(door),
    )

    async with running(tmp_path, "observe", document) as observer:
        await observer.begin()
        with anyio.fail_after(20):
            await observer.event("sample", count=3)

    first, second, third = observer.all("sample")[:3]
    assert (first["within"], second["within"], third["within"]) == (False, False, True)
    assert second["problem"].endswith("no answer within 10 s")


async def test_no_secret_leaves_in_any_sample(tmp_path: Path) -> None:
    tells = [probe(how, "whisper", True, how=how) for how in ("answered", "raised")]
    for each in tells:
        each["provider"]["secrets"] = ["vault"]
    document = observed(*tells, secrets={"vault": {"token": SECRET}})

    async with running(tmp_path, "observe", document) as observer:
        await observer.begin()
        await observer.event("sample", count=4)

    assert_silent(json.dumps(observer.heard, ensure_ascii=False))
    assert "***" in json.dumps(observer.heard)


async def test_variables_of_the_configuration_are_known(tmp_path: Path) -> None:
    document = observed(probe("size", "configured", 40), configuration={"size": 4})

    async with running(tmp_path, "observe", document, configuration={"size": 40}) as observer:
        await observer.begin()
        sample = await observer.event("sample")

    assert (sample["within"], sample["value"]) == (True, "40")


@pytest.mark.parametrize(
    "parts",
    [
        {"configuration": {"x": {"type": "env", "key": "NOT_THERE"}}},
        {"configuration": {"x": {"type": "probe", "name": "x", "provider": {}}}},
    ],
)
async def test_a_hypothesis_that_cannot_be_measured_says_why_and_ends(
    tmp_path: Path, parts: dict[str, Any]
) -> None:
    document = observed(probe("size", "configured", 40), **parts)

    async with running(tmp_path, "observe", document) as observer:
        await observer.begin()
        ended = await observer.ended()

    assert ended["problem"].startswith("the hypothesis cannot be measured: ")


async def test_a_probe_that_ends_the_process_is_said_to_have_done_so(tmp_path: Path) -> None:
    async with running(tmp_path, "observe", observed(probe("exits", "fail", how="exit"))) as one:
        await one.begin()
        ended = await one.ended()

    assert ended["problem"] == "the hypothesis cannot be measured: SystemExit: 3"


@pytest.mark.parametrize("how", ["stop", "hang up"])
async def test_an_observer_ends_at_once_whatever_its_probe_does(tmp_path: Path, how: str) -> None:
    async with running(tmp_path, "observe", observed(probe("hangs", "hang", True))) as observer:
        await observer.begin()
        await (observer.say(do="stop") if how == "stop" else observer.hang_up())
        with anyio.fail_after(8):
            await observer.process.wait()
