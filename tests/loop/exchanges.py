"""Tasks that speak to each other through what asyncio has for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

from perdure import Json
from tests.loop.programs import Node

Attempt: TypeAlias = Callable[[Node], Awaitable[Json]]
"""Runs a node and says what came of it."""
Note: TypeAlias = Callable[[str], None]
"""Writes into the trace."""


async def through_queue(attempt: Attempt, note: Note, nodes: tuple[Node, ...]) -> Json:
    """A queue with one place: who is ready puts, one takes."""
    queue: asyncio.Queue[Json] = asyncio.Queue(1)

    async def produce(node: Node) -> None:
        await queue.put(await attempt(node))

    producers = [asyncio.create_task(produce(node)) for node in nodes]
    got = [await queue.get() for _ in nodes]
    await asyncio.gather(*producers)
    return got


async def through_event(attempt: Attempt, note: Note, nodes: tuple[Node, ...]) -> Json:
    """All wait for the first."""
    event = asyncio.Event()

    async def follow(node: Node) -> Json:
        await event.wait()
        return await attempt(node)

    followers = [asyncio.create_task(follow(node)) for node in nodes[1:]]
    first = await attempt(nodes[0])
    event.set()
    return [first, *await asyncio.gather(*followers)]


async def through_lock(attempt: Attempt, note: Note, nodes: tuple[Node, ...]) -> Json:
    """One after the other."""
    return await _guarded(asyncio.Lock(), attempt, nodes)


async def through_semaphore(attempt: Attempt, note: Note, nodes: tuple[Node, ...]) -> Json:
    """Two at a time."""
    return await _guarded(asyncio.Semaphore(2), attempt, nodes)


async def _guarded(guard: asyncio.Lock | asyncio.Semaphore, attempt: Attempt, nodes: tuple[Node, ...]) -> Json:
    async def enter(node: Node) -> Json:
        async with guard:
            return await attempt(node)

    return await asyncio.gather(*(enter(node) for node in nodes))


async def through_condition(attempt: Attempt, note: Note, nodes: tuple[Node, ...]) -> Json:
    """Everybody announces himself."""
    condition = asyncio.Condition()
    arrived: list[Json] = []

    async def arrive(node: Node) -> None:
        value = await attempt(node)
        async with condition:
            arrived.append(value)
            condition.notify_all()

    tasks = [asyncio.create_task(arrive(node)) for node in nodes]
    async with condition:
        await condition.wait_for(lambda: len(arrived) == len(nodes))
    await asyncio.gather(*tasks)
    return arrived


async def through_barrier(attempt: Attempt, note: Note, nodes: tuple[Node, ...]) -> Json:
    """Everybody waits for the last."""
    barrier = asyncio.Barrier(len(nodes))

    async def meet(node: Node) -> Json:
        value = await attempt(node)
        return [await barrier.wait(), value]

    return await asyncio.gather(*(meet(node) for node in nodes))


async def through_generator(attempt: Attempt, note: Note, nodes: tuple[Node, ...]) -> Json:
    """An async generator that is left after its first value."""

    async def generate() -> AsyncIterator[Json]:
        try:
            for node in nodes:
                yield await attempt(node)
        finally:
            await asyncio.sleep(0.002)
            note("generator closed")

    async for value in generate():
        return value
    return None


EXCHANGES: dict[str, Callable[[Attempt, Note, tuple[Node, ...]], Awaitable[Json]]] = {
    "queue": through_queue,
    "event": through_event,
    "lock": through_lock,
    "semaphore": through_semaphore,
    "condition": through_condition,
    "barrier": through_barrier,
    "generator": through_generator,
}
