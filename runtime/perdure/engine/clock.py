"""The one place that reads the time and makes chance."""

from __future__ import annotations

import os
import time
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
    """The machine's clock, held still while the machine sets it back."""

    def __init__(self) -> None:
        self._last_ms = 0

    def now_ms(self) -> int:
        self._last_ms = max(self._last_ms, time.time_ns() // 1_000_000)
        return self._last_ms

    def entropy(self, count: int) -> bytes:
        return os.urandom(count)


class Ids:
    """Makes ids that sort by the order in which they were made."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ms = 0
        self._serial = 0

    def next(self) -> bytes:
        """A fresh invocation id."""
        now = self._clock.now_ms()
        if now > self._ms:
            self._ms, self._serial = now, 0
        else:
            self._serial += 1
            if self._serial > 0xFFFF:
                self._ms, self._serial = self._ms + 1, 0
        return fresh_id(self._ms, self._serial, self._clock.entropy(16))

    def seed(self) -> int:
        """Chance for one invocation."""
        return int.from_bytes(self._clock.entropy(8), "big") >> 1
