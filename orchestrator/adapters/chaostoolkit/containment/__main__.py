"""Finds out what this machine can do to keep a runner in, by doing it.

It does so in processes that end at once, and prints what came of it as one JSON object.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from orchestrator.adapters.chaostoolkit.containment import landlock
from orchestrator.adapters.chaostoolkit.containment.confining import confine
from orchestrator.adapters.chaostoolkit.containment.order import Order
from orchestrator.adapters.chaostoolkit.containment.programs import listable, programs
from orchestrator.adapters.chaostoolkit.containment.sockets import may_filter


def _tried(order: Order) -> str:
    """Why a process cannot give all that up and still run Python; empty when it can."""
    readable, writable = os.pipe()
    child = os.fork()
    if not child:
        os.close(readable)
        _try(order, writable)
    os.close(writable)
    with os.fdopen(readable, encoding="utf-8", errors="replace") as answer:
        said = answer.read()
    _, status = os.waitpid(child, 0)
    return said or ("" if status == 0 else f"a trial ended with {status}")


def _try(order: Order, answer: int) -> None:
    try:
        confine(order)
        for path in (sys.executable, json.__file__, __file__):
            with open(path, "rb"):  # noqa: PTH123 - whether the kernel lets it, nothing else
                pass
    except OSError as error:
        os.write(answer, str(error).encode())
        os._exit(1)
    os._exit(0)


def main(folder: str, uid: int) -> dict[str, object]:
    """What can be done, and why the rest cannot.

    Shape: folder is empty and ours; a uid below 0 means that the user stays.
    """
    root, home = Path(folder, "root"), Path(folder, "home")
    root.mkdir()
    home.mkdir()
    home.chmod(0o777)
    common = {"landlock": landlock.version(), "programs": programs(), "listable": listable()}
    user = {} if uid < 0 else {"uid": uid, "gid": uid}
    apart = {
        "new_user_namespace": uid < 0,
        "new_network": True,
        "root": str(root),
        "home": str(home),
    }
    namespaces = _tried(Order(**{**common, **user, **apart}))  # type: ignore[arg-type]
    alone = _tried(Order(**{**common, **user})) if namespaces and uid >= 0 else ""  # type: ignore[arg-type]
    return {
        "landlock": common["landlock"],
        "sockets": may_filter(),
        "namespaces": namespaces,
        "user": alone,
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="chaosday-survey-") as scratch:
        Path(scratch).chmod(0o755)
        sys.stdout.write(json.dumps(main(scratch, int(sys.argv[1]))) + "\n")
