"""An HTTP server that keeps one Kubernetes object, or one list, and takes JSON Patches of it.

It is for races that a whole cluster cannot be made to lose at will: somebody else's write can be
placed between a reading and the write that follows.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Json = Any


@dataclass
class OneObject:
    """The object as it is, and what was asked for."""

    path: str
    body: Json
    meanwhile: list[Callable[[Json], None]] = field(default_factory=list)
    """Others' writes: one is made before each patch."""
    patches: list[Json] = field(default_factory=list)
    read: list[tuple[str, str]] = field(default_factory=list)
    """What was read, and as whom: path with query, and the Authorization header."""

    def get(self, path: str) -> tuple[int, Json]:
        if path.partition("?")[0] != self.path or self.body is None:
            return 404, {"kind": "Status", "code": 404, "message": f"{path} not found"}
        return 200, self.body

    def patch(self, path: str, operations: Json) -> tuple[int, Json]:
        if self.meanwhile:
            self.meanwhile.pop(0)(self.body)
        self.patches.append(operations)
        try:
            self.body = patched(self.body, operations)
        except (KeyError, IndexError, ValueError) as error:
            return 422, {"kind": "Status", "code": 422, "message": f"patch: {error}"}
        return self.get(path)


def patched(body: Json, operations: Json) -> Json:
    """Apply a JSON Patch, all of it or nothing."""
    body = deepcopy(body)
    for operation in operations:
        *way, last = (
            segment.replace("~1", "/").replace("~0", "~")
            for segment in operation["path"].split("/")[1:]
        )
        place = body
        for segment in way:
            place = place[int(segment) if isinstance(place, list) else segment]
        match operation:
            case {"op": "test", "value": value}:
                if place[last] != value:
                    raise ValueError(f"{operation['path']} is not {value!r}")
            case {"op": "add", "value": value}:
                place[last] = value
            case {"op": "replace", "value": value}:
                place[last], _ = value, place[last]
            case {"op": "remove"}:
                del place[last]
    return body


@contextmanager
def serving(kept: OneObject, kubeconfig: Path) -> Iterator[None]:
    """Serve the object on loopback, and write a kubeconfig that leads there."""

    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kept.read.append((self.path, self.headers.get("Authorization", "")))
            self.answer(*kept.get(self.path))

        def do_PATCH(self) -> None:
            assert self.headers["Content-Type"] == "application/json-patch+json"
            length = int(self.headers["Content-Length"])
            self.answer(*kept.patch(self.path, json.loads(self.rfile.read(length))))

        def answer(self, status: int, body: Json) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Requests) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        kubeconfig.write_text(kubeconfig_of(f"http://127.0.0.1:{server.server_port}"), "utf-8")
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def kubeconfig_of(url: str) -> str:
    """A kubeconfig whose one context leads to the address."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [{"name": "tests", "cluster": {"server": url}}],
            "users": [{"name": "tests", "user": {}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
        }
    )
