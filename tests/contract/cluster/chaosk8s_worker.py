"""Calls functions of chaosk8s, and ours, for the contract checks, in a process that imports once.

Reads JSON lines, each a list of calls to make at once, and answers each with a line of outcomes.
It never decides whether an outcome is right.
"""

import importlib
import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

Object = dict[str, Any]


def outcome_of(call: Object) -> Object:
    """What a call comes to: its result, or the class and the text of its error."""
    module, name = call["function"].rsplit(".", 1)
    package = "" if module.startswith("experiments.") else "chaosk8s."
    try:
        function = getattr(importlib.import_module(package + module), name)
        result = function(**call["arguments"])
    except Exception as error:  # noqa: BLE001 - whatever it is, the check is about it
        return {"error": type(error).__name__, "message": str(error)}
    return {"result": result, "type": type(result).__name__}


def plain(value: Any) -> Any:
    """Stand in for an object of the client's: its name, or its text."""
    metadata = getattr(value, "metadata", None)
    return metadata.name if metadata is not None else str(value)


def main() -> None:
    """Answer until there is nothing left to read."""
    logging.disable()
    with ThreadPoolExecutor(max_workers=16) as pool:
        for line in sys.stdin:
            outcomes = list(pool.map(outcome_of, json.loads(line)))
            sys.stdout.write(json.dumps(outcomes, default=plain) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
