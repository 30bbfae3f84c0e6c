"""What it means to run a program: one attempt of the handler that performs it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any, cast

import perdure
from perdure import Json
from perdure.core.entry import Failure, Ok
from perdure.serde import encode
from tests.loop.exchanges import EXCHANGES
from tests.loop.programs import (
    AsCompleted,
    Awakeable,
    Background,
    Call,
    Cancel,
    Chance,
    Exchange,
    Gather,
    Group,
    Node,
    Raise,
    Run,
    Sequence,
    Shield,
    Sleep,
    State,
    Timeout,
    Wait,
)
from tests.support.bench import Bench
from tests.support.handlers import cell, ms


class Performance:
    """One attempt at running a program. `bench` is the world outside."""

    def __init__(self, ctx: perdure.Context, bench: Bench) -> None:
        self.ctx = ctx
        self.bench = bench
        self.trace: list[Any] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self._count = 0

    async def whole(self, node: Node) -> Json:
        """The program's value, or how it failed, and the trace."""
        value = await outcome(self.perform(node))
        return [value, self.trace]

    async def perform(self, node: Node) -> Json:
        """The value of a node; raises what it raises."""
        self._count += 1
        number = self._count
        try:
            value = await PERFORM[type(node)](self, node)
        except BaseException as e:
            self.trace.append([number, type(e).__name__])
            raise
        self.trace.append([number, value])
        return value

    async def attempt(self, node: Node) -> Json:
        """What came of a node."""
        return await outcome(self.perform(node))

    # --- leaves

    async def run(self, node: Run) -> Json:
        name = f"{self._count} {node.ms}"
        fail = partial(self._maybe_fail, (self.ctx.invocation_id, name), node)

        async def effect() -> list[str | int]:
            return fail()

        retry = perdure.RetryPolicy(initial=ms(7), max_attempts=4)
        if node.threaded:
            return await self.ctx.run(name, fail, retry=retry)
        return await self.ctx.run(name, effect, retry=retry)

    def _maybe_fail(self, key: tuple[str, str], node: Run) -> list[str | int]:
        self.bench.calls[key] += 1
        if self.bench.calls[key] <= node.failures:
            raise ConnectionError("not now")
        if node.terminal:
            raise perdure.TerminalError("never", code=422)
        return ["ran", node.ms]

    async def sleep(self, node: Sleep) -> Json:
        if node.by_ctx:
            await self.ctx.sleep(ms(node.ms))
        else:
            await asyncio.sleep(node.ms / 1000)
        return ["slept", node.ms]

    async def awakeable(self, node: Awakeable) -> Json:
        awakeable = self.ctx.awakeable(list[Json])
        answer = Failure(418, "no") if node.rejected else Ok(encode(["answer", node.ms]))
        self.bench.complete_later(awakeable.id, node.ms, answer)
        return await awakeable

    async def call(self, node: Call) -> Json:
        value = encode([node.ms, node.fails])
        if node.sent_first:
            sent = self.ctx.send("Callee", "answer", value, delay=ms(3))
            return await self.ctx.attach(sent.invocation_id, list[Json])
        return (await self.ctx.call("Callee", "answer", value)).decode()

    async def state(self, node: State) -> Json:
        found = cell(self.ctx, f"k{node.key}")
        before = await found.get()
        if node.clear:
            found.clear()
        else:
            found.set((before or 0) + 1)
        names = await self.ctx._journal.state_names()
        return [before, await found.get(), *names]

    async def chance(self, _: Chance) -> Json:
        now = self.ctx.now().timestamp() == self.ctx.time() == asyncio.get_running_loop().time()
        return [now, self.ctx.time(), self.ctx.random().random(), str(self.ctx.uuid())]

    async def fail(self, _: Raise) -> Json:
        raise perdure.TerminalError("as written")

    # --- composition

    async def sequence(self, node: Sequence) -> Json:
        return [await self.perform(each) for each in node.nodes]

    async def gather(self, node: Gather) -> Json:
        work = (self.perform(each) for each in node.nodes)
        values = await asyncio.gather(*work, return_exceptions=node.return_exceptions)
        return [type(value).__name__ if isinstance(value, BaseException) else value for value in values]

    async def group(self, node: Group) -> Json:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.perform(each)) for each in node.nodes]
        return [task.result() for task in tasks]

    async def timeout(self, node: Timeout) -> Json:
        if node.wait_for:
            return await asyncio.wait_for(self.perform(node.node), node.ms / 1000)
        async with asyncio.timeout(node.ms / 1000):
            return await self.perform(node.node)

    async def wait(self, node: Wait) -> Json:
        futures: list[asyncio.Future[Any]] = [self._spawn(each) for each in node.nodes]
        if node.gathered:
            futures = [asyncio.gather(future) for future in futures]
        limit = None if node.timeout_ms is None else node.timeout_ms / 1000
        done, pending = await asyncio.wait(futures, timeout=limit, return_when=node.until)
        seen: list[Any] = [[futures.index(future), await outcome(future)] for future in done]
        for future in pending:
            if node.cancel:
                future.cancel()
            seen.append([futures.index(future), await outcome(future)])
        return seen

    async def as_completed(self, node: AsCompleted) -> Json:
        work: Iterable[Awaitable[Any]] = (
            [self._spawn(each) for each in node.nodes] if node.tasks else [self.perform(each) for each in node.nodes]
        )
        limit = None if node.timeout_ms is None else node.timeout_ms / 1000
        return [await outcome(next_one) for next_one in asyncio.as_completed(work, timeout=limit)]

    async def shield(self, node: Shield) -> Json:
        inner = self._spawn(node.node)
        try:
            async with asyncio.timeout(node.ms / 1000):
                return await asyncio.shield(inner)
        except TimeoutError:
            return await outcome(inner) if node.awaited else "left alone"

    async def cancel(self, node: Cancel) -> Json:
        task = self._spawn(node.node)
        await asyncio.sleep(node.ms / 1000)
        return [task.cancel(), await outcome(task), task.cancelled()]

    async def background(self, node: Background) -> Json:
        self.tasks.append(self._spawn(node.node))
        return len(self.tasks)

    def _spawn(self, node: Node) -> asyncio.Task[Any]:
        return asyncio.create_task(self.perform(node))

    async def exchange(self, node: Exchange) -> Json:
        return await EXCHANGES[node.through](self.attempt, self.trace.append, node.nodes)


async def outcome(work: Awaitable[Any]) -> Json:
    """What came of it, as a value; a cancellation of the one who asks is passed on, and so is a fault of the engine."""
    try:
        return await work
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        return "cancelled"
    except perdure.HandlerError:
        raise
    except Exception as e:
        return _names(e)


def _names(error: BaseException) -> Json:
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return [_names(each) for each in group.exceptions]
    return type(error).__name__


PERFORM: dict[type, Callable[[Performance, Any], Awaitable[Any]]] = {
    Run: Performance.run,
    Sleep: Performance.sleep,
    Awakeable: Performance.awakeable,
    Call: Performance.call,
    State: Performance.state,
    Chance: Performance.chance,
    Raise: Performance.fail,
    Sequence: Performance.sequence,
    Gather: Performance.gather,
    Group: Performance.group,
    Timeout: Performance.timeout,
    Wait: Performance.wait,
    AsCompleted: Performance.as_completed,
    Shield: Performance.shield,
    Cancel: Performance.cancel,
    Background: Performance.background,
    Exchange: Performance.exchange,
}


async def answer(_: perdure.Context, question: list[Any]) -> list[Any]:
    """The handler that programs call."""
    wait_ms, fails = question
    await asyncio.sleep(wait_ms / 1000)
    if fails:
        raise perdure.TerminalError("no answer")
    return ["answered", wait_ms]
