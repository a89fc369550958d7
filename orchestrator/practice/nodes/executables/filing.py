"""Commands on the files of a container: cat, ls, touch, rm, test.

A practice container has few files: its names, what is mounted, and what was written.
"""

from collections.abc import Sequence
from typing import Final

from orchestrator.practice.nodes.executables.around import Around, Executable, Streams

_FOLDERS: Final = ("/bin", "/dev", "/etc", "/proc", "/tmp", "/usr", "/var")  # noqa: S108
_KNOWN: Final = "cluster.local"


def content(around: Around, path: str) -> bytes | None:
    """What is in a file; none when there is no such file."""
    path = absolute(path)
    known = {
        "/etc/hostname": f"{around.pod}\n",
        "/etc/hosts": f"127.0.0.1\tlocalhost\n{around.ip}\t{around.pod}\n",
        "/etc/resolv.conf": (
            f"search {around.namespace}.svc.{_KNOWN} svc.{_KNOWN} {_KNOWN}\n"
            "nameserver 10.96.0.10\noptions ndots:5\n"
        ),
        "/etc/os-release": 'NAME="Practice image"\nID=practice\n',
        "/dev/null": "",
    }
    found = around.files.read(path)
    return known[path].encode() if found is None and path in known else found


def absolute(path: str) -> str:
    """The path from the root, where every command starts."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in {"", ".", ".."}:
            parts.append(part)
    return "/" + "/".join(parts)


def _names(around: Around, folder: str) -> list[str] | None:
    """What a folder holds; none when there is no such folder."""
    found = around.files.names(folder)
    if folder == "/":
        found += [f"{name.removeprefix('/')}/" for name in _FOLDERS]
    if folder == "/etc":
        found += ["hostname", "hosts", "os-release", "resolv.conf"]
    if folder == "/bin":
        found += ["sh"]
    return sorted(set(found)) if found or folder in _FOLDERS else None


async def _cat(around: Around, streams: Streams, words: Sequence[str]) -> int:
    if not words:
        while chunk := await streams.read():
            await streams.out(chunk)
        return 0
    code = 0
    for word in words:
        found = content(around, word)
        if found is None:
            why = "No such file or directory"
            if _names(around, absolute(word)) is not None:
                why = "Is a directory"
            await streams.err(f"cat: can't open '{word}': {why}\n".encode())
            code = 1
        else:
            await streams.out(found)
    return code


async def _ls(around: Around, streams: Streams, words: Sequence[str]) -> int:
    code = 0
    for word in [word for word in words if not word.startswith("-")] or ["/"]:
        path = absolute(word)
        names = [word] if content(around, path) is not None else _names(around, path)
        if names is None:
            await streams.err(f"ls: {word}: No such file or directory\n".encode())
            code = 1
        else:
            await streams.out("".join(f"{name.rstrip('/')}\n" for name in names).encode())
    return code


async def _touch(around: Around, streams: Streams, words: Sequence[str]) -> int:
    code = 0
    for word in words:
        if content(around, word) is None and not around.files.write(absolute(word), b""):
            code = 1
    return code if words else await _usage(streams, "touch FILE...")


async def _rm(around: Around, streams: Streams, words: Sequence[str]) -> int:
    code = 0
    forced = any(word.startswith("-") and "f" in word for word in words)
    for word in [word for word in words if not word.startswith("-")]:
        if not around.files.remove(absolute(word)) and not forced:
            text = f"rm: can't remove '{word}': No such file or directory\n"
            await streams.err(text.encode())
            code = 1
    return code


async def _test(around: Around, streams: Streams, words: Sequence[str]) -> int:
    match [word for word in words if word != "]"]:
        case ["-f", path]:
            return 0 if content(around, path) is not None else 1
        case ["-e", path]:
            there = content(around, path) is not None
            return 0 if there or _names(around, absolute(path)) is not None else 1
        case ["-d", path]:
            return 0 if _names(around, absolute(path)) is not None else 1
        case [left, "=", right]:
            return 0 if left == right else 1
        case ["-n", text]:
            return 0 if text else 1
        case ["-z", text]:
            return 1 if text else 0
    return await _usage(streams, "test -f|-e|-d FILE, test A = B, test -n|-z TEXT")


async def _usage(streams: Streams, text: str) -> int:
    await streams.err(f"usage: {text}\n".encode())
    return 2


FILING: Final[dict[str, Executable]] = {
    "cat": _cat, "ls": _ls, "touch": _touch, "rm": _rm, "test": _test, "[": _test,
}  # fmt: skip
