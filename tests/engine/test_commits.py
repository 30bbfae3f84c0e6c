"""What is committed when: group commit, and what waits for it (the first two laws)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

import perdure
from perdure import Json
from perdure.core.ids import format_awakeable
from perdure.engine.boundary import Boundary
from perdure.serde import encode
from tests.support.handlers import cell, service, virtual_object, workflow
from tests.support.node import Counting, Gate, Node, virtually
from tests.support.virtual import VirtualLoop


async def greet(ctx: perdure.Context, greeting: str) -> Json:
    """Count in the state."""
    count = (await cell(ctx, "n").get() or 0) + 1
    cell(ctx, "n").set(count)
    return f"{greeting} {count}"


async def runs(ctx: perdure.Context, count: int) -> Json:
    """Effects one after the other."""
    return [await ctx.run(f"step {n}", partial(abs, n)) for n in range(count)]


async def parallel(ctx: perdure.Context, count: int) -> Json:
    """Effects at the same time."""
    return await asyncio.gather(*(ctx.run(f"step {n}", partial(abs, n)) for n in range(count)))


async def tree(ctx: perdure.Context, depth: int) -> Json:
    """Calls of calls, without an effect."""
    if depth == 0:
        return 1
    below = await asyncio.gather(*(ctx.call("Work", "tree", encode(depth - 1)) for _ in range(2)))
    return 1 + sum(int(answer) for answer in below)


WORK = service("Work", runs=runs, parallel=parallel, tree=tree)
GREETER = virtual_object("Greeter", greet=greet)


@pytest.mark.parametrize(
    ("target", "value", "commits"),
    [
        ("Greeter/Mary/greet", "Hi", 1),
        ("Work/runs", 0, 1),
        ("Work/runs", 1, 2),
        ("Work/runs", 10, 11),
        ("Work/parallel", 10, 2),
        ("Work/tree", 3, 1),
    ],
)
def test_a_request_needs_as_few_commits_as_the_law_allows(target: str, value: object, commits: int) -> None:
    """One for acceptance, state, calls and output together, and one more for each effect that was waited for."""

    @virtually
    async def story(loop: VirtualLoop) -> None:
        store = Counting()
        async with Node(loop, WORK, GREETER, store=store) as node:
            await node.engine.durable()
            before = store.commits
            await node.call(target, value)
            assert store.commits - before == commits

    story()


@virtually
async def test_requests_of_one_turn_share_a_commit(loop: VirtualLoop) -> None:
    """Sixty callers at the same time: one commit."""
    store = Counting()
    async with Node(loop, GREETER, store=store) as node:
        await node.engine.durable()
        before = store.commits
        await asyncio.gather(*(node.call(f"Greeter/{n}/greet", "Hi") for n in range(60)))
        assert store.commits - before == 1


@virtually
async def test_what_arrives_during_a_commit_goes_into_the_next(loop: VirtualLoop) -> None:
    """While the disk is busy, everything gathers, and the next commit has it all."""
    gate, store = Gate(), Counting()
    async with Node(loop, GREETER, store=store, commits=gate) as node:
        first = asyncio.create_task(node.call("Greeter/a/greet", "Hi"))
        await asyncio.sleep(0.01)
        others = [asyncio.create_task(node.call("Greeter/a/greet", "Hi")) for _ in range(50)]
        await asyncio.sleep(0.01)
        gate.open()
        answers = await asyncio.gather(first, *others)
        assert answers == [f"Hi {n}" for n in range(1, 52)]
        assert store.commits == 2


ASK: dict[str, Callable[[Node], Awaitable[Json]]] = {
    "call": lambda node: node.call("Greeter/a/greet", "Hi"),
    "send": lambda node: node.send("Greeter/a/greet", "Hi"),
    "delayed": lambda node: node.send("Greeter/a/greet", "Hi", delay_ms=1000),
    "awakeable": lambda node: node.client.resolve_awakeable(format_awakeable(bytes(24), 17), "yes"),
}


@pytest.mark.parametrize("ask", ASK)
def test_nobody_hears_of_what_is_not_durable(ask: str) -> None:
    """No answer, no id and no acknowledgement before the commit that holds it; at once after it."""

    @virtually
    async def story(loop: VirtualLoop) -> None:
        gate = Gate()
        async with Node(loop, GREETER, commits=gate) as node:
            asked = asyncio.ensure_future(ASK[ask](node))
            await asyncio.sleep(5)
            assert not asked.done()
            gate.open()
            await asked

    story()


@virtually
async def test_an_effect_starts_when_its_past_is_durable(loop: VirtualLoop) -> None:
    """The closure of a run is not executed while its command, and what came before it, is in memory only."""
    executed: list[str] = []

    def execute() -> int:
        executed.append("charged")
        return 1

    async def charge(ctx: perdure.Context, _: None) -> Json:
        return await ctx.run("charge", execute)

    gate = Gate()
    async with Node(loop, service("Shop", charge=charge), commits=gate) as node:
        asked = asyncio.create_task(node.call("Shop/charge"))
        await asyncio.sleep(5)
        assert executed == []
        assert node.reached[Boundary.BEFORE_RUN] == 0
        gate.open()
        assert await asked == 1
        assert executed == ["charged"]


@virtually
async def test_what_stays_inside_does_not_wait(loop: VirtualLoop) -> None:
    """Calls, state, sends and promises go on from handler to handler while the first commit is still under way."""
    seen: list[str] = []

    async def root(ctx: perdure.Context, _: None) -> Json:
        seen.append("root")
        answer = await ctx.call("Greeter", "greet", encode("Hi"), key="x")
        seen.append(answer.decode())
        ctx.send("Flow", "run", encode("go"), key="f")
        return "done"

    async def run(ctx: perdure.Context, word: str) -> Json:
        seen.append(word)
        return word

    gate = Gate()
    services = (service("Root", root=root), GREETER, workflow("Flow", run=run))
    async with Node(loop, *services, commits=gate) as node:
        asked = asyncio.create_task(node.call("Root/root"))
        await asyncio.sleep(0.1)
        assert seen == ["root", '"Hi 1"', "go"]
        assert not asked.done()
        gate.open()
        assert await asked == "done"
