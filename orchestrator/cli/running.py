"""One experiment on a day of its own, made for it.

It takes the same road as any run of any day.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import yaml

from experiments.reach import namespaces_of
from orchestrator import wiring
from orchestrator.cli.conducting import conduct, ourselves, recover
from orchestrator.cli.exits import INTERRUPTED, code_of_run
from orchestrator.cli.following import run_document, verdict_of
from orchestrator.cli.logs import configure_logs
from orchestrator.cli.printing import show_json
from orchestrator.domain.blast_radius import DEFAULT_KINDS, BlastRadius
from orchestrator.domain.day import PinnedExperiment
from orchestrator.domain.errors import InvalidValue
from orchestrator.domain.plan import Cluster, Environment, Plan, TimeBox, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for on the command line."""

    experiment: str
    namespaces: tuple[str, ...]
    cluster: Cluster
    most_objects: int
    most_share: Fraction
    kinds: frozenset[str]
    configuration: Mapping[str, object]
    environment: tuple[str, ...]
    longest: timedelta
    as_json: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Request":
        """Read the options. Raises: InvalidValue."""
        kubeconfig: Path | None = options["kubeconfig"]
        return cls(
            experiment=options["experiment"],
            namespaces=tuple(options["namespace"]),
            cluster=Cluster(
                kubeconfig=str(kubeconfig.absolute()) if kubeconfig else "",
                context=options["context"],
            ),
            most_objects=options["most_objects"],
            most_share=Fraction(options["most_share"], 100),
            kinds=frozenset(options["kind"]) or DEFAULT_KINDS,
            configuration=dict(_pair(text) for text in options["var"]),
            environment=tuple(options["env"]),
            longest=timedelta(seconds=options["longest"]),
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


async def run(request: Request) -> None:
    """Run it, print what came of it, and end with its exit code."""
    configure_logs(wiring.settings().log, quiet=True)
    pace = replace(wiring.pace_of(wiring.settings().pace), before=timedelta())
    async with wiring.services(allowed_environment=request.environment, pace=pace) as services:
        experiment = services.catalogue.read(request.experiment)
        plan = _plan(request, experiment, services.clock)
        _say_limits(plan, quiet=request.as_json)
        await recover(services)
        said = ourselves()
        day = await services.planning.lay_out(
            plan, {request.experiment: experiment}, plan_source="", said=said
        )
        day = await services.opening.open(day.id, said=said)
        interrupted = await conduct(services, day, quiet=request.as_json)
        (ended,) = await services.storage.runs(day.id)
        if not ended.phase.may_hold_fault:
            await services.opening.close(day.id, said=said)
    if request.as_json:
        show_json(run_document(ended))
    else:
        click.echo(verdict_of(ended))
    sys.exit(INTERRUPTED if interrupted else code_of_run(ended))


def _plan(request: Request, experiment: PinnedExperiment, clock: Any) -> Plan:
    now = clock.now()
    return Plan(
        name=f"Single run of {experiment.title}",
        environment=Environment.TEST,
        cluster=request.cluster,
        window=Window(zone="UTC", opens_at=now, closes_at=now + request.longest),
        blast_radius=BlastRadius(
            namespaces=_namespaces(request, experiment),
            kinds=request.kinds,
            most_objects=request.most_objects,
            most_share=request.most_share,
            longest=request.longest,
        ),
        agenda=(
            TimeBox(
                name="only",
                experiment=request.experiment,
                lasts=request.longest,
                after=timedelta(),
                configuration=request.configuration,
            ),
        ),
    )


def _namespaces(request: Request, experiment: PinnedExperiment) -> frozenset[str]:
    if request.namespaces:
        return frozenset(request.namespaces)
    return namespaces_of(experiment.document, request.configuration) or frozenset({"default"})


def _say_limits(plan: Plan, *, quiet: bool) -> None:
    if quiet:
        return
    radius = plan.blast_radius
    click.echo(
        f"blast radius: namespace {', '.join(sorted(radius.namespaces))};"
        f" {', '.join(sorted(radius.kinds))}; at most {radius.most_objects} objects,"
        f" {float(radius.most_share):.0%} of a workload, {radius.longest.total_seconds():g} s",
        err=True,
    )
