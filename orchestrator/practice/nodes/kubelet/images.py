"""The images of one node: what is present, what must be pulled, what fails.

It keeps no layers: an image is present once it has been pulled.
"""

import re
from typing import Final, Protocol

import anyio

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.events import EventRecorder, Teller
from orchestrator.practice.nodes.kubelet.kit import Pace
from orchestrator.practice.nodes.kubelet.reports import Waiting
from orchestrator.practice.nodes.programs import Image, Images, ImageUnavailable

IMAGE_BYTES: Final = 12_582_912
_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_HOST: Final = r"[a-zA-Z0-9][a-zA-Z0-9.-]*(?::[0-9]+)?"
_NAME: Final = re.compile(
    rf"(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[\w][\w.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)


class _CannotPull(Exception):
    """The image can't be had; what its container waits for meanwhile, and how it is told."""

    def __init__(self, reason: str, message: str, event: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.event = event


class Wanting(Protocol):
    """A container that wants the image its spec names, which may change meanwhile."""

    spec: Json

    def wait_as(self, state: Waiting) -> None:
        """Show why it does not run."""
        ...

    async def pause(self, seconds: float) -> bool:
        """Wait, and tell whether another image is wanted by now."""
        ...


class ImageShelf:
    """The images that a node has, and where it gets the others."""

    def __init__(
        self, images: Images, present: frozenset[str], events: EventRecorder, pace: Pace
    ) -> None:
        self._images = images
        self._present = set(present)
        self._events = events
        self._pace = pace

    async def pull(self, container: Wanting, pod: Json) -> Image:
        """Have the container's image, however long that takes."""
        failures = 0
        while True:
            tell = Teller(events=self._events, pod=pod, container=str(container.spec["name"]))
            try:
                return await self._pull_once(container.spec, tell)
            except _CannotPull as problem:
                renewed = await self._back_off(container, tell, problem, failures)
                failures = 0 if renewed else failures + 1

    async def _pull_once(self, spec: Json, teller: Teller) -> Image:
        name = str(spec["image"])
        policy = str(spec.get("imagePullPolicy") or "IfNotPresent")
        if not _NAME.fullmatch(name):
            why = "couldn't parse image name: invalid reference format"
            message = f'Failed to apply default image tag "{name}": {why}'
            raise _CannotPull("InvalidImageName", message, "InspectFailed")
        if name in self._present and policy != "Always":
            teller.tell("Pulled", f'Container image "{name}" already present on machine')
            return self._images.find(name)
        if policy == "Never":
            message = f'Container image "{name}" is not present with pull policy of Never'
            raise _CannotPull("ErrImageNeverPull", message, "ErrImageNeverPull")
        teller.tell("Pulling", f'Pulling image "{name}"')
        began = anyio.current_time()
        await anyio.sleep(self._pace.pull.total_seconds())
        image = self._find(name)
        self._present.add(name)
        took = f"{round((anyio.current_time() - began) * 1000)}ms"
        teller.tell(
            "Pulled",
            f'Successfully pulled image "{name}" in {took} ({took} including waiting). '
            f"Image size: {IMAGE_BYTES} bytes.",
        )
        return image

    def _find(self, name: str) -> Image:
        try:
            return self._images.find(name)
        except ImageUnavailable as unavailable:
            raise _CannotPull("ErrImagePull", str(unavailable), "Failed") from unavailable

    async def _back_off(
        self, container: Wanting, teller: Teller, problem: _CannotPull, failures: int
    ) -> bool:
        """Wait with trying again; true when another image is wanted by now."""
        name, why = str(container.spec["image"]), str(problem)
        is_pull = problem.reason == "ErrImagePull"
        told = f'Failed to pull image "{name}": {why}' if is_pull else why
        teller.tell(problem.event, told, warning=True)
        teller.tell("Failed", f"Error: {problem.reason}", warning=True)
        container.wait_as(Waiting(reason=problem.reason, message=why))
        if is_pull:
            if await container.pause(self._pace.until_image_back_off.total_seconds()):
                return True
            teller.tell("BackOff", f'Back-off pulling image "{name}"')
            teller.tell("Failed", "Error: ImagePullBackOff", warning=True)
            message = f'Back-off pulling image "{name}": ErrImagePull: {why}'
            container.wait_as(Waiting(reason="ImagePullBackOff", message=message))
        return await container.pause(self._pace.back_off(failures).total_seconds())
