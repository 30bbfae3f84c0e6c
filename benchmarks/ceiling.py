"""The ceiling: a bare aiohttp handler that writes what the laws demand, and no engine at all.

    python -m benchmarks.ceiling FOLDER     answers the requests of all workloads
    python -m benchmarks.ceiling            answers with the body it was sent: an echo that remembers nothing

What docs/design.md's laws 1 and 2 demand is written in as few group commits as they allow, with the settings of LMDB
that perdure uses: a record for each acceptance, result of a step, state value, promise, timer and completion. It knows
nothing of replay, retries, versions, checksums or identities, and its handlers are plain functions. So it is not
something to use, but what is left if an engine costs nothing.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lmdb
import msgspec
import uvloop
from aiohttp import web

from benchmarks.seen import SEEN

MAP_BYTES = 16 << 30
"""Address space, not disk."""

Answer = tuple[int, object]
Handler = Callable[[list[str], bytes], Awaitable[Answer]]


class Log:
    """Group commit: what comes while a batch is synced is the next batch."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._env = lmdb.open(str(folder), map_size=MAP_BYTES, max_dbs=0, max_readers=16, readahead=False)
        self._thread = ThreadPoolExecutor(1)
        self._batch: dict[bytes, bytes | None] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._busy = False
        # Ids go on where the last process stopped.
        self._ids = itertools.count(time.time_ns())

    def read(self, prefix: bytes) -> list[tuple[bytes, bytes]]:
        """All records with a prefix."""
        with self._env.begin() as txn, txn.cursor() as cursor:
            found = cursor.iternext() if cursor.set_range(prefix) else ()
            return list(itertools.takewhile(lambda record: record[0].startswith(prefix), found))

    def put(self, key: bytes, value: bytes | None) -> None:
        """Into the next batch; None removes."""
        self._batch[key] = value

    def accept(self, body: bytes) -> bytes:
        """An invocation: a record with a new id, which it returns."""
        id = next(self._ids).to_bytes(8, "big")
        self._batch[b"i" + id] = body
        return id

    def durable(self) -> Awaitable[None]:
        """Until everything that was put so far is on disk."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if not self._busy:
            self._busy = True
            asyncio.get_running_loop().call_soon(self._begin)
        return future

    def _begin(self) -> None:
        batch, self._batch = self._batch, {}
        waiting, self._waiting = self._waiting, []
        done = asyncio.get_running_loop().run_in_executor(self._thread, self._write, batch)
        done.add_done_callback(lambda done: self._committed(done, waiting))

    def _write(self, batch: dict[bytes, bytes | None]) -> None:
        with self._env.begin(write=True) as txn:
            for key, value in sorted(batch.items()):
                if value is None:
                    txn.delete(key)
                else:
                    txn.put(key, value)

    def _committed(self, done: asyncio.Future[None], waiting: list[asyncio.Future[None]]) -> None:
        done.result()
        for future in waiting:
            if not future.done():
                future.set_result(None)
        if self._waiting:
            self._begin()
        else:
            self._busy = False


class Sleepers:
    """Those who sleep, by the time when they wake, with one timer of the loop for the first of them."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._heap: list[tuple[float, bytes, int, int]] = []
        self._timer: asyncio.TimerHandle | None = None

    def load(self) -> None:
        """Those of an earlier process."""
        for key, record in self._log.read(b"t"):
            at, n, ms = msgspec.msgpack.decode(record, type=tuple[float, int, int])
            SEEN.lies_down(n)
            self._heap.append((at, key[1:], n, ms))
        heapq.heapify(self._heap)
        self._set()

    def add(self, id: bytes, n: int, ms: int) -> None:
        """One more: a timer's record."""
        at = time.time() + ms / 1000
        self._log.put(b"t" + id, msgspec.msgpack.encode((at, n, ms)))
        heapq.heappush(self._heap, (at, id, n, ms))
        if self._heap[0][1] == id:
            self._set()

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay = max(0.0, self._heap[0][0] - time.time()) if self._heap else None
        self._timer = None if delay is None else asyncio.get_running_loop().call_later(delay, self._wake)

    def _wake(self) -> None:
        now = time.time()
        while self._heap and self._heap[0][0] <= now:
            _, id, n, ms = heapq.heappop(self._heap)
            SEEN.wakes(n, ms)
            self._log.put(b"t" + id, None)
            self._log.put(b"o" + id, b"null")
        asyncio.ensure_future(self._log.durable())  # noqa: RUF006  nobody waits for it
        self._set()


class Ceiling:
    """The handlers. Each says which records are durable before it goes on."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._totals: dict[str, int] = {}
        self._runs: dict[str, asyncio.Future[bool]] = {}
        self._ids: dict[str, bytes] = {}
        self.sleepers = Sleepers(log)
        self.handlers: dict[str, Handler] = {
            "greet": self.greet,
            "add": self.add,
            "steps": self.steps,
            "relay": self.relay,
            "tick": self.tick,
            "nap": self.nap,
            "report": self.report,
            "late": self.late,
            "run": self.run,
            "decide": self.decide,
            "attach": self.attach,
        }

    async def greet(self, _: list[str], body: bytes) -> Answer:
        """Two records, one commit."""
        result = f"Hello {msgspec.json.decode(body, type=str)}"
        self._complete(self._log.accept(body), result)
        await self._log.durable()
        return 200, result

    async def add(self, path: list[str], body: bytes) -> Answer:
        """Three records, one commit."""
        key = path[1]
        total = self._totals[key] = self._totals.get(key, 0) + msgspec.json.decode(body, type=int)
        self._log.put(b"s" + key.encode(), b"%d" % total)
        self._complete(self._log.accept(body), total)
        await self._log.durable()
        return 200, total

    async def steps(self, _: list[str], body: bytes) -> Answer:
        """Twelve records, eleven commits: a step begins when its past is durable; the last shares its commit."""
        id = self._log.accept(body)
        total = 0
        for n in range(10):
            await self._log.durable()
            total += await one()
            self._log.put(b"j" + id + n.to_bytes(4, "big"), b"1")
        self._complete(id, total)
        await self._log.durable()
        return 200, total

    async def relay(self, _: list[str], body: bytes) -> Answer:
        """Four records, one commit: the callee is inside."""
        name = msgspec.json.decode(body, type=str)
        caller, callee = self._log.accept(body), self._log.accept(msgspec.json.encode(name))
        result = f"Hello {name}"
        self._complete(callee, result)
        self._complete(caller, result)
        await self._log.durable()
        return 200, result

    async def tick(self, _: list[str], body: bytes) -> Answer:
        """Two records; accepted in one commit, completed in a later one."""
        id = self._log.accept(body)
        await self._log.durable()
        asyncio.get_running_loop().call_soon(self._ticks, id, msgspec.json.decode(body, type=dict[str, int])["n"])
        return 202, _accepted(id)

    def _ticks(self, id: bytes, n: int) -> None:
        SEEN.tick(n)
        self._complete(id, None)
        asyncio.ensure_future(self._log.durable())  # noqa: RUF006  nobody waits for it

    async def nap(self, _: list[str], body: bytes) -> Answer:
        """Two records in one commit; on waking one more, and the timer goes."""
        what = msgspec.json.decode(body, type=dict[str, int])
        id = self._log.accept(body)
        SEEN.lies_down(what["n"])
        self.sleepers.add(id, what["n"], what["ms"])
        await self._log.durable()
        return 202, _accepted(id)

    async def report(self, _: list[str], __: bytes) -> Answer:
        """No record."""
        return 200, SEEN.report()

    async def late(self, _: list[str], __: bytes) -> Answer:
        """No record."""
        return 200, SEEN.late()

    async def run(self, path: list[str], body: bytes) -> Answer:
        """One record, one commit."""
        self._ids[path[1]] = id = self._log.accept(body)
        self._runs[path[1]] = asyncio.get_running_loop().create_future()
        await self._log.durable()
        return 202, _accepted(id)

    async def decide(self, path: list[str], body: bytes) -> Answer:
        """Four records, one commit: the call, the promise, and two completions."""
        yes = msgspec.json.decode(body, type=bool)
        self._log.put(b"p" + path[1].encode(), body)
        self._complete(self._log.accept(body), None)
        self._complete(self._ids.pop(path[1]), yes)
        await self._log.durable()
        self._runs[path[1]].set_result(yes)
        return 200, None

    async def attach(self, path: list[str], _: bytes) -> Answer:
        """No record."""
        return 200, await self._runs.pop(path[3])

    def _complete(self, id: bytes, result: object) -> None:
        self._log.put(b"o" + id, msgspec.json.encode(result))

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Find the handler by the last part of the path."""
        path = request.path.split("/")[1:]
        name = path[-2] if path[-1] == "send" else path[-1]
        status, result = await self.handlers[name](path, await request.read())
        return web.Response(status=status, body=msgspec.json.encode(result), content_type="application/json")


async def one() -> int:
    """A step."""
    return 1


def _accepted(id: bytes) -> dict[str, str]:
    return {"invocationId": id.hex(), "status": "Accepted"}


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    """What was sent."""
    return web.Response(body=await request.read(), content_type="application/json")


async def serve() -> None:
    """Until the process is killed. The port is printed."""
    answer = echo
    if len(sys.argv) > 1:
        ceiling = Ceiling(Log(Path(sys.argv[1])))
        ceiling.sleepers.load()
        answer = ceiling.answer
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("ready", runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
