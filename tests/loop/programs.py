"""Random programs of asyncio primitives over durable operations, and what it means to run one.

A program is a tree of nodes. Running it gives a value and leaves a trace: who got what, in which order. Both are
the handler's output, so that two runs differ in it if anything was told in another order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias, cast

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import perdure
from perdure import Json
from perdure.core.entry import Failure, Ok
from perdure.serde import encode
from tests.support.bench import Bench
from tests.support.handlers import cell, ms

# --- what there is ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """A closure that takes some time, fails some times, and ends with a value or a terminal error."""

    ms: int
    failures: int = 0
    terminal: bool = False
    threaded: bool = False


@dataclass(frozen=True)
class Sleep:
    """Some time passes; by which way of asking for it makes no difference."""

    ms: int
    by_ctx: bool = False


@dataclass(frozen=True)
class Awakeable:
    """Somebody outside answers after some time."""

    ms: int
    rejected: bool = False


@dataclass(frozen=True)
class Call:
    """Another handler answers after some time, or fails for good."""

    ms: int
    fails: bool = False
    sent_first: bool = False


@dataclass(frozen=True)
class State:
    """Count in the object's state."""

    key: int
    clear: bool = False


@dataclass(frozen=True)
class Chance:
    """Ask for the time, a random number and a UUID."""


@dataclass(frozen=True)
class Raise:
    """Fail for good."""


@dataclass(frozen=True)
class Sequence:
    """One after the other."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Gather:
    """`asyncio.gather`."""

    nodes: tuple[Node, ...]
    return_exceptions: bool


@dataclass(frozen=True)
class Group:
    """`asyncio.TaskGroup`."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Timeout:
    """`asyncio.timeout`, or `asyncio.wait_for`."""

    ms: int
    node: Node
    wait_for: bool = False


@dataclass(frozen=True)
class Wait:
    """`asyncio.wait`; then the sets it returns are walked through, and what is left is cancelled or awaited."""

    nodes: tuple[Node, ...]
    until: Literal["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"]
    timeout_ms: int | None
    cancel: bool
    gathered: bool = False
    """Each is wrapped into a gather of its own: such a future is in the sets in the place of a task."""


@dataclass(frozen=True)
class AsCompleted:
    """`asyncio.as_completed`, of coroutines or of tasks."""

    nodes: tuple[Node, ...]
    tasks: bool
    timeout_ms: int | None


@dataclass(frozen=True)
class Shield:
    """`asyncio.shield` within a time limit; the inner one goes on and is awaited afterwards, or not."""

    ms: int
    node: Node
    awaited: bool


@dataclass(frozen=True)
class Cancel:
    """A task that is cancelled after some time, and says what became of it."""

    ms: int
    node: Node


@dataclass(frozen=True)
class Background:
    """A task that nobody awaits."""

    node: Node


@dataclass(frozen=True)
class Exchange:
    """Tasks that speak to each other through something of asyncio."""

    nodes: tuple[Node, ...]
    through: Literal["queue", "event", "lock", "semaphore", "condition", "barrier", "generator"]


Node: TypeAlias = (
    Run | Sleep | Awakeable | Call | State | Chance | Raise | Sequence | Gather | Group | Timeout | Wait
    | AsCompleted | Shield | Cancel | Background | Exchange
)  # fmt: skip


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
        return await EXCHANGES[node.through](self, node.nodes)

    # --- tasks that speak to each other

    async def through_queue(self, nodes: tuple[Node, ...]) -> Json:
        queue: asyncio.Queue[Any] = asyncio.Queue(1)

        async def produce(node: Node) -> None:
            await queue.put(await outcome(self.perform(node)))

        producers = [asyncio.create_task(produce(node)) for node in nodes]
        got = [await queue.get() for _ in nodes]
        await asyncio.gather(*producers)
        return got

    async def through_event(self, nodes: tuple[Node, ...]) -> Json:
        event = asyncio.Event()

        async def follow(node: Node) -> Json:
            await event.wait()
            return await outcome(self.perform(node))

        followers = [asyncio.create_task(follow(node)) for node in nodes[1:]]
        first = await outcome(self.perform(nodes[0]))
        event.set()
        return [first, *await asyncio.gather(*followers)]

    async def through_lock(self, nodes: tuple[Node, ...]) -> Json:
        return await self._guarded(asyncio.Lock(), nodes)

    async def through_semaphore(self, nodes: tuple[Node, ...]) -> Json:
        return await self._guarded(asyncio.Semaphore(2), nodes)

    async def _guarded(self, guard: asyncio.Lock | asyncio.Semaphore, nodes: tuple[Node, ...]) -> Json:
        async def enter(node: Node) -> Json:
            async with guard:
                return await outcome(self.perform(node))

        return await asyncio.gather(*(enter(node) for node in nodes))

    async def through_condition(self, nodes: tuple[Node, ...]) -> Json:
        condition = asyncio.Condition()
        arrived: list[Any] = []

        async def arrive(node: Node) -> None:
            value = await outcome(self.perform(node))
            async with condition:
                arrived.append(value)
                condition.notify_all()

        tasks = [asyncio.create_task(arrive(node)) for node in nodes]
        async with condition:
            await condition.wait_for(lambda: len(arrived) == len(nodes))
        await asyncio.gather(*tasks)
        return arrived

    async def through_barrier(self, nodes: tuple[Node, ...]) -> Json:
        barrier = asyncio.Barrier(len(nodes))

        async def meet(node: Node) -> Json:
            value = await outcome(self.perform(node))
            return [await barrier.wait(), value]

        return await asyncio.gather(*(meet(node) for node in nodes))

    async def through_generator(self, nodes: tuple[Node, ...]) -> Json:
        async def generate() -> AsyncIterator[Any]:
            try:
                for node in nodes:
                    yield await outcome(self.perform(node))
            finally:
                await asyncio.sleep(0.002)
                self.trace.append("generator closed")

        async for value in generate():
            return value
        return None


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


EXCHANGES: dict[str, Callable[[Performance, tuple[Node, ...]], Awaitable[Any]]] = {
    "queue": Performance.through_queue,
    "event": Performance.through_event,
    "lock": Performance.through_lock,
    "semaphore": Performance.through_semaphore,
    "condition": Performance.through_condition,
    "barrier": Performance.through_barrier,
    "generator": Performance.through_generator,
}
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


# --- programs by chance -------------------------------------------------------------------------------------

_MS = st.sampled_from([0, 1, 2, 3, 5, 8, 13, 21])
_BOOL = st.booleans()
_LEAVES: SearchStrategy[Node] = st.one_of(
    st.builds(Run, _MS, st.sampled_from([0, 0, 0, 1, 2, 5]), st.sampled_from([False, False, True]), _BOOL),
    st.builds(Sleep, _MS, _BOOL),
    st.builds(Awakeable, _MS, _BOOL),
    st.builds(Call, _MS, _BOOL, _BOOL),
    st.builds(State, st.integers(0, 2), _BOOL),
    st.builds(Chance),
    st.builds(Raise),
)


def _composed(inner: SearchStrategy[Node]) -> SearchStrategy[Node]:
    some = st.lists(inner, min_size=1, max_size=4).map(tuple)
    until = st.sampled_from(["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"])
    limit = st.none() | _MS
    return st.one_of(
        st.builds(Sequence, some),
        st.builds(Gather, some, _BOOL),
        st.builds(Group, some),
        st.builds(Timeout, _MS, inner, _BOOL),
        st.builds(Wait, some, until, limit, _BOOL, _BOOL),
        st.builds(AsCompleted, some, _BOOL, limit),
        st.builds(Shield, _MS, inner, _BOOL),
        st.builds(Cancel, _MS, inner),
        st.builds(Background, inner),
        st.builds(Exchange, some, st.sampled_from(sorted(EXCHANGES))),
    )


PROGRAMS: SearchStrategy[Node] = st.recursive(_LEAVES, _composed, max_leaves=14)
