"""The runner's way to talk: JSON lines in from its conductor, JSON lines out to it.

Everything that says a secret is redacted here, on the way out. It does not interpret lines.
"""

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, TextIO
from urllib.parse import quote, quote_plus

from orchestrator.adapters.clock import SystemClock

_SHORTEST_SECRET: Final = 4
_LONGEST_TEXT: Final = 600
_ALONE: Final = 30.0
"""Seconds that the rollbacks may take when the conductor is gone."""


class Lines:
    """Both directions of the talk between a runner and its conductor."""

    def __init__(self, out: TextIO, into: TextIO) -> None:
        self._out = out
        self._in = into
        self._clock = SystemClock()
        self._hidden: list[str] = []
        self._lock = threading.Lock()
        self.begin = threading.Event()
        """Set when the conductor says that the work may begin."""
        self.finish = threading.Event()
        """Set when the conductor says that the fault's time is over."""
        self.roll_back = threading.Event()
        """Set when the guard knows that the rollbacks begin, or when nobody will tell it."""
        self.look = threading.Event()
        """Set when the conductor wants a measurement now, however long the pause is."""
        self.was_interrupted = False
        """Whether nothing more of the method may be played."""

    @classmethod
    def take_over(cls) -> "Lines":
        """Keep standard input and output for our lines.

        Whatever else prints goes to standard error, and whatever else reads finds nothing: a
        program that an activity starts would otherwise read away what the conductor says.
        """
        out, into = os.dup(1), os.dup(0)
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        lines = cls(os.fdopen(out, "w", encoding="utf-8"), os.fdopen(into, encoding="utf-8"))
        threading.Thread(target=lines._listen, daemon=True).start()
        return lines

    def hide(self, secrets: Iterable[object]) -> None:
        """Never let these values out, in none of the forms that they take in a text."""
        texts = {
            form
            for secret in secrets
            if isinstance(secret, (str, int)) and not isinstance(secret, bool)
            for form in _forms(str(secret))
        }
        known = texts.union(self._hidden)
        self._hidden = sorted(
            (text for text in known if len(text) >= _SHORTEST_SECRET), key=len, reverse=True
        )

    def say(self, event: str, **facts: object) -> None:
        """Tell the conductor something; harmless when it is gone."""
        line = {"event": event, "at": self._clock.now().isoformat()} | {
            key: self._clean(value) for key, value in facts.items()
        }
        with self._lock:
            try:
                self._out.write(json.dumps(line, default=repr) + "\n")
                self._out.flush()
            except (OSError, ValueError):
                pass

    def text_of(self, value: object, *, longest: int = _LONGEST_TEXT) -> str:
        """A value in short, for people, without secrets."""
        text = value if isinstance(value, str) else _encoded(value)
        # Before its white space changes and after, since a secret may have some.
        text = str(self._clean(" ".join(str(self._clean(text)).split())))
        return text if len(text) <= longest else text[: longest - 1] + "…"

    def _clean(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        for secret in self._hidden:
            value = value.replace(secret, "***")
        return value

    def _listen(self) -> None:
        for text in self._in:
            try:
                self._hear(json.loads(text))
            except ValueError:
                continue
        self.roll_back.set()
        self._interrupt()
        # Nobody is left who would end what does not listen.
        time.sleep(_ALONE)
        _end_own_group()

    def _hear(self, line: Mapping[str, Any]) -> None:
        match line.get("do"):
            case "begin":
                self.hide(line.get("hidden", ()))
                self.begin.set()
            case "finish":
                self.finish.set()
            case "roll_back":
                self.roll_back.set()
            case "look":
                self.look.set()
            case "stop":
                self._interrupt()

    def _interrupt(self) -> None:
        """Interrupt the main thread once: a second signal would cut the rollbacks short."""
        if self.was_interrupted:
            return
        self.was_interrupted = True
        self.begin.set()
        if not self.finish.is_set():
            os.kill(os.getpid(), signal.SIGUSR1)


def _end_own_group() -> None:
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def _forms(secret: str) -> set[str]:
    """A secret as it stands in JSON, in Python's notation, in an address, and encoded."""
    plain = secret.encode(errors="surrogatepass")
    return {
        secret,
        " ".join(secret.split()),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        repr(plain)[2:-1],
        quote(plain, safe=""),
        quote_plus(plain),
        base64.b64encode(plain).decode(),
    }


def _encoded(value: object) -> str:
    try:
        return json.dumps(value, default=repr)
    except (TypeError, ValueError):
        return repr(value)


def hidden_values(secrets: Mapping[str, Any] | None) -> list[object]:
    """Every value in the secrets of an experiment, however deep."""
    found: list[object] = []
    stack: list[object] = [secrets or {}]
    while stack:
        here = stack.pop()
        if isinstance(here, Mapping):
            stack.extend(here.values())
        elif isinstance(here, (list, tuple)):
            stack.extend(here)
        else:
            found.append(here)
    return found
