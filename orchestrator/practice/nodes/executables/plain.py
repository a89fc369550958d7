"""Commands that tell about the container, or do next to nothing.

None of them touches files or the network.
"""

import os
import time
from collections.abc import Sequence
from typing import Final

import anyio
from anyio.lowlevel import checkpoint

from orchestrator.practice.nodes.executables.around import Around, Executable, Streams
from orchestrator.practice.nodes.moments import now

_SIGNALS: Final = {"HUP": 1, "INT": 2, "QUIT": 3, "KILL": 9, "TERM": 15}


async def _true(_around: Around, _streams: Streams, _words: Sequence[str]) -> int:
    await checkpoint()
    return 0


async def _false(_around: Around, _streams: Streams, _words: Sequence[str]) -> int:
    await checkpoint()
    return 1


async def _echo(_around: Around, streams: Streams, words: Sequence[str]) -> int:
    bare = words[:1] == ["-n"]
    text = " ".join(words[1:] if bare else words)
    await streams.out(text.encode() + (b"" if bare else b"\n"))
    return 0


async def _env(around: Around, streams: Streams, _words: Sequence[str]) -> int:
    lines = [f"{name}={value}\n" for name, value in around.environment.items()]
    await streams.out("".join(lines).encode())
    return 0


async def _printenv(around: Around, streams: Streams, words: Sequence[str]) -> int:
    if not words:
        return await _env(around, streams, words)
    found = [around.environment[name] for name in words if name in around.environment]
    await streams.out("".join(f"{value}\n" for value in found).encode())
    return 0 if len(found) == len(words) else 1


async def _hostname(around: Around, streams: Streams, words: Sequence[str]) -> int:
    await streams.out((around.ip if words[:1] == ["-i"] else around.pod).encode() + b"\n")
    return 0


async def _date(_around: Around, streams: Streams, _words: Sequence[str]) -> int:
    await streams.out(now().strftime("%a %b %d %H:%M:%S UTC %Y\n").encode())
    return 0


async def _whoami(_around: Around, streams: Streams, _words: Sequence[str]) -> int:
    await streams.out(b"root\n")
    return 0


async def _id(_around: Around, streams: Streams, _words: Sequence[str]) -> int:
    await streams.out(b"uid=0(root) gid=0(root) groups=0(root)\n")
    return 0


async def _pwd(_around: Around, streams: Streams, _words: Sequence[str]) -> int:
    await streams.out(b"/\n")
    return 0


async def _uname(around: Around, streams: Streams, words: Sequence[str]) -> int:
    whole = f"Linux {around.pod} practice {os.uname().machine} Linux"
    await streams.out((whole if "-a" in words else "Linux").encode() + b"\n")
    return 0


async def _sleep(_around: Around, streams: Streams, words: Sequence[str]) -> int:
    seconds = [_seconds(word) for word in words]
    known = [number for number in seconds if number is not None]
    if not known or len(known) < len(seconds):
        text = f"sleep: invalid number '{words[0]}'\n" if words else "sleep: missing operand\n"
        await streams.err(text.encode())
        return 1
    await anyio.sleep(sum(known))
    return 0


def _seconds(text: str) -> float | None:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    unit = units.get(text[-1:], 0)
    try:
        number = float(text[:-1] if unit else text)
    except ValueError:
        return None
    return number * (unit or 1) if number >= 0 else None


async def _ps(around: Around, streams: Streams, _words: Sequence[str]) -> int:
    lines = ["PID   USER     COMMAND\n"]
    lines += [f"{number:5} root     {command}\n" for number, command in around.processes()]
    await streams.out("".join(lines).encode())
    return 0


async def _kill(around: Around, streams: Streams, words: Sequence[str]) -> int:
    number, targets = _SIGNALS["TERM"], list(words)
    if targets and targets[0].startswith("-"):
        name = targets.pop(0).lstrip("-").removeprefix("SIG").upper()
        number = int(name) if name.isdigit() else _SIGNALS.get(name, 0)
    if not targets or not number:
        await streams.err(b"kill: usage: kill [-SIGNAL] PID...\n")
        return 1
    failed = [target for target in targets if target != "1"]
    for target in failed:
        await streams.err(f"kill: can't kill pid {target}: No such process\n".encode())
    if "1" in targets:
        around.signal(number)
        await checkpoint()
    return 1 if failed else 0


async def _uptime(_around: Around, streams: Streams, _words: Sequence[str]) -> int:
    minutes = int(time.monotonic() // 60)
    await streams.out(f" {now():%H:%M:%S} up {minutes} min\n".encode())
    return 0


async def _count(_around: Around, streams: Streams, words: Sequence[str]) -> int:
    """Write numbered lines, as many as the first word says, with the second's pause between."""
    pause = _duration(words[1]) if words[1:] else 0.0
    if not words or not words[0].isdigit() or pause is None:
        await streams.err(b"usage: count NUMBER [PAUSE]\n")
        return 2
    for number in range(1, int(words[0]) + 1):
        await streams.out(f"line {number}\n".encode())
        await anyio.sleep(pause)
    return 0


def _duration(text: str) -> float | None:
    if text.endswith("ms"):
        number = _seconds(text.removesuffix("ms"))
        return None if number is None else number / 1000
    return _seconds(text)


PLAIN: Final[dict[str, Executable]] = {
    "count": _count, "true": _true, ":": _true, "false": _false, "echo": _echo, "env": _env,
    "printenv": _printenv, "hostname": _hostname, "date": _date, "whoami": _whoami, "id": _id,
    "pwd": _pwd, "uname": _uname, "sleep": _sleep, "ps": _ps, "kill": _kill, "uptime": _uptime,
}  # fmt: skip
