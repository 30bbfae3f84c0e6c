"""A handler's clock is the journal's, and still right when nothing has told it anything for long."""

from __future__ import annotations

import asyncio
import datetime
import time
from pathlib import Path

import perdure
from perdure.core.entry import ReadClock
from tests.features.node import node
from tests.support.handlers import service, virtual_object

TOOK: list[float] = []


async def measure(seconds: float) -> float:
    """Sleep, and say how long that took outside."""
    began = time.monotonic()
    await asyncio.sleep(seconds)
    return time.monotonic() - began


async def nap(ctx: perdure.Context, seconds: float) -> None:
    TOOK.append(await measure(seconds))


def test_a_sleep_is_measured_from_when_it_is_asked_for(tmp_path: Path) -> None:
    """The second waits half a second for its key, and then sleeps as long as it says, not less."""
    TOOK.clear()

    async def story() -> None:
        async with node(tmp_path, [virtual_object("Bed", nap=nap)]) as n:
            first, second = n.submit("Bed/b/nap", 0.5), n.submit("Bed/b/nap", 0.3)
            await n.result(first)
            await n.result(second)
            assert [sum(isinstance(entry, ReadClock) for entry in n.journal(first))] == [0]
            assert [sum(isinstance(entry, ReadClock) for entry in n.journal(second))] == [1]

    asyncio.run(story())
    assert TOOK[0] >= 0.5
    assert TOOK[1] >= 0.3


def test_a_pause_before_a_retry_is_no_sleep(tmp_path: Path) -> None:
    """The first attempts fail; the one that comes through after the back-off sleeps its whole time."""
    TOOK.clear()
    tries: list[int] = []

    async def moody(ctx: perdure.Context, _: object) -> float:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("not yet")
        began = ctx.time()
        TOOK.append(await measure(0.2))
        return ctx.time() - began

    retry = perdure.RetryPolicy(initial=datetime.timedelta(milliseconds=150), factor=1.0)

    async def story() -> None:
        async with node(tmp_path, [service("S", perdure.HandlerOptions(retry=retry), moody=moody)]) as n:
            assert await n.call("S/moody") >= 0.2

    asyncio.run(story())
    assert TOOK[0] >= 0.2


def test_a_clock_that_was_put_forward_is_so_on_replay(tmp_path: Path) -> None:
    """The process ends in the sleep after the correction; the next one sees the same times."""
    seen: list[float] = []

    async def watch(ctx: perdure.Context, _: object) -> float:
        seen.append(ctx.time())
        await asyncio.sleep(0.4)
        return ctx.time() - seen[-1]

    services = [virtual_object("Bed", nap=nap, watch=watch)]

    async def story() -> None:
        async with node(tmp_path, services) as n:
            n.submit("Bed/b/nap", 0.3)
            id = n.submit("Bed/b/watch")
            await n.until(lambda: len(seen) == 1)
        async with node(tmp_path, services) as n:
            assert await n.result(id) >= 0.4
        assert len(seen) == 2
        assert seen[0] == seen[1]

    asyncio.run(story())
