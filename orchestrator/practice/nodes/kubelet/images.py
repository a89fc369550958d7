"""The images of one node: what is present, what must be pulled, what fails.

It keeps no layers: an image is present once it has been pulled.
"""

from collections.abc import Callable
from typing import Final

import anyio

from orchestrator.practice.nodes.client import Json
from orchestrator.practice.nodes.kubelet.events import Event, EventRecorder
from orchestrator.practice.nodes.kubelet.kit import Pace
from orchestrator.practice.nodes.kubelet.status import Waiting
from orchestrator.practice.nodes.programs import Image, Images, ImageUnavailable

WaitAs = Callable[[Waiting], None]

IMAGE_BYTES: Final = 12_582_912


class ImageShelf:
    """The images that a node has, and where it gets the others."""

    def __init__(
        self, images: Images, present: frozenset[str], events: EventRecorder, pace: Pace
    ) -> None:
        self._images = images
        self._present = set(present)
        self._events = events
        self._pace = pace

    async def pull(self, container: Json, pod: Json, wait_as: WaitAs) -> Image:
        """Have the container's image, however long that takes."""
        failures = 0
        while True:
            try:
                return await self._pull_once(container, pod)
            except ImageUnavailable as unavailable:
                await self._back_off(container, pod, wait_as, str(unavailable), failures)
                failures += 1

    async def _pull_once(self, container: Json, pod: Json) -> Image:
        name = str(container["image"])
        policy = str(container.get("imagePullPolicy") or "IfNotPresent")
        if name in self._present and policy != "Always":
            message = f'Container image "{name}" already present on machine'
            self._tell(container, pod, "Pulled", message)
            return self._images.find(name)
        if policy == "Never":
            message = f'Container image "{name}" is not present with pull policy of Never'
            raise ImageUnavailable(message)
        self._tell(container, pod, "Pulling", f'Pulling image "{name}"')
        began = anyio.current_time()
        await anyio.sleep(self._pace.pull.total_seconds())
        image = self._images.find(name)
        self._present.add(name)
        took = f"{round((anyio.current_time() - began) * 1000)}ms"
        message = (
            f'Successfully pulled image "{name}" in {took} ({took} including waiting). '
            f"Image size: {IMAGE_BYTES} bytes."
        )
        self._tell(container, pod, "Pulled", message)
        return image

    async def _back_off(
        self, container: Json, pod: Json, wait_as: WaitAs, why: str, failures: int
    ) -> None:
        name = str(container["image"])
        self._tell(container, pod, "Failed", f'Failed to pull image "{name}": {why}', warning=True)
        self._tell(container, pod, "Failed", "Error: ErrImagePull", warning=True)
        wait_as(Waiting(reason="ErrImagePull", message=why))
        await anyio.sleep(self._pace.until_image_back_off.total_seconds())
        self._tell(container, pod, "BackOff", f'Back-off pulling image "{name}"')
        self._tell(container, pod, "Failed", "Error: ImagePullBackOff", warning=True)
        message = f'Back-off pulling image "{name}": ErrImagePull: {why}'
        wait_as(Waiting(reason="ImagePullBackOff", message=message))
        await anyio.sleep(self._pace.back_off(failures).total_seconds())

    def _tell(
        self, container: Json, pod: Json, reason: str, message: str, *, warning: bool = False
    ) -> None:
        name = str(container["name"])
        self._events.record(
            Event(pod=pod, reason=reason, message=message, container=name, warning=warning)
        )
