"""The limits of a run that has a day of its own, as they are given on the command line.

A run of a planned day has those of its plan instead.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from orchestrator.cli.kinds import kinds_of, listed_in, shown
from orchestrator.domain.blast_radius import DEFAULT_KINDS, BlastRadius
from orchestrator.domain.plan import Cluster
from orchestrator.domain.verbs import WriteVerb

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS: Final = (
    click.option("--namespace", multiple=True, help="That may be touched; see above."),
    click.option("--kubeconfig", type=click.Path(path_type=Path), help="Default: KUBECONFIG."),
    click.option("--context", default="", help="Of the kubeconfig; default: the current one."),
    click.option(
        "--kind",
        multiple=True,
        metavar="KIND[=VERB,...]",
        help="That may be written, such as pods, or deployments=scale,change.",
    ),
    click.option("--create", multiple=True, help="A kind of which objects may be made."),
    click.option(
        "--irreversible", multiple=True, help="That may be done all the same: exec, jobs."
    ),
    click.option("--most-objects", default=10, show_default=True, help="That may be touched."),
    click.option(
        "--most-share", default=100, show_default=True, help="Of a workload's pods, in %."
    ),
    click.option("--most-node-share", default=50, show_default=True, help="Of the nodes, in %."),
    click.option("--longest", default=600, show_default=True, help="That it may last, in seconds."),
)
LIMITS: Final = (
    "namespace",
    "kubeconfig",
    "context",
    "kind",
    "create",
    "irreversible",
    "most_objects",
    "most_share",
    "most_node_share",
    "longest",
)
"""The names of these options."""


def limit_options(command: Command) -> Command:
    """Give a command the options that limit a run."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def cluster_of(options: Mapping[str, Any]) -> Cluster:
    """The cluster that the options name."""
    kubeconfig: Path | None = options["kubeconfig"]
    return Cluster(
        kubeconfig=str(kubeconfig.absolute()) if kubeconfig else "", context=options["context"]
    )


def radius_of(options: Mapping[str, Any]) -> BlastRadius:
    """The limits that the options give; without a namespace when they name none.

    Raises: InvalidValue.
    """
    kinds = kinds_of(options["kind"])
    asked, irreversible = frozenset(options["create"]), frozenset(options["irreversible"])
    verbs = listed_in(kinds, creates=asked, irreversible=irreversible)
    creates = asked | {kind for kind, each in verbs.items() if WriteVerb.CREATE in each}
    return BlastRadius(
        namespaces=frozenset(options["namespace"]),
        kinds=(frozenset(kinds) or DEFAULT_KINDS) | creates,
        verbs=verbs,
        creates=creates,
        irreversible=irreversible,
        most_objects=options["most_objects"],
        most_share=Fraction(options["most_share"], 100),
        most_node_share=Fraction(options["most_node_share"], 100),
        longest=timedelta(seconds=options["longest"]),
    )


def say_limits(radius: BlastRadius, *, lasts: timedelta) -> None:
    """Tell the person at the terminal what may be touched."""
    click.echo(
        f"blast radius: namespace {', '.join(sorted(radius.namespaces))};"
        f" {shown(radius)}; at most {radius.most_objects} objects,"
        f" {float(radius.most_share):.0%} of a workload, {lasts.total_seconds():g} s",
        err=True,
    )
