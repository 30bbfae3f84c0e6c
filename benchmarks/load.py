"""A load of HTTP requests from one process: keep-alive connections that each send the next when the last was answered.

It parses no more of a response than it must, so that what is measured is the server.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable

MakeRequest = Callable[[int, int], bytes]
"""The bytes of a request, by connection and count."""


class Connection(asyncio.Protocol):
    """One connection: as many requests as it is given time for."""

    def __init__(self, number: int, make: MakeRequest, until: float, latencies: list[float]) -> None:
        self._number = number
        self._make = make
        self._until = until
        self._latencies = latencies
        self._count = 0
        self._sent = 0.0
        self._buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Count a response when it is whole."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 : head.find(b"\r", at) if b"\r" in head[at:] else None]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        if not head.startswith((b"http/1.1 200", b"http/1.1 202")):
            self.done.set_exception(RuntimeError(self._buffer.decode()))
            self._transport.close()
            return
        self._buffer = b""
        now = time.perf_counter()
        self._latencies.append(now - self._sent)
        if now < self._until:
            self._send()
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server must not close first."""
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"connection lost: {exc}"))

    def _send(self) -> None:
        self._count += 1
        self._sent = time.perf_counter()
        self._transport.write(self._make(self._number, self._count))


def post(path: str, body: bytes) -> bytes:
    """The bytes of a request."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def load(port: int, make: MakeRequest, connections: int, seconds: float) -> dict[str, float]:
    """Load a server; returns requests per second and latencies in milliseconds."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    start = time.perf_counter()
    open_ones = [
        await loop.create_connection(lambda n=n: Connection(n, make, start + seconds, latencies), "127.0.0.1", port)  # type: ignore[misc]  # mypy cannot infer the default
        for n in range(connections)
    ]
    await asyncio.gather(*(protocol.done for _, protocol in open_ones))
    spent = time.perf_counter() - start
    latencies.sort()
    return {
        "per_second": len(latencies) / spent,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
    }


def main() -> None:
    """``python -m benchmarks.load PORT PATH BODY CONNECTIONS SECONDS``; {c} in the path is the connection."""
    port, path, body, connections, seconds = sys.argv[1:]

    def make(connection: int, _: int) -> bytes:
        return post(path.replace("{c}", str(connection)), body.encode())

    print(json.dumps(asyncio.run(load(int(port), make, int(connections), float(seconds)))))


if __name__ == "__main__":
    main()
