"""Each scenario is crashed at every boundary that it reaches, on memory and on LMDB, and ends as if there were none.

A first, undisturbed run counts the boundaries. Then there is one run for each of them, that dies there and lives
again on what is on disk, with clients who ask again. After each commit the invariants are checked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from perdure.engine.boundary import Boundary
from tests.sim.examples import Greeting, SigningUp, Subscribing
from tests.sim.mixed import Mixed
from tests.sim.world import Disk, Folder, MemoryDisk, Scenario, World, live, without_ids
from tests.support import figures

SCENARIOS: list[type[Scenario]] = [Subscribing, Greeting, SigningUp, Mixed]
MakeDisk = Callable[[int], Disk]


@pytest.fixture(params=["memory", "lmdb"])
def make_disk(request: pytest.FixtureRequest, tmp_path: Path) -> MakeDisk:
    """A fresh disk for each run."""
    return (
        (lambda number: MemoryDisk()) if request.param == "memory" else (lambda number: Folder(tmp_path / str(number)))
    )


@pytest.mark.parametrize("scenario_type", SCENARIOS)
def test_a_crash_anywhere_changes_nothing(
    scenario_type: type[Scenario], make_disk: MakeDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same answers, no effect lost, none repeated but by the crash, the store in order after each commit."""
    scenario = scenario_type()

    def run(number: int, crash_at: tuple[Boundary, int] | None) -> tuple[World, Counter[str]]:
        monkeypatch.setenv("EXAMPLES_OUTBOX", str(tmp_path / f"{number}.jsonl"))
        world = live(World(make_disk(number), crash_at), scenario)
        assert world.faults == []
        return world, scenario.effects(world)

    calm, effects = run(0, None)
    assert calm.lives == 1
    crashes = [(boundary, nth) for boundary, count in calm.reached.items() for nth in range(1, count + 1)]
    for number, crash_at in enumerate(crashes, 1):
        world, after_crash = run(number, crash_at)
        assert world.lives == 2, f"{crash_at} was not reached again"
        assert without_ids(world.answers) == without_ids(calm.answers), crash_at
        assert after_crash.keys() == effects.keys(), crash_at
        assert all(0 <= after_crash[name] - effects[name] <= 1 for name in effects), crash_at
        figures.count(f"boundaries crashed ({scenario.name})")


def test_every_boundary_is_crashed_in_some_scenario() -> None:
    """Whoever adds a boundary has to add a scenario that reaches it."""
    world = live(World(MemoryDisk()), Mixed())
    assert set(world.reached) == set(Boundary)
