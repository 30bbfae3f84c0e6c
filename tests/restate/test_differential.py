"""Random programs do the same on perdure's own engine and on a Restate server: the same handlers execute them.

`PERDURE_DIFFERENTIAL=first:count` chooses the seeds; a difference names its seed.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import perdure
from tests.restate import programs
from tests.restate.engines import SERVED, WAIT_S, Embedded, Engine, Restate
from tests.support import figures

FIRST, _, COUNT = os.environ.get("PERDURE_DIFFERENTIAL", "0:40").rpartition(":")
SEEDS = range(int(FIRST or 0), int(FIRST or 0) + int(COUNT))
TOGETHER = 8
"""So many programs run at a time."""


class Seen(NamedTuple):
    """What became of a program: what it returned, or code and message of its error; what all its objects remember."""

    outcome: perdure.Json
    state: dict[str, dict[str, perdure.Json]]


class Both(NamedTuple):
    """The engines, and the generated package of programs.yaml."""

    embedded: Engine
    restate: Engine
    made: Any


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Generator[Both]:
    """Both engines at a time, with one folder of handlers."""
    folder = tmp_path_factory.mktemp("differential")
    shutil.copytree(SERVED / "programs", folder, dirs_exist_ok=True)
    command: list[str | Path] = [Path(sys.executable).parent / "perdure", "generate", "--out", "made"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    with ExitStack() as stack:
        embedded = started(stack, Embedded(folder))
        restate = started(stack, Restate(folder))
        stack.enter_context(importable(folder))
        yield Both(embedded, restate, importlib.import_module("made.programs.v1"))


def started(stack: ExitStack, engine: Embedded | Restate) -> Engine:
    """Start an engine that is closed with the stack, even if it does not start."""
    stack.callback(engine.close)
    engine.start()
    return engine


@contextmanager
def importable(folder: Path) -> Generator[None]:
    """Packages of a folder can be imported; afterwards a package of the same name in another folder can be."""
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "made"}
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.partition(".")[0] == "made"]:
            del sys.modules[name]
        sys.modules.update(hidden)


async def execute(made: Any, client: perdure.Client, seed: int) -> Seen:  # noqa: ANN401  a module that is made now
    """Execute one program and wait until everything that it has set going is over."""
    root = programs.key(seed)
    try:
        async with asyncio.timeout(WAIT_S):
            outcome = await made.ProgramsClient(client, root).execute({"program": programs.program(seed)})
    except TimeoutError:
        pytest.fail(f"seed {seed} does not come to an end: {json.dumps(programs.program(seed))}")
    except perdure.TerminalError as e:
        outcome = {"code": e.code, "message": e.message}
    return Seen(outcome, await settled(made, client, root))


async def settled(made: Any, client: perdure.Client, root: str) -> dict[str, dict[str, perdure.Json]]:  # noqa: ANN401
    """What all objects remember that had a part in a program, once each has done what was asked of it."""
    deadline = time.monotonic() + WAIT_S
    state: dict[str, dict[str, perdure.Json]] = {}
    asked = Counter({root: 1})
    while behind := [key for key in asked if done(state.get(key, {})) < asked[key]]:
        assert time.monotonic() < deadline, f"not over: { ({key: (asked[key], state.get(key)) for key in behind}) }"
        for key in behind:
            state[key] = await made.ProgramsClient(client, key).dump()
        asked = Counter({root: 1})
        for remembered in state.values():
            asked.update(remembered.get("ledger", {}).get("sent", {}))
        await asyncio.sleep(0.02)
    return state


def done(remembered: dict[str, perdure.Json]) -> int:
    """How many programs an object has done."""
    number: int = remembered.get("ledger", {}).get("done", 0)
    return number


async def execute_all(made: Any, engine: Engine) -> list[Seen]:  # noqa: ANN401
    """All programs on one engine, some at a time."""
    turn = asyncio.Semaphore(TOGETHER)

    async def one(client: perdure.Client, seed: int) -> Seen:
        async with turn:
            return await execute(made, client, seed)

    async with perdure.connect(engine.url) as client:
        return await asyncio.gather(*(one(client, seed) for seed in SEEDS))


def operations(written: perdure.Json) -> int:
    """How many operations a program has, those of its parts included."""
    return json.dumps(written).count('"op": ')


def test_random_programs_do_the_same_on_both_engines(both: Both) -> None:
    """State, calls, sends, awakeables, steps, errors and combinators, at random: same results, same state."""

    async def on_both() -> tuple[list[Seen], list[Seen]]:
        embedded, restate = await asyncio.gather(
            execute_all(both.made, both.embedded), execute_all(both.made, both.restate)
        )
        return embedded, restate

    for seed, embedded, restate in zip(SEEDS, *asyncio.run(on_both()), strict=True):
        written = programs.program(seed)
        assert embedded == restate, f"seed {seed}: {json.dumps(written, indent=1)}"
        figures.count("random programs did the same on Restate")
        figures.count("operations of these programs", operations(written))
        figures.count("objects that they left equal", len(embedded.state))
