"""Exit codes, and errors in one line.

It does not print anything that is not an error.
"""

import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import click

from orchestrator.domain.errors import (
    ChaosDayError,
    Conflict,
    Invalid,
    NotFound,
    Refused,
    Unavailable,
)
from orchestrator.domain.run import Finding, Run

CODES: Final[dict[type[ChaosDayError], int]] = {
    Invalid: 2,
    NotFound: 3,
    Conflict: 4,
    Refused: 5,
    Unavailable: 6,
}
BUG: Final = 70
INTERRUPTED: Final = 130

_FINDINGS: Final[dict[Finding | None, int]] = {
    Finding.HELD: 0,
    Finding.UNKNOWN: 0,
    Finding.DEVIATED: 10,
    Finding.ABORTED: 11,
    Finding.UNFIT: 12,
    Finding.INEFFECTIVE: 13,
    Finding.STRANDED: 14,
    None: 12,
}


def code_of(error: ChaosDayError) -> int:
    """The exit code of an error, which follows from what the caller can do about it."""
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), 1)


def code_of_run(run: Run) -> int:
    """The exit code of a run, which follows from what it found."""
    return code_of_finding(run.ending)


def code_of_finding(finding: Finding | None) -> int:
    """The exit code of a finding; None is that of a run that did not start."""
    return _FINDINGS[finding]


def guarded(group: click.Group, arguments: Sequence[str] | None) -> NoReturn:
    """Call the command line; whatever goes wrong is one message and a documented code."""
    try:
        sys.exit(group.main(arguments, standalone_mode=False) or 0)
    except click.exceptions.Exit as leave:
        sys.exit(leave.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(0)
    except ChaosDayError as error:
        leave_with(error)
    except Exception as error:  # noqa: BLE001 - the outermost place: no traceback reaches a user
        _leave_with_bug(error)


def leave_with(error: ChaosDayError) -> NoReturn:
    """Say what is wrong, and end with its code."""
    click.echo(f"chaosday: {error}", err=True)
    sys.exit(code_of(error))


def _leave_with_bug(error: BaseException) -> NoReturn:
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    if isinstance(error, ChaosDayError):
        leave_with(error)
    if isinstance(error, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    if os.environ.get("CHAOSDAY_LOG_LEVEL") == "debug":
        import traceback

        traceback.print_exception(error)
    click.echo(
        f"chaosday: something unforeseen: {type(error).__name__}: {error};"
        " set CHAOSDAY_LOG_LEVEL=debug to see where, and please report it",
        err=True,
    )
    sys.exit(BUG)
