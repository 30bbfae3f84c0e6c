"""The engine as it is served: a real loop, real threads, a real disk."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import perdure
from perdure import Json
from perdure.client import Request
from perdure.core.check import violations
from perdure.serde import encode
from tests.support.handlers import cell, ms, service, virtual_object
from tests.support.node import parse, plain


async def add(ctx: perdure.Context, number: int) -> Json:
    """Add to the state; one at a time, so no update is lost."""
    total = (await cell(ctx, "total").get() or 0) + number
    await asyncio.sleep(0.001)
    cell(ctx, "total").set(total)
    return total


def _blocking(number: int) -> list[int | str]:
    time.sleep(0.005)
    return [number, threading.current_thread().name]


async def work(ctx: perdure.Context, number: int) -> Json:
    """A plain function in a thread, a coroutine on the main loop, and a call."""

    async def waiting() -> int:
        await asyncio.sleep(0.002)
        return number

    (blocked, thread), waited = await asyncio.gather(
        ctx.run("blocking", lambda: _blocking(number), returns=list[Json]), ctx.run("waiting", waiting)
    )
    await ctx.call("Sum", "add", encode(1), key=str(number % 5))
    return [blocked == waited == number, thread]


def test_many_at_once_on_threads_and_disk(tmp_path: Path) -> None:
    """Blocking effects do not block the loop; every answer is right; the store is in order, also when read again."""
    soon = perdure.HandlerOptions(inactivity_timeout=ms(3))
    app = perdure.App([service("Work", soon, work=work), virtual_object("Sum", soon, add=add)])

    async def ask() -> None:
        async with app.open(tmp_path) as client:
            asked = [client.transport.call(Request(parse("Work/work"), encode(number))) for number in range(200)]
            answers = [plain(answer) for answer in await asyncio.gather(*asked)]
            assert all(right for right, _ in answers)
            assert all(thread.startswith("perdure-run") for _, thread in answers)
            assert len({thread for _, thread in answers}) > 1
            totals = [client.transport.call(Request(parse(f"Sum/{key}/add"), encode(0))) for key in range(5)]
            assert [plain(total) for total in await asyncio.gather(*totals)] == [40] * 5

    async def look() -> None:
        async with app.engine(tmp_path) as engine:
            assert engine.recovered.running == 0
            assert violations(engine.rows) == []

    asyncio.run(ask())
    asyncio.run(look())
