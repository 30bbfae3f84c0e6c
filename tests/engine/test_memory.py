"""What only waits leaves memory, and comes back when there is something to hear."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

import perdure
from perdure import Json
from perdure.core.tables import Status
from perdure.engine import idle
from perdure.engine.boundary import Boundary
from perdure.serde import decode, encode
from tests.support.handlers import ms, promise, service, virtual_object, workflow
from tests.support.node import Counting, Gate, Node, virtually
from tests.support.virtual import VirtualLoop


def after(timeout_ms: float) -> perdure.HandlerOptions:
    """Leave memory after so long."""
    return perdure.HandlerOptions(inactivity_timeout=ms(timeout_ms))


async def nap(ctx: perdure.Context, wait_ms: int) -> Json:
    """Sleep, twice."""
    await asyncio.sleep(wait_ms / 2000)
    await asyncio.sleep(wait_ms / 2000)
    return "rested"


@virtually
async def test_what_waits_too_long_is_suspended_and_woken_in_time(loop: VirtualLoop) -> None:
    """In memory for 100 ms, then on disk only; each sleep ends when it should."""
    async with Node(loop, service("Nap", after(100), nap=nap)) as node:
        id = await node.send("Nap/nap", 2000)
        await asyncio.sleep(0.05)
        assert node.status(id) is Status.RUNNING
        await asyncio.sleep(0.1)
        assert node.status(id) is Status.SUSPENDED
        assert node.engine._runner.attempts == {}
        assert await node.attach(id) == "rested"
        assert round(loop.time(), 3) == 2
        assert node.reached[Boundary.BEFORE_SUSPENSION] == 2


@virtually
async def test_every_kind_of_waiting_can_be_suspended(loop: VirtualLoop) -> None:
    """A call, a run that backs off, an awakeable, a promise, an attach: suspended at once, woken by the answer."""
    told: dict[str, str] = {}
    calls: Counter[str] = Counter()

    def flaky() -> str:
        calls["flaky"] += 1
        if calls["flaky"] < 3:
            raise ConnectionError("down")
        return "flaky"

    async def wait(ctx: perdure.Context, what: str) -> Json:
        if what == "call":
            return decode(await ctx.call("Work", "nap", encode(1000)), str)
        if what == "run":
            return await ctx.run("flaky", flaky, retry=perdure.RetryPolicy(initial=ms(1000)))
        if what == "attach":
            return await ctx.attach(ctx.send("Work", "nap", encode(1000)).invocation_id, str)
        awakeable = ctx.awakeable(str)
        told[what] = awakeable.id
        return await awakeable

    async def run(ctx: perdure.Context, _: None) -> Json:
        return await promise(ctx, "p").value()

    async def tell(ctx: perdure.Context, value: str) -> Json:
        await promise(ctx, "p").resolve(value)

    services = (service("Work", after(0), wait=wait, nap=nap), workflow("Flow", after(0), run=run, tell=tell))
    async with Node(loop, *services) as node:
        ids = [await node.send("Work/wait", what) for what in ("call", "run", "attach", "awakeable")]
        ids.append(await node.send("Flow/f/run"))
        await asyncio.sleep(0.5)
        assert [node.status(id) for id in ids] == [Status.SUSPENDED] * 5
        await node.client.resolve_awakeable(told["awakeable"], "told")
        await node.call("Flow/f/tell", "promised")
        answers = await asyncio.gather(*(node.attach(id) for id in ids))
        assert answers == ["rested", "flaky", "rested", "told", "promised"]


@virtually
async def test_a_run_whose_command_is_being_written_keeps_its_attempt(loop: VirtualLoop) -> None:
    """The attempt has the closure; suspended before the commit ends, nobody would ever start it."""

    async def work(ctx: perdure.Context, _: None) -> Json:
        return await ctx.run("effect", lambda: "done")

    gate = Gate()
    async with Node(loop, service("Work", after(0), work=work), commits=gate) as node:
        asked = asyncio.create_task(node.call("Work/work"))
        await asyncio.sleep(10)
        gate.open()
        assert await asyncio.wait_for(asked, 10) == "done"


@virtually
async def test_one_that_is_told_something_is_not_suspended_before_it_hears_it(loop: VirtualLoop) -> None:
    """Its time to leave comes in the turn in which its sleep ends, behind many others: it wakes up nevertheless."""
    async with Node(loop, service("Nap", after(50), nap=nap)) as node:
        ids = [await node.send("Nap/nap", 100) for _ in range(300)]
        answers = await asyncio.wait_for(asyncio.gather(*(node.attach(id) for id in ids)), 10)
        assert answers == ["rested"] * 300


@virtually
async def test_memory_is_bounded(loop: VirtualLoop) -> None:
    """One more than the bound, and the one that has waited longest leaves; all of them come to their end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idle, "IDLE_AT_MOST", 20)
        async with Node(loop, service("Nap", after(60_000), nap=nap)) as node:
            ids = [await node.send("Nap/nap", 10_000) for _ in range(50)]
            await asyncio.sleep(1)
            assert len(node.engine._runner.attempts) == 20
            assert [node.status(id) for id in ids] == [Status.SUSPENDED] * 30 + [Status.RUNNING] * 20
            assert await asyncio.gather(*(node.attach(id) for id in ids)) == ["rested"] * 50


@virtually
async def test_a_start_loads_only_what_is_active(loop: VirtualLoop) -> None:
    """Of many that sleep and are over, a new life begins the one that ran; the others wait for their timers."""
    disk: dict[bytes, bytes] = {}
    napping = virtual_object("Nap", after(100), nap=nap)
    async with Node(loop, napping, store=Counting(disk)) as node:
        for number in range(50):
            await node.send(f"Nap/{number}/nap", 60_000)
        await asyncio.sleep(1)
        late = await node.send("Nap/late/nap", 60_000)
    async with Node(loop, napping, store=Counting(disk)) as node:
        assert node.engine.recovered.running == 1
        assert node.engine.recovered.first_timer_ms is not None
        await asyncio.sleep(0.01)
        assert [attempt.target.key for attempt in node.engine._runner.attempts.values()] == ["late"]
        assert await node.attach(late) == "rested"
