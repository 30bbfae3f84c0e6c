"""What an invocation can become, as a table. Documentation and tests are drawn from it."""

from __future__ import annotations

import enum

from perdure.core.tables import Status


class Move(enum.Enum):
    """What can become of an invocation."""

    ENQUEUE = "enqueue"
    START = "start"
    SUSPEND = "suspend"
    FAIL = "fail"
    PAUSE = "pause"
    END = "end"


TRANSITIONS: dict[Status, dict[Move, Status]] = {
    Status.SCHEDULED: {Move.ENQUEUE: Status.PENDING, Move.START: Status.RUNNING, Move.END: Status.COMPLETED},
    Status.PENDING: {Move.START: Status.RUNNING, Move.END: Status.COMPLETED},
    Status.RUNNING: {
        Move.SUSPEND: Status.SUSPENDED,
        Move.FAIL: Status.BACKING_OFF,
        Move.PAUSE: Status.PAUSED,
        Move.END: Status.COMPLETED,
    },
    Status.SUSPENDED: {Move.START: Status.RUNNING, Move.PAUSE: Status.PAUSED, Move.END: Status.COMPLETED},
    Status.BACKING_OFF: {Move.START: Status.RUNNING, Move.PAUSE: Status.PAUSED, Move.END: Status.COMPLETED},
    Status.PAUSED: {Move.START: Status.RUNNING, Move.END: Status.COMPLETED},
    Status.COMPLETED: {},
}
"""Anything that is not in this table is refused, and the refusal is a fault of the engine."""


class IllegalTransition(AssertionError):
    """The engine tried to take an invocation where it cannot go."""
