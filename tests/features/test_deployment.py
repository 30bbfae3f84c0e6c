"""What is in flight belongs to the version that began it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import perdure
from perdure.core.entry import Target
from perdure.core.ids import format_id
from perdure.core.tables import Status
from tests.features.node import node
from tests.support.handlers import service


async def wait(ctx: perdure.Context, _: object) -> str:
    await ctx.run("before", lambda: None)
    return await ctx.signal("go", str)


async def go(ctx: perdure.Context, id: str) -> None:
    ctx.resolve_signal(id, "go", "gone")


SERVICES = [service("S", wait=wait, go=go)]


async def begin(folder: Path, count: int = 1) -> list[bytes]:
    """Leave invocations behind that have begun under version 1."""
    async with node(folder, SERVICES, version="1") as n:
        ids = [n.submit("S/wait") for _ in range(count)]
        await n.until(lambda: all(n.row(id).commands == 2 and not n.row(id).open for id in ids))
        return ids


def test_the_same_version_goes_on(tmp_path: Path) -> None:
    """Nothing is asked."""

    async def story() -> None:
        (id,) = await begin(tmp_path)
        async with node(tmp_path, SERVICES, version="1") as n:
            n.submit("S/go", format_id(id))
            assert await n.result(id) == "gone"

    asyncio.run(story())


def test_another_version_is_refused_with_a_list(tmp_path: Path) -> None:
    """The message says what is in flight, how many, and what can be done; nothing was changed."""

    async def story() -> None:
        ids = await begin(tmp_path, 3)
        with pytest.raises(perdure.DeploymentRefused) as refused:
            async with node(tmp_path, SERVICES, version="2"):
                pass
        text = str(refused.value)
        assert "3 running S/wait: began under S-1" in text
        assert "--in-flight accept" in text
        async with node(tmp_path, SERVICES, version="1") as n:
            assert all(n.row(id).status is Status.RUNNING for id in ids)

    asyncio.run(story())


def test_a_handler_that_is_gone_is_refused(tmp_path: Path) -> None:
    """Its invocations could never end."""

    async def story() -> None:
        await begin(tmp_path)
        with pytest.raises(perdure.DeploymentRefused, match="1 running S/wait: nothing here serves it"):
            async with node(tmp_path, [service("T", go=go)], version="1"):
                pass

    asyncio.run(story())


def test_accepted_they_run_with_the_new_code(tmp_path: Path) -> None:
    """The user knows that it fits; later starts do not ask again."""

    async def story() -> None:
        (id,) = await begin(tmp_path)
        async with node(tmp_path, SERVICES, "accept", version="2"):
            pass
        async with node(tmp_path, SERVICES, version="2") as n:
            n.submit("S/go", format_id(id))
            assert await n.result(id) == "gone"

    asyncio.run(story())


def test_paused_they_wait_for_an_operator(tmp_path: Path) -> None:
    """The failure of the pause says under what they began."""

    async def story() -> None:
        (id,) = await begin(tmp_path)
        async with node(tmp_path, SERVICES, "pause", version="2") as n:
            row = n.row(id)
            assert Status.PAUSED is row.status
            assert row.retry is not None
            assert row.retry.last.message == "began under S-1"

    asyncio.run(story())


def test_draining_ends_when_the_last_has_ended(tmp_path: Path) -> None:
    """The engine knows which are to be finished, and forgets each that completes."""

    async def story() -> None:
        (id,) = await begin(tmp_path)
        async with node(tmp_path, SERVICES, "drain", version="2") as n:
            assert {id} == n.engine.finishing
            n.submit("S/go", format_id(id))
            assert await n.result(id) == "gone"
            assert set() == n.engine.finishing

    asyncio.run(story())


def test_what_has_not_begun_belongs_to_nobody(tmp_path: Path) -> None:
    """A delayed invocation of the old version is taken by the new one without a question."""

    async def story() -> None:
        async with node(tmp_path, SERVICES, version="1") as n:
            target = Target("S", None, "wait")
            id = n.engine.target_id(target)
            n.engine.submit(id, target, b"null", delay_ms=60_000)
        async with node(tmp_path, SERVICES, version="2") as n:
            assert Status.SCHEDULED is n.row(id).status

    asyncio.run(story())
