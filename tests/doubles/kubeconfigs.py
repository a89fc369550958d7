"""The `Kubeconfigs` port in memory: it says where each kubeconfig leads."""

from dataclasses import dataclass, field

import anyio.lowlevel

from orchestrator.domain.errors import KubeconfigUnreadable
from orchestrator.domain.plan import Cluster, ClusterAddress

HERE = ClusterAddress(server="https://127.0.0.1:6443", context="practice")


@dataclass(slots=True)
class MemoryKubeconfigs:
    """Where kubeconfigs lead, by their path; the empty one is that of the environment."""

    leads_to: dict[str, ClusterAddress] = field(default_factory=lambda: {"": HERE})

    async def address_of(self, cluster: Cluster) -> ClusterAddress:
        await anyio.lowlevel.checkpoint()
        if cluster.kubeconfig not in self.leads_to:
            raise KubeconfigUnreadable(path=cluster.kubeconfig, problem="there is none")
        return self.leads_to[cluster.kubeconfig]
