"""Clocks that jump, timers that are many, late and far away."""

from __future__ import annotations

import asyncio
import datetime

import perdure
from perdure import Json
from perdure.engine.boundary import Boundary
from perdure.engine.clock import Ids, SystemClock
from tests.support.handlers import ms, service, virtual_object
from tests.support.node import Counting, Node, virtually
from tests.support.virtual import VirtualLoop

SECOND = 1_000_000_000


class Machine:
    """A machine whose clock can be set."""

    def __init__(self) -> None:
        self.wall = 1_000 * SECOND
        self.uptime = 0

    def passes(self, seconds: float) -> None:
        """Time passes, for both clocks."""
        self.wall += round(seconds * SECOND)
        self.uptime += round(seconds * SECOND)

    def clock(self) -> SystemClock:
        """The engine's clock on it."""
        return SystemClock(lambda: self.wall, lambda: self.uptime)


def test_a_clock_that_is_set_back_goes_on() -> None:
    """Timers that were set before and after it ring in time: the clock neither goes back nor stands still."""
    machine = Machine()
    clock = machine.clock()
    before = clock.now_ms()
    machine.passes(5)
    assert clock.now_ms() == before + 5_000
    machine.wall -= 3_600 * SECOND
    assert clock.now_ms() == before + 5_000
    machine.passes(10)
    assert clock.now_ms() == before + 15_000


def test_a_clock_that_is_set_forward_is_believed() -> None:
    """It may have been wrong before; what was due meanwhile is due now."""
    machine = Machine()
    clock = machine.clock()
    before = clock.now_ms()
    machine.wall += 3_600 * SECOND
    assert clock.now_ms() == before + 3_600_000
    machine.passes(1)
    assert clock.now_ms() == before + 3_601_000


def test_pauses_between_the_two_clocks_do_not_add_up() -> None:
    """A thread that is held up between reading one and the other must not push the clock further at each reading."""
    machine = Machine()

    def wall() -> int:
        machine.passes(0.01)
        return machine.wall

    clock = SystemClock(wall, lambda: machine.uptime)
    for _ in range(1000):
        assert abs(clock.now_ms() - machine.wall // 1_000_000) <= 10


def test_ids_sort_by_their_making_whatever_the_clock_does() -> None:
    """Many in one millisecond, more than the serial number can count, and with a clock that stands still."""
    machine = Machine()
    ids = Ids(machine.clock())
    made = [ids.next() for _ in range(70_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    machine.passes(0.001)
    assert ids.next() > made[-1]


async def nap(ctx: perdure.Context, wait_ms: int) -> Json:
    """Sleep; say how long it took by the handler's clock."""
    before = ctx.time()
    await asyncio.sleep(wait_ms / 1000)
    return round((ctx.time() - before) * 1000)


NAP = service("Nap", perdure.HandlerOptions(inactivity_timeout=ms(100)), nap=nap)


@virtually
async def test_a_jump_forward_rings_what_is_due(loop: VirtualLoop) -> None:
    """The alarm looks at the clock every minute, whatever it waits for."""
    async with Node(loop, NAP) as node:
        id = await node.send("Nap/nap", 3_600_000)
        await asyncio.sleep(10)
        node.clock.begin_s += 7_200
        assert await node.attach(id) == 7_260_000
        assert round(loop.time()) == 60


@virtually
async def test_a_sleep_of_years_costs_nothing(loop: VirtualLoop) -> None:
    """Not even a commit a minute; and it ends to the millisecond."""
    store = Counting()
    years = datetime.timedelta(days=3650)
    async with Node(loop, NAP, store=store) as node:
        id = await node.send("Nap/nap", years // ms(1))
        await asyncio.sleep(1)
        commits = store.commits
        await asyncio.sleep(86_400)
        assert store.commits == commits
        node.clock.begin_s += years.total_seconds() - loop.time() - 120
        assert await node.attach(id) == years // ms(1)


@virtually
async def test_a_thousand_timers_at_once_leave_room_for_others(loop: VirtualLoop) -> None:
    """They are handled some hundred at a time, and all of them are."""
    async with Node(loop, NAP) as node:
        ids = [await node.send("Nap/nap", 5_000) for _ in range(1_000)]
        assert await asyncio.gather(*(node.attach(id) for id in ids)) == [5_000] * 1_000
        assert node.reached[Boundary.BEFORE_TIMERS] >= 4
        assert round(loop.time(), 2) == 5


@virtually
async def test_timers_that_came_while_nobody_was_there_ring_at_the_start(loop: VirtualLoop) -> None:
    """In the order of their times, however late."""
    rung: list[int] = []

    async def ring(ctx: perdure.Context, at_ms: int) -> Json:
        await asyncio.sleep(at_ms / 1000)
        rung.append(at_ms)

    disk: dict[bytes, bytes] = {}
    ringing = service("Ring", perdure.HandlerOptions(inactivity_timeout=ms(10)), ring=ring)
    async with Node(loop, ringing, store=Counting(disk)) as node:
        ids = [await node.send("Ring/ring", at_ms) for at_ms in (3_000, 1_000, 2_000)]
        await asyncio.sleep(0.5)
    await asyncio.sleep(100)
    async with Node(loop, ringing, store=Counting(disk)) as node:
        await asyncio.wait_for(asyncio.gather(*(node.attach(id) for id in ids)), 1)
        assert rung == [1_000, 2_000, 3_000]


@virtually
async def test_a_handlers_clock_is_that_of_what_it_was_told_last(loop: VirtualLoop) -> None:
    """It moves with sleeps and results, stands still in between, and is the same for ctx and for asyncio."""

    async def look(ctx: perdure.Context, _: None) -> Json:
        begin = ctx.time()
        seen = [0.0]
        for wait in (0.5, 0.25):
            await asyncio.sleep(wait)
            assert ctx.time() == asyncio.get_running_loop().time() == ctx.now().timestamp()
            seen.append(round(ctx.time() - begin, 3))
        return seen

    async with Node(loop, service("Look", look=look)) as node:
        assert await node.call("Look/look") == [0, 0.5, 0.75]


@virtually
async def test_who_waited_long_before_it_began_sleeps_from_then_on(loop: VirtualLoop) -> None:
    """Behind its key, for a minute: its own sleep is not over before it began."""

    async def work(ctx: perdure.Context, wait_ms: int) -> Json:
        before = ctx.time()
        await asyncio.sleep(wait_ms / 1000)
        return round((ctx.time() - before) * 1000)

    async with Node(loop, virtual_object("Obj", work=work)) as node:
        ids = [await node.send("Obj/o/work", wait_ms) for wait_ms in (60_000, 5_000, 1_000)]
        assert [await node.attach(id) for id in ids] == [60_000, 5_000, 1_000]
        assert round(loop.time(), 1) == 66


@virtually
async def test_who_is_tried_again_late_sleeps_from_then_on(loop: VirtualLoop) -> None:
    """After a long back-off, after a resume, after a downtime: a time limit counts from when it is set."""
    attempts: list[float] = []

    async def work(ctx: perdure.Context, _: None) -> Json:
        await ctx.run("first", lambda: None)
        attempts.append(loop.time())
        if len(attempts) < 3:
            raise RuntimeError("not yet")
        try:
            async with asyncio.timeout(10):
                await asyncio.sleep(5)
        except TimeoutError:
            return "too early"
        return "rested"

    disk: dict[bytes, bytes] = {}
    patient = perdure.HandlerOptions(retry=perdure.RetryPolicy(initial=ms(60_000), max_interval=ms(60_000)))
    working = service("Work", patient, work=work)
    async with Node(loop, working, store=Counting(disk)) as node:
        id = await node.send("Work/work")
        await asyncio.sleep(70)
    await asyncio.sleep(1_000)
    async with Node(loop, working, store=Counting(disk)) as node:
        began = loop.time()
        assert await node.attach(id) == "rested"
        assert round(loop.time() - began, 1) == 5
