"""A program that talks like a guard, and does nothing: what the engine makes of a guard's words.

It is told how to behave by its first argument.
"""

import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

HOW = sys.argv[1]
WHAT, _, WHERE = HOW.rpartition(" ")
NOTHING: dict[str, list[object]] = {
    "undone": ["Deployment/shop/payment"],
    "kept": [],
    "notes": [],
    "pending": [],
}


def say(**line: object) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201


def begin() -> None:
    assignment = json.loads(sys.stdin.readline())
    match HOW:
        case "kubeconfig" | "cluster" | "assignment":
            say(event="failed", error=HOW, detail=f"no good {HOW} for {assignment['run']}")
            sys.exit(1)
        case "dies before":
            sys.exit("Traceback: it broke")
        case "silent":
            time.sleep(60)
    say(event="ready", url="http://127.0.0.1:1/g/t0ken-of-guard")


def serve() -> None:
    for text in sys.stdin:
        command = json.loads(text)
        number, do = command["id"], command["do"]
        if WHAT == "dies at" and do == WHERE:
            sys.stderr.write("out of memory\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        if WHAT == "refuses" and do == WHERE:
            say(id=number, ok=False, detail="not now")
            continue
        if WHAT == "keeps quiet at" and do == WHERE:
            continue
        if do == "play":
            at = datetime.now(UTC).isoformat()  # noqa: TID251
            say(event="write", at=at, verb="change", target="deployments/shop/payment", lost=["a"])
            say(event="refused", at=at, target="pods/x/y", rule="namespaces", reason="outside")
        answer = {"restoration": NOTHING} if do in {"undo", "verify"} else {}
        say(id=number, ok=True, **answer)
        if do == "end":
            return


begin()
serve()
if WHAT == "keeps quiet at":
    # It is at work for longer than anybody waits for it.
    time.sleep(4)
    Path(os.environ["GUARD_MARK"]).write_text("restored")
