"""Calls functions of chaosk8s as an experiment does, in a process that has only a kubeconfig.

It prints for each call what went wrong, empty where nothing did.
"""

import importlib
import json
import sys


def outcome(name: str, arguments: dict[str, object]) -> str:
    module, _, function = name.rpartition(".")
    try:
        getattr(importlib.import_module(f"chaosk8s.{module}"), function)(**arguments)
    except Exception as error:  # noqa: BLE001 - whatever an experiment would be told
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    print(json.dumps([outcome(*call) for call in json.loads(sys.argv[1])]))  # noqa: T201
