"""What the experiments of these tests do: leave marks, sleep, print, fail in every way."""

import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from chaoslib.types import Configuration, Secrets

READ = "import sys; print(len(sys.stdin.read()))"
SECRET = 'se"crét\npass wörd'


def mark(path: str, text: str, seconds: float = 0) -> str:
    """Write a line to a file, then sleep."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    time.sleep(seconds)
    return text


class _Lingering(logging.Handler):
    """Holds chaoslib up on its way from the method to the rollbacks, of which its log tells."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("Rollbacks were"):
            mark(self._path, "method is over", seconds=1)


def linger_after_method(path: str) -> None:
    """Leave a mark after the method, and sleep before the rollbacks begin."""
    logging.getLogger("chaostoolkit").addHandler(_Lingering(path))


def swallow(path: str, text: str) -> bool:
    """Leave a mark, and go on through whatever interrupts."""
    mark(path, text)
    try:
        time.sleep(30)
    except BaseException:  # noqa: BLE001 - as careless code does
        return True
    return False


def noise() -> str:
    """Write to standard output in every way, a line of ours among it."""
    print("plain")  # noqa: T201
    print('{"event": "played", "at": "now", "hold": 0}')  # noqa: T201
    sys.stdout.write("no end of line")
    sys.stdout.flush()
    os.write(1, b"past the buffers\xff\n")
    subprocess.run([sys.executable, "-c", "print('a child')"], check=True)
    return "done"


def garble(path: str) -> bool:
    """Write what is no line of ours to wherever the lines go."""
    nested = b"[" * 100_000
    lines = [b"\xff\xfe", b"[]", b"{}", b'{"event": 1}', b'{"event": "played"}', nested]
    lines.append(b'{"event": "played", "at": "2026-11-24T09:00:00", "hold": 1e999}')
    lines.append(b"x" * (5 * 1024 * 1024))
    for descriptor in range(3, 30):
        with suppress(OSError):
            if "pipe:" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
                _write_all(descriptor, b"\n".join([b"", *lines, b""]))
    return mark(path, "garbled") != ""


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def whisper(how: str, secrets: Secrets | None = None) -> object:
    """Say a secret: as an answer, or in what goes wrong."""
    secret = (secrets or {})["token"]
    if how == "raised":
        raise ValueError(f"{secret!r} is not accepted: {secret}")
    print(secret)  # noqa: T201
    return {"seen": [secret, f"token={secret}", {"bytes": repr(secret.encode())}]}


def fail(how: str) -> None:
    """Fail, in more ways than chaoslib expects."""
    match how:
        case "error":
            raise ValueError("out of range")
        case "exit":
            sys.exit(3)
        case "interrupt":
            raise KeyboardInterrupt
        case "recursion":
            fail(how)
        case "base":
            raise BaseException("as low as can be")  # noqa: TRY002
        case "vanish":
            os._exit(7)
        case _:
            raise AssertionError(how)


def daemon(path: str) -> bool:
    """Leave a program behind that is in no group and no session of ours."""
    if os.fork():
        os.wait()
        return True
    os.setsid()
    if not os.fork():
        Path(path).write_text(str(os.getpid()), encoding="utf-8")
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)"])  # noqa: S606
    os._exit(0)


def read_away() -> bytes:
    """Read standard input to its end, as ssh does."""
    return subprocess.run([sys.executable, "-c", READ], check=True, stdout=subprocess.PIPE).stdout


def deaf(path: str, text: str, seconds: float) -> bool:
    """Hear no signal that can be kept from hearing."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    mark(path, text, seconds)
    return True


def environment(path: str) -> bool:
    """Write the names of all variables of this process to a file."""
    Path(path).write_text("\n".join(sorted(os.environ)), encoding="utf-8")
    return True


def number_in(path: str) -> float:
    """The number that a file holds; an error while there is none."""
    return float(Path(path).read_text(encoding="utf-8"))


def hang(seconds: float = 60) -> bool:
    """Answer far too late."""
    time.sleep(seconds)
    return True


def configured(configuration: Configuration | None = None) -> object:
    return (configuration or {})["size"]
