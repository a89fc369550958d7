"""Plays the tour on the practice cluster and on Kubernetes itself, and writes both transcripts.

Usage: python -m tests.cluster --nodes shop -- python -m tests.contract.tour PAGE

KUBECONFIG names Kubernetes; the practice cluster is started here. `make transcripts` is this.
"""

import json
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.acceptance.stage import practice
from tests.contract.tour.page import page, unexplained
from tests.contract.tour.playing import awaited, own_copy, played
from tests.contract.tour.script import Answer, Step, steps

Pair = tuple[Answer, Answer]


def main() -> int:
    """Write the page; 1 when an answer differs and nobody says why."""
    target = Path(sys.argv[1])
    real = Path(os.environ["KUBECONFIG"])
    with tempfile.TemporaryDirectory() as folder, practice(Path(folder)) as started:
        transcript = _played(steps(), (Path(started["kubeconfig"]), real))
    target.write_text(page(transcript))
    left = unexplained(transcript)
    for step in left:
        sys.stderr.write(f"nobody says why the answers differ: {step.text}\n")
    return 1 if left else 0


def _played(tour: list[Step], kubeconfigs: tuple[Path, Path]) -> list[tuple[Step, Pair]]:
    """The answers of both clusters, asked at the same time."""
    found: list[tuple[Step, Pair]] = []
    homes = [own_copy(kubeconfig) for kubeconfig in kubeconfigs]
    try:
        with ThreadPoolExecutor(max_workers=2) as threads:
            for step in tour:
                if step.mark != "=":
                    sys.stderr.write(f"{step.mark} {step.text}\n")
                found.append((step, _pair(step, homes, threads)))
    finally:
        for home, _ in homes:
            shutil.rmtree(home, ignore_errors=True)
    return found


def _pair(step: Step, homes: list[tuple[Path, Path]], threads: ThreadPoolExecutor) -> Pair:
    if step.mark == "=":
        return Answer(""), Answer("")
    play = awaited if step.mark == "~" else played
    first, second = (threads.submit(play, step, config, home) for home, config in homes)
    pair = first.result(), second.result()
    for name, answer in zip(("practice", "kubernetes"), pair, strict=True):
        if step.mark == "~" and answer.code:
            sys.stderr.write(f"  never so on {name}: {json.dumps(answer.output)}\n")
    return pair


if __name__ == "__main__":
    sys.exit(main())
