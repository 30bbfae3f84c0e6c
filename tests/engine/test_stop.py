"""How a node ends: on purpose, and because its store has failed."""

from __future__ import annotations

import asyncio

import pytest

import perdure
from perdure import Json
from perdure.core.tables import Status
from perdure.errors import ServerUnreachable, StoreFailed, StoreFull
from tests.support.handlers import ms, service, virtual_object
from tests.support.node import Counting, Gate, Node, virtually
from tests.support.virtual import VirtualLoop


@virtually
async def test_a_node_that_did_nothing_stops(loop: VirtualLoop) -> None:
    """Right after its start, too."""
    async with Node(loop) as node:
        pass
    assert str(node.engine.store_error).startswith("this node has stopped")


@virtually
async def test_stopping_waits_for_what_runs_outside(loop: VirtualLoop) -> None:
    """A closure that is under way ends and is recorded, in the time to drain; what only sleeps is left where it is."""
    executed: list[str] = []

    async def effect() -> str:
        await asyncio.sleep(3)
        executed.append("effect")
        return "done"

    async def work(ctx: perdure.Context, _: None) -> Json:
        answer = await ctx.run("effect", effect)
        await asyncio.sleep(3600)
        return answer

    disk: dict[bytes, bytes] = {}
    working = service("Work", work=work)
    node = Node(loop, working, store=Counting(disk))
    await node.engine.start()
    id = await node.send("Work/work")
    await asyncio.sleep(1)
    await node.engine.stop(10)
    assert round(loop.time(), 1) == 3
    async with Node(loop, working, store=Counting(disk)) as node:
        assert await node.attach(id) == "done"
        assert executed == ["effect"]


@virtually
async def test_stopping_does_not_wait_for_ever(loop: VirtualLoop) -> None:
    """A closure that takes longer is cut off, and executed again by the next process."""
    executed: list[str] = []

    async def effect() -> str:
        executed.append("began")
        await asyncio.sleep(100 if len(executed) == 1 else 1)
        return "done"

    async def work(ctx: perdure.Context, _: None) -> Json:
        return await ctx.run("effect", effect)

    disk: dict[bytes, bytes] = {}
    working = service("Work", work=work)
    node = Node(loop, working, store=Counting(disk))
    await node.engine.start()
    id = await node.send("Work/work")
    await asyncio.sleep(1)
    await node.engine.stop(5)
    assert round(loop.time(), 1) == 6
    async with Node(loop, working, store=Counting(disk)) as node:
        assert await node.attach(id) == "done"
        assert executed == ["began", "began"]


@virtually
async def test_a_store_that_fails_ends_the_node_and_loses_nothing(loop: VirtualLoop) -> None:
    """Who waits gets an error, nobody gets an answer, nothing is accepted; the next process has all that was told."""
    executed: list[str] = []

    async def greet(ctx: perdure.Context, name: str) -> Json:
        await ctx.run("tell", lambda: executed.append(name))
        return f"Hi {name}"

    disk: dict[bytes, bytes] = {}
    greeter = virtual_object("Greeter", greet=greet)
    for failure in (StoreFailed("the disk is gone"), StoreFull("the disk is full"), OSError("unexpected")):
        executed.clear()
        store = Counting(disk)
        node = Node(loop, greeter, store=store)
        await node.engine.start()
        told = await node.send("Greeter/a/greet", "Ann")
        store.failure = failure
        waiting = [asyncio.create_task(node.call(f"Greeter/{name}/greet", name)) for name in ("Bob", "Eve")]
        attached = asyncio.create_task(node.attach(told))
        for asked in (*waiting, attached):
            with pytest.raises(ServerUnreachable):
                await asked
        assert node.engine.failed.is_set()
        assert isinstance(node.engine.store_error, StoreFailed | StoreFull)
        for refused in (node.call("Greeter/c/greet", "x"), node.send("Greeter/c/greet", "x"), node.attach(told)):
            with pytest.raises(ServerUnreachable):
                await refused
        assert executed in (["Ann"], [])
        await node.engine.stop(1)
        async with Node(loop, greeter, store=Counting(disk)) as node:
            assert await node.attach(told) == "Hi Ann"
            assert "Bob" not in executed
            assert "Eve" not in executed


@pytest.mark.parametrize("room", [2_000, 20_000])
def test_a_map_that_is_full_grows_and_loses_no_request(room: int) -> None:
    """The commit that found no room is made again; nobody notices."""

    @virtually
    async def story(loop: VirtualLoop) -> None:
        async def keep(ctx: perdure.Context, text: str) -> Json:
            return len(await ctx.run("keep", lambda: text))

        store = Counting(room=room)
        async with Node(loop, service("Keep", keep=keep), store=store) as node:
            sizes = [1 << n for n in range(18)]
            answers = await asyncio.gather(*(node.call("Keep/keep", "x" * size) for size in sizes))
            assert answers == sizes

    story()


@virtually
async def test_callers_do_not_hang_when_the_node_stops(loop: VirtualLoop) -> None:
    """They learn that nobody answers any more; the invocation goes on in the next process."""

    async def nap(ctx: perdure.Context, _: None) -> Json:
        await ctx.sleep(ms(60_000))
        return "rested"

    disk: dict[bytes, bytes] = {}
    napping = service("Nap", nap=nap)
    node = Node(loop, napping, store=Counting(disk))
    await node.engine.start()
    asked = asyncio.create_task(node.call("Nap/nap", None, "key"))
    await asyncio.sleep(1)
    await node.engine.stop(1)
    with pytest.raises(ServerUnreachable):
        await asked
    async with Node(loop, napping, store=Counting(disk)) as node:
        assert await node.call("Nap/nap", None, "key") == "rested"
        assert node.status(await node.send("Nap/nap", None, "key")) is Status.COMPLETED


@virtually
async def test_a_commit_that_is_under_way_is_waited_for(loop: VirtualLoop) -> None:
    """A send that was asked for before the stop is either acknowledged or not made; here the commit comes in time."""
    gate = Gate()
    disk: dict[bytes, bytes] = {}

    async def echo(ctx: perdure.Context, value: Json) -> Json:
        return value

    echoing = service("Echo", echo=echo)
    node = Node(loop, echoing, store=Counting(disk), commits=gate)
    await node.engine.start()
    asked = asyncio.create_task(node.send("Echo/echo", 1))
    await asyncio.sleep(0.1)
    stopping = asyncio.create_task(node.engine.stop(0))
    await asyncio.sleep(0.1)
    assert not stopping.done()
    gate.open()
    await stopping
    async with Node(loop, echoing, store=Counting(disk)) as node:
        assert await node.attach(await asked) == 1
