"""The command line: parse, call, print.

Commands are loaded when they are called, so that help is quick. It decides nothing itself.
"""

import atexit
import gc
from collections.abc import Sequence
from typing import Final, NoReturn

import click

from orchestrator import __version__
from orchestrator.cli.exits import guarded

COMMANDS: Final = {
    "init": "Write a plan to begin with.",
    "check": "Check a plan and its experiments.",
    "preview": "Show what the runs of a plan would do, without doing it.",
    "rbac": "Print the least roles that a plan's guards need.",
    "schema": "Print the JSON Schema of the plan file.",
    "catalogue": "List the experiments, or show one's card.",
    "practice": "Start the practice cluster: a small shop to break.",
    "demo": "Play a whole Chaos Day on the practice cluster.",
    "serve": "Start the service: API, and conductor of open days.",
    "token": "Issue a token for somebody.",
    "conduct": "Conduct the day of a plan from this terminal.",
    "run": "Run one experiment now.",
    "by-hand": "Break things by hand, within limits.",
    "halt": "Stop everything on a day, at once.",
    "restore": "Try again to restore a stranded run.",
    "log": "Note what you saw, thought or did.",
    "incident": "Declare an incident and take it to its end.",
    "debrief": "Write the debrief of a day.",
    "guard": "",
}
"""What each command does, in one line; a command without one is for our own processes."""


class LazyGroup(click.Group):
    """A group that imports a command when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names in the order in which people meet them."""
        return [name for name, line in COMMANDS.items() if line]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        # Imported here because only the command that is called is needed.
        from importlib import import_module

        module = import_module(f"orchestrator.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done or held, 2 invalid, 3 not found, 4 conflict, 5 refused,"
    " 6 unavailable; of a run: 10 deviated, 11 aborted, 12 unfit or not started,"
    " 13 not effective, 14 stranded; 130 interrupted.",
)
@click.version_option(__version__, prog_name="chaosday")
def chaosday() -> None:
    """Plan, run and learn from Chaos Days on Kubernetes, without losing the cluster.

    New here? `chaosday demo` plays a whole day on a practice cluster, without any of yours.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The entry of the program; by default with the arguments that it was called with."""
    # Taking apart what was imported takes a tenth of a second, and whoever called would wait.
    atexit.register(gc.freeze)
    guarded(chaosday, arguments)
