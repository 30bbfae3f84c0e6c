"""The handlers of the contract, on perdure."""

from __future__ import annotations

import asyncio

import perdure
from generated.contract.v1 import (
    Box,
    BoxContext,
    BoxSharedContext,
    Counter,
    CounterContext,
    CounterSharedContext,
    Flow,
    FlowContext,
    FlowSharedContext,
    Hidden,
    HiddenContext,
    Quick,
    QuickContext,
    Tools,
    ToolsContext,
    Trouble,
)


class TheTools(Tools):
    async def echo(self, ctx: ToolsContext, request: perdure.Json) -> perdure.Json:
        return request

    async def nothing(self, ctx: ToolsContext) -> None:
        return None

    async def swallow(self, ctx: ToolsContext, request: perdure.Json) -> None:
        return None

    async def fail(self, ctx: ToolsContext, request: Trouble) -> None:
        raise perdure.TerminalError(request.message, code=request.code, metadata=request.metadata)

    async def flaky(self, ctx: ToolsContext, request: str) -> None:
        raise ValueError(request)

    async def headers(self, ctx: ToolsContext) -> perdure.Json:
        return dict(ctx.headers)

    async def headers_of(self, ctx: ToolsContext, request: perdure.Json) -> perdure.Json:
        return dict(ctx.headers)

    async def length(self, ctx: ToolsContext, request: str) -> int:
        return len(request)

    async def size(self, ctx: ToolsContext, request: int) -> str:
        return "x" * request

    async def id(self, ctx: ToolsContext) -> str:
        return ctx.invocation_id

    async def wait(self, ctx: ToolsContext, request: str) -> perdure.Json:
        awakeable = ctx.awakeable(object)
        ctx.box(request).send().put(awakeable.id)
        return await awakeable

    async def sleep(self, ctx: ToolsContext, request: int) -> str:
        await asyncio.sleep(request / 1000)
        return "slept"

    async def hidden(self, ctx: ToolsContext, request: perdure.Json) -> perdure.Json:
        return request


class TheHidden(Hidden):
    async def echo(self, ctx: HiddenContext, request: perdure.Json) -> perdure.Json:
        return request


class TheCounter(Counter):
    async def add(self, ctx: CounterContext, request: int) -> int:
        total = await ctx.state.total.get() + request
        ctx.state.total.set(total)
        return total

    async def append(self, ctx: CounterContext, request: int) -> list[int]:
        items = [*await ctx.state.items.get(), request]
        await asyncio.sleep(0.005)
        ctx.state.items.set(items)
        return items

    async def hold(self, ctx: CounterContext, request: str) -> perdure.Json:
        awakeable = ctx.awakeable(object)
        ctx.box(request).send().put(awakeable.id)
        return await awakeable

    async def get(self, ctx: CounterSharedContext) -> int:
        return await ctx.state.total.get()

    async def items(self, ctx: CounterSharedContext) -> list[int]:
        return await ctx.state.items.get()

    async def key(self, ctx: CounterSharedContext) -> str:
        return ctx.key


class TheBox(Box):
    async def put(self, ctx: BoxContext, request: str) -> None:
        ctx.state.content.set(request)

    async def get(self, ctx: BoxSharedContext) -> dict[str, str]:
        return {"content": await ctx.state.content.get()}


class TheFlow(Flow):
    async def run(self, ctx: FlowContext, request: str) -> str:
        ctx.state.step.set("waits")
        word = await ctx.promises.word.value()
        ctx.state.step.set("done")
        return f"{request} {word}"

    async def say(self, ctx: FlowSharedContext, request: str) -> None:
        await ctx.promises.word.resolve(request)

    async def refuse(self, ctx: FlowSharedContext, request: str) -> None:
        await ctx.promises.word.reject(request)

    async def said(self, ctx: FlowSharedContext) -> dict[str, str]:
        return {"word": await ctx.promises.word.peek() or ""}

    async def step(self, ctx: FlowSharedContext) -> str:
        return await ctx.state.step.get()


class TheQuick(Quick):
    async def run(self, ctx: QuickContext, request: Trouble) -> int:
        if request.code >= 400:
            raise perdure.TerminalError(request.message, code=request.code)
        return request.code


app = perdure.App([TheTools(), TheHidden(), TheCounter(), TheBox(), TheFlow(), TheQuick()])
