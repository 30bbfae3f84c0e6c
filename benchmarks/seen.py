"""What the handlers of a process have seen: ticks, and sleepers that woke. In memory, so a restart begins at nothing.

Law: it costs the handler a dict entry, and knows each invocation once, however often it is replayed.
"""

from __future__ import annotations

import time


class Seen:
    """Counts by number, so that a repeated execution is not counted twice. Times are of the wall clock, in seconds."""

    def __init__(self) -> None:
        self._ticks: set[int] = set()
        self._lay_down: dict[int, float] = {}
        self._late: dict[int, float] = {}
        self._last = 0.0

    def tick(self, n: int) -> None:
        """A send was executed."""
        self._ticks.add(n)
        self._last = time.time()

    def lies_down(self, n: int) -> None:
        """A sleeper is about to sleep; a replay does not count."""
        self._lay_down.setdefault(n, time.time())

    def wakes(self, n: int, ms: int) -> None:
        """A sleeper woke that wanted to sleep so many milliseconds."""
        self._last = now = time.time()
        self._late.setdefault(n, now - self._lay_down[n] - ms / 1000)

    def report(self) -> dict[str, float]:
        """Counts, and when the last of them was seen. It costs nothing, since it is asked for all the time."""
        return {"ticks": len(self._ticks), "woken": len(self._late), "last": self._last}

    def late(self) -> dict[str, float]:
        """Lateness of those who woke, in milliseconds."""
        late = sorted(self._late.values()) or [0.0]
        return {"p50_ms": late[len(late) // 2] * 1000, "p99_ms": late[len(late) * 99 // 100] * 1000}


SEEN = Seen()
"""Of this process."""
