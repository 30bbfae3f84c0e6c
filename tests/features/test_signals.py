"""Handlers tell each other things by name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import perdure
from perdure.core.ids import format_id
from tests.features.node import node
from tests.support.handlers import service


async def wait_for_three(ctx: perdure.Context, _: object) -> list[int]:
    return [await ctx.signal("number", int) for _ in range(3)]


async def tell(ctx: perdure.Context, told: list[object]) -> None:
    id, *values = told
    for value in values:
        ctx.resolve_signal(str(id), "number", value)


async def reject(ctx: perdure.Context, id: str) -> None:
    ctx.reject_signal(id, "number", "there is none", code=404)


def test_each_wait_takes_the_next_signal(tmp_path: Path) -> None:
    """Three signals come at once, before and after they are awaited: each wait gets its own, in order."""

    async def story() -> None:
        async with node(tmp_path, [service("S", wait=wait_for_three, tell=tell)]) as n:
            id = n.submit("S/wait")
            await n.call("S/tell", [format_id(id), 1, 2, 3])
            assert await n.result(id) == [1, 2, 3]

    asyncio.run(story())


def test_a_signal_waits_for_who_is_asleep(tmp_path: Path) -> None:
    """A signal is in the journal when the process ends; the next one finds it there."""

    async def story() -> None:
        services = [service("S", wait=wait_for_three, tell=tell)]
        async with node(tmp_path, services) as n:
            id = n.submit("S/wait")
            await n.call("S/tell", [format_id(id), 1, 2])
        async with node(tmp_path, services) as n:
            await n.call("S/tell", [format_id(id), 3])
            assert await n.result(id) == [1, 2, 3]

    asyncio.run(story())


def test_a_rejected_signal_raises_where_it_is_awaited(tmp_path: Path) -> None:
    """Whoever sends the signal can also refuse."""

    async def story() -> None:
        async with node(tmp_path, [service("S", wait=wait_for_three, reject=reject)]) as n:
            id = n.submit("S/wait")
            await n.call("S/reject", format_id(id))
            with pytest.raises(perdure.TerminalError, match="there is none") as failed:
                await n.result(id)
            assert failed.value.code == 404

    asyncio.run(story())


def test_a_signal_of_another_type_is_the_senders_fault(tmp_path: Path) -> None:
    """A text comes where a number is awaited: the handler fails for good, and does not retry."""

    async def story() -> None:
        async with node(tmp_path, [service("S", wait=wait_for_three, tell=tell)]) as n:
            id = n.submit("S/wait")
            await n.call("S/tell", [format_id(id), "one"])
            with pytest.raises(perdure.TerminalError, match="not of the type") as failed:
                await n.result(id)
            assert failed.value.code == 400

    asyncio.run(story())
