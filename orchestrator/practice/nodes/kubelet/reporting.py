"""What a kubelet tells the API of one pod: its status, and where it really listens.

It tells only what changed, and goes on trying while the API server is away. It
does not work out the status; `status` does.
"""

from collections.abc import Callable
from typing import Final, NoReturn

import anyio

from orchestrator.practice.nodes.client import Api, ApiError, ApiRefused, Json, Patch
from orchestrator.practice.nodes.kubelet.kit import Pace
from orchestrator.practice.nodes.kubelet.reports import PodReport
from orchestrator.practice.nodes.kubelet.status import pod_status
from orchestrator.practice.nodes.moments import now

LISTENS: Final = "practice.chaosday.io/listens"


class PodReporter:
    """Keeps the API informed of one pod.

    Shape: `report` gives the pod as it is, `listens` what its ports lead to.
    """

    def __init__(
        self,
        api: Api,
        pod: Json,
        pace: Pace,
        *,
        report: Callable[[], PodReport],
        listens: Callable[[], str],
    ) -> None:
        metadata = pod["metadata"]
        self._api = api
        self._uid = str(metadata["uid"])
        self._path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        self._pace = pace
        self._report = report
        self._listens = listens
        self._dirty = anyio.Event()
        self._conditions: list[Json] = (pod.get("status") or {}).get("conditions") or []
        self._said: Json = {}
        self._said_listens = str((metadata.get("annotations") or {}).get(LISTENS, ""))

    def touch(self) -> None:
        """Something about the pod may have changed."""
        self._dirty.set()

    async def run(self) -> NoReturn:
        """Tell of changes for ever."""
        while True:
            await self._dirty.wait()
            self._dirty = anyio.Event()
            try:
                await self._say_status()
                # Whoever waits for readiness comes first; the annotation is for people.
                if not self._dirty.is_set():
                    await self._say_where_it_listens()
            except ApiRefused as refused:
                # 404 and 409: deleted, or deleted and replaced. The watch will tell.
                if refused.status not in (404, 409):
                    await self._retry_soon()
            except ApiError:
                await self._retry_soon()

    async def say_last(self) -> None:
        """Tell how the pod ended, once; an API server that is away is waited for."""
        while True:
            try:
                await self._say_status()
            except ApiRefused:
                return
            except ApiError:
                await anyio.sleep(self._pace.status_retry.total_seconds())
            else:
                return

    async def _retry_soon(self) -> None:
        await anyio.sleep(self._pace.status_retry.total_seconds())
        self.touch()

    async def _say_status(self) -> None:
        status = pod_status(self._report(), self._conditions, now())
        if status == self._said:
            return
        body = {"metadata": {"uid": self._uid}, "status": status}
        await self._api.patch(f"{self._path}/status", body, Patch.STRATEGIC)
        # What was taken away is not to be taken away again.
        self._conditions = [item for item in status["conditions"] if "$patch" not in item]
        self._said = {**status, "conditions": self._conditions}

    async def _say_where_it_listens(self) -> None:
        listens = self._listens()
        if listens == self._said_listens:
            return
        annotations = {LISTENS: listens or None}
        body = {"metadata": {"uid": self._uid, "annotations": annotations}}
        await self._api.patch(self._path, body)
        self._said_listens = listens
