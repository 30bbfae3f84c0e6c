"""One bad record harms only the invocation it is about: the others go on, and the node starts again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import perdure
from perdure import Json
from perdure.core.check import violations
from perdure.core.event import Killed, Purged
from perdure.core.ids import parse_id
from perdure.core.tables import INBOX, Status, invocation_key, journal_key
from perdure.serde import encode
from perdure.store.lmdb import LmdbStore
from perdure.store.overlay import Overlay
from tests.support.handlers import cell, ms, service, virtual_object
from tests.support.node import Counting, Node, virtually
from tests.support.virtual import VirtualLoop, run_virtually

SOON = perdure.HandlerOptions(inactivity_timeout=ms(100))


async def nap(ctx: perdure.Context, value: Json) -> Json:
    """A result, some time later."""
    kept = await ctx.run("keep", lambda: value)
    await asyncio.sleep(5)
    return kept


async def add(ctx: perdure.Context, name: str) -> Json:
    """Append to the state, slowly."""
    names: list[str] = await cell(ctx, "names").get() or []
    await asyncio.sleep(1)
    cell(ctx, "names").set([*names, name])
    return [*names, name]


async def call(ctx: perdure.Context, id: str) -> Json:
    """Wait for another one."""
    return await ctx.attach(id, str)


SERVICES = (service("Nap", SOON, nap=nap, call=call), virtual_object("List", SOON, add=add))


def flip(disk: dict[bytes, bytes], key: bytes) -> None:
    """One bit of a record falls over."""
    record = bytearray(disk[key])
    record[-1] ^= 1
    disk[key] = bytes(record)


@pytest.mark.parametrize("where", ["journal", "later chunk", "row"])
@pytest.mark.parametrize("asleep", [False, True])
def test_a_damaged_record_harms_its_invocation_only(where: str, asleep: bool) -> None:
    """The damaged one says what is wrong with it, or cannot be read at all; its neighbours have their results."""

    @virtually
    async def story(loop: VirtualLoop) -> None:
        disk: dict[bytes, bytes] = {}
        async with Node(loop, *SERVICES, store=Counting(disk)) as node:
            ids = [await node.send("Nap/nap", f"v{n}") for n in range(5)]
            await asyncio.sleep(1 if asleep else 0.01)
        bad = parse_id(ids[2])
        flip(
            disk,
            {"journal": journal_key(bad, 0), "later chunk": journal_key(bad, 2), "row": invocation_key(bad)}[where],
        )
        node = Node(loop, *SERVICES, store=Counting(disk))
        await node.engine.start()
        others = [id for id in ids if id != ids[2]]
        assert await asyncio.gather(*(node.attach(id) for id in others)) == ["v0", "v1", "v3", "v4"]
        assert await node.call("Nap/nap", "new") == "new"
        if where != "row":
            await asyncio.sleep(10)
            assert node.status(ids[2]) is Status.PAUSED
            assert "its checksum does not match" in node.reason(ids[2])
        else:
            with pytest.raises(perdure.CorruptRecord, match="invocation"):
                node.status(ids[2])
        await node.engine.stop(0)

    story()


@virtually
async def test_what_is_damaged_can_be_killed_and_forgotten(loop: VirtualLoop) -> None:
    """Nobody has to read a journal in order to remove it."""
    disk: dict[bytes, bytes] = {}
    async with Node(loop, *SERVICES, store=Counting(disk)) as node:
        id = await node.send("Nap/nap", "v")
        await asyncio.sleep(1)
    flip(disk, journal_key(parse_id(id), 1))
    store = Counting(disk)
    node = Node(loop, *SERVICES, store=store)
    await node.engine.start()
    await asyncio.sleep(10)
    assert node.status(id) is Status.PAUSED
    assert violations(Overlay(store)) != []
    node.engine.apply(Killed(parse_id(id)))
    node.engine.apply(Purged(parse_id(id)))
    await node.engine.durable()
    assert violations(Overlay(store)) == []
    await node.engine.stop(0)


@virtually
async def test_a_damaged_one_in_a_queue_is_passed_over(loop: VirtualLoop) -> None:
    """The key goes to the next that can be read."""
    disk: dict[bytes, bytes] = {}
    async with Node(loop, *SERVICES, store=Counting(disk)) as node:
        ids = [await node.send("List/l/add", name) for name in "abc"]
    flip(disk, invocation_key(parse_id(ids[1])))
    node = Node(loop, *SERVICES, store=Counting(disk))
    await node.engine.start()
    assert await node.attach(ids[2]) == ["a", "c"]
    assert await node.call("List/l/add", "d") == ["a", "c", "d"]
    assert list(node.engine.rows.keys(INBOX.letter)) == []
    await node.engine.stop(0)


@virtually
async def test_a_callee_ends_though_its_caller_is_damaged(loop: VirtualLoop) -> None:
    """The answer cannot be delivered; the one who has it is none the worse."""
    disk: dict[bytes, bytes] = {}
    async with Node(loop, *SERVICES, store=Counting(disk)) as node:
        callee = await node.send("Nap/nap", "v")
        caller = await node.send("Nap/call", callee)
        await asyncio.sleep(1)
    flip(disk, invocation_key(parse_id(caller)))
    node = Node(loop, *SERVICES, store=Counting(disk))
    await node.engine.start()
    assert await node.attach(callee) == "v"
    await node.engine.stop(0)


def test_a_byte_that_is_flipped_in_the_file_is_noticed(tmp_path: Path) -> None:
    """LMDB itself has no checksums; the records have. Here a real file is damaged, while nobody has it open."""

    async def first(loop: VirtualLoop) -> list[str]:
        async with Node(loop, *SERVICES, store=LmdbStore(tmp_path)) as node:
            ids = [await node.send("Nap/nap", f"value number {n}") for n in range(3)]
            await asyncio.sleep(1)
        return ids

    ids = run_virtually(first)
    file = tmp_path / "data.mdb"
    content = file.read_bytes()
    assert content.count(encode("value number 1")) >= 1
    file.write_bytes(content.replace(encode("value number 1"), encode("value number 7")))

    async def second(loop: VirtualLoop) -> None:
        node = Node(loop, *SERVICES, store=LmdbStore(tmp_path))
        await node.engine.start()
        assert await node.attach(ids[0]) == "value number 0"
        assert await node.attach(ids[2]) == "value number 2"
        assert node.status(ids[1]) is Status.PAUSED
        assert "its checksum does not match" in node.reason(ids[1])
        await node.engine.stop(0)

    run_virtually(second)


@pytest.mark.parametrize("map_bytes", [1 << 16])
def test_a_small_map_on_disk_grows_under_load(tmp_path: Path, map_bytes: int) -> None:
    """Many requests, some of them large, into a map of 64 KiB: every one is answered, and is there afterwards."""

    async def keep(ctx: perdure.Context, size: int) -> Json:
        return len(await ctx.run("keep", lambda: "x" * size))

    async def story(loop: VirtualLoop) -> None:
        sizes = [1, 10, 1_000, 100_000, 1 << 20] * 8
        async with Node(loop, service("Keep", keep=keep), store=LmdbStore(tmp_path, map_bytes)) as node:
            ids = await asyncio.gather(*(node.send("Keep/keep", size) for size in sizes))
            assert await asyncio.gather(*(node.attach(id) for id in ids)) == sizes
        async with Node(loop, service("Keep", keep=keep), store=LmdbStore(tmp_path, map_bytes)) as node:
            assert await asyncio.gather(*(node.attach(id) for id in ids)) == sizes

    run_virtually(story)
