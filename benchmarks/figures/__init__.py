"""The figures that are no rate of requests: a module for each subject, each with its own sub-command."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.report import Figure
from benchmarks.targets import KINDS, Target, ask, running


@dataclass(frozen=True, slots=True)
class Ask:
    """What a figure is measured with."""

    targets: tuple[str, ...]
    counts: tuple[int, ...]
    connections: int = 64


Measure = Callable[[Ask], list[Figure]]


@contextlib.contextmanager
def fresh(name: str) -> Generator[Target]:
    """A target on a folder of its own, which is removed after it."""
    with tempfile.TemporaryDirectory() as folder, running(name, Path(folder)) as target:
        yield target


def seen(target: Target, what: str = "report") -> dict[str, float]:
    """What the handlers of a target have seen (`seen.Seen`): `report`, or `late`."""
    return msgspec.json.decode(ask(target.port, f"/Bench/{what}"), type=dict[str, float])


def await_seen(target: Target, key: str, count: int, limit_s: float) -> dict[str, float]:
    """Ask until so many have been seen, or the time is over; returns the last report."""
    deadline = time.monotonic() + limit_s
    while True:
        found = seen(target)
        if found[key] >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def label(name: str) -> str:
    """How a target is called in a table."""
    return KINDS[name].about
