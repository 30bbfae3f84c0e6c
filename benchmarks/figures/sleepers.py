"""W6 and W8: many sleepers. What they cost, how punctual they are, and how fast they are up after a SIGKILL.

Law: those who sleep are all accepted before the first of them wakes; if that fails, the figure says so.
"""

from __future__ import annotations

import itertools
import time

from benchmarks.figures import Ask, await_seen, fresh, label, seen
from benchmarks.load import Measured
from benchmarks.matrix import load
from benchmarks.report import Figure, number
from benchmarks.targets import KINDS, Target, await_served
from benchmarks.workloads import Plan

WAKE_RATE = 2000.0
"""How many wake each second in W6."""
QUIET_S = 3.0
"""Between the last acceptance and looking at the memory, and again before the first wakes."""
PATIENCE_S = 60.0
SLOWEST_PER_S = 400.0
LONGEST_LEAD_S = 300.0
TOO_EARLY = {"note": "were accepted so slowly that the first woke before the last lay down"}
TOO_SLOW = {"note": "would take too long to accept them"}


def asleep(ask: Ask) -> list[Figure]:
    """W6: accept rate, memory for each sleeper, lateness while 2,000 wake each second."""
    found: list[Figure] = []
    for count, name in itertools.product(ask.counts, ask.targets):
        if _lead_s(name, count) > LONGEST_LEAD_S:
            found.append(Figure(name=f"W6: {count:,} sleepers", target=label(name), values=TOO_SLOW))
            continue
        with fresh(name) as target:
            load(Plan(port=target.port, workload="W1", connections=ask.connections, seconds=1.0))
            before = target.usage()
            wake_at = time.time() + _lead_s(name, count)
            sent = _send(target, ask, count, wake_at)
            _sleep_until(min(wake_at - QUIET_S, time.time() + QUIET_S))
            in_time = time.time() < wake_at
            after = target.usage()
            _sleep_until(wake_at)
            woken = await_seen(target, "woken", count, count / SLOWEST_PER_S + PATIENCE_S)
            late = seen(target, "late")
        rss = sum(after[process].rss_bytes - before[process].rss_bytes for process in after)
        own = sum(after[process].own_bytes - before[process].own_bytes for process in after)
        values = {
            "accepted/s": f"{sent.per_second:,.0f}",
            "KB each, resident": f"{rss / count / 1024:.1f}" if in_time else "woke too early",
            "of it no file": f"{own / count / 1024:.1f}" if in_time else "",
            "late p50 ms": number(late["p50_ms"]),
            "late p99 ms": number(late["p99_ms"]),
            "woken": f"{woken['woken']:,.0f}",
        }
        found.append(Figure(name=f"W6: {count:,} sleepers", target=label(name), values=values))
    return found


def killed(ask: Ask) -> list[Figure]:
    """W8: all are due when the process starts again after a SIGKILL."""
    found: list[Figure] = []
    for count, name in itertools.product(ask.counts, ask.targets):
        if _lead_s(name, count) > LONGEST_LEAD_S:
            found.append(Figure(name=_w8(count), target=label(name), values=TOO_SLOW))
            continue
        with fresh(name) as target:
            wake_at = time.time() + _lead_s(name, count)
            _send(target, ask, count, wake_at, rate=0.0)
            if time.time() > wake_at:
                found.append(Figure(name=_w8(count), target=label(name), values=TOO_EARLY))
                continue
            target.kill()
            _sleep_until(wake_at)
            spawned = time.time()
            target.start()
            await_served(target.port)
            served = time.time()
            woken = await_seen(target, "woken", count, count / SLOWEST_PER_S + PATIENCE_S)
        values = {
            "serving after s": f"{served - spawned:.2f}",
            "all resumed after s": f"{woken['last'] - spawned:.2f}",
            "resumed": f"{woken['woken']:,.0f}",
        }
        found.append(Figure(name=_w8(count), target=label(name), values=values))
    return found


def _w8(count: int) -> str:
    return f"W8: {count:,} suspended, then SIGKILL"


def _lead_s(name: str, count: int) -> float:
    return count / KINDS[name].sends_per_s + 3 * QUIET_S


def _send(target: Target, ask: Ask, count: int, wake_at: float, rate: float = WAKE_RATE) -> Measured:
    plan = Plan(port=target.port, workload="W6", connections=ask.connections, count=count)
    plan.wake_at, plan.wake_rate = wake_at, rate
    return load(plan)


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at - time.time()))
