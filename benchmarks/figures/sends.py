"""W5: one-way sends. How many are accepted each second, and how long until the last of them has been executed."""

from __future__ import annotations

from benchmarks.figures import Ask, await_seen, fresh, label
from benchmarks.matrix import load
from benchmarks.report import Figure, number
from benchmarks.workloads import Plan

SLOWEST_PER_S = 20.0


def measure(ask: Ask) -> list[Figure]:
    """The time counts from the first send until the last execution."""
    found: list[Figure] = []
    for count in ask.counts:
        for name in ask.targets:
            with fresh(name) as target:
                plan = Plan(port=target.port, workload="W5", connections=ask.connections, count=count)
                sent = load(plan)
                executed = await_seen(target, "ticks", count, count / SLOWEST_PER_S)
            values = {
                "accepted/s": f"{sent.per_second:,.0f}",
                "p50 ms": number(sent.p50_ms),
                "p99 ms": number(sent.p99_ms),
                "all executed after s": f"{executed['last'] - sent.began:.2f}",
                "executed": f"{executed['ticks']:,.0f}",
            }
            found.append(Figure(name=f"W5: {count:,} sends", target=label(name), values=values))
    return found
