"""Kubernetes' own control plane with one real node: kubelet, containerd, runc and kube-proxy.

Everything runs in a world of its own; the machine sees one port on loopback.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import anyio

from tests.cluster.building import Programs
from tests.cluster.containers.building import NodePrograms
from tests.cluster.containers.configuration import (
    CONTAINERD,
    api_server_arguments,
    write_node_configuration,
)
from tests.cluster.containers.images import write_images
from tests.cluster.containers.leftovers import clear_leftovers
from tests.cluster.containers.machine import plugin_folder
from tests.cluster.containers.world import (
    NODE,
    NODE_ADDRESS,
    PREFIX,
    SWEEP,
    World,
    file_to_be_there,
    listening,
    new_world,
)
from tests.cluster.processes import Household, household
from tests.cluster.starting import (
    Ground,
    RealCluster,
    start_control_plane,
    url_at,
    write_credentials,
)

NODE_READY_SECONDS: Final = 60


@asynccontextmanager
async def cluster_with_containers(
    programs: Programs, node: NodePrograms, *, port: int = 0
) -> AsyncIterator[RealCluster]:
    """A control plane whose one node runs containers, ready for pods; several can run at once.

    Raises:
        PortOccupied: the port is taken.
        NotReady: it did not become ready in time.
        Ended: one of its processes ended, also later within the scope.
        MachineLacks: the CNI plugins are not installed.
    """
    began = anyio.current_time()
    clear_leftovers(PREFIX)
    with listening(port) as listener:
        async with household(prefix=PREFIX, sweep=SWEEP) as home:
            number = listener.getsockname()[1]
            world = await new_world(home, node, listener)
            await write_credentials(programs, home, number)
            write_node_configuration(home.folder, plugins=plugin_folder())
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_start_containerd, home, world)
                ground = Ground(command=world.command, api_server=api_server_arguments())
                await start_control_plane(programs, home, number, ground)
            await _start_node(programs, home, world)
            yield RealCluster(
                url=url_at(number),
                programs=programs,
                folder=home.folder,
                ready_after=timedelta(seconds=anyio.current_time() - began),
            )


async def _start_containerd(home: Household, world: World) -> None:
    program = world.programs.path("containerd")
    await home.start("containerd", *world.command, program, "--config=containerd.toml")
    archive = home.folder / "images.tar"
    await anyio.to_thread.run_sync(write_images, world.programs.folder / "program", archive)
    await file_to_be_there(world.path(CONTAINERD), home, "containerd")
    ctr = (world.programs.path("ctr"), f"--address={CONTAINERD}", "--namespace=k8s.io")
    await world.run(*ctr, "images", "import", "--no-unpack", archive.name)
    archive.unlink()


async def _start_node(programs: Programs, home: Household, world: World) -> None:
    kubelet = (
        "--config=kubelet.yaml",
        "--kubeconfig=kubelet.kubeconfig",
        f"--hostname-override={NODE}",
        f"--node-ip={NODE_ADDRESS}",
        "--root-dir=/run/kubelet",
        "--cert-dir=/run/kubelet/pki",
    )
    await home.start("kubelet", *world.command, programs.path("kubelet"), *kubelet)
    proxy = "--config=kube-proxy.yaml"
    await home.start("kube-proxy", *world.command, programs.path("kube-proxy"), proxy)
    for state in ("create", "condition=Ready"):
        await anyio.run_process(
            [
                programs.path("kubectl"),
                f"--kubeconfig={home.folder}/admin.kubeconfig",
                "wait",
                f"--for={state}",
                f"node/{NODE}",
                f"--timeout={NODE_READY_SECONDS}s",
            ]
        )
