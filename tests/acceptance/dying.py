"""One of our commands, which dies by SIGKILL right before a statement reaches the database.

    python -m tests.acceptance.dying STATEMENT WORDS...

The statement is named by how it begins. It does not choose when; the command's own way does.
"""

import os
import signal
import sys
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from orchestrator.cli import main


def die_at(statement: str) -> None:
    """From now on, end this process where it would send such a statement."""

    def look(_: Any, __: Any, text: str, *___: Any) -> None:
        if text.startswith(statement):
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", look)


if __name__ == "__main__":
    die_at(sys.argv.pop(1))
    main()
