"""Cancellation, deadlines, and what becomes of calls whose wait ends early."""

from __future__ import annotations

import asyncio
import datetime
import functools
from pathlib import Path

import pytest

import perdure
from perdure.core.entry import Cancel, Target
from perdure.core.event import Killed
from perdure.core.tables import INVOCATION, Status
from tests.features.node import Node, node
from tests.support.handlers import Method, serve, service

DONE: list[str] = []


async def leaf(ctx: perdure.Context, name: str) -> str:
    try:
        await asyncio.sleep(30)
    except perdure.TerminalError as e:
        await ctx.run("undo", functools.partial(DONE.append, f"{name} {e} {e.code}"))
        raise
    return name


async def call_leaf(ctx: perdure.Context, name: str) -> str:
    await ctx.call("S", "leaf", f'"{name}"'.encode())
    return "never"


async def impatient(ctx: perdure.Context, how: str) -> str:
    call = ctx.call("S", "leaf", f'"{how}"'.encode())
    try:
        async with asyncio.timeout(0.05):
            await (asyncio.shield(call) if how == "shielded" else call)
    except TimeoutError:
        return "gave up"
    return "never"


async def sender(ctx: perdure.Context, name: str) -> None:
    ctx.send("S", "leaf", f'"{name}"'.encode())
    await asyncio.sleep(30)


@pytest.fixture(autouse=True)
def _clean() -> None:
    DONE.clear()


SERVICES = [service("S", leaf=leaf, call_leaf=call_leaf, impatient=impatient, sender=sender)]


def statuses(n: Node, handler: str) -> list[Status]:
    """Of all invocations of a handler."""
    rows = n.engine.rows.scan(INVOCATION, INVOCATION.letter)
    return [row.status for _, row in rows if row.target == Target("S", None, handler)]


def test_cancelling_reaches_what_was_called(tmp_path: Path) -> None:
    """The callee hears of it where it sleeps, undoes what it did, and both end with 409."""

    async def story() -> None:
        async with node(tmp_path, SERVICES) as n:
            id = n.submit("S/call_leaf", "a")
            await n.until(lambda: statuses(n, "leaf") == [Status.RUNNING])
            n.cancel(id)
            with pytest.raises(perdure.TerminalError, match="cancelled"):
                await n.result(id)
            await n.until(lambda: statuses(n, "leaf") == [Status.COMPLETED])
            assert DONE == ["a cancelled 409"]

    asyncio.run(story())


def test_cancelling_survives_the_process(tmp_path: Path) -> None:
    """The cancellation is in the journal; a replay hears of it at the same place."""

    async def story() -> None:
        async with node(tmp_path, SERVICES) as n:
            id = n.submit("S/leaf", "b")
            await n.until(lambda: statuses(n, "leaf") == [Status.RUNNING])
            n.cancel(id)
        async with node(tmp_path, SERVICES) as n:
            with pytest.raises(perdure.TerminalError, match="cancelled"):
                await n.result(id)

    asyncio.run(story())
    assert DONE.count("b cancelled 409") >= 1


def test_killing_takes_calls_along_and_not_sends(tmp_path: Path) -> None:
    """Nobody is asked; what was called is killed too, and what was sent goes on."""

    async def story() -> None:
        async with node(tmp_path, SERVICES) as n:
            caller, sender = n.submit("S/call_leaf", "called"), n.submit("S/sender", "sent")
            await n.until(lambda: statuses(n, "leaf") == [Status.RUNNING, Status.RUNNING])
            n.engine.apply(Killed(caller))
            n.engine.apply(Killed(sender))
            for id in (caller, sender):
                with pytest.raises(perdure.TerminalError, match="killed"):
                    await n.result(id)
            assert sorted(statuses(n, "leaf"), reverse=True) == [Status.COMPLETED, Status.RUNNING]
            assert DONE == []

    asyncio.run(story())


@pytest.mark.parametrize(("how", "cancels"), [("plain", 1), ("shielded", 0)])
def test_a_timeout_around_a_call_cancels_the_callee_unless_shielded(tmp_path: Path, how: str, cancels: int) -> None:
    """As in plain asyncio; the journal shows which of both it was."""

    async def story() -> None:
        async with node(tmp_path, SERVICES) as n:
            id = n.submit("S/impatient", how)
            assert await n.result(id) == "gave up"
            assert cancels == sum(isinstance(entry, Cancel) for entry in n.journal(id))
            expected = Status.COMPLETED if cancels else Status.RUNNING
            await n.until(lambda: statuses(n, "leaf") == [expected])

    asyncio.run(story())


def test_a_whole_invocation_has_a_deadline(tmp_path: Path) -> None:
    """timeouts.run cancels it with 408, also when the process was down at that time; the error names what fired."""
    options = perdure.HandlerOptions(run_timeout=datetime.timedelta(seconds=0.3))
    slow = service("Slow", options, nap=leaf)

    async def story() -> None:
        async with node(tmp_path, [slow]) as n:
            id = n.submit("Slow/nap", "late")
            await n.until_status(id, Status.RUNNING)
        await asyncio.sleep(0.4)
        async with node(tmp_path, [slow]) as n:
            with pytest.raises(perdure.TerminalError, match=r"Slow/nap timed out: timeouts.run is 0.3 s") as failed:
                await n.result(id)
            assert failed.value.code == 408

    asyncio.run(story())


def test_a_declared_call_timeout_fails_the_call(tmp_path: Path) -> None:
    """timeouts.call of the callee: the caller hears 408 and goes on, and the callee is cancelled."""
    nap = Method("nap", leaf, options=perdure.HandlerOptions(call_timeout=datetime.timedelta(seconds=0.05)))
    slow = serve("Slow", nap)
    definition = slow.__definition__.handlers[0]

    async def ask(ctx: perdure.Context, _: object) -> str:
        try:
            await perdure.ServiceProxy(ctx)._call(definition, "x")
        except perdure.TerminalError as e:
            return f"{e.code} {e}"
        return "never"

    async def story() -> None:
        async with node(tmp_path, [slow, service("A", ask=ask)]) as n:
            said = await n.call("A/ask")
            assert said == "408 the call of Slow/nap timed out: its timeouts.call is 0:00:00.050000"
            await n.until(lambda: DONE == ["x cancelled 409"])

    asyncio.run(story())


def test_one_execution_of_a_function_can_take_too_long(tmp_path: Path) -> None:
    """timeouts.abort ends it, and it is tried again; the second time it is quick."""
    tries: list[int] = []

    async def slow_at_first() -> str:
        tries.append(1)
        await asyncio.sleep(30 if len(tries) == 1 else 0)
        return "done"

    async def work(ctx: perdure.Context, _: object) -> str:
        return await ctx.run("slow", slow_at_first)

    retry = perdure.RetryPolicy(initial=datetime.timedelta(milliseconds=5))
    options = perdure.HandlerOptions(abort_timeout=datetime.timedelta(seconds=0.1), retry=retry)

    async def story() -> None:
        async with node(tmp_path, [service("W", options, work=work)]) as n:
            assert await n.call("W/work") == "done"
            assert len(tries) == 2

    asyncio.run(story())
