"""The handlers of the benchmarks, on perdure."""

from __future__ import annotations

import asyncio
import datetime
import os

import perdure
from benchmarks.seen import SEEN
from generated.bench.v1 import (
    Approval,
    ApprovalContext,
    ApprovalSharedContext,
    Bench,
    BenchContext,
    Counter,
    CounterContext,
    CounterSharedContext,
    Greeter,
    GreeterContext,
)


async def one() -> int:
    return 1


class TheGreeter(Greeter):
    async def greet(self, ctx: GreeterContext, name: str) -> str:
        return f"Hello {name}"


class TheBench(Bench):
    async def steps(self, ctx: BenchContext) -> int:
        total = 0
        for _ in range(10):
            total += await ctx.run("step", one)
        return total

    async def relay(self, ctx: BenchContext, name: str) -> str:
        return await ctx.greeter().greet(name)

    async def tick(self, ctx: BenchContext, n: int) -> None:
        SEEN.tick(n)

    async def nap(self, ctx: BenchContext, n: int, ms: int) -> None:
        SEEN.lies_down(n)
        await asyncio.sleep(ms / 1000)
        SEEN.wakes(n, ms)

    async def report(self, ctx: BenchContext) -> perdure.Json:
        return SEEN.report()

    async def late(self, ctx: BenchContext) -> perdure.Json:
        return SEEN.late()

    async def echo(self, ctx: BenchContext, text: str) -> str:
        return text


class TheCounter(Counter):
    async def add(self, ctx: CounterContext, amount: int) -> int:
        total = await ctx.state.total.get() + amount
        ctx.state.total.set(total)
        return total

    async def pause(self, ctx: CounterContext, ms: int) -> None:
        await asyncio.sleep(ms / 1000)

    async def keep(self, ctx: CounterContext, text: str) -> None:
        ctx.state.blob.set(text)

    async def kept(self, ctx: CounterSharedContext) -> str:
        return await ctx.state.blob.get()


class TheApproval(Approval):
    async def run(self, ctx: ApprovalContext, steps: int) -> bool:
        for _ in range(steps):
            await ctx.run("step", one)
        SEEN.tick(steps)
        return await ctx.promises.decision.value()

    async def decide(self, ctx: ApprovalSharedContext, yes: bool) -> None:
        await ctx.promises.decision.resolve(yes)


# Replaying a journal can only be measured on an attempt that has left memory.
INACTIVITY = datetime.timedelta(milliseconds=int(os.environ.get("BENCH_INACTIVITY_MS", "60000")))

app = perdure.App([TheGreeter(), TheBench(), TheCounter(), TheApproval()], inactivity_timeout=INACTIVITY)
