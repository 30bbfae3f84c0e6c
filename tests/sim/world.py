"""A world in which a process can die: what outlives it, one life of it, and clients who do not give up.

Law of the world: when a life has ended, nothing of it has any effect any more. What it still tries is a fault.
"""

from __future__ import annotations

import asyncio
import datetime
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import perdure
from perdure.client import Client, Request
from perdure.core.check import violations
from perdure.core.entry import Completion, Failure, Ok, Run, Target, is_command
from perdure.core.journal import read_journal
from perdure.core.tables import INVOCATION
from perdure.engine.boundary import Boundary
from perdure.engine.engine import Engine, Threads
from perdure.engine.registry import Defaults, Registry
from perdure.local import LocalTransport
from perdure.serde import encode
from perdure.store.lmdb import LmdbStore
from perdure.store.memory import MemoryStore
from perdure.store.overlay import Overlay
from perdure.store.port import Record, Store
from tests.support.virtual import Inline, Later, VirtualClock, VirtualLoop

T = TypeVar("T")

DOWN_S = 3.0
"""How long it takes until somebody starts the process again."""
ENOUGH_S = 100_000.0
"""A scenario that takes longer, in its own time, does not come to an end."""

LIVES = 4
"""Chance kills no more often than that."""


class Crash(KeyboardInterrupt):
    """The process is gone. Not an `Exception`: nothing in the engine may catch it."""


class Disk(Protocol):
    """What a store leaves behind."""

    def open(self) -> Store:
        """A store with all that was committed."""
        ...


class MemoryDisk:
    """Holds what `MemoryStore` commits."""

    def __init__(self) -> None:
        self._records: dict[bytes, bytes] = {}

    def open(self) -> Store:
        """A store with all that was committed."""
        return MemoryStore(self._records)


class Folder:
    """A data folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> Store:
        """A store with all that was committed."""
        return LmdbStore(self._path, 1 << 24)


class MortalStore:
    """The store of one life; after its end it takes nothing."""

    def __init__(self, store: Store, life: Life) -> None:
        self._store = store
        self._life = life
        self.get = store.get
        self.scan = store.scan
        self.grow = store.grow
        self.refresh = store.refresh
        self.close = store.close

    def commit(self, records: Sequence[Record]) -> None:
        """Make them durable, unless the process is gone."""
        if self._life.still_runs("a commit"):
            self._store.commit(records)


@dataclass
class World:
    """What outlives the process: the disk, the systems that effects reach, and what clients remember."""

    disk: Disk
    crash_at: tuple[Boundary, int] | None = None
    """Die at this occurrence of a boundary."""
    crash_chance: float = 0.0
    """Or die by chance, at any boundary, until it has lived four times."""
    seed: int | None = None
    """With one, latencies and the order of what is ready vary; without, everything happens at once and in order."""
    reached: Counter[Boundary] = field(default_factory=Counter[Boundary])
    effects: Counter[str] = field(default_factory=Counter[str])
    """How often each effect began."""
    attempts: Counter[str] = field(default_factory=Counter[str])
    """What handlers count outside of their journals."""
    outbox: dict[str, str] = field(default_factory=dict[str, str])
    """What effects told the outside."""
    answers: dict[str, object] = field(default_factory=dict[str, object])
    """What clients were told, by the name of the request. They never forget it."""
    requests: dict[str, tuple[Target, object]] = field(default_factory=dict[str, tuple[Target, object]])
    """Calls by their names, to ask again."""
    sent: dict[str, str] = field(default_factory=dict[str, str])
    """Ids of what was sent, by the name of the request."""
    settled: set[str] = field(default_factory=set[str])
    """Effects whose results were on disk at a crash."""
    events: list[str] = field(default_factory=list[str])
    """What happened, in order, to be compared with another run of the same seed."""
    faults: list[str] = field(default_factory=list[str])
    lives: int = 0
    now_s: float = 0.0

    def note(self, event: str) -> None:
        """Write into the log of events."""
        self.events.append(f"{self.lives} {self.now_s:.6f} {event}")


class Scenario(Protocol):
    """Services, and what clients do with them."""

    name: str

    def services(self, life: Life) -> list[perdure.Handlers]:
        """What is served."""
        ...

    async def clients(self, callers: Callers) -> None:
        """All requests, to the last answer. Starts over after a crash."""
        ...

    def effects(self, world: World) -> Counter[str]:
        """How often each effect began."""
        ...


class Life:
    """One life of the process."""

    def __init__(self, world: World, scenario: Scenario) -> None:
        self.world = world
        self.alive = True
        self._scenario = scenario
        self._chance = random.Random(f"{world.seed}/{world.lives}") if world.seed is not None else None
        self.loop = VirtualLoop(self._chance)
        self.clock = VirtualClock(self.loop, world.lives if world.seed is None else world.seed + world.lives)
        self.clock.begin_s += world.now_s
        self._begin_s = world.now_s
        self.store = world.disk.open()
        self._engine: Engine | None = None

    def still_runs(self, what: str) -> bool:
        """Whether this life goes on; if not, that somebody thought so is a fault."""
        if not self.alive:
            self.world.faults.append(f"{what} after the crash")
        return self.alive

    def probe(self, boundary: Boundary) -> None:
        """The engine is between two steps: it may die here."""
        if not self.still_runs(f"boundary {boundary.name}"):
            return
        world = self.world
        world.now_s = self._begin_s + self.loop.time()
        world.reached[boundary] += 1
        world.note(boundary.name)
        if boundary is Boundary.AFTER_COMMIT:
            world.faults += violations(Overlay(self.store))
        by_chance = self._chance is not None and world.lives < LIVES and self._chance.random() < world.crash_chance
        if by_chance or world.crash_at == (boundary, world.reached[boundary]):
            self.alive = False
            raise Crash

    async def effect(self, name: str, value: object = None, *, after_s: float = 0.001, failures: int = 0) -> Any:  # noqa: ANN401  as given
        """Something outside is done; it fails the first times, wherever they come from."""
        self._begin_effect(name)
        await asyncio.sleep(after_s)
        if self.world.effects[name] <= failures:
            raise ConnectionError("not yet")
        return value

    def _begin_effect(self, name: str) -> None:
        self.still_runs(f"effect {name}")
        if name in self.world.settled:
            self.world.faults.append(f"effect {name} was done again, and its result was on disk")
        self.world.effects[name] += 1
        self.world.note(f"effect {name}")

    def run(self) -> bool:
        """Live until all clients have their answers; False if it died before."""
        self.world.lives += 1
        try:
            self.loop.run_until_complete(asyncio.wait_for(self._main(), ENOUGH_S))
        except Crash:
            self.world.note("crash")
            return False
        finally:
            self.alive = False
            self.world.now_s = self._begin_s + self.loop.time() + DOWN_S
            if self._engine is not None:
                for attempt in self._engine._runner.attempts.values():
                    attempt.close()
            self.loop.abandon()
            self.store.close()
            self.world.settled |= settled(self.world.disk)
        return True

    async def _main(self) -> None:
        registry = Registry(self._scenario.services(self), Defaults())
        self._engine = engine = Engine(registry, MortalStore(self.store, self), self.clock, self.probe, self._threads())
        await engine.start()
        client = Client(LocalTransport(engine))
        await self._scenario.clients(Callers(client, self.world))
        await Callers(client, self.world).check_answers()
        await engine.durable()
        self.world.faults += violations(engine.rows)

    def threaded_effect(self, name: str, value: T) -> T:
        """Something outside is done by a plain function."""
        self._begin_effect(name)
        return value

    def _threads(self) -> Threads:
        if self._chance is None:
            return Threads(Inline(), Inline())
        return Threads(Later(self.loop, self._chance, 0.004), Later(self.loop, self._chance, 0.01))


def live(world: World, scenario: Scenario) -> World:
    """Live, die as the world has it, and live again, until every client has its answers."""
    while not Life(world, scenario).run():
        assert world.lives < 10
    return world


def settled(disk: Disk) -> set[str]:
    """Names of the runs whose results are on a disk."""
    store = disk.open()
    rows = Overlay(store)
    names: set[str] = set()
    for key, row in rows.scan(INVOCATION, INVOCATION.letter):
        journal = read_journal(rows, key[1:], row.journal_length)
        answered = {entry.command for entry in journal if isinstance(entry, Completion)}
        issued = enumerate(entry for entry in journal if is_command(entry))
        names |= {entry.name for index, entry in issued if isinstance(entry, Run) and index in answered}
    store.close()
    return names


class Callers:
    """Clients of a process that may die: they ask again, by the same name, until they have an answer."""

    def __init__(self, client: Client, world: World) -> None:
        self.client = client
        self.world = world

    async def once(self, name: str, ask: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401  whatever is answered
        """Ask, unless the answer is known already."""
        if name not in self.world.answers:
            try:
                answer = await ask()
            except perdure.TerminalError as e:
                answer = [type(e).__name__, e.code, e.message]
            self.world.answers[name] = answer
            self.world.note(f"answer {name}")
        return self.world.answers[name]

    async def call(self, name: str, target: Target, value: object = None) -> Any:  # noqa: ANN401  ditto
        """Call with the name as idempotency key."""
        return await self.once(name, lambda: self._call(name, target, value))

    async def _call(self, name: str, target: Target, value: object) -> object:
        self.world.requests[name] = (target, value)
        result = await self.client.transport.call(Request(target, encode(value), name))
        return _plain(result)

    async def send(
        self, name: str, target: Target, value: object = None, delay: datetime.timedelta | None = None
    ) -> str:
        """Send with the name as idempotency key; the answer is the invocation's id."""

        if name not in self.world.sent:
            accepted = await self.client.transport.send(Request(target, encode(value), name, {}, delay))
            self.world.sent[name] = accepted.invocation_id
            self.world.note(f"accepted {name}")
        return self.world.sent[name]

    async def attach(self, name: str, id: str) -> Any:  # noqa: ANN401  ditto
        """Wait for an invocation's result."""

        async def ask() -> object:
            return _plain(await self.client.transport.attach(id))

        return await self.once(name, ask)

    async def until(self, seen: Callable[[], T | None]) -> T:
        """Look until something outside is there."""
        while (found := seen()) is None:  # noqa: ASYNC110  what is outside tells nobody
            await asyncio.sleep(0.01)
        return found

    async def check_answers(self) -> None:
        """What was acknowledged is still there: asked again, every request with an id has the same answer."""
        for name, (target, value) in self.world.requests.items():
            again = await self._call(name, target, value)
            if again != self.world.answers[name]:
                self.world.faults.append(f"{name}: the answer was {self.world.answers[name]}, now it is {again}")
        for name, id in self.world.sent.items():
            if await self.client.transport.output(id) is None:
                self.world.faults.append(f"{name}: {id} was acknowledged, and has no result")


def without_ids(answers: Mapping[str, object]) -> dict[str, str]:
    """Answers without the ids in them, which are made by chance."""
    return {name: re.sub(r"inv_1\w{33}", "inv", str(answer)) for name, answer in answers.items()}


def _plain(result: Ok | Failure) -> object:
    return ["failed", result.code, result.message] if isinstance(result, Failure) else result.value.decode()
