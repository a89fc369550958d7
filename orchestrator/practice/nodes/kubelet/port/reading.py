"""Which part of a container's log somebody wants, and the log cut to it.

The rules are those of `PodLogOptions`; a tail is taken before what is too old is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from orchestrator.practice.nodes.kubelet.container import Container
from orchestrator.practice.nodes.kubelet.logs import ContainerLog, Line
from orchestrator.practice.nodes.kubelet.port.refusals import Refused, bad
from orchestrator.practice.nodes.kubelet.reports import Running, Terminated, Waiting
from orchestrator.practice.nodes.moments import now

_PULLING: Final = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A part of a log, as a request's query names it."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: datetime | None = None
    limit: int | None = None
    stream: str = "All"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        """What a query asks for.

        Raises: Refused: 400, a number or a time is none; 422, a number is out of range.
        """
        seconds, tail, limit = (
            _number(query, name, least)
            for name, least in (("sinceSeconds", 1), ("tailLines", 0), ("limitBytes", 1))
        )
        since = _time(query.get("sinceTime", ""))
        if seconds is not None:
            since = now() - timedelta(seconds=seconds)
        return cls(
            follow=_flag(query, "follow"),
            previous=_flag(query, "previous"),
            timestamps=_flag(query, "timestamps"),
            tail=tail,
            since=since,
            limit=limit,
            stream=query.get("stream") or "All",
        )

    def selected(self, lines: Sequence[Line], *, is_start: bool = True) -> bytes:
        """The text of those of the lines that are wanted."""
        if self.tail is not None and is_start:
            lines = lines[-self.tail :] if self.tail else ()
        return b"".join(self._text(line) for line in lines if self._wants(line))

    def _wants(self, line: Line) -> bool:
        in_time = self.since is None or line.at >= self.since
        return in_time and self.stream in {"All", line.stream}

    def _text(self, line: Line) -> bytes:
        stamp = f"{line.at:%Y-%m-%dT%H:%M:%S.%f}000Z " if self.timestamps else ""
        return f"{stamp}{line.text}\n".encode()


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "false").lower() not in {"", "0", "false"}


def _number(query: Mapping[str, str], name: str, least: int) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    try:
        number = int(text)
    except ValueError:
        raise bad('{"message": "Unable to decode query."}') from None
    if number < least:
        raise Refused(422, '{"message": "Invalid request."}')
    return number


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise bad('{"message": "Unable to decode query."}')
    return at


def log_of(container: Container, pod: str, *, previous: bool) -> ContainerLog:
    """The log of a container's present execution, or of the one before.

    Raises: Refused: 400, there is none; in the words of a kubelet.
    Source: a container that waits to be restarted shows what its last execution wrote.
    """
    report = container.report
    what = f'container "{container.name}" in pod "{pod}"'
    last = report.last_state
    if previous:
        if last is None:
            raise bad(f"previous terminated {what} not found")
        return container.log_of(last.container_id)
    match report.state:
        case Running():
            return container.log_of(report.container_id)
        case Terminated(container_id=container_id):
            return container.log_of(container_id)
        case Waiting(reason=reason) if last is None:
            raise bad(f"{what} is waiting to start: {_PULLING.get(reason, reason)}")
    assert last is not None
    return container.log_of(last.container_id)
