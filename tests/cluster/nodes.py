"""Nodes that join a control plane, so that its pods run: the practice cluster's kubelets.

They speak nothing but the Kubernetes API. Their containers are small programs on loopback, not
processes of a container runtime.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from orchestrator.adapters.clock import SystemClock
from orchestrator.guard.credentials import load_access
from orchestrator.practice.nodes.client import Access
from orchestrator.practice.nodes.joining import NodeOptions, PracticeNodes, joined_nodes


@asynccontextmanager
async def practice_nodes(kubeconfig: Path, *, shop: bool) -> AsyncIterator[PracticeNodes]:
    """Three practice nodes, with the shop or empty, until the scope ends."""
    async with joined_nodes(access_by(kubeconfig), NodeOptions(shop=shop)) as nodes:
        yield nodes


def access_by(kubeconfig: Path) -> Access:
    """The way in that a kubeconfig describes."""
    known = load_access(kubeconfig=str(kubeconfig), context="", clock=SystemClock())
    shown = known.credentials.renewed()
    return Access(url=known.server, headers=known.headers_with(shown), tls=shown.tls)
