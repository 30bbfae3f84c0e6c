"""A scenario that has everything in it at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial
from typing import Any

import perdure
from perdure import Json
from perdure.client import Request
from perdure.core.entry import Target
from perdure.core.ids import format_id, workflow_id
from perdure.serde import decode, encode
from tests.sim.world import Callers, Life, World
from tests.support.handlers import cell, ms, promise, service, virtual_object, workflow

SOON_ASLEEP = perdure.HandlerOptions(inactivity_timeout=ms(20))
FLAKY = perdure.RetryPolicy(initial=ms(30), max_attempts=5)


class Mixed:
    """State, a queue on one key, a race, failures, a tree of calls, delayed sends, retries, a long wait, promises."""

    name = "mixed"

    def services(self, life: Life) -> list[perdure.Handlers]:
        """What is served."""
        of_life = Services(life)
        return [
            virtual_object("Cart", SOON_ASLEEP, add=of_life.add, rest=of_life.rest, peek=of_life.peek),
            service(
                "Work",
                SOON_ASLEEP,
                race=of_life.race,
                fail=of_life.fail,
                tree=of_life.tree,
                flaky=of_life.flaky,
                stumble=of_life.stumble,
                approve=of_life.approve,
            ),
            workflow("Order", SOON_ASLEEP, run=of_life.order, pay=of_life.pay),
        ]

    async def clients(self, callers: Callers) -> None:
        """All at once."""
        async with asyncio.TaskGroup() as group:
            for client in (self._queue, self._requests, self._tree, self._approval, self._order, self._scheduled):
                group.create_task(client(callers))
        await callers.call("cart", Target("Cart", "c", "peek"))

    def effects(self, world: World) -> Counter[str]:
        """How often each effect began."""
        return world.effects

    async def _queue(self, callers: Callers) -> None:
        """Three requests for one key, the second of which takes its time. Which one is first is up to chance."""
        await callers.send("rest", Target("Cart", "q", "rest"), 40)
        async with asyncio.TaskGroup() as group:
            for turn in range(3):
                group.create_task(callers.send(f"add {turn}", Target("Cart", "q", "add"), f"q{turn}"))
        for turn in range(3):
            await callers.attach(f"added {turn}", callers.world.sent[f"add {turn}"])
        await callers.call("queue", Target("Cart", "q", "peek"))

    async def _requests(self, callers: Callers) -> None:
        for name, value in (("race", None), ("fail", "f1"), ("flaky", "fl1"), ("stumble", "st1")):
            await callers.call(name, Target("Work", None, name), value)

    async def _tree(self, callers: Callers) -> None:
        """The root's answer says whom it sent something to; what it sent must come to its end as well."""
        answer = decode((await callers.call("tree", Target("Work", None, "tree"), 1)).encode(), Any)
        for number, id in enumerate(answer["sent"]):
            await callers.attach(f"sent {number}", id)

    async def _approval(self, callers: Callers) -> None:
        id = await callers.send("approve", Target("Work", None, "approve"), "a1")
        awakeable = await callers.until(lambda: callers.world.outbox.get("a1"))
        await asyncio.sleep(0.1)
        await callers.once("approval", lambda: callers.client.resolve_awakeable(awakeable, "yes"))
        await callers.attach("approved", id)

    async def _order(self, callers: Callers) -> None:
        run = format_id(workflow_id("Order", "o1"))
        await callers.once("ordered", partial(self._start_order, callers))
        await asyncio.sleep(0.1)
        await callers.call("pay", Target("Order", "o1", "pay"), 42)
        await callers.call("pay twice", Target("Order", "o1", "pay"), 43)
        await callers.attach("order", run)

    async def _start_order(self, callers: Callers) -> str:
        await callers.client.transport.send(Request(Target("Order", "o1", "run"), encode("tea")))
        return "accepted"

    async def _scheduled(self, callers: Callers) -> None:
        id = await callers.send("later", Target("Cart", "c", "add"), "c-later", delay=ms(70))
        await callers.attach("was later", id)


class Services:
    """The handlers, in one life of the process."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._world: World = life.world

    def _effect(self, name: str, value: object = None, **options: Any) -> Any:  # noqa: ANN401  of `Life.effect`
        return partial(self._life.effect, name, value, **options)

    async def add(self, ctx: perdure.Context, item: str) -> Json:
        """Put it in. An update that is lost would be missing in the cart, whatever came first."""
        items: list[str] = await cell(ctx, "items").get() or []
        await ctx.run(f"add {item}", partial(self._life.threaded_effect, f"add {item}", "ok"))
        cell(ctx, "items").set([*items, item])
        return f"{item} is in"

    async def rest(self, ctx: perdure.Context, wait_ms: int) -> Json:
        """Hold the key for some time."""
        await ctx.sleep(ms(wait_ms))
        return "rested"

    async def peek(self, ctx: perdure.Context, _: None) -> Json:
        """What is in the cart, whoever came first."""
        return sorted(await cell(ctx, "items").get() or [])

    async def race(self, ctx: perdure.Context, _: None) -> Json:
        """Two timers, a time limit, and a task that is cancelled."""
        slow, fast = asyncio.create_task(asyncio.sleep(0.06, "slow")), asyncio.create_task(asyncio.sleep(0.03, "fast"))
        done, pending = await asyncio.wait({slow, fast}, return_when=asyncio.FIRST_COMPLETED)
        slow.cancel()
        try:
            async with asyncio.timeout(0.02):
                await asyncio.sleep(1)
        except TimeoutError:
            return [[task.result() for task in done], len(pending), "in time"]

    async def fail(self, ctx: perdure.Context, name: str) -> Json:
        """Fail for good, after an effect."""
        await ctx.run(name, self._effect(name))
        raise perdure.TerminalError("no such thing", code=404)

    async def tree(self, ctx: perdure.Context, depth: int) -> Json:
        """Call two of its kind, wait for both, add to a cart, and send something for later."""
        path = f"{ctx.headers.get('path', 'r')}"
        async with asyncio.TaskGroup() as group:
            branches = [
                group.create_task(self._branch(ctx, depth - 1, f"{path}{number}"))
                for number in range(2 if depth else 0)
            ]
        added = await ctx.call("Cart", "add", encode(path), key="c")
        sent = ctx.send("Cart", "add", encode(f"{path}-late"), key="c", delay=ms(25))
        below = [branch.result() for branch in branches]
        ids = [sent.invocation_id, *(id for branch in below for id in branch["sent"])]
        return {"size": 1 + sum(branch["size"] for branch in below), "added": bool(added), "sent": ids}

    async def _branch(self, ctx: perdure.Context, depth: int, path: str) -> Json:
        answer = await ctx.call("Work", "tree", encode(depth), headers={"path": path})
        return decode(answer, Any)

    async def flaky(self, ctx: perdure.Context, name: str) -> Json:
        """An effect that works the third time, and one that never does."""
        good = await ctx.run(name, self._effect(name, "third time", failures=2), retry=FLAKY)
        try:
            await ctx.run(f"{name} never", self._effect(f"{name} never", failures=1000), retry=FLAKY)
        except perdure.TerminalError as e:
            return [good, str(e)]

    async def stumble(self, ctx: perdure.Context, name: str) -> Json:
        """The handler itself fails, in its first attempts."""
        first = await ctx.run(name, self._effect(name, "done"))
        self._world.attempts[name] += 1
        if self._world.attempts[name] < 3:
            raise RuntimeError("stumbled")
        return first

    async def approve(self, ctx: perdure.Context, name: str) -> Json:
        """Wait for somebody outside."""
        awakeable = ctx.awakeable(str)
        await ctx.run(name, partial(self._ask, name, awakeable.id))
        return await awakeable

    async def _ask(self, name: str, awakeable: str) -> None:
        await self._life.effect(name)
        self._world.outbox[name] = awakeable

    async def order(self, ctx: perdure.Context, what: str) -> Json:
        """Wait for the payment."""
        await ctx.run(f"order {what}", self._effect(f"order {what}"))
        paid = await promise(ctx, "paid").value()
        cell(ctx, "paid").set(paid)
        return [what, paid]

    async def pay(self, ctx: perdure.Context, amount: int) -> Json:
        """Pay once."""
        await promise(ctx, "paid").resolve(amount)
        return await promise(ctx, "paid").peek()
