"""A handler, or an effect, that fails: backing off, giving up, pausing, going on; also across restarts."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from functools import partial

import pytest

import perdure
from perdure import Json
from perdure.core.event import Resumed
from perdure.core.ids import parse_id
from perdure.core.tables import OpenRun, Status
from tests.support.handlers import cell, ms, service, virtual_object
from tests.support.node import Counting, Node, virtually
from tests.support.virtual import VirtualLoop

THREE = perdure.HandlerOptions(retry=perdure.RetryPolicy(initial=ms(100), factor=2, max_attempts=3))
FAILING = perdure.HandlerOptions(retry=perdure.RetryPolicy(initial=ms(100), max_attempts=3, on_exhausted="fail"))


@virtually
async def test_a_handler_that_fails_is_tried_again_with_growing_pauses(loop: VirtualLoop) -> None:
    """100 ms, then 200 ms; the third attempt works, and the caller never hears of the others."""
    times: list[float] = []

    async def flaky(ctx: perdure.Context, _: None) -> Json:
        times.append(round(loop.time(), 3))
        if len(times) < 3:
            raise ConnectionError("down")
        return "done"

    async with Node(loop, service("Flaky", THREE, flaky=flaky)) as node:
        assert await node.call("Flaky/flaky") == "done"
        assert times == [0, 0.1, 0.3]


@virtually
async def test_a_handler_that_never_works_is_paused_with_its_reason(loop: VirtualLoop) -> None:
    """After the last attempt an operator has to look; what it says is what the handler said."""
    attempts: Counter[str] = Counter()

    async def hopeless(ctx: perdure.Context, _: None) -> Json:
        attempts["hopeless"] += 1
        raise KeyError("no such user")

    async with Node(loop, service("Hopeless", THREE, hopeless=hopeless)) as node:
        id = await node.send("Hopeless/hopeless")
        await asyncio.sleep(10)
        assert node.status(id) is Status.PAUSED
        assert node.reason(id) == "KeyError: 'no such user'"
        assert attempts["hopeless"] == 3


@virtually
async def test_a_policy_may_let_it_fail_instead(loop: VirtualLoop) -> None:
    """`on_exhausted: fail`: the caller gets the failure, and the key is free again."""

    async def hopeless(ctx: perdure.Context, _: None) -> Json:
        raise ValueError("bad card")

    async def fine(ctx: perdure.Context, _: None) -> Json:
        return "fine"

    async with Node(loop, virtual_object("Cart", FAILING, hopeless=hopeless, fine=fine)) as node:
        failing = asyncio.create_task(node.call("Cart/c/hopeless"))
        await asyncio.sleep(0.01)
        queued = asyncio.create_task(node.call("Cart/c/fine"))
        with pytest.raises(perdure.TerminalError, match="ValueError: bad card"):
            await failing
        assert await queued == "fine"


@virtually
async def test_a_paused_one_goes_on_when_it_is_resumed(loop: VirtualLoop) -> None:
    """From where it was: what it had done is not done again, and its failures are forgotten."""
    broken = True
    done: list[str] = []

    async def work(ctx: perdure.Context, _: None) -> Json:
        await ctx.run("first", lambda: done.append("first"))
        if broken:
            raise RuntimeError("still broken")
        return "done"

    async with Node(loop, service("Work", THREE, work=work)) as node:
        id = await node.send("Work/work")
        await asyncio.sleep(10)
        assert node.status(id) is Status.PAUSED
        broken = False
        node.engine.apply(Resumed(parse_id(id)))
        assert await node.attach(id) == "done"
        assert done == ["first"]


@virtually
async def test_counts_of_failures_survive_a_restart(loop: VirtualLoop) -> None:
    """Two failures before the restart and one after it are three."""
    attempts: Counter[str] = Counter()

    async def hopeless(ctx: perdure.Context, _: None) -> Json:
        attempts["hopeless"] += 1
        raise RuntimeError("no")

    disk: dict[bytes, bytes] = {}
    hopeless_service = service("Hopeless", THREE, hopeless=hopeless)
    async with Node(loop, hopeless_service, store=Counting(disk)) as node:
        id = await node.send("Hopeless/hopeless")
        await asyncio.sleep(0.15)
        assert node.status(id) is Status.BACKING_OFF
        assert attempts["hopeless"] == 2
    async with Node(loop, hopeless_service, store=Counting(disk)) as node:
        await asyncio.sleep(10)
        assert node.status(id) is Status.PAUSED
        assert attempts["hopeless"] == 3


@virtually
async def test_counts_of_an_effects_failures_survive_a_restart(loop: VirtualLoop) -> None:
    """As those of a handler; and the back-off that was under way is not cut short."""
    times: list[float] = []

    def down() -> str:
        times.append(round(loop.time(), 2))
        raise ConnectionError("down")

    async def work(ctx: perdure.Context, _: None) -> Json:
        return await ctx.run("down", down)

    disk: dict[bytes, bytes] = {}
    work_service = service("Work", THREE, work=work)
    async with Node(loop, work_service, store=Counting(disk)) as node:
        id = await node.send("Work/work")
        await asyncio.sleep(0.15)
        row = node.row(id)
        assert row is not None
        assert isinstance(run := row.open[1], OpenRun)
        assert run.retry is not None
        assert run.retry.failures == 2
    async with Node(loop, work_service, store=Counting(disk)) as node:
        await asyncio.sleep(10)
        assert node.status(id) is Status.PAUSED
        assert node.reason(id) == "ConnectionError: down"
        assert times == [0, 0.1, 0.3]


@virtually
async def test_an_effect_with_a_policy_of_its_own_fails_in_the_handler(loop: VirtualLoop) -> None:
    """When it is exhausted the handler hears of it, and can do something else."""
    calls: Counter[str] = Counter()

    def down() -> str:
        calls["down"] += 1
        raise ConnectionError("down")

    async def work(ctx: perdure.Context, _: None) -> Json:
        try:
            return await ctx.run("down", down, retry=perdure.RetryPolicy(initial=ms(10), max_attempts=4))
        except perdure.TerminalError as e:
            return f"plan B, because of {e}"

    async with Node(loop, service("Work", work=work)) as node:
        assert await node.call("Work/work") == "plan B, because of ConnectionError: down"
        assert calls["down"] == 4


@virtually
async def test_a_terminal_error_of_an_effect_is_not_tried_again(loop: VirtualLoop) -> None:
    """It is recorded as the effect's result, with code and metadata, and a replay raises it again."""
    calls: Counter[str] = Counter()

    def declined() -> str:
        calls["declined"] += 1
        raise perdure.TerminalError("declined", code=402, metadata={"by": "bank"})

    async def pay(ctx: perdure.Context, _: None) -> Json:
        try:
            await ctx.run("declined", declined)
        except perdure.TerminalError as e:
            await ctx.sleep(ms(50))
            return [e.code, e.message, dict(e.metadata)]

    async with Node(loop, service("Shop", perdure.HandlerOptions(inactivity_timeout=ms(10)), pay=pay)) as node:
        assert await node.call("Shop/pay") == [402, "declined", {"by": "bank"}]
        assert calls["declined"] == 1


@virtually
async def test_a_retryable_error_says_when(loop: VirtualLoop) -> None:
    """Its time replaces the policy's pause, in handlers and in effects."""
    times: list[float] = []

    def busy() -> str:
        times.append(round(loop.time(), 3))
        if len(times) == 1:
            raise perdure.RetryableError("busy", retry_after=ms(5000))
        return "done"

    async def work(ctx: perdure.Context, in_effect: bool) -> Json:
        return await ctx.run("busy", busy) if in_effect else busy()

    async with Node(loop, service("Work", THREE, work=work)) as node:
        assert await node.call("Work/work", False) == "done"
        assert times == [0, 5]
        times.clear()
        assert await node.call("Work/work", True) == "done"
        assert times == [5, 10]


@virtually
async def test_sys_exit_ends_an_attempt_and_not_the_process(loop: VirtualLoop) -> None:
    """A library that thinks it is the program harms only the invocation that called it."""

    async def in_handler(ctx: perdure.Context, _: None) -> Json:
        sys.exit(3)

    async def in_effect(ctx: perdure.Context, _: None) -> Json:
        return await ctx.run("exit", partial(sys.exit, 4))

    async with Node(loop, service("Exit", THREE, handler=in_handler, effect=in_effect)) as node:
        ids = [await node.send("Exit/handler"), await node.send("Exit/effect")]
        await asyncio.sleep(10)
        assert [node.status(id) for id in ids] == [Status.PAUSED, Status.PAUSED]
        assert [node.reason(id) for id in ids] == ["SystemExit: 3", "SystemExit: 4"]


@virtually
async def test_a_result_that_cannot_be_kept_is_a_failure(loop: VirtualLoop) -> None:
    """Of an effect or of a handler: what comes back from a journal must be what went in."""

    async def effect(ctx: perdure.Context, _: None) -> Json:
        return await ctx.run("tuple", lambda: (1, 2))

    async def output(ctx: perdure.Context, _: None) -> Json:
        return object()

    async with Node(loop, service("Bad", THREE, effect=effect, output=output)) as node:
        ids = [await node.send("Bad/effect"), await node.send("Bad/output")]
        await asyncio.sleep(10)
        assert [node.status(id) for id in ids] == [Status.PAUSED, Status.PAUSED]
        assert "the result of run tuple cannot be kept: a tuple comes back" in node.reason(ids[0])
        assert "Bad/output returned a bad value" in node.reason(ids[1])


@virtually
async def test_progress_makes_up_for_failures(loop: VirtualLoop) -> None:
    """Failures count in a row: an attempt that gets further starts the count again."""
    fails_at = [1, 2, 3, 4, 5, 6]

    async def climb(ctx: perdure.Context, _: None) -> Json:
        for step in range(1, 8):
            await ctx.run(f"step {step}", lambda: None)
            if step in fails_at:
                fails_at.remove(step)
                raise RuntimeError(f"slipped at {step}")
        return "up"

    async with Node(loop, service("Hill", THREE, climb=climb)) as node:
        assert await node.call("Hill/climb") == "up"


@virtually
async def test_a_handler_that_is_gone_pauses_what_is_under_way(loop: VirtualLoop) -> None:
    """Started again without a service, the node goes on, says what is missing, and resumes when it is back."""

    async def wait(ctx: perdure.Context, _: None) -> Json:
        await ctx.sleep(ms(1000))
        return "waited"

    async def ping(ctx: perdure.Context, _: None) -> Json:
        return "pong"

    disk: dict[bytes, bytes] = {}
    waiting, other = service("Wait", wait=wait), service("Other", ping=ping)
    async with Node(loop, waiting, other, store=Counting(disk)) as node:
        id = await node.send("Wait/wait")
    async with Node(loop, other, store=Counting(disk)) as node:
        await asyncio.sleep(5)
        assert await node.call("Other/ping") == "pong"
        assert node.status(id) is Status.PAUSED
        assert node.reason(id) == "nothing here serves Wait/wait; serve it and resume"
    async with Node(loop, waiting, other, store=Counting(disk)) as node:
        node.engine.apply(Resumed(parse_id(id)))
        assert await node.attach(id) == "waited"


@virtually
async def test_state_that_a_failed_attempt_wrote_is_not_written(loop: VirtualLoop) -> None:
    """An attempt that fails takes back what it asked for since it last waited."""
    attempts: Counter[str] = Counter()

    async def count(ctx: perdure.Context, _: None) -> Json:
        before = await cell(ctx, "n").get() or 0
        cell(ctx, "n").set(before + 1)
        attempts["count"] += 1
        if attempts["count"] < 3:
            raise RuntimeError("after the write")
        return await cell(ctx, "n").get()

    async with Node(loop, virtual_object("Counter", THREE, count=count)) as node:
        assert await node.call("Counter/c/count") == 1


NO_UNICODE = b"caf\xe9".decode("utf-8", "surrogateescape")
"""Such as the name of a file that is not UTF-8."""


class Mute(Exception):
    """Cannot even say what happened."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@virtually
async def test_text_that_no_journal_can_hold_harms_its_invocation_only(loop: VirtualLoop) -> None:
    """In messages it is escaped; in names the handler fails; the node goes on in any case."""

    async def work(ctx: perdure.Context, what: str) -> Json:
        if what == "terminal":
            raise perdure.TerminalError(NO_UNICODE, metadata={"file": NO_UNICODE, "n": 3})  # type: ignore[dict-item]  # a user's mistake
        if what == "handler":
            raise FileNotFoundError(NO_UNICODE)
        if what == "mute":
            raise Mute
        if what == "run":
            return await ctx.run("open", partial(_raise, FileNotFoundError(NO_UNICODE)))
        if what == "mute run":
            return await ctx.run("open", partial(_raise, Mute()))
        if what == "name":
            return await ctx.run(NO_UNICODE, lambda: 1)
        if what == "number":
            return await ctx.run(7, lambda: 1)  # type: ignore[call-overload]  # a user's mistake
        return (await ctx.call("Work", "work", b"1", headers={"file": NO_UNICODE})).decode()

    async with Node(loop, service("Work", THREE, work=work)) as node:
        with pytest.raises(perdure.TerminalError) as raised:
            await node.call("Work/work", "terminal")
        assert raised.value.message == r"caf\udce9"
        assert raised.value.metadata == {"file": r"caf\udce9", "n": "3"}
        names = ("handler", "mute", "run", "mute run", "name", "number", "header")
        ids = [await node.send("Work/work", name) for name in names]
        await asyncio.sleep(10)
        assert [node.status(id) for id in ids] == [Status.PAUSED] * 7
        reasons = [node.reason(id) for id in ids]
        assert reasons[0] == reasons[2] == r"FileNotFoundError: caf\udce9"
        assert reasons[1] == reasons[3] == "Mute: (its message failed: RuntimeError)"
        assert all("cannot be kept in the journal" in reason for reason in reasons[4:])
        with pytest.raises(perdure.RequestRefused, match="cannot be kept"):
            await node.call("Work/work", "name", NO_UNICODE)


def _raise(error: Exception) -> int:
    raise error
