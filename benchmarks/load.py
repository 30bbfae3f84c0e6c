"""A load of HTTP requests from one process: keep-alive connections that each send the next when the last was answered.

    python -m benchmarks.load PLAN

PLAN is JSON (`workloads.Plan`), and so is what is printed (`Measured`). It parses no more of a response than it must,
so that what is measured is the server.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from typing import cast

import msgspec
import uvloop

from benchmarks.workloads import WORKLOADS, Plan, Script

OPERATION_S = 120.0
"""How long the last operations may take after the time is over."""


class Measured(msgspec.Struct, kw_only=True):
    """What came of it. An operation is one request, or the three of W7."""

    operations: int
    """All, with those of the warm-up."""
    began: float
    """When the first request was sent, in seconds of the wall clock."""
    per_second: float
    p50_ms: float
    p99_ms: float
    busy: float
    """Share of a core that the load itself took."""


class Load:
    """What the connections share."""

    def __init__(self, plan: Plan) -> None:
        self.script: Script = WORKLOADS[plan.workload].make(plan)
        self.done: list[tuple[float, float]] = []
        """When each operation was done, and how long it took."""
        self.began = time.time()
        self.start = time.perf_counter()
        self.until = self.start + plan.warmup + plan.seconds
        self._warm = self.start + plan.warmup
        self._count = plan.count
        self._connections = plan.connections
        self._numbers = itertools.count()

    def next(self) -> tuple[bytes, ...] | None:
        """The requests of the next operation, if there is one."""
        if self._count:
            number = next(self._numbers)
            return self.script(number) if number < self._count else None
        return self.script(next(self._numbers)) if time.perf_counter() < self.until else None

    def measured(self) -> Measured:
        """Rate and latencies of what was done in the window; of everything if that is too little to say anything."""
        begin, end = (self.start, self.done[-1][0]) if self._count else (self._warm, self.until)
        took = sorted(took for at, took in self.done if begin < at <= end)
        if len(took) < self._connections:
            begin, end = self.start, self.done[-1][0]
            took = sorted(took for _, took in self.done)
        return Measured(
            operations=len(self.done),
            began=self.began,
            per_second=len(took) / (end - begin),
            p50_ms=took[len(took) // 2] * 1000,
            p99_ms=took[len(took) * 99 // 100] * 1000,
            busy=time.process_time() / (self.done[-1][0] - self.start),
        )


class Connection(asyncio.Protocol):
    """One connection: as many operations as it is given time for."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._requests: tuple[bytes, ...] = ()
        self._at = 0
        self._sent = 0.0
        self._buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._begin()

    def data_received(self, data: bytes) -> None:
        """Go on when a response is whole."""
        if self._buffer:
            data = self._buffer + data
        end = data.find(b"\r\n\r\n")
        if end < 0 or len(data) < end + 4 + _length(data[:end].lower()):
            self._buffer = data
            return
        self._buffer = b""
        if not data.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202", b"HTTP/1.1 204")):
            self._fail(data.decode("utf-8", "replace"))
            return
        self._at += 1
        if self._at < len(self._requests):
            self._transport.write(self._requests[self._at])
            return
        now = time.perf_counter()
        self._load.done.append((now, now - self._sent))
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server must not close first."""
        if not self.done.done():
            self._fail(f"connection lost: {exc}")

    def _begin(self) -> None:
        requests = self._load.next()
        if requests is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._requests = requests
        self._at = 0
        self._sent = time.perf_counter()
        self._transport.write(requests[0])

    def _fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"{self._requests[self._at]!r}: {why}"))
        self._transport.close()


def _length(head: bytes) -> int:
    """Length of the body behind this head, which is in lower case."""
    at = head.find(b"content-length:")
    if at < 0:
        if b"transfer-encoding:" in head:
            raise RuntimeError("a response came in chunks, which this load does not read")
        return 0
    end = head.find(b"\r", at)
    return int(head[at + 15 : end if end >= 0 else None])


async def load(plan: Plan) -> Measured:
    """Load a server.

    Raises:
        RuntimeError: It answered with an error, or closed a connection.
    """
    loop = asyncio.get_running_loop()
    shared = Load(plan)
    opened = [
        await loop.create_connection(lambda: Connection(shared), "127.0.0.1", plan.port)
        for _ in range(plan.connections)
    ]
    limit = plan.count / 5 + OPERATION_S if plan.count else plan.warmup + plan.seconds + OPERATION_S
    async with asyncio.timeout(limit):
        await asyncio.gather(*(protocol.done for _, protocol in opened))
    return shared.measured()


def main() -> None:
    """Load as the plan says."""
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    print(msgspec.json.encode(uvloop.run(load(plan))).decode())


if __name__ == "__main__":
    main()
