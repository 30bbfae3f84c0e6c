"""What a journal is made of: commands, that the handler asked for, and notifications, that it was told.

Each class is one kind of entry. Its number (`tag`) and the order of its fields are the format on disk: add
kinds and trailing fields with defaults, never reorder (docs/journal.md).
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec


class Ok(msgspec.Struct, frozen=True, array_like=True, tag=0, gc=False):
    """A result that is a value, as its bytes."""

    value: bytes = b""


class Failure(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """A result that is a terminal error."""

    code: int
    message: str
    metadata: dict[str, str] = {}


class Void(msgspec.Struct, frozen=True, array_like=True, tag=2, gc=False):
    """A result without a value: slept, resolved, or not there yet."""


Result: TypeAlias = Ok | Failure | Void

VOID = Void()


class Target(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Whom an invocation is for. Only objects and workflows have a key."""

    service: str
    key: str | None
    handler: str

    def __str__(self) -> str:
        key = "" if self.key is None else f"/{self.key}"
        return f"{self.service}{key}/{self.handler}"


Headers: TypeAlias = tuple[tuple[str, str], ...]


# --- commands ----------------------------------------------------------------------------------------------


class Input(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """Always first, written by the node: what the handler is called with, and its sources of time and chance."""

    value: bytes
    headers: Headers
    at_ms: int
    seed: int


class GetState(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Read one key of the object's state. The value read is part of the command."""

    key: str
    value: bytes | None = None


class GetStateKeys(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Read which keys the object's state has."""

    keys: tuple[str, ...] = ()


class SetState(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """Write one key of the object's state."""

    key: str
    value: bytes


class ClearState(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Forget one key of the object's state."""

    key: str


class ClearAllState(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """Forget the object's whole state."""


class Sleep(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """Be told when a time has come."""

    wake_up_at_ms: int


class ClearTimer(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """No longer wait for a `Sleep`, named by its command index."""

    command: int


class Call(msgspec.Struct, frozen=True, array_like=True, tag=8):
    """Invoke another handler and be told its result. `callee` is the id that the node gave it."""

    target: Target
    value: bytes
    headers: Headers = ()
    idempotency_key: str | None = None
    callee: bytes = b""


class Send(msgspec.Struct, frozen=True, array_like=True, tag=9):
    """Invoke another handler, now or later, and do not wait for it."""

    target: Target
    value: bytes
    headers: Headers = ()
    idempotency_key: str | None = None
    delay_ms: int = 0
    callee: bytes = b""


class Run(msgspec.Struct, frozen=True, array_like=True, tag=10):
    """Execute an effect outside and keep its result."""

    name: str


class GetPromise(msgspec.Struct, frozen=True, array_like=True, tag=11):
    """Wait for a durable promise of the workflow."""

    name: str


class PeekPromise(msgspec.Struct, frozen=True, array_like=True, tag=12):
    """Ask what a durable promise holds, `Void` if nothing yet."""

    name: str


class CompletePromise(msgspec.Struct, frozen=True, array_like=True, tag=13):
    """Resolve or reject a durable promise; fails with 409 if that was done before."""

    name: str
    result: Ok | Failure


class CompleteAwakeable(msgspec.Struct, frozen=True, array_like=True, tag=14):
    """Resolve or reject an awakeable of another invocation."""

    invocation: bytes
    index: int
    result: Ok | Failure


class Attach(msgspec.Struct, frozen=True, array_like=True, tag=15):
    """Wait for the result of another invocation."""

    invocation: bytes


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag=16):
    """Cancel another invocation."""

    invocation: bytes


class SendSignal(msgspec.Struct, frozen=True, array_like=True, tag=17):
    """Tell another invocation something, by a name that both know."""

    invocation: bytes
    name: str
    result: Ok | Failure


class ReadClock(msgspec.Struct, frozen=True, array_like=True, tag=18):
    """The handler read its clock, and it was found late: it goes on with this time.

    `after` is how many notifications the handler had been given; with it, a replay reads the clock at the same place.
    """

    at_ms: int
    after: int


class ClearRun(msgspec.Struct, frozen=True, array_like=True, tag=19):
    """No longer want a `Run`, named by its command index: its handler was cancelled."""

    command: int


Command: TypeAlias = (
    Input
    | GetState
    | GetStateKeys
    | SetState
    | ClearState
    | ClearAllState
    | Sleep
    | ClearTimer
    | Call
    | Send
    | Run
    | GetPromise
    | PeekPromise
    | CompletePromise
    | CompleteAwakeable
    | Attach
    | Cancel
    | SendSignal
    | ReadClock
    | ClearRun
)


# --- notifications -----------------------------------------------------------------------------------------


class Completion(msgspec.Struct, frozen=True, array_like=True, tag=64):
    """The answer to a command, named by its index."""

    command: int
    result: Result
    at_ms: int


class Signal(msgspec.Struct, frozen=True, array_like=True, tag=65):
    """Told without having been asked: an awakeable was completed, a named signal came, or a cancellation."""

    index: int
    result: Ok | Failure
    at_ms: int
    name: str | None = None
    """Of a signal that was sent by name; it has no index then (0)."""


Notification: TypeAlias = Completion | Signal
Entry: TypeAlias = Command | Notification
NOTIFICATIONS = (Completion, Signal)


def is_command(entry: Entry) -> bool:
    """Whether the handler asked for it (else it was told)."""
    return not isinstance(entry, NOTIFICATIONS)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Command).decode


def check_storable(command: Command) -> None:
    """See that a command would come back from the journal; one that cannot be written must not get that far.

    Raises:
        ValueError: A text in it is no Unicode, or a value is not of its type. The message says which.
    """
    try:
        _decode(_encode(command))
    except (msgspec.MsgspecError, UnicodeEncodeError, TypeError, OverflowError) as e:
        raise ValueError(f"{type(command).__name__} cannot be kept in the journal: {e}") from None


def storable(text: object) -> str:
    """A text as the journal can keep it: what is no Unicode (as in file names) is escaped."""
    return str(text).encode("utf-8", "backslashreplace").decode()
