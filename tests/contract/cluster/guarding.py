"""Serves the practice cluster's API with tokens and roles, for the checks of access.

It has no nodes. Usage: python guarding.py KUBECONFIG, then read one line: the file is written.
"""

import sys
from pathlib import Path

import anyio

from orchestrator.practice.cluster import control_plane
from orchestrator.practice.keys import Keys, written_kubeconfigs


async def serve(kubeconfig: Path) -> None:
    keys = Keys()
    async with control_plane(keys=keys) as url:
        with written_kubeconfigs(kubeconfig, url, keys):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(serve, Path(sys.argv[1]))
