"""Rounds of all targets, interleaved, for each workload and number of connections; and the medians of what they gave.

Law: the targets of a row are measured in turn, all within the same minutes, so that a noisy machine disturbs all alike.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.load import OPERATION_S, Measured
from benchmarks.processes import REPOSITORY, Usage
from benchmarks.targets import KINDS, Target, running
from benchmarks.workloads import Plan

WARMUP_SHARE = 0.2


class Options(msgspec.Struct, kw_only=True):
    """What is measured."""

    targets: list[str]
    workloads: list[str]
    connections: list[int]
    rounds: int
    seconds: float


class Cell(msgspec.Struct, kw_only=True):
    """One target under one workload: medians of its rounds."""

    target: str
    workload: str
    connections: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: dict[str, float]
    """CPU time of each process for one operation, in microseconds."""
    rss_mb: dict[str, float]
    """Resident memory of each process after the last round, in MB."""
    load_busy: float
    """Share of a core that the load took; near 1 it is the load that was measured."""
    rounds: list[float]
    """Operations per second, round by round; the n-th of all targets belong together."""


def load(plan: Plan) -> Measured:
    """Load a server from a process of its own.

    Raises:
        RuntimeError: The load failed; the message is what it printed.
    """
    command = [sys.executable, "-m", "benchmarks.load", msgspec.json.encode(plan).decode()]
    limit = plan.warmup + plan.seconds + 2 * OPERATION_S + plan.count / 5
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit, check=False)
    if done.returncode:
        raise RuntimeError(f"{plan.workload} at {plan.connections} connections failed:\n{done.stderr[-2000:]}")
    return msgspec.json.decode(done.stdout, type=Measured)


def measure(options: Options, say: Callable[[str], None]) -> list[Cell]:
    """Start all targets, go through all cells, stop them."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        targets = {name: stack.enter_context(running(name, Path(folder))) for name in options.targets}
        cells: list[Cell] = []
        for workload in options.workloads:
            able = {name: target for name, target in targets.items() if workload in KINDS[name].workloads}
            for connections in options.connections:
                plan = Plan(port=0, workload=workload, connections=connections, seconds=options.seconds)
                plan.warmup = options.seconds * WARMUP_SHARE
                row = _row(plan, able, options.rounds)
                for cell in row:
                    say(f"{workload:<4} {connections:>4} {cell.target:<14} {cell.per_second:>9,.0f}/s")
                cells += row
        return cells


class _Round(NamedTuple):
    measured: Measured
    before: dict[str, Usage]
    after: dict[str, Usage]

    def cpu_us(self, process: str) -> float:
        """CPU time of a process for one operation."""
        return (self.after[process].cpu_s - self.before[process].cpu_s) * 1e6 / self.measured.operations


def _row(plan: Plan, targets: dict[str, Target], rounds: int) -> list[Cell]:
    found: dict[str, list[_Round]] = {name: [] for name in targets}
    for number in range(rounds):
        for name in _turned(list(targets), number):
            target = targets[name]
            plan.port, plan.run = target.port, f"{plan.workload}-{plan.connections}-{number}"
            before = target.usage()
            measured = load(plan)
            found[name].append(_Round(measured, before, target.usage()))
    return [_cell(name, plan, rounds) for name, rounds in found.items()]


def _cell(name: str, plan: Plan, rounds: Sequence[_Round]) -> Cell:
    measured = [each.measured for each in rounds]
    return Cell(
        target=name,
        workload=plan.workload,
        connections=plan.connections,
        per_second=statistics.median(each.per_second for each in measured),
        p50_ms=statistics.median(each.p50_ms for each in measured),
        p99_ms=statistics.median(each.p99_ms for each in measured),
        cpu_us={process: statistics.median(each.cpu_us(process) for each in rounds) for process in rounds[0].after},
        rss_mb={process: used.rss_bytes / 2**20 for process, used in rounds[-1].after.items()},
        load_busy=max(each.busy for each in measured),
        rounds=[each.per_second for each in measured],
    )


def _turned(names: list[str], by: int) -> list[str]:
    """So that no target is always the one after the most exhausting one."""
    by %= max(1, len(names))
    return names[by:] + names[:by]


def ratio(cells: Sequence[Cell], of: str, to: str) -> dict[tuple[str, int], float]:
    """Throughput of one target by that of another, by workload and connections: the median over the rounds' ratios."""
    rounds = {(cell.target, cell.workload, cell.connections): cell.rounds for cell in cells}
    return {
        (workload, connections): statistics.median(
            mine / theirs for mine, theirs in zip(mines, rounds[to, workload, connections], strict=True)
        )
        for (target, workload, connections), mines in rounds.items()
        if target == of and (to, workload, connections) in rounds
    }
