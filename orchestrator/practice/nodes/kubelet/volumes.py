"""The volumes of a pod that its containers write to and share: those that begin empty.

What is mounted from ConfigMaps and Secrets is the environment's affair.
"""

from collections.abc import Callable

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.executables.around import Folder
from orchestrator.practice.nodes.kubelet.quantities import quantity


class EmptyVolumes:
    """The empty volumes of one pod; `exceeded` hears which message to evict the pod with."""

    def __init__(self, pod: Json, exceeded: Callable[[str], None]) -> None:
        self._exceeded = exceeded
        self._limits: dict[str, str] = {}
        self._folders: dict[str, Folder] = {}
        for volume in pod["spec"].get("volumes") or ():
            source = volume.get("emptyDir")
            if source is not None:
                self._folders[str(volume["name"])] = Folder(self._check)
                if source.get("sizeLimit"):
                    self._limits[str(volume["name"])] = str(source["sizeLimit"])

    def of(self, container: Json) -> dict[str, Folder]:
        """What a container has mounted of them, by path."""
        return {
            str(mount["mountPath"]).rstrip("/"): self._folders[mount["name"]]
            for mount in container.get("volumeMounts") or ()
            if mount["name"] in self._folders
        }

    def _check(self) -> None:
        for name, limit in self._limits.items():
            if self._folders[name].size > quantity(limit):
                self._exceeded(f'Usage of EmptyDir volume "{name}" exceeds the limit "{limit}". ')
                return
