"""One experiment on a day of its own, made for it.

It takes the same road as any run of any day.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import click
import yaml

from experiments.reach import namespaces_of
from orchestrator import wiring
from orchestrator.adapters.chaostoolkit.place import Place
from orchestrator.cli.conducting import conduct, day_apart, recover
from orchestrator.cli.exits import INTERRUPTED, code_of_run
from orchestrator.cli.following import run_document, verdict_of
from orchestrator.cli.interrupts import Interrupts
from orchestrator.cli.limits import cluster_of, radius_of, say_limits
from orchestrator.cli.logs import configure_logs
from orchestrator.cli.printing import show_json
from orchestrator.domain.blast_radius import BlastRadius
from orchestrator.domain.day import PinnedExperiment
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.plan import Cluster, Environment, Plan, TimeBox, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for on the command line."""

    experiment: str
    cluster: Cluster
    radius: BlastRadius
    """Without a namespace, those that the experiment names may be touched."""
    configuration: Mapping[str, object]
    environment: tuple[str, ...]
    as_json: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Request":
        """Read the options. Raises: InvalidValue."""
        return cls(
            experiment=options["experiment"],
            cluster=cluster_of(options),
            radius=radius_of(options),
            configuration=dict(_pair(text) for text in options["var"]),
            environment=tuple(options["env"]),
            as_json=options["as_json"],
        )


def _pair(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidValue(
            field="--var", value=text, problem="is no pair", way_out="such as --var hold=5"
        )
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        return name, value


async def run(request: Request, *, ahead: Place, interrupts: Interrupts) -> None:
    """Run it, print what came of it, and end with its exit code.

    Shape: ahead is where a guard is starting already.
    """
    configure_logs(wiring.settings().log, quiet=True)
    pace = replace(wiring.pace_of(wiring.settings().pace), before=timedelta())
    async with wiring.services(
        allowed_environment=request.environment, pace=pace, ahead=ahead
    ) as services:
        experiment = services.catalogue.read(request.experiment)
        plan = _plan(request, experiment, services.clock)
        if not request.as_json:
            say_limits(plan.blast_radius, lasts=plan.blast_radius.longest)
        await recover(services)
        async with day_apart(services, plan, {request.experiment: experiment}) as opened:
            (held,) = opened.runs
            interrupted = await conduct(
                services, opened.day, interrupts=interrupts, quiet=request.as_json, held=held
            )
        ended = await services.storage.run(held.id)
    if request.as_json:
        show_json(run_document(ended))
    else:
        click.echo(verdict_of(ended))
    sys.exit(INTERRUPTED if interrupted else code_of_run(ended))


def _plan(request: Request, experiment: PinnedExperiment, clock: Any) -> Plan:
    now, longest = clock.now(), request.radius.longest
    return Plan(
        name=f"Single run of {experiment.title}",
        environment=Environment.TEST,
        cluster=request.cluster,
        window=Window(zone="UTC", opens_at=now, closes_at=now + longest),
        blast_radius=replace(request.radius, namespaces=_namespaces(request, experiment)),
        agenda=(
            TimeBox(
                name="only",
                experiment=request.experiment,
                lasts=longest,
                after=timedelta(),
                configuration=request.configuration,
            ),
        ),
    )


def _namespaces(request: Request, experiment: PinnedExperiment) -> frozenset[str]:
    if request.radius.namespaces:
        return request.radius.namespaces
    return namespaces_of(experiment.document, request.configuration) or frozenset({"default"})
