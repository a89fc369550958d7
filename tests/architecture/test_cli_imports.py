"""Asking the CLI for help loads none of the heavy libraries.

How many milliseconds that takes is for the benchmarks.
"""

import json
import subprocess
import sys

HEAVY = ["aiohttp", "alembic", "chaoslib", "fastapi", "jinja2", "kubernetes", "pydantic"]
HEAVY += ["requests", "rich", "sqlalchemy", "structlog", "uvicorn"]

ASK = """
import json, sys
from orchestrator.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted(sys.modules)))
"""


def test_help_loads_no_heavy_library() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, check=True, text=True, timeout=60
    )

    *text, modules = answer.stdout.splitlines()
    assert any("Usage" in line for line in text)
    assert not set(HEAVY) & set(json.loads(modules))
