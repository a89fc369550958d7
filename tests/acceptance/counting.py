"""Counts what experiments tell, by HTTP: a runner that is kept in writes to no folder of ours."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Count:
    """How often each path was told."""

    url: str = ""
    told: Counter[str] = field(default_factory=Counter)


@contextmanager
def counting() -> Iterator[Count]:
    """A server on loopback that counts, until the scope ends."""
    count = Count()

    class Counting(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            count.told[self.path] += 1
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    server.daemon_threads = True
    count.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield count
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
