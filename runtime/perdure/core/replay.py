"""Machine 1, one attempt against its journal.

What does the handler get back, and what did it newly ask for?
Commands are matched one by one, in the order in which they were recorded; notifications are given out in the
order in which they were recorded. While anything recorded is left, nothing new is heard and another command
than the recorded one is a `JournalMismatch`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from perdure.core.entry import (
    Attach,
    Call,
    Cancel,
    ClearRun,
    ClearState,
    ClearTimer,
    Command,
    CompleteAwakeable,
    CompletePromise,
    Completion,
    Entry,
    GetPromise,
    GetState,
    Input,
    Notification,
    PeekPromise,
    ReadClock,
    Run,
    Send,
    SendSignal,
    SetState,
    Signal,
)
from perdure.core.ids import format_id
from perdure.errors import JournalMismatch


class _Id(bytes):
    """An invocation id, which people read in its text form."""


_FACTS: dict[type[Any], Callable[[Any], tuple[tuple[str, object], ...]]] = {
    GetState: lambda c: (("key", c.key),),
    SetState: lambda c: (("key", c.key), ("value", c.value)),
    ClearState: lambda c: (("key", c.key),),
    ClearTimer: lambda c: (("of command", c.command),),
    ClearRun: lambda c: (("of command", c.command),),
    Call: lambda c: (("target", str(c.target)), ("input", c.value), ("idempotency key", c.idempotency_key)),
    Send: lambda c: (
        ("target", str(c.target)),
        ("input", c.value),
        ("idempotency key", c.idempotency_key),
        ("delay (ms)", c.delay_ms),
    ),
    Run: lambda c: (("name", c.name),),
    GetPromise: lambda c: (("name", c.name),),
    PeekPromise: lambda c: (("name", c.name),),
    CompletePromise: lambda c: (("name", c.name), ("result", c.result)),
    CompleteAwakeable: lambda c: (("invocation", _Id(c.invocation)), ("index", c.index), ("result", c.result)),
    Attach: lambda c: (("invocation", _Id(c.invocation)),),
    Cancel: lambda c: (("invocation", _Id(c.invocation)),),
    SendSignal: lambda c: (("invocation", _Id(c.invocation)), ("name", c.name), ("result", c.result)),
}
"""What has to be the same on replay. Not here: what the node added (ids it gave, values it read), and how long
a sleep is, since the recorded wake-up time counts."""


def facts(command: Command) -> tuple[tuple[str, object], ...]:
    """What identifies a command, as named values."""
    rule = _FACTS.get(type(command))
    return () if rule is None else rule(command)


def describe(command: Command | None, otherwise: str) -> str:
    """A command on one line, for people."""
    if command is None:
        return otherwise
    values = ", ".join(f"{name} {_show(value)}" for name, value in facts(command))
    return f"{type(command).__name__}({values})"


def _show(value: object) -> str:
    if isinstance(value, _Id):
        return format_id(value)
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else repr(value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"


class Replay:
    """The journal of an invocation, as one attempt walks along it."""

    __slots__ = (
        "_answered",
        "_commands",
        "_cursor",
        "_delivered",
        "_new",
        "_notifications",
        "_signals",
        "input",
        "length",
    )

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._commands: list[Command] = []
        self._notifications: deque[Notification] = deque()
        self._answered: set[int] = set()
        self._signals: set[int] = set()
        self._new: list[Command] = []
        self._delivered = 0
        self.length = 0
        """Entries that were loaded; a notification with a lower position is among them."""
        for entry in entries:
            self.length += 1
            if isinstance(entry, Completion):
                self._answered.add(entry.command)
                self._notifications.append(entry)
            elif isinstance(entry, Signal):
                self._notifications.append(entry)
            else:
                self._commands.append(entry)
        first = self._commands[0] if self._commands else None
        if not isinstance(first, Input):
            raise JournalMismatch("this journal does not begin with an input")
        self.input = first
        self._cursor = 1

    @property
    def replaying(self) -> bool:
        """Whether something recorded is left."""
        return self._cursor < len(self._commands) or bool(self._notifications)

    @property
    def at_end(self) -> bool:
        """Whether the next command will be a new one."""
        return self._next_recorded(self._cursor) >= len(self._commands)

    @property
    def next_index(self) -> int:
        """Index that the next command will have."""
        return self._next_recorded(self._cursor) + len(self._new)

    def issue(self, command: Command) -> Command:
        """Take the next command of the handler; returns the recorded one in its place, or itself if it is new.

        Raises:
            JournalMismatch: Another command is recorded here.
        """
        self._cursor = self._next_recorded(self._cursor)
        if self._cursor >= len(self._commands):
            self._new.append(command)
            return command
        recorded = self._commands[self._cursor]
        if type(recorded) is not type(command) or facts(recorded) != facts(command):
            raise self._mismatch(recorded, command)
        self._cursor += 1
        return recorded

    def _next_recorded(self, cursor: int) -> int:
        """Index of the next recorded command; where a clock was read, code need not read it any more."""
        while cursor < len(self._commands) and isinstance(self._commands[cursor], ReadClock):
            cursor += 1
        return cursor

    def read_clock(self, now_ms: int, late: bool) -> int | None:
        """The handler reads its clock for the first time since it was given something; None if the clock is right.

        Args:
            now_ms: The time outside.
            late: Whether the handler's clock is to be corrected; what is recorded counts instead.
        """
        if self._cursor < len(self._commands):
            recorded = self._commands[self._cursor]
            if not isinstance(recorded, ReadClock) or recorded.after != self._delivered:
                return None
            self._cursor += 1
            return recorded.at_ms
        if not late or self._notifications:
            return None  # what is told next was told when the clock was right
        self._new.append(ReadClock(now_ms, self._delivered))
        return now_ms

    def answered(self, index: int) -> bool:
        """Whether the answer to a command is recorded."""
        return index in self._answered

    def next_notification(self) -> Notification | None:
        """The next thing that the handler was told, or None if all recorded ones were given out.

        A second signal with the same index is not heard: the first completion of an awakeable counts.
        """
        while self._notifications:
            notification = self._notifications.popleft()
            if isinstance(notification, Signal) and notification.name is None:
                if notification.index in self._signals:
                    continue
                self._signals.add(notification.index)
            self._delivered += 1
            return notification
        return None

    def tell(self, position: int, notification: Notification) -> None:
        """Something was written behind the journal while the attempt is in memory."""
        if position >= self.length:
            if isinstance(notification, Completion):
                self._answered.add(notification.command)
            self._notifications.append(notification)

    def check_exhausted(self, instead: str) -> None:
        """The handler is quiet and nothing recorded is left to tell it: it must have issued all that is recorded.

        Raises:
            JournalMismatch: It did `instead` of issuing the next recorded command.
        """
        cursor = self._next_recorded(self._cursor)
        if cursor < len(self._commands):
            raise self._mismatch(self._commands[cursor], None, instead)

    def take_new(self) -> tuple[Command, ...]:
        """The commands that were issued since the last time and are not recorded; they count as recorded now."""
        new = tuple(self._new)
        self._cursor += len(new)
        self._new.clear()
        return new

    def drop_new(self) -> None:
        """Forget the new commands: the attempt failed before it was quiet."""
        self._new.clear()

    def _mismatch(self, recorded: Command, issued: Command | None, instead: str = "") -> JournalMismatch:
        lines = [
            f"the handler took another path than the recorded one, at command {self._cursor} of its journal",
            f"  recorded: {describe(recorded, '')}",
            f"  now:      {describe(issued, instead)}",
        ]
        if issued is not None and type(issued) is type(recorded):
            before, after = dict(facts(recorded)), dict(facts(issued))
            lines += [
                f"  differs in {name}: {_show(before[name])} -> {_show(after[name])}"
                for name in before
                if before[name] != after[name]
            ]
        lines.append(
            "Code that was changed under a running invocation, or that depends on time, chance or I/O outside of"
            " ctx.run, does this. Put the old path back, or let the invocation end first."
        )
        return JournalMismatch("\n".join(lines))
