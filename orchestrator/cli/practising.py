"""Runs the practice cluster in the foreground; it does not know who uses it."""

import json
from pathlib import Path

import anyio
import click

from orchestrator.cli.lifeline import while_parent_lives
from orchestrator.practice.cluster import PracticeCluster, ending_on_signal, practice_cluster
from orchestrator.practice.keys import Keys, limited_kubeconfig
from orchestrator.practice.nodes.joining import DEFAULT_SEED


async def practise(
    *,
    port: int,
    front_door_port: int,
    metrics_port: int,
    kubeconfig: Path,
    seed: int | None,
    quiet: bool,
    until_eof: bool,
    grace: float,
    rbac: bool = False,
) -> None:
    """Run the practice cluster until a signal. Raises: PortOccupied."""
    async with (
        ending_on_signal(),
        while_parent_lives(until_eof=until_eof, grace=grace),
        practice_cluster(
            kubeconfig=kubeconfig,
            port=port,
            front_door_port=front_door_port,
            metrics_port=metrics_port,
            seed=DEFAULT_SEED if seed is None else seed,
            keys=Keys() if rbac else None,
        ) as cluster,
    ):
        _say_machines(cluster) if quiet else _say_people(cluster)
        if rbac and not quiet:
            click.echo(f"\nAs user limited: {limited_kubeconfig(cluster.kubeconfig)}")
        await anyio.sleep_forever()
    if not quiet:
        click.echo("\nthe practice cluster is gone")


def _say_machines(cluster: PracticeCluster) -> None:
    click.echo(
        json.dumps(
            {
                "api_url": cluster.api_url,
                "front_door_url": cluster.front_door_url,
                "metrics_url": cluster.metrics_url,
                "kubeconfig": str(cluster.kubeconfig),
                "ready_after": cluster.ready_after.total_seconds(),
            }
        )
    )


def _say_people(cluster: PracticeCluster) -> None:
    seconds = cluster.ready_after.total_seconds()
    click.echo(
        f"""The practice cluster is ready after {seconds:.2f} s. Ctrl-C ends it.

  shop         {cluster.front_door_url}
  metrics      {cluster.metrics_url}
  kubernetes   {cluster.api_url}

In another terminal:
  export KUBECONFIG={cluster.kubeconfig}
  export CHAOSDAY_FRONT_DOOR={cluster.front_door_url}
  kubectl get pods --namespace shop
  chaosday run pod-killed"""
    )
