"""Which attempts only wait, and since when: those that have waited long enough leave memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

IDLE_AT_MOST = 10_000
"""So many may wait in memory; one more, and the one that has waited longest leaves."""

_TICK_S = 0.0005
"""Timers of a loop may be early by their resolution."""


class Idle:
    """One queue for each time-out, each in the order of waiting, so the head is always the next to leave."""

    def __init__(self, suspend: Callable[[bytes], None]) -> None:
        self._suspend = suspend
        self._queues: dict[int, OrderedDict[bytes, float]] = {}
        self._sweeps: dict[int, asyncio.TimerHandle] = {}

    def rest(self, id: bytes, timeout_ms: int) -> None:
        """The attempt waits from now on."""
        queue = self._queues.setdefault(timeout_ms, OrderedDict())
        queue[id] = asyncio.get_running_loop().time()
        if len(queue) > IDLE_AT_MOST:
            self._suspend(next(iter(queue)))
        if timeout_ms not in self._sweeps:
            self._schedule(timeout_ms)

    def wake(self, id: bytes) -> None:
        """The attempt has something to do, or is gone."""
        for queue in self._queues.values():
            queue.pop(id, None)

    def stop(self) -> None:
        """Nothing leaves any more."""
        for sweep in self._sweeps.values():
            sweep.cancel()
        self._sweeps.clear()
        self._queues.clear()

    def _schedule(self, timeout_ms: int) -> None:
        queue = self._queues.get(timeout_ms)
        if queue:
            due = next(iter(queue.values())) + timeout_ms / 1000
            self._sweeps[timeout_ms] = asyncio.get_running_loop().call_at(due, self._sweep, timeout_ms)

    def _sweep(self, timeout_ms: int) -> None:
        del self._sweeps[timeout_ms]
        queue = self._queues[timeout_ms]
        latest = asyncio.get_running_loop().time() - timeout_ms / 1000 + _TICK_S
        while queue and next(iter(queue.values())) <= latest:
            self._suspend(next(iter(queue)))
        self._schedule(timeout_ms)
