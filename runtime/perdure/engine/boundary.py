"""The instants at which a crash could matter: before and after everything that is durable or leaves the process.

Tests crash at each of them. Whoever adds a way to write, or an effect, adds its boundary here; a test fails
while no scenario crashes there.
"""

from __future__ import annotations

import enum
from collections.abc import Callable


class Boundary(enum.Enum):
    """An instant between two steps that a crash can separate."""

    BEFORE_COMMIT = "before a batch is committed"
    AFTER_COMMIT = "after a batch is durable, before anybody hears of it"
    BEFORE_RUN = "before the closure of a run starts"
    AFTER_RUN = "after the closure of a run returned, before its result is recorded"
    BEFORE_RESPONSE = "before a caller gets its result"
    AFTER_RESPONSE = "after a caller got its result"
    BEFORE_SUSPENSION = "before an attempt that waits leaves memory"
    BEFORE_TIMERS = "before due timers are handled"


Probe = Callable[[Boundary], None]


def no_probe(_: Boundary) -> None:
    """Outside of tests nothing happens at a boundary."""
