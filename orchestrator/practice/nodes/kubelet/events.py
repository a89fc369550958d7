"""Events as a kubelet writes them about its pods.

They are written in the background and in order; when the API server is away
for long, the oldest are dropped. An event never holds up a pod.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final, NoReturn

import anyio

from orchestrator.practice.nodes.client import Api, ApiError, ApiRefused, Json
from orchestrator.practice.nodes.moments import now, stamp

MOST_WAITING: Final = 2000
MOST_REMEMBERED: Final = 4096
PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a pod."""

    pod: Json
    reason: str
    message: str
    container: str = ""
    warning: bool = False

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes two events the same happening again."""
        return self.pod["metadata"]["uid"], self.container, self.reason, self.message


@dataclass(slots=True)
class _Written:
    name: str
    count: int


class EventRecorder:
    """Writes events of one node; a repetition raises the count of the first."""

    def __init__(self, api: Api, node: str) -> None:
        self._api = api
        self._node = node
        self._waiting: deque[tuple[Event, str]] = deque(maxlen=MOST_WAITING)
        self._written: OrderedDict[tuple[str, str, str, str], _Written] = OrderedDict()
        self._arrived = anyio.Event()
        self._moment = 0

    def record(self, event: Event) -> None:
        """Note an event; it is written soon."""
        self._waiting.append((event, stamp(now())))
        self._arrived.set()

    async def run(self) -> NoReturn:
        """Write what was noted, for ever."""
        while True:
            await self._arrived.wait()
            self._arrived = anyio.Event()
            while self._waiting:
                await self._write_next()

    async def _write_next(self) -> None:
        event, at = self._waiting[0]
        try:
            await self._write(event, at)
        except ApiRefused:
            pass
        except ApiError:
            await anyio.sleep(PAUSE_SECONDS)
            return
        if self._waiting and self._waiting[0][0] is event:
            self._waiting.popleft()

    async def _write(self, event: Event, at: str) -> None:
        path = f"/api/v1/namespaces/{event.pod['metadata']['namespace']}/events"
        seen = self._written.get(event.key)
        if seen is not None:
            seen.count += 1
            try:
                await self._api.patch(
                    f"{path}/{seen.name}", {"count": seen.count, "lastTimestamp": at}
                )
            except ApiRefused:
                del self._written[event.key]
            else:
                return
        # By its moment, so that a list has the earlier one first.
        name = f"{event.pod['metadata']['name']}.{self._next_moment():x}"
        await self._api.create(path, self._body(event, name, at))
        self._remember(event, name)

    def _next_moment(self) -> int:
        self._moment = max(self._moment + 1, round(now().timestamp() * 1e9))
        return self._moment

    def _remember(self, event: Event, name: str) -> None:
        self._written[event.key] = _Written(name=name, count=1)
        while len(self._written) > MOST_REMEMBERED:
            self._written.popitem(last=False)

    def _body(self, event: Event, name: str, at: str) -> Json:
        metadata = event.pod["metadata"]
        involved = {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        }
        if event.container:
            involved["fieldPath"] = f"spec.containers{{{event.container}}}"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "involvedObject": involved,
            "reason": event.reason,
            "message": event.message,
            "type": "Warning" if event.warning else "Normal",
            "source": {"component": "kubelet", "host": self._node},
            "reportingComponent": "kubelet",
            "reportingInstance": self._node,
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """Tells what happens to one pod, or to one of its containers."""

    events: EventRecorder
    pod: Json
    container: str = ""

    def tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        """Record an event."""
        self.events.record(
            Event(
                pod=self.pod,
                reason=reason,
                message=message,
                container=self.container,
                warning=warning,
            )
        )
