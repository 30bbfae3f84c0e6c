"""What comes from outside while a handler waits: awakeables and promises, early, late and twice."""

from __future__ import annotations

import asyncio

import pytest

import perdure
from perdure import Json
from perdure.core.event import Killed, Purged
from perdure.core.ids import format_awakeable, parse_id
from perdure.core.tables import Status
from perdure.engine.registry import Defaults
from tests.support.handlers import ms, promise, service, workflow
from tests.support.node import Node, virtually
from tests.support.virtual import VirtualLoop


@virtually
async def test_an_awakeable_that_is_completed_early_waits_for_its_handler(loop: VirtualLoop) -> None:
    """Somebody answers before the handler has asked: the answer is there when it does."""

    async def work(ctx: perdure.Context, _: None) -> Json:
        await ctx.sleep(ms(1000))
        return [await ctx.awakeable(str), await ctx.awakeable(str)]

    async with Node(loop, service("Work", perdure.HandlerOptions(inactivity_timeout=ms(10)), work=work)) as node:
        id = await node.send("Work/work")
        for index, value in ((18, "second"), (17, "first")):
            await node.client.resolve_awakeable(format_awakeable(parse_id(id), index), value)
        assert await node.attach(id) == ["first", "second"]


@virtually
async def test_only_the_first_completion_of_an_awakeable_counts(loop: VirtualLoop) -> None:
    """A second one changes nothing, neither now nor on replay; one for an invocation that is over is ignored."""
    told: list[str] = []

    async def work(ctx: perdure.Context, _: None) -> Json:
        first = ctx.awakeable(str)
        told.append(first.id)
        value = await first
        await ctx.sleep(ms(1000))
        return [value, await ctx.awakeable(str)]

    async with Node(loop, service("Work", perdure.HandlerOptions(inactivity_timeout=ms(10)), work=work)) as node:
        id = await node.send("Work/work")
        await node.client.resolve_awakeable(told[0], "first")
        await node.client.reject_awakeable(told[0], "too late")
        await asyncio.sleep(2)
        await node.client.resolve_awakeable(told[0], "far too late")
        await node.client.resolve_awakeable(format_awakeable(parse_id(id), 18), "other")
        assert await node.attach(id) == ["first", "other"]
        await node.client.resolve_awakeable(told[0], "after the end")
        assert await node.attach(id) == ["first", "other"]


@virtually
async def test_a_rejected_awakeable_is_a_terminal_error(loop: VirtualLoop) -> None:
    """With the message of who rejected it, from outside or from a handler."""
    told: dict[str, str] = {}

    async def work(ctx: perdure.Context, name: str) -> Json:
        awakeable = ctx.awakeable(int)
        told[name] = awakeable.id
        return await awakeable

    async def reject(ctx: perdure.Context, id: str) -> Json:
        ctx.reject_awakeable(id, "from a handler", 418)

    async def resolve(ctx: perdure.Context, id: str) -> Json:
        ctx.resolve_awakeable(id, 7)

    async with Node(loop, service("Work", work=work, reject=reject, resolve=resolve)) as node:
        ids = [await node.send("Work/work", name) for name in "abc"]
        await node.client.reject_awakeable(told["a"], "from outside")
        await node.call("Work/reject", told["b"])
        await node.call("Work/resolve", told["c"])
        for id, message, code in ((ids[0], "from outside", 500), (ids[1], "from a handler", 418)):
            with pytest.raises(perdure.TerminalError, match=message) as raised:
                await node.attach(id)
            assert raised.value.code == code
        assert await node.attach(ids[2]) == 7


# --- promises --------------------------------------------------------------------------------------------------


async def run(ctx: perdure.Context, _: None) -> Json:
    """Wait for a promise twice."""
    return [await promise(ctx, "p").value(), await promise(ctx, "p").value()]


async def wait(ctx: perdure.Context, _: None) -> Json:
    """Wait for it in a shared handler."""
    return await promise(ctx, "p").value()


async def look(ctx: perdure.Context, _: None) -> Json:
    """What it holds now."""
    return await promise(ctx, "p").peek()


async def resolve(ctx: perdure.Context, value: str) -> Json:
    """Complete it."""
    try:
        await promise(ctx, "p").resolve(value)
    except perdure.TerminalError as e:
        return [e.code, e.message]
    return "resolved"


async def reject(ctx: perdure.Context, message: str) -> Json:
    """Complete it with an error."""
    await promise(ctx, "p").reject(message, 410)


FLOW = workflow("Flow", run=run, wait=wait, look=look, resolve=resolve, reject=reject)


@virtually
async def test_a_promise_is_completed_once_and_for_all_who_wait(loop: VirtualLoop) -> None:
    """The run and shared handlers get it, whether they asked before or after; a second completion is told 409."""
    async with Node(loop, FLOW) as node:
        id = await node.send("Flow/f/run")
        waiting = [asyncio.create_task(node.call("Flow/f/wait")) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert await node.call("Flow/f/look") is None
        assert await node.call("Flow/f/resolve", "v") == "resolved"
        assert await node.call("Flow/f/resolve", "w") == [409, "promise was already completed"]
        assert await asyncio.gather(*waiting) == ["v"] * 3
        assert await node.attach(id) == ["v", "v"]
        assert await node.call("Flow/f/look") == "v"
        assert await node.call("Flow/f/wait") == "v"


@virtually
async def test_a_promise_may_be_completed_before_the_run_begins(loop: VirtualLoop) -> None:
    """A shared handler needs no run; another workflow's promise of the same name is another one."""
    async with Node(loop, FLOW) as node:
        assert await node.call("Flow/f/resolve", "early") == "resolved"
        id = await node.send("Flow/f/run")
        assert await node.attach(id) == ["early", "early"]
        assert await node.call("Flow/g/look") is None


@virtually
async def test_a_rejected_promise_is_an_error_for_all_who_wait(loop: VirtualLoop) -> None:
    """Also for who only looks."""
    async with Node(loop, FLOW) as node:
        waiting = asyncio.create_task(node.call("Flow/f/wait"))
        await asyncio.sleep(0.1)
        await node.call("Flow/f/reject", "no longer")
        for asked in (waiting, node.call("Flow/f/look"), node.call("Flow/f/wait")):
            with pytest.raises(perdure.TerminalError, match="no longer") as raised:
                await asked
            assert raised.value.code == 410


@virtually
async def test_who_waits_for_a_promise_of_a_forgotten_workflow_is_told_so(loop: VirtualLoop) -> None:
    """Nothing waits for ever: neither after a purge, nor when the result is not kept at all."""
    async with Node(loop, FLOW) as node:
        id = await node.send("Flow/f/run")
        waiting = asyncio.create_task(node.call("Flow/f/wait"))
        await asyncio.sleep(0.1)
        node.engine.apply(Killed(parse_id(id)))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        node.engine.apply(Purged(parse_id(id)))
        with pytest.raises(perdure.TerminalError, match="the workflow was forgotten"):
            await waiting
        assert node.status(id) is None
    async with Node(loop, FLOW, defaults=Defaults(completed_retention_ms=0)) as node:
        id = await node.send("Flow/f/run")
        waiting = asyncio.create_task(node.call("Flow/f/wait"))
        await asyncio.sleep(0.1)
        node.engine.apply(Killed(parse_id(id)))
        with pytest.raises(perdure.TerminalError, match="the workflow was forgotten"):
            await waiting
        assert node.status(id) is not Status.COMPLETED
