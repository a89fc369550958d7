"""Commands to try a cluster with: they take memory, fill files, and do not want to end.

None of them takes anything of the machine: memory is counted, and a filled file is empty pages.
"""

from collections.abc import Sequence
from typing import Final

import anyio

from orchestrator.practice.nodes.executables.around import Around, Executable, Streams
from orchestrator.practice.nodes.executables.filing import absolute

_MIB: Final = 1 << 20
_MOST_FILLED: Final = 1024


async def _hog(around: Around, streams: Streams, words: Sequence[str]) -> int:
    """Take as many MiB as told, and keep them until asked to end."""
    return await _take(around, streams, words, keep=True)


async def _hog_briefly(around: Around, streams: Streams, words: Sequence[str]) -> int:
    """Take as many MiB as told, and end."""
    return await _take(around, streams, words, keep=False)


async def _take(around: Around, streams: Streams, words: Sequence[str], *, keep: bool) -> int:
    number = _number(words[:1])
    if number is None:
        await streams.err(b"usage: hog MEBIBYTES\n")
        return 2
    around.memory.take(number * _MIB)
    try:
        await streams.out(f"took {number} MiB\n".encode())
        if keep:
            await (around.stopping or anyio.Event()).wait()
    finally:
        around.memory.give_back(number * _MIB)
    return 0


async def _fill(around: Around, streams: Streams, words: Sequence[str]) -> int:
    """Write a file of as many MiB as told."""
    number = _number(words[1:2])
    if number is None:
        await streams.err(b"usage: fill FILE MEBIBYTES\n")
        return 2
    if number > _MOST_FILLED:
        await streams.err(f"fill: {words[0]}: No space left on device\n".encode())
        return 1
    return await _write(around, streams, words[0], bytes(number * _MIB))


async def _echo_to(around: Around, streams: Streams, words: Sequence[str]) -> int:
    """Write words into a file."""
    if len(words) < 2:
        await streams.err(b"usage: echo-to FILE WORD...\n")
        return 2
    return await _write(around, streams, words[0], f"{' '.join(words[1:])}\n".encode())


async def _write(around: Around, streams: Streams, path: str, content: bytes) -> int:
    if around.files.write(absolute(path), content):
        return 0
    await streams.err(f"can't create {path}: Read-only file system\n".encode())
    return 1


async def _stubborn(around: Around, streams: Streams, _words: Sequence[str]) -> int:
    """Say when asked to end, and go on."""
    await streams.out(b"ready\n")
    if around.stopping is not None:
        await around.stopping.wait()
        await streams.out(b"told to stop, and going on\n")
    await anyio.sleep_forever()
    return 0


def _number(words: Sequence[str]) -> int | None:
    return int(words[0]) if words and words[0].isdigit() else None


TRYING: Final[dict[str, Executable]] = {
    "hog": _hog, "hog-briefly": _hog_briefly, "fill": _fill, "echo-to": _echo_to,
    "stubborn": _stubborn,
}  # fmt: skip
