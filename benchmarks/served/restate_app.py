"""The handlers of the benchmarks, on Restate's SDK for Python."""

from __future__ import annotations

import datetime
from typing import Any

import restate

from benchmarks.seen import SEEN

greeter = restate.Service("Greeter")
bench = restate.Service("Bench")
counter = restate.VirtualObject("Counter")
approval = restate.Workflow("Approval")


async def one() -> int:
    return 1


@greeter.handler()
async def greet(_: restate.Context, name: str) -> str:
    return f"Hello {name}"


@bench.handler()
async def steps(ctx: restate.Context) -> int:
    total = 0
    for _ in range(10):
        total += await ctx.run_typed("step", one)
    return total


@bench.handler()
async def relay(ctx: restate.Context, name: str) -> str:
    return await ctx.service_call(greet, name)


@bench.handler()
async def tick(_: restate.Context, what: dict[str, int]) -> None:
    SEEN.tick(what["n"])


@bench.handler()
async def nap(ctx: restate.Context, what: dict[str, int]) -> None:
    SEEN.lies_down(what["n"])
    await ctx.sleep(datetime.timedelta(milliseconds=what["ms"]))
    SEEN.wakes(what["n"], what["ms"])


@bench.handler()
async def report(_: restate.Context) -> dict[str, Any]:
    return SEEN.report()


@bench.handler()
async def late(_: restate.Context) -> dict[str, Any]:
    return SEEN.late()


@counter.handler()
async def add(ctx: restate.ObjectContext, amount: int) -> int:
    total = (await ctx.get("total", type_hint=int) or 0) + amount
    ctx.set("total", total)
    return total


@approval.main()
async def run(ctx: restate.WorkflowContext, steps: int) -> bool:
    for _ in range(steps):
        await ctx.run_typed("step", one)
    return await ctx.promise("decision", type_hint=bool).value()


@approval.handler()
async def decide(ctx: restate.WorkflowSharedContext, yes: bool) -> None:
    await ctx.promise("decision", type_hint=bool).resolve(yes)


app = restate.app([greeter, bench, counter, approval])
