"""Handlers that ask for other handlers: calls, sends, identities, cancelling and killing."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

import perdure
from perdure import Json
from perdure.core.event import Killed, Purged, Signalled
from perdure.core.ids import CANCEL_SIGNAL, parse_id
from perdure.core.lifecycle import CANCELLED
from perdure.core.tables import Status
from perdure.engine.registry import Defaults
from perdure.serde import decode, encode
from tests.support.handlers import Method, cell, ms, serve, service, virtual_object, workflow
from tests.support.node import Node, virtually
from tests.support.virtual import VirtualLoop

PATIENT = perdure.HandlerOptions(retry=perdure.RetryPolicy(initial=ms(10), max_attempts=2))


async def echo(ctx: perdure.Context, value: Json) -> Json:
    """What it was given."""
    return value


async def slow(ctx: perdure.Context, value: Json) -> Json:
    """The same, a second later."""
    await asyncio.sleep(1)
    return value


ECHO = service("Echo", PATIENT, echo=echo, slow=slow)


@virtually
async def test_a_call_and_its_failure_reach_the_caller(loop: VirtualLoop) -> None:
    """The value as bytes; a terminal error as one, with its code."""

    async def refuse(ctx: perdure.Context, _: None) -> Json:
        raise perdure.TerminalError("not here", code=404)

    async def root(ctx: perdure.Context, _: None) -> Json:
        answer = decode(await ctx.call("Echo", "echo", encode([1, "a"])), list)
        try:
            await ctx.call("No", "refuse", b"null")
        except perdure.TerminalError as e:
            return [answer, e.code, e.message]

    async with Node(loop, ECHO, service("No", refuse=refuse), service("Root", root=root)) as node:
        assert await node.call("Root/root") == [[1, "a"], 404, "not here"]


@virtually
async def test_a_delayed_send_arrives_when_it_is_time(loop: VirtualLoop) -> None:
    """And not before; nobody waits for it."""
    arrived: list[tuple[str, float]] = []

    async def note(ctx: perdure.Context, name: str) -> Json:
        arrived.append((name, round(loop.time(), 3)))
        return None

    async def root(ctx: perdure.Context, _: None) -> Json:
        for name, delay in (("c", 30), ("a", 0), ("b", 10)):
            ctx.send("Note", "note", encode(name), delay=ms(delay))
        return "sent"

    async with Node(loop, service("Note", note=note), service("Root", root=root)) as node:
        assert await node.call("Root/root") == "sent"
        await asyncio.sleep(1)
        assert arrived == [("a", 0), ("b", 0.01), ("c", 0.03)]


@virtually
async def test_requests_with_one_identity_are_one_invocation(loop: VirtualLoop) -> None:
    """From outside and from handlers, at the same time and later: one execution, the same answer for all."""
    executed: Counter[str] = Counter()

    async def work(ctx: perdure.Context, name: str) -> Json:
        executed[name] += 1
        await asyncio.sleep(0.1)
        return f"{name} {executed[name]}"

    async def root(ctx: perdure.Context, name: str) -> Json:
        return decode(await ctx.call("Work", "work", encode(name), idempotency_key="k"), str)

    async with Node(loop, service("Work", work=work), service("Root", root=root)) as node:
        asked = [node.call("Work/work", "x", "k"), node.call("Root/root", "x"), node.call("Root/root", "x")]
        assert await asyncio.gather(*asked) == ["x 1"] * 3
        assert await node.call("Root/root", "x") == "x 1"
        assert await node.call("Work/work", "x", "another") == "x 2"


@virtually
async def test_a_workflow_runs_once(loop: VirtualLoop) -> None:
    """A second run is refused, whoever asks, before and after its end; its result can be had at any time."""

    async def run(ctx: perdure.Context, value: str) -> Json:
        await asyncio.sleep(0.1)
        return value

    async def again(ctx: perdure.Context, _: None) -> Json:
        try:
            await ctx.call("Flow", "run", encode("again"), key="f")
        except perdure.TerminalError as e:
            return [e.code, e.message]

    async with Node(loop, workflow("Flow", run=run), service("Again", again=again)) as node:
        id = await node.send("Flow/f/run", "first")
        assert await node.call("Again/again") == [409, "the workflow method was already invoked"]
        assert await node.attach(id) == "first"
        assert await node.call("Again/again") == [409, "the workflow method was already invoked"]
        with pytest.raises(perdure.TerminalError, match="already invoked"):
            await node.call("Flow/f/run", "third")
        assert await node.send("Flow/f/run", "fourth") == id


@virtually
async def test_attach_waits_for_another_invocation(loop: VirtualLoop) -> None:
    """For one that runs, one that is over, and one that nobody knows."""

    async def wait_for(ctx: perdure.Context, id: str) -> Json:
        try:
            return await ctx.attach(id, str)
        except perdure.TerminalError as e:
            return [e.code, e.message]

    async with Node(loop, ECHO, service("Wait", wait_for=wait_for)) as node:
        id = await node.send("Echo/slow", "x")
        assert await node.call("Wait/wait_for", id) == "x"
        assert await node.call("Wait/wait_for", id) == "x"
        assert await node.call("Wait/wait_for", "inv_1" + "0" * 33) == [404, "not found"]
        assert await node.call("Wait/wait_for", "inv_1x") == [
            400,
            "bad invocation id 'inv_1x': it should have 33 digits",
        ]


@virtually
async def test_a_private_handler_is_called_from_inside_only(loop: VirtualLoop) -> None:
    """Clients inside the process are trusted as handlers are; the door to the outside refuses (tests/ingress)."""
    private = serve("Inner", Method("secret", echo, options=perdure.HandlerOptions(private=True)))

    async def root(ctx: perdure.Context, _: None) -> Json:
        return decode(await ctx.call("Inner", "secret", encode("s")), str)

    async with Node(loop, private, service("Root", root=root)) as node:
        assert await node.call("Root/root") == "s"


@virtually
async def test_a_target_that_is_not_there_is_a_fault_of_the_code(loop: VirtualLoop) -> None:
    """Not terminal: the handler is retried and paused, and goes on when the service is there."""

    async def root(ctx: perdure.Context, target: list[str]) -> Json:
        return decode(await ctx.call(target[0], "echo", b"1", key=target[1] or None), int)

    async with Node(loop, ECHO, virtual_object("Obj", echo=echo), service("Root", PATIENT, root=root)) as node:
        targets = (["Nowhere", ""], ["Echo", "key"], ["Obj", ""])
        ids = [await node.send("Root/root", target) for target in targets]
        await asyncio.sleep(5)
        assert [node.status(id) for id in ids] == [Status.PAUSED] * 3
        assert [node.reason(id) for id in ids] == [
            "LookupError: nothing here serves Nowhere/echo",
            "LookupError: Echo/echo takes no key",
            "LookupError: Obj/echo needs a key",
        ]


# --- being cancelled and killed -------------------------------------------------------------------------------


def cancel(node: Node, id: str) -> None:
    """An operator cancels."""
    node.engine.apply(Signalled(parse_id(id), CANCEL_SIGNAL, CANCELLED))


@virtually
async def test_cancel_is_heard_at_the_next_await_and_reaches_what_was_called(loop: VirtualLoop) -> None:
    """A sleep, a call and its callee end with 409; the handler may undo what it did, durably, before it ends."""
    undone: list[str] = []

    async def child(ctx: perdure.Context, _: None) -> Json:
        try:
            await asyncio.sleep(3600)
        except perdure.TerminalError:
            await ctx.run("undo", lambda: undone.append("child"))
            raise

    async def parent(ctx: perdure.Context, _: None) -> Json:
        try:
            await ctx.call("Work", "child", b"null")
        except perdure.TerminalError as e:
            await ctx.run("undo", lambda: undone.append("parent"))
            return [e.code, e.message]

    async with Node(loop, service("Work", child=child, parent=parent)) as node:
        id = await node.send("Work/parent")
        await asyncio.sleep(1)
        cancel(node, id)
        assert await node.attach(id) == [409, "cancelled"]
        await asyncio.sleep(1)
        assert sorted(undone) == ["child", "parent"]


@virtually
async def test_what_has_not_begun_is_cancelled_at_once(loop: VirtualLoop) -> None:
    """Queued and delayed ones; the others in the queue move up."""

    async def work(ctx: perdure.Context, name: str) -> Json:
        await asyncio.sleep(0.1)
        order: list[str] = await cell(ctx, "order").get() or []
        cell(ctx, "order").set([*order, name])
        return [*order, name]

    async with Node(loop, virtual_object("Obj", work=work)) as node:
        ids = [await node.send("Obj/o/work", name) for name in "abcd"]
        delayed = await node.send("Obj/o/work", "e", delay_ms=1000)
        for id in (ids[1], ids[2], delayed):
            cancel(node, id)
        assert await node.attach(ids[3]) == ["a", "d"]
        for id in (ids[1], ids[2], delayed):
            with pytest.raises(perdure.TerminalError, match="cancelled"):
                await node.attach(id)


@virtually
async def test_kill_ends_an_invocation_and_those_it_called_without_asking(loop: VirtualLoop) -> None:
    """No `except` runs to an end, the key is free, what was sent goes on, callers get 409."""
    heard: list[str] = []

    async def child(ctx: perdure.Context, _: None) -> Json:
        await asyncio.sleep(3600)
        heard.append("child")

    async def parent(ctx: perdure.Context, _: None) -> Json:
        sent = ctx.send("Echo", "slow", encode("sent"))
        await ctx.run("tell", lambda: heard.append(sent.invocation_id))
        await ctx.call("Obj", "child", b"null", key="o")

    async def fine(ctx: perdure.Context, _: None) -> Json:
        return "free"

    async with Node(loop, ECHO, virtual_object("Obj", child=child, fine=fine), service("Work", parent=parent)) as node:
        id = await node.send("Work/parent")
        await asyncio.sleep(0.1)
        waiting = asyncio.create_task(node.call("Obj/o/fine"))
        await asyncio.sleep(0.1)
        node.engine.apply(Killed(parse_id(id)))
        with pytest.raises(perdure.TerminalError, match="killed"):
            await node.attach(id)
        assert await waiting == "free"
        assert await node.attach(heard[0]) == "sent"
        assert heard[1:] == []


@virtually
async def test_a_closure_of_a_killed_invocation_is_not_heard_by_its_successor(loop: VirtualLoop) -> None:
    """Killed and forgotten, the same request is a new invocation: it executes the effect again and hears of its own."""
    started: list[str] = []

    async def effect() -> str:
        started.append(f"execution {len(started) + 1}")
        mine = started[-1]
        await asyncio.sleep(1)
        return mine

    async def work(ctx: perdure.Context, _: None) -> Json:
        return await ctx.run("effect", effect)

    async with Node(loop, service("Work", work=work)) as node:
        id = await node.send("Work/work", None, "key")
        await asyncio.sleep(0.5)
        node.engine.apply(Killed(parse_id(id)))
        node.engine.apply(Purged(parse_id(id)))
        assert await node.send("Work/work", None, "key") == id
        assert await node.attach(id) == "execution 2"


@virtually
async def test_an_answer_for_a_killed_caller_is_not_heard_by_its_successor(loop: VirtualLoop) -> None:
    """The successor has the same id, and a command at the same place; what answers the first is not for it."""
    second = False

    async def attaching(ctx: perdure.Context, id: str) -> Json:
        if second:
            return decode(await ctx.call("Echo", "slow", b'"mine"'), str)
        return await ctx.attach(id, str)

    async with Node(loop, ECHO, service("Work", attaching=attaching)) as node:
        slow_one = await node.send("Echo/slow", "not mine")
        id = await node.send("Work/attaching", slow_one, "key")
        await asyncio.sleep(0.5)
        node.engine.apply(Killed(parse_id(id)))
        node.engine.apply(Purged(parse_id(id)))
        second = True
        assert await node.send("Work/attaching", slow_one, "key") == id
        assert await node.attach(id) == "mine"


@virtually
async def test_results_are_kept_as_long_as_was_said(loop: VirtualLoop) -> None:
    """With no retention nothing of it is left; with some, it is gone when that is over, and so is its identity."""
    defaults = Defaults(journal_retention_ms=0, completed_retention_ms=60_000)
    async with Node(loop, ECHO, workflow("Flow", run=echo), defaults=defaults) as node:
        plain_id = await node.send("Echo/echo", 1)
        assert node.status(plain_id) is None
        kept = await node.send("Echo/echo", 1, "key")
        assert node.status(kept) is Status.COMPLETED
        assert node.journal(kept) == []
        assert await node.call("Echo/echo", 2, "key") == 1
        await asyncio.sleep(61)
        assert node.status(kept) is None
        assert await node.call("Echo/echo", 2, "key") == 2
