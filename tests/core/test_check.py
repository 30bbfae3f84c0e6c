"""The invariants catch what they state: for each of them a sound store is spoilt in one way, and that is found.

Every sentence that the checker can say is planted here; a test counts them.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable

import pytest

from perdure.core import check
from perdure.core.check import violations
from perdure.core.entry import VOID, Attach, Completion, Entry, Failure, GetPromise, Input, Ok, Run, Sleep
from perdure.core.event import Failed, RunFailed
from perdure.core.ids import format_id
from perdure.core.lifecycle import replace
from perdure.core.retry import Policy
from perdure.core.tables import (
    ACTIVE,
    INBOX,
    INVOCATION,
    JOURNAL,
    LOCK,
    PROMISE,
    TIMER,
    Invocation,
    Lock,
    OpenCall,
    OpenPromise,
    Promise,
    Status,
    TimerKind,
    active_key,
    invocation_key,
    journal_key,
    timer_key,
)
from tests.core.node import BEGIN_MS, DAY, Node

DOWN = Failure(500, "down")
NOBODY = b"\xff" * 24


class Store:
    """A sound store with one of everything, to be spoilt."""

    def __init__(self) -> None:
        self.node = node = Node()
        self.running = node.submit("Svc/go")
        node.step(self.running, Run("a"), Run("b"))
        node.apply(RunFailed(self.running, 2, DOWN, Policy()))
        self.sleeping = node.submit("Svc/go")
        node.step(self.sleeping, Sleep(BEGIN_MS + 9_000), Run("c"))
        node.apply(RunFailed(self.sleeping, 2, DOWN, Policy()))
        node.suspend(self.sleeping)
        self.attached = node.submit("Svc/go")
        node.step(self.attached, Attach(self.running))
        self.failing = node.submit("Svc/limited")
        node.fail(self.failing, Failed(DOWN, Policy()))
        self.scheduled = node.submit("Svc/go", delay_ms=5_000)
        self.holder, self.pending = node.submit("Obj/a/go"), node.submit("Obj/a/go")
        self.promising = node.submit("Flow/f/run")
        node.step(self.promising, GetPromise("p"))
        self.over = node.submit("Svc/go")
        node.end(self.over)

    def change(self, id: bytes, **fields: object) -> None:
        """Spoil the row of an invocation."""
        row: Invocation = replace(self.node.row(id), **fields)
        self.node.rows.put(INVOCATION, invocation_key(id), row)

    def remove(self, letter: bytes, part: bytes = b"") -> None:
        """Remove the rows of a table whose keys hold a part."""
        removed = [key for key in self.node.keys(letter) if part in key]
        assert removed
        for key in removed:
            self.node.rows.delete(key)

    def timer(self, id: bytes, kind: TimerKind, at_ms: int = BEGIN_MS + 7) -> None:
        """Set a timer that nobody asked for."""
        self.node.rows.put(TIMER, timer_key(at_ms, id, kind), None)

    def journal(self, id: bytes, *entries: Entry) -> None:
        """Put another journal in the place of one chunk."""
        self.node.rows.put(JOURNAL, journal_key(id, 0), entries)

    def key(self, letter: bytes) -> bytes:
        """The only key of a table."""
        (key,) = self.node.keys(letter)
        return key


def _answer_twice(store: Store) -> None:
    twice = Completion(1, VOID, 5)
    store.journal(store.over, Input(b"", (), 5, 0), Run("a"), twice, twice)
    store.change(store.over, journal_length=4, commands=2)


def _answer_open(store: Store) -> None:
    store.node.rows.put(JOURNAL, journal_key(store.running, 3), (Completion(1, VOID, 5),))
    store.change(store.running, journal_length=4)


def _spoil_record(store: Store) -> None:
    key = invocation_key(store.running)
    store.node.rows.records[key] = store.node.rows.records[key][:-1]


def _purge_timer(store: Store) -> None:
    store.remove(b"t", store.over)


def _deadline_timer(store: Store) -> None:
    store.node.rows.delete(timer_key(BEGIN_MS + 5_000, store.failing, TimerKind.DEADLINE))


def _retry_timer(store: Store) -> None:
    store.node.rows.delete(timer_key(BEGIN_MS + 500, store.failing, TimerKind.RETRY))


def _run_timer(store: Store) -> None:
    store.node.rows.delete(timer_key(BEGIN_MS + 500, store.sleeping, TimerKind.RUN_RETRY, 2))


def _sleep_timer(store: Store) -> None:
    store.node.rows.delete(timer_key(BEGIN_MS + 9_000, store.sleeping, TimerKind.SLEEP, 1))


def _wait_for_nothing(store: Store) -> None:
    store.change(store.sleeping, open={})
    store.remove(b"t", store.sleeping)


def _forget_callee(store: Store) -> None:
    store.change(store.running, waiters=())


def _end_callee(store: Store) -> None:
    store.change(store.attached, open={1: OpenCall(store.over, True)})


def _forget_waiter(store: Store) -> None:
    store.node.rows.put(PROMISE, store.key(b"p"), Promise("p"))


def _complete_promise(store: Store) -> None:
    store.node.rows.put(PROMISE, store.key(b"p"), Promise("p", Ok(b""), ((store.promising, 1),)))


def _wrong_promise(store: Store) -> None:
    store.change(store.promising, open={1: OpenPromise("q")})


def _unknown_waiter(store: Store) -> None:
    store.node.rows.put(PROMISE, store.key(b"p"), Promise("p", None, ((store.promising, 1), (NOBODY, 1))))


def _lock_of_another(store: Store) -> None:
    store.node.rows.put(LOCK, store.key(b"l"), Lock(store.pending, 0, 1))


def _lock_of_one_that_is_over(store: Store) -> None:
    store.node.rows.put(LOCK, store.key(b"l"), Lock(store.over, 0, 1))


def _inbox_outside(store: Store) -> None:
    store.node.rows.put(LOCK, store.key(b"l"), Lock(store.holder, 1, 1))


def _inbox_of_one_that_runs(store: Store) -> None:
    key = store.key(b"q")
    store.node.rows.put(INBOX, key[:-1] + b"\x01", store.holder)
    store.node.rows.put(LOCK, store.key(b"l"), Lock(store.holder, 0, 2))


PLANTED: dict[str, tuple[Callable[[Store], None], str]] = {
    "damaged record": (_spoil_record, "of table invocation cannot be read: "),
    "short journal": (
        lambda s: s.change(s.running, journal_length=9),
        "its journal has 3 entries, its row says 9",
    ),
    "no input": (lambda s: s.journal(s.holder, Run("a")), "its journal does not begin with an input"),
    "count of commands": (lambda s: s.change(s.running, commands=7), "3 commands in the journal, 7 in the row"),
    "answered twice": (_answer_twice, "a command was answered twice"),
    "answered and open": (_answer_open, "an answered command is still open"),
    "completed and open": (
        lambda s: s.change(s.over, waiters=((s.running, 1),)),
        "completed, but open, awaited or without a result",
    ),
    "no result": (lambda s: s.change(s.over, result=None), "completed, but open, awaited or without a result"),
    "never forgotten": (_purge_timer, "completed, and nothing will ever forget it"),
    "no mark": (lambda s: s.remove(b"a", s.running), "the active mark does not agree with its status"),
    "wrong mark": (
        lambda s: s.node.rows.put(ACTIVE, active_key(s.sleeping), None),
        "the active mark does not agree with its status",
    ),
    "mark of nobody": (lambda s: s.node.rows.put(ACTIVE, active_key(NOBODY), None), "it does not run"),
    "backing off for ever": (_retry_timer, "backs off without a timer"),
    "scheduled for ever": (lambda s: s.remove(b"t", s.scheduled), "scheduled without a timer"),
    "suspended for ever": (_wait_for_nothing, "suspended, and nothing will ever wake it"),
    "no deadline": (_deadline_timer, "its deadline has no timer"),
    "runs without its key": (_lock_of_another, "runs without holding its key"),
    "not in its place": (lambda s: s.change(s.pending, inbox_position=4), "pending, but not in its place in the inbox"),
    "sleeps for ever": (_sleep_timer, "sleep 1 has no timer"),
    "callee forgot": (_forget_callee, "call 1 waits for a callee that does not know of it"),
    "callee is over": (_end_callee, "call 1 waits for a callee that does not know of it"),
    "promise forgot": (_forget_waiter, "command 1 waits for a promise that does not know of it"),
    "run for ever": (_run_timer, "run 2 backs off without a timer"),
    "journal of nobody": (
        lambda s: s.node.rows.put(JOURNAL, journal_key(NOBODY, 0), (Run("a"),)),
        "of no invocation, or behind the end of its journal",
    ),
    "journal behind its end": (
        lambda s: s.node.rows.put(JOURNAL, journal_key(s.running, 3), (Run("a"),)),
        "of no invocation, or behind the end of its journal",
    ),
    "lock of one that is over": (_lock_of_one_that_is_over, "which does not hold it"),
    "inbox without lock": (lambda s: s.remove(b"l"), "its key is not locked, or the place is outside of the inbox"),
    "place outside of the inbox": (_inbox_outside, "its key is not locked, or the place is outside of the inbox"),
    "inbox of one that runs": (_inbox_of_one_that_runs, "is not pending"),
    "timer of nobody": (lambda s: s.timer(NOBODY, TimerKind.SLEEP), "its invocation is gone"),
    "timer of one that is over": (lambda s: s.timer(s.over, TimerKind.SLEEP), "not a timer of a COMPLETED invocation"),
    "purge of one that runs": (lambda s: s.timer(s.running, TimerKind.PURGE), "not a timer of a RUNNING invocation"),
    "wrong deadline": (lambda s: s.timer(s.failing, TimerKind.DEADLINE), "not the deadline of its invocation"),
    "sleep of nobody": (lambda s: s.timer(s.running, TimerKind.SLEEP), "no sleep waits for it"),
    "completed promise": (_complete_promise, "promise p: completed, but waited for"),
    "waiter of another promise": (_wrong_promise, "does not wait for it"),
    "unknown waiter": (_unknown_waiter, f"promise p: {format_id(NOBODY)} does not wait for it"),
}


def test_a_sound_store_has_no_violations() -> None:
    """One of everything, now and when time has passed."""
    store = Store()
    assert violations(store.node.rows) == []
    store.node.tick(2 * DAY)
    assert violations(store.node.rows) == []


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_violation_is_found(planted: str) -> None:
    """In words that say what is wrong."""
    spoil, words = PLANTED[planted]
    store = Store()
    spoil(store)
    found = violations(store.node.rows)
    assert any(words in problem for problem in found), found


def test_nothing_can_be_said_that_was_not_planted() -> None:
    """Each sentence in the checker is said by one of the spoilt stores above."""
    said: list[str] = []
    for spoil, _ in PLANTED.values():
        store = Store()
        spoil(store)
        said += violations(store.node.rows)
    sentences = _sentences()
    assert len(sentences) > 20
    for fixed_part in sentences:
        assert any(fixed_part in problem for problem in said), fixed_part


def _sentences() -> list[str]:
    """The longest fixed part of everything that the checker yields or returns as text."""
    parts: list[str] = []
    for node in ast.walk(ast.parse(inspect.getsource(check))):
        if isinstance(node, ast.Yield | ast.Return) and isinstance(node.value, ast.JoinedStr | ast.Constant):
            texts = [part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant)]
            fixed = [text for text in texts if isinstance(text, str)]
            if fixed:
                parts.append(max(fixed, key=len))
    return parts


def test_statuses_that_hold_a_key_are_those_between_start_and_end() -> None:
    """The checker's own table."""
    assert set(check._HOLDERS) == {Status.RUNNING, Status.SUSPENDED, Status.BACKING_OFF, Status.PAUSED}
