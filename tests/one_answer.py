"""A server on loopback that gives the same answer to whoever asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@contextmanager
def answering(
    status: int,
    location: str | None = None,
    body: str = "",
    kind: str = "application/json",
) -> Iterator[list[str]]:
    """A server that gives one answer to all; yields its address, then what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            asked.append(f"{self.command} {self.path}\n{self.headers}")
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self.send_response(status)
            if location is not None:
                self.send_header("location", location)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = answer

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        asked.append(f"http://127.0.0.1:{server.server_address[1]}")
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join(30)
