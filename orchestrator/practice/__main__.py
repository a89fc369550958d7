"""Starts a practice cluster from a shell, to try it out.

The product's own command is `chaosday practice`; this one needs nothing but the
practice package.
"""

import argparse
import sys
from pathlib import Path

import anyio

from orchestrator.domain.errors import ChaosDayError
from orchestrator.practice.cluster import PracticeCluster, ending_on_signal, practice_cluster
from orchestrator.practice.nodes.joining import DEFAULT_SEED
from orchestrator.practice.nodes.traffic import DailyTraffic


def main() -> int:
    """Serve until interrupted; 1 when it could not start."""
    try:
        anyio.run(_serve, _arguments())
    except ChaosDayError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    async with (
        ending_on_signal(),
        practice_cluster(
            kubeconfig=arguments.kubeconfig,
            port=arguments.port,
            front_door_port=arguments.front_door_port,
            metrics_port=arguments.metrics_port,
            seed=arguments.seed,
            traffic=None if arguments.no_traffic else DailyTraffic(),
        ) as cluster,
    ):
        sys.stdout.write(_told(cluster))
        sys.stdout.flush()
        await anyio.sleep_forever()


def _told(cluster: PracticeCluster) -> str:
    return (
        f"ready after {cluster.ready_after.total_seconds():.3f} s\n"
        f"API {cluster.api_url}\n"
        f"shop {cluster.front_door_url}\n"
        f"metrics {cluster.metrics_url}\n"
        f"export KUBECONFIG={cluster.kubeconfig}\n"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m orchestrator.practice", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, default=Path("practice.kubeconfig"))
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--front-door-port", type=int, default=0)
    parser.add_argument("--metrics-port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--no-traffic", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
