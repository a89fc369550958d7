"""Runs practice nodes and the shop in somebody's control plane, in the foreground."""

import json
from pathlib import Path

import anyio
import click

from orchestrator.adapters.clock import SystemClock
from orchestrator.cli.lifeline import while_parent_lives
from orchestrator.domain.errors import KubeconfigUnreadable
from orchestrator.guard import credentials
from orchestrator.practice.cluster import ending_on_signal
from orchestrator.practice.hosted import HostedShop, hosted_shop
from orchestrator.practice.nodes.client import Access
from orchestrator.practice.nodes.joining import DEFAULT_SEED, NodeOptions
from orchestrator.practice.nodes.shop.manifests import NAMESPACE


async def host(
    *,
    join: Path,
    context: str,
    keep: bool,
    front_door_port: int,
    metrics_port: int,
    seed: int | None,
    quiet: bool,
    until_eof: bool,
    grace: float,
) -> None:
    """Join the cluster and serve the shop until a signal.

    Raises: KubeconfigUnreadable; ClusterNotJoined; PortOccupied; ShopNotReady.
    """
    access = await anyio.to_thread.run_sync(access_by, join, context)
    options = NodeOptions(
        front_door_port=front_door_port,
        metrics_port=metrics_port,
        seed=DEFAULT_SEED if seed is None else seed,
    )
    async with (
        ending_on_signal(),
        while_parent_lives(until_eof=until_eof, grace=grace),
        hosted_shop(access, options, keep=keep) as shop,
    ):
        _say_machines(shop, access, join) if quiet else _say_people(shop, access, join, keep=keep)
        await anyio.sleep_forever()
    if not quiet:
        click.echo(f"\n{_left(keep=keep)}")


def access_by(kubeconfig: Path, context: str) -> Access:
    """The way in that a kubeconfig describes; it may run a plugin for a token, once.

    Raises: KubeconfigUnreadable: also for what practice nodes have no use for.
    """
    known = credentials.load_access(
        kubeconfig=str(kubeconfig), context=context, clock=SystemClock()
    )
    if known.proxy or known.server_name or known.impersonating:
        problem = (
            "names a proxy, a tls-server-name or whom to act as, which practice nodes do not know"
        )
        raise KubeconfigUnreadable(path=str(kubeconfig), problem=problem)
    shown = known.credentials.renewed()
    return Access(url=known.server, headers=known.headers_with(shown), tls=shown.tls)


def _left(*, keep: bool) -> str:
    if keep:
        return (
            f"the practice nodes have stopped; they and the namespace {NAMESPACE} are left in the "
            "cluster, as asked"
        )
    return "the practice nodes and what they brought are gone from the cluster"


def _say_machines(shop: HostedShop, access: Access, kubeconfig: Path) -> None:
    click.echo(
        json.dumps(
            {
                "api_url": access.url,
                "front_door_url": shop.front_door_url,
                "metrics_url": shop.metrics_url,
                "kubeconfig": str(kubeconfig),
                "ready_after": shop.ready_after.total_seconds(),
            }
        )
    )


def _say_people(shop: HostedShop, access: Access, kubeconfig: Path, *, keep: bool) -> None:
    seconds = shop.ready_after.total_seconds()
    beside = (
        f"\nOther nodes in the cluster: {shop.other_nodes}. A taint keeps their pods off the "
        "practice nodes,\nand the shop runs on practice nodes alone."
        if shop.other_nodes
        else ""
    )
    ends = "stops them" if keep else "takes the nodes away again"
    if not keep and shop.made_namespace:
        ends = f"takes them and the namespace {NAMESPACE} away again"
    elif not keep:
        ends += f"; the namespace {NAMESPACE} was there before and stays"
    click.echo(
        f"""Three practice nodes have joined, and the shop is ready after {seconds:.2f} s. Ctrl-C
{ends}.{beside}

  shop         {shop.front_door_url}
  metrics      {shop.metrics_url}
  kubernetes   {access.url}

In another terminal:
  export KUBECONFIG={kubeconfig}
  export CHAOSDAY_FRONT_DOOR={shop.front_door_url}
  kubectl get pods --namespace {NAMESPACE} --output wide
  chaosday run pod-killed"""
    )
