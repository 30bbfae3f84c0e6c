"""The one place that reads the time and makes chance."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Protocol

from perdure.core.ids import fresh_id


class Clock(Protocol):
    """Where time and chance come from."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch; never less than the last time."""
        ...

    def entropy(self, count: int) -> bytes:
        """Random bytes."""
        ...


class SystemClock:
    """The machine's clock, but it neither goes back nor stands still: set back, it goes on from where it was.

    Args:
        wall: Nanoseconds since the epoch, as the machine believes.
        monotonic: Nanoseconds that nobody can set.
    """

    def __init__(
        self, wall: Callable[[], int] = time.time_ns, monotonic: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._last_ns = 0
        self._at_ns = monotonic()

    def now_ms(self) -> int:
        # In this order: a pause between the two is then not counted twice, and cannot add up.
        at_ns, wall_ns = self._monotonic(), self._wall()
        self._last_ns = max(wall_ns, self._last_ns + at_ns - self._at_ns)
        self._at_ns = at_ns
        return self._last_ns // 1_000_000

    def entropy(self, count: int) -> bytes:
        return os.urandom(count)


_POOL_BYTES = 4096


class Ids:
    """Makes ids that sort by the order in which they were made."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ms = 0
        self._serial = 0
        self._pool = b""
        self._used = 0

    def next(self) -> bytes:
        """A fresh invocation id."""
        now = self._clock.now_ms()
        if now > self._ms:
            self._ms, self._serial = now, 0
        else:
            self._serial += 1
            if self._serial > 0xFFFF:
                self._ms, self._serial = self._ms + 1, 0
        return fresh_id(self._ms, self._serial, self._entropy(16))

    def seed(self) -> int:
        """Chance for one invocation."""
        return int.from_bytes(self._entropy(8), "big") >> 1

    def _entropy(self, count: int) -> bytes:
        """From a pool: asking the system for each id would cost as much as all the rest of making it."""
        if self._used + count > len(self._pool):
            self._pool, self._used = self._clock.entropy(_POOL_BYTES), 0
        self._used += count
        return self._pool[self._used - count : self._used]
