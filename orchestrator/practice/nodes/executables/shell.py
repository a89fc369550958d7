"""The shell of practice images: finds executables by name and runs small scripts.

It is no POSIX shell: it has variables, quotes, `;`, `&&`, `||`, redirections to files, and `trap`
for the signal that asks to end.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from orchestrator.practice.nodes.executables.around import Around, Executable, Streams
from orchestrator.practice.nodes.executables.fetching import FETCHING
from orchestrator.practice.nodes.executables.filing import FILING, absolute, content
from orchestrator.practice.nodes.executables.plain import PLAIN
from orchestrator.practice.nodes.executables.script import (
    Command,
    SyntaxProblem,
    commands_of,
    expanded,
)
from orchestrator.practice.nodes.executables.trying import TRYING
from orchestrator.practice.nodes.programs import ExecutableNotFound

NOT_FOUND: Final = 127
MISUSED: Final = 2
SHELLS: Final = frozenset({"sh", "bash", "ash"})
_TERM: Final = frozenset({"TERM", "SIGTERM", "15"})
_FOLDERS: Final = frozenset({"", "/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin"})


def executable(name: str) -> Executable:
    """The program that a name or a path stands for.

    Raises: ExecutableNotFound: in the words of a container runtime.
    """
    folder, _, last = name.rpartition("/")
    found = None
    if folder in _FOLDERS:
        found = _sh if last in SHELLS else EXECUTABLES.get(last)
    if found is None:
        if "/" in name:
            raise ExecutableNotFound(f'exec: "{name}": stat {name}: no such file or directory')
        raise ExecutableNotFound(f'exec: "{name}": executable file not found in $PATH')
    return found


EXECUTABLES: Final[dict[str, Executable]] = {**PLAIN, **FILING, **FETCHING, **TRYING}


async def _sh(around: Around, streams: Streams, words: Sequence[str]) -> int:
    session = _Session(around=around, streams=streams)
    if len(words) > 1 and words[0] in {"-c", "-ec", "-xc"}:
        return await session.run(words[1])
    while line := await streams.read():
        text = line.decode(errors="replace")
        session.code = await streams.foreground(partial(session.run, text))
        if session.has_ended:
            break
    return session.code


@dataclass(slots=True, kw_only=True)
class _Session:
    around: Around
    streams: Streams
    code: int = 0
    has_ended: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    trapped: str = ""

    async def run(self, text: str) -> int:
        try:
            commands = commands_of(text)
        except SyntaxProblem as problem:
            await self.streams.err(f"sh: syntax error: {problem}\n".encode())
            self.code = MISUSED
            return self.code
        for command in commands:
            skipped = {"&&": self.code != 0, "||": self.code == 0}.get(command.joined, False)
            if not skipped and not self.has_ended:
                self.code = await self._execute(command)
                await self._mind_signal()
        return self.code

    async def _mind_signal(self) -> None:
        """Do what `trap` asked for, once the command before has ended."""
        stopping, action = self.around.stopping, self.trapped
        if stopping is not None and stopping.is_set() and action:
            self.trapped = ""
            await self.run(action)

    def _value(self, name: str) -> str:
        if name == "?":
            return str(self.code)
        return self.variables.get(name, self.around.environment.get(name, ""))

    async def _execute(self, command: Command) -> int:
        words = [expanded(word, self._value) for word in command.words]
        if words[0] == "exit":
            self.has_ended = True
            return int(words[1]) % 256 if words[1:] and words[1].isdigit() else self.code
        if words[0] == "trap":
            if _TERM.intersection(words[2:]):
                self.trapped = "" if words[1] == "-" else words[1]
            return 0
        if words[0] == "exec" and words[1:]:
            words, self.has_ended = words[1:], True
        name, is_set, value = words[0].partition("=")
        if is_set and name.isidentifier() and len(words) == 1:
            self.variables[name] = value
            return 0
        return await self._redirected(command, words)

    async def _call(self, words: Sequence[str], streams: Streams) -> int:
        try:
            program = executable(words[0])
        except ExecutableNotFound:
            await streams.err(f"sh: {words[0]}: not found\n".encode())
            return NOT_FOUND
        around = replace(
            self.around,
            environment={**self.around.environment, **self.variables},
            # The signal goes to the shell, unless the command takes its place.
            stopping=self.around.stopping if self.has_ended else None,
        )
        return await program(around, streams, words[1:])

    async def _redirected(self, command: Command, words: Sequence[str]) -> int:
        streams = self.streams
        to_errors = command.into == "&2"
        out = _Sink(
            "" if to_errors else self._target(command.into),
            streams.err if to_errors else streams.out,
        )
        if command.appends:
            out.content.extend(content(self.around, out.path) or b"")
        into = "" if command.errors_into == "&1" else command.errors_into
        err = _Sink(self._target(into), streams.err)
        merged = out.take if command.errors_into == "&1" else err.take
        code = await self._call(words, replace(streams, out=out.take, err=merged))
        for sink in (out, err):
            if not sink.is_kept(self.around):
                text = f"sh: can't create {sink.path}: Read-only file system\n"
                await streams.err(text.encode())
                return 1
        return code

    def _target(self, word: str) -> str:
        return absolute(expanded(word, self._value)) if word else ""


class _Sink:
    """Takes what a command writes: on to a stream, or into a file."""

    def __init__(self, path: str, stream: Callable[[bytes], Awaitable[None]]) -> None:
        self.path = path
        self.content = bytearray()
        self._stream = stream

    async def take(self, chunk: bytes) -> None:
        if self.path:
            self.content.extend(chunk)
        else:
            await self._stream(chunk)

    def is_kept(self, around: Around) -> bool:
        """Whether what was taken could be written where it belongs."""
        if self.path in {"", "/dev/null"}:
            return True
        return around.files.write(self.path, bytes(self.content))
