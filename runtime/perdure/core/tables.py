"""The rows of the store and their keys: one letter for the table, then bytes that sort as we read them.

Every record is ``version, crc32, msgpack``; docs/journal.md describes the format for people. Ids append,
timers sort by time, and an object's state, inbox and lock each lie together.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import struct
import zlib
from typing import Generic, TypeVar

import msgspec

from perdure.core.entry import Entry, Failure, Ok, Target
from perdure.core.port import HandlerKind
from perdure.core.retry import RetryState
from perdure.errors import CorruptRecord

Row = TypeVar("Row")

FORMAT = 1
"""Version of the records. It is in each of them, and in the meta row."""

_HEAD = struct.Struct("<BI")
_MSGPACK = msgspec.msgpack.Encoder()


class Status(enum.IntEnum):
    """Where an invocation is in its life."""

    SCHEDULED = 0
    PENDING = 1
    RUNNING = 2
    SUSPENDED = 3
    BACKING_OFF = 4
    PAUSED = 5
    COMPLETED = 6


class OpenSleep(msgspec.Struct, frozen=True, array_like=True, tag=0, gc=False):
    """A sleep whose time has not come."""

    at_ms: int


class OpenCall(msgspec.Struct, frozen=True, array_like=True, tag=1, gc=False):
    """A call, or an attach, whose callee has not completed."""

    callee: bytes
    attached: bool = False
    """Whether somebody else made the callee: then it does not end with this one."""


class OpenRun(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """A run without a result, and its failures so far."""

    retry: RetryState | None = None


class OpenPromise(msgspec.Struct, frozen=True, array_like=True, tag=3, gc=False):
    """A durable promise that is waited for."""

    name: str


Open = OpenSleep | OpenCall | OpenRun | OpenPromise


class Invocation(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One request to run a handler, from its acceptance until retention ends."""

    target: Target
    kind: HandlerKind
    status: Status
    created_at_ms: int
    changed_at_ms: int
    """When the status last changed."""
    journal_length: int
    """Entries in the journal."""
    commands: int
    """Commands among them."""
    waiters: tuple[tuple[bytes, int], ...] = ()
    """Invocations that wait for the result, and the index of the command by which they do."""
    execute_at_ms: int = 0
    """When a delayed one is due; 0 is at once."""
    idempotency_key: str | None = None
    journal_retention_ms: int = 0
    completed_retention_ms: int = 0
    open: dict[int, Open] = {}
    """Commands that have not been answered, by index."""
    retry: RetryState | None = None
    result: Ok | Failure | None = None
    expires_at_ms: int = 0
    """When a completed one is forgotten."""
    inbox_position: int = -1
    """Place in its key's inbox while pending."""
    deployment: str = ""
    """Fingerprint under which it runs."""
    deadline_ms: int = 0
    """When it is cancelled if it has not completed; 0 is never."""
    restarted_from: bytes = b""
    """The invocation that this one repeats."""
    awaits: tuple[int | str, ...] = ()
    """Of a suspended one: the awakeables, by index, and the signals, by name, that it waits for."""


class Lock(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who runs exclusively on a key, and where its inbox begins and ends."""

    holder: bytes
    head: int = 0
    tail: int = 0


class StateValue(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One value of an object's state; it knows its name, since a long one is hashed in the key."""

    name: str
    value: bytes


class Promise(msgspec.Struct, frozen=True, array_like=True):
    """A durable promise: its result, or those who wait for it."""

    name: str
    result: Ok | Failure | None = None
    waiters: tuple[tuple[bytes, int], ...] = ()


class Meta(msgspec.Struct, frozen=True, array_like=True):
    """What the store says about itself."""

    format: int
    created_at_ms: int
    deployments: dict[str, str] = {}
    """What was served at the last start, by service."""


class TimerKind(enum.IntEnum):
    """What a timer is for."""

    START = 0
    SLEEP = 1
    RETRY = 2
    RUN_RETRY = 3
    PURGE_JOURNAL = 4
    PURGE = 5
    DEADLINE = 6


class Table(Generic[Row]):
    """A kind of rows, named by one letter."""

    def __init__(self, letter: str, name: str, row: object) -> None:
        self.letter = letter.encode()
        self.name = name
        self._decode = msgspec.msgpack.Decoder(row).decode

    def encode(self, row: Row) -> bytes:
        """The record of a row."""
        body = _MSGPACK.encode(row)
        return _HEAD.pack(FORMAT, zlib.crc32(body)) + body

    def decode(self, record: bytes, key: bytes) -> Row:
        """The row of a record. `key` is for the message only.

        Raises:
            CorruptRecord: The checksum is wrong, the format is unknown or the bytes are no such row.
        """
        try:
            version, crc = _HEAD.unpack_from(record)
            body = memoryview(record)[_HEAD.size :]
            if version != FORMAT:
                raise CorruptRecord(self.name, key, f"format {version}, and this program reads {FORMAT}")
            if zlib.crc32(body) != crc:
                raise CorruptRecord(self.name, key, "its checksum does not match")
            return self._decode(body)  # type: ignore[no-any-return]  # msgspec types a decoder built from an object as Any
        except (struct.error, msgspec.DecodeError) as e:
            raise CorruptRecord(self.name, key, str(e)) from None


INVOCATION = Table[Invocation]("i", "invocation", Invocation)
JOURNAL = Table[tuple[Entry, ...]]("j", "journal", tuple[Entry, ...])
STATE = Table[StateValue]("s", "state", StateValue)
LOCK = Table[Lock]("l", "lock", Lock)
INBOX = Table[bytes]("q", "inbox", bytes)
TIMER = Table[None]("t", "timer", None)
PROMISE = Table[Promise]("p", "promise", Promise)
ACTIVE = Table[None]("a", "active", None)
META = Table[Meta]("m", "meta", Meta)

ALL: tuple[Table[object], ...] = (INVOCATION, JOURNAL, STATE, LOCK, INBOX, TIMER, PROMISE, ACTIVE, META)  # type: ignore[assignment]  # a table is invariant in its row
BY_LETTER: dict[int, Table[object]] = {table.letter[0]: table for table in ALL}

META_KEY = b"m"

_TIMER_TAIL = struct.Struct(">BI")


def invocation_key(id: bytes) -> bytes:
    """Row of an invocation."""
    return b"i" + id


def journal_key(id: bytes, index: int) -> bytes:
    """Chunk of a journal whose first entry has this index."""
    return b"j" + id + index.to_bytes(4, "big")


def active_key(id: bytes) -> bytes:
    """Mark of a running invocation."""
    return b"a" + id


def timer_key(at_ms: int, id: bytes, kind: TimerKind, command: int = 0) -> bytes:
    """A timer; it has no row, its key says all."""
    return b"t" + at_ms.to_bytes(8, "big") + id + _TIMER_TAIL.pack(kind, command)


def read_timer_key(key: bytes) -> tuple[int, bytes, TimerKind, int]:
    """Time in ms, invocation, kind and command index of a timer."""
    kind, command = _TIMER_TAIL.unpack(key[-5:])
    return int.from_bytes(key[1:9], "big"), key[9:-5], TimerKind(kind), command


@functools.lru_cache(maxsize=8192)
def address(target: Target) -> bytes:
    """Bytes that name an object or a workflow inside keys."""
    return _part(target.service, 100) + _part(target.key or "", 200)


def lock_key(address: bytes) -> bytes:
    """The lock of an object."""
    return b"l" + address


def inbox_key(address: bytes, position: int) -> bytes:
    """A place in an object's inbox."""
    return b"q" + address + position.to_bytes(8, "big")


def state_key(address: bytes, name: str | None = None) -> bytes:
    """A value of an object's state; without a name, the prefix of them all."""
    return b"s" + address + (b"" if name is None else _part(name, 150))


def promise_key(address: bytes, name: str | None = None) -> bytes:
    """A promise of a workflow; without a name, the prefix of them all."""
    return b"p" + address + (b"" if name is None else _part(name, 150))


def _part(text: str, limit: int) -> bytes:
    """Length and bytes, so that no two names run together; LMDB's keys end at 511 bytes, so a long one is hashed."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) <= limit:
        return len(raw).to_bytes(2, "big") + raw
    return b"\xff\xff" + hashlib.sha256(raw).digest()
