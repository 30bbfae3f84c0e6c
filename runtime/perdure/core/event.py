"""What can happen to the node, and what is to be done about it.

An event goes into `ledger.apply`; actions come out. An action that is `held` leaves the process, or starts
something outside it, so it waits until everything before it is durable (the second law). The others stay
inside, where the single writer's order is enough.
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias

import msgspec

from perdure.core.entry import Command, Failure, Headers, Notification, Ok, Target
from perdure.core.retry import Policy

# --- events ------------------------------------------------------------------------------------------------


class Submitted(msgspec.Struct, frozen=True):
    """A caller outside asks for an invocation."""

    id: bytes
    target: Target
    value: bytes
    headers: Headers = ()
    seed: int = 0
    delay_ms: int = 0
    idempotency_key: str | None = None
    retention_ms: int | None = None
    """Of the result, if the caller or the handler's options say so."""
    fresh: bool = False
    """Whether the id was made for this request, so that there can be no such invocation yet."""


class Ended(msgspec.Struct, frozen=True):
    """The handler returned, or failed for good."""

    result: Ok | Failure


class Failed(msgspec.Struct, frozen=True):
    """The attempt failed; there may be another."""

    failure: Failure
    policy: Policy
    retry_after_ms: int | None = None


class Suspended(msgspec.Struct, frozen=True):
    """The attempt can only wait and leaves memory. What it waits for beside commands: awakeables, named signals."""

    awaits: tuple[int | str, ...] = ()


class Stepped(msgspec.Struct, frozen=True):
    """An attempt ran until it was quiet: what it asked for since the last time, and how it left, if it did."""

    id: bytes
    commands: tuple[Command, ...] = ()
    end: Ended | Failed | Suspended | None = None


class RunEnded(msgspec.Struct, frozen=True):
    """A run's closure returned, or failed for good."""

    id: bytes
    command: int
    result: Ok | Failure


class RunFailed(msgspec.Struct, frozen=True):
    """A run's closure failed and may be tried again."""

    id: bytes
    command: int
    failure: Failure
    policy: Policy
    retry_after_ms: int | None = None


class Signalled(msgspec.Struct, frozen=True):
    """Somebody completed an awakeable, sent a signal by name, or cancels."""

    id: bytes
    index: int
    result: Ok | Failure
    name: str | None = None


class TimersDue(msgspec.Struct, frozen=True):
    """The time of at least one timer has come."""


class Paused(msgspec.Struct, frozen=True):
    """An operator, or a fault that harms only this invocation, stops it where it is."""

    id: bytes
    failure: Failure


class Resumed(msgspec.Struct, frozen=True):
    """An operator lets what is paused or backs off, an invocation or a run of it, go on now."""

    id: bytes


class Killed(msgspec.Struct, frozen=True):
    """An operator ends an invocation without asking it."""

    id: bytes


class Restarted(msgspec.Struct, frozen=True):
    """An operator wants a completed invocation to run once more, with its journal up to entry `keep`."""

    id: bytes
    new_id: bytes
    keep: int = 0


class JournalPurged(msgspec.Struct, frozen=True):
    """An operator forgets the journal of a completed invocation and keeps its result."""

    id: bytes


class Purged(msgspec.Struct, frozen=True):
    """An operator forgets a completed invocation."""

    id: bytes


class StateEdited(msgspec.Struct, frozen=True):
    """An operator gives an object or a workflow other state.

    Nothing happens while somebody may change it, or if it is no longer of the version that was expected.
    """

    place: Target
    """Its service and key; the handler does not matter."""
    state: dict[str, bytes]
    expected: str | None = None
    """Version of the state that is replaced; None if any."""
    end_holder: bool = False
    """Whether whoever may change the state is killed. The next in the inbox begins with the new state."""


Event: TypeAlias = (
    Submitted
    | Stepped
    | RunEnded
    | RunFailed
    | Signalled
    | TimersDue
    | Paused
    | Resumed
    | Killed
    | Restarted
    | JournalPurged
    | Purged
    | StateEdited
)


# --- actions -----------------------------------------------------------------------------------------------


class Start(msgspec.Struct, frozen=True):
    """Begin an attempt."""

    held: ClassVar[bool] = False
    id: bytes


class Notify(msgspec.Struct, frozen=True):
    """Tell the attempt in memory."""

    held: ClassVar[bool] = False
    id: bytes
    position: int
    """Of the notification in the journal: an attempt that began after it was written has it already."""
    notification: Notification


class Abort(msgspec.Struct, frozen=True):
    """Drop the attempt in memory: its invocation was killed or paused."""

    held: ClassVar[bool] = False
    id: bytes


class SetAlarm(msgspec.Struct, frozen=True):
    """There is a timer at this time."""

    held: ClassVar[bool] = False
    at_ms: int


class RetryRun(msgspec.Struct, frozen=True):
    """The back-off of a run is over; its command is durable long since."""

    held: ClassVar[bool] = False
    id: bytes
    command: int


class StartRun(msgspec.Struct, frozen=True):
    """Execute the closure of a run."""

    held: ClassVar[bool] = True
    id: bytes
    command: int


class Respond(msgspec.Struct, frozen=True):
    """Give the result to the callers that wait outside."""

    held: ClassVar[bool] = True
    id: bytes
    result: Ok | Failure


Action: TypeAlias = Start | Notify | Abort | SetAlarm | RetryRun | StartRun | Respond
