"""Rings when the next timer is due. It knows one time, the earliest; the timers themselves are rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from perdure.engine.clock import Clock

AT_LEAST_EVERY_S = 60.0
"""The machine's clock may be set; the alarm looks at it this often, whatever it waits for."""


class Alarm:
    """Calls `ring` when the clock reaches the earliest time it was set to."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._at_ms: int | None = None
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at_ms: int) -> None:
        """There is a timer at this time."""
        if self._at_ms is None or at_ms < self._at_ms:
            self._at_ms = at_ms
            self._schedule()

    def stop(self) -> None:
        """Never ring again."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _schedule(self) -> None:
        self.stop()
        if self._at_ms is None:
            return
        wait = max(0.0, (self._at_ms - self._clock.now_ms()) / 1000)
        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(min(wait, AT_LEAST_EVERY_S), self._look)

    def _look(self) -> None:
        self._handle = None
        if self._at_ms is not None and self._clock.now_ms() >= self._at_ms:
            self._at_ms = None
            self._ring()
        else:
            self._schedule()
