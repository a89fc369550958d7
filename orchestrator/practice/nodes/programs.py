"""What runs inside a container: programs, and what they find around them.

A program is a coroutine that returns its exit code. It does not know the
kubelet; it sees its surroundings alone, as a process sees its environment.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Final, Protocol, TypeAlias

import anyio

from orchestrator.practice.nodes.executables.around import Files, Memory
from orchestrator.practice.nodes.listening import Answering, HttpListener
from orchestrator.practice.nodes.network import Network

DRAIN: Final = timedelta(milliseconds=100)


class Listen(Protocol):
    """Opens a listener that answers for a port of the pod."""

    def __call__(self, port: int, answering: Answering) -> HttpListener: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a process can see and ask for.

    `booted` is to be called once the program does its work; a program that
    returns without it has failed to start, or was a short command.
    """

    namespace: str
    pod: str
    container: str
    ip: str = ""
    files: Files = field(default_factory=Files)
    memory: Memory = field(default_factory=Memory)
    environment: Mapping[str, str]
    network: Network
    listen: Listen
    chance: Random
    stopping: anyio.Event
    booted: Callable[[], None]
    log: Callable[[str], None]


Program: TypeAlias = Callable[[Surroundings], Awaitable[int]]


class ImageUnavailable(Exception):
    """No image can be had under that name."""


class ExecutableNotFound(Exception):
    """The image has no such executable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image of the practice registry and what it runs unless told otherwise."""

    name: str
    program: Program


class Images:
    """The images that the practice nodes can run."""

    def __init__(self, images: Sequence[Image]) -> None:
        self._images = {image.name: image for image in images}
        self._registries = {image.name.partition("/")[0] for image in images}

    def find(self, name: str) -> Image:
        """Look an image up.

        Raises:
            ImageUnavailable: with the words of a container runtime.
        """
        image = self._images.get(name)
        if image is None:
            raise ImageUnavailable(self._reason(name))
        return image

    def _reason(self, name: str) -> str:
        resolving = (
            f'failed to pull and unpack image "{name}": failed to resolve reference "{name}": '
        )
        first, slash, _ = name.partition("/")
        # Without a dot or a colon the first part is a path in the default registry.
        registry = first if slash and {".", ":"} & set(first) else "the default registry"
        if registry in self._registries:
            return f"{resolving}{name}: not found"
        return (
            f"{resolving}failed to do request: dial tcp: lookup {registry}: no such host "
            f"(practice nodes run images of {', '.join(sorted(self._registries))} alone)"
        )


async def serve_until_stopped(
    surroundings: Surroundings, *, port: int, answering: Answering
) -> int:
    """Answer HTTP until told to stop, then finish what is open."""
    listener = surroundings.listen(port, answering)
    try:
        surroundings.booted()
        await surroundings.stopping.wait()
        await listener.end(DRAIN)
    finally:
        # Before the program takes away what its open requests still use.
        listener.abort()
    return 0
