"""Compensations run in reverse order, durably."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path

import pytest

import perdure
from perdure.core.tables import Status
from tests.features.node import node
from tests.support.handlers import service

DONE: list[str] = []


@pytest.fixture(autouse=True)
def _clean() -> None:
    DONE.clear()


async def book(ctx: perdure.Context, how: str) -> str:
    async with perdure.Saga() as saga:
        for name in ("flight", "hotel", "car"):
            await ctx.run(f"book {name}", functools.partial(DONE.append, name))
            saga.undo(functools.partial(cancel, ctx, name, how))
        if how == "wait":
            await asyncio.sleep(30)
        if how != "fine":
            raise perdure.TerminalError("no money", code=402)
    return "booked"


async def cancel(ctx: perdure.Context, name: str, how: str) -> None:
    await ctx.run(f"cancel {name}", functools.partial(DONE.append, f"no {name}"))
    if how == "stubborn" and name == "hotel":
        raise perdure.TerminalError("the hotel does not answer")


SERVICES = [service("Trip", book=book)]
BOOKED = ["flight", "hotel", "car"]
UNDONE = ["no car", "no hotel", "no flight"]


def test_nothing_is_undone_when_it_ends_well(tmp_path: Path) -> None:
    """The block ends without an exception."""

    async def story() -> None:
        async with node(tmp_path, SERVICES) as n:
            assert await n.call("Trip/book", "fine") == "booked"
            assert BOOKED == DONE

    asyncio.run(story())


def test_a_terminal_error_undoes_in_reverse(tmp_path: Path) -> None:
    """And the caller still gets the error."""

    async def story() -> None:
        async with node(tmp_path, SERVICES) as n:
            with pytest.raises(perdure.TerminalError, match="no money") as failed:
                await n.call("Trip/book", "broke")
            assert failed.value.code == 402
            assert BOOKED + UNDONE == DONE

    asyncio.run(story())


def test_cancelling_undoes_also_after_a_restart(tmp_path: Path) -> None:
    """It waits when the process ends; cancelled in the next one, it undoes what the first has done."""

    async def story() -> None:
        async with node(tmp_path, SERVICES) as n:
            id = n.submit("Trip/book", "wait")
            await n.until(lambda: BOOKED == DONE and n.row(id).status is Status.RUNNING)
            await n.until(lambda: len(n.row(id).open) == 1)
        async with node(tmp_path, SERVICES) as n:
            n.cancel(id)
            with pytest.raises(perdure.TerminalError, match="cancelled"):
                await n.result(id)
            assert BOOKED + UNDONE == DONE

    asyncio.run(story())


def test_one_compensation_that_fails_does_not_keep_the_others(tmp_path: Path) -> None:
    """The error says that something was not undone."""

    async def story() -> None:
        async with node(tmp_path, SERVICES) as n:
            with pytest.raises(perdure.TerminalError, match="no money; and 1 compensations failed: the hotel"):
                await n.call("Trip/book", "stubborn")
            assert BOOKED + UNDONE == DONE

    asyncio.run(story())
