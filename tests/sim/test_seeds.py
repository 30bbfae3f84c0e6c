"""The whole runtime by chance: latencies, the order of what is ready, and crashes come from a seed.

The same seed gives the same run, event by event; every seed gives the answers of an undisturbed run.
"""

from __future__ import annotations

import os

import pytest

from tests.sim.mixed import Mixed
from tests.sim.world import MemoryDisk, World, live, without_ids
from tests.support import figures

SEEDS = int(os.environ.get("PERDURE_SEEDS", "40"))
"""So many seeds in one run of the test; a night may do with more."""


@pytest.fixture(scope="module")
def calm() -> World:
    """An undisturbed run."""
    return live(World(MemoryDisk()), Mixed())


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_seed_is_a_run(seed: int, calm: World) -> None:
    """Twice the same log; the answers of the undisturbed run; no effect lost, none repeated but by a crash."""
    first, second = (live(World(MemoryDisk(), seed=seed, crash_chance=0.01), Mixed()) for _ in range(2))
    assert first.events == second.events
    assert first.faults == []
    assert without_ids(first.answers) == without_ids(calm.answers)
    assert first.effects.keys() == calm.effects.keys()
    assert all(0 <= first.effects[name] - calm.effects[name] < first.lives for name in calm.effects)
    figures.count("seeds run twice")
    figures.count("crashes by chance", first.lives - 1)


def test_another_seed_is_another_run() -> None:
    """Else chance would have nothing to say."""
    logs = {tuple(live(World(MemoryDisk(), seed=seed), Mixed()).events) for seed in range(3)}
    assert len(logs) == 3
