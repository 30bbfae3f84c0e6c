"""Whether many who wait for one key slow down the others: W2a on two servers, one with a long queue on another key."""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.figures import Ask
from benchmarks.matrix import load
from benchmarks.report import Figure, number
from benchmarks.targets import ask, running
from benchmarks.workloads import Plan

ROUNDS = 5
SECONDS = 2.0
HOLD_MS = 3_600_000


def measure(asked: Ask) -> list[Figure]:
    """Interleaved rounds, and the median of their ratios."""
    found: list[Figure] = []
    for count in asked.counts:
        with ExitStack() as stack:
            folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2)]
            free, queue = (stack.enter_context(running("perdure", folder)) for folder in folders)
            ask(queue.port, "/Counter/hot/pause/send", b"%d" % HOLD_MS)
            load(Plan(port=queue.port, workload="hot sends", connections=asked.connections, count=count))
            rates: dict[int, list[float]] = {free.port: [], queue.port: []}
            late: dict[int, list[float]] = {free.port: [], queue.port: []}
            for _ in range(ROUNDS):
                for port in (free.port, queue.port):
                    plan = Plan(port=port, workload="W2a", connections=asked.connections, seconds=SECONDS, warmup=0.3)
                    measured = load(plan)
                    rates[port].append(measured.per_second)
                    late[port].append(measured.p99_ms)
        ratio = statistics.median(a / b for a, b in zip(rates[queue.port], rates[free.port], strict=True))
        for name, port in (("nobody waits", free.port), (f"{count:,} wait for one key", queue.port)):
            values = {
                "W2a on other keys/s": f"{statistics.median(rates[port]):,.0f}",
                "p99 ms": number(statistics.median(late[port])),
                "ratio": "1" if port == free.port else f"{ratio:.2f}",
            }
            found.append(Figure(name="A long queue on one key", target=name, values=values))
    return found
