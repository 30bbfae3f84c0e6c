"""Machine 1: commands are matched in their order, notifications are given out in theirs, and another path is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.core.entry import (
    VOID,
    Attach,
    Call,
    Cancel,
    ClearAllState,
    ClearRun,
    ClearState,
    ClearTimer,
    Command,
    CompleteAwakeable,
    CompletePromise,
    Completion,
    Entry,
    Failure,
    GetPromise,
    GetState,
    GetStateKeys,
    Input,
    Notification,
    Ok,
    PeekPromise,
    ReadClock,
    Run,
    Send,
    SendSignal,
    SetState,
    Signal,
    Sleep,
    Target,
)
from perdure.core.replay import Replay
from perdure.errors import JournalMismatch
from tests.core.shapes import COMMANDS, of_kind

INPUT = Input(b"in", (), 100, 7)
TARGET = Target("Svc", "k", "go")
ID = bytes(24)
SHOWN_ID = "inv_1" + "0" * 33


def replay_of(*entries: Entry) -> Replay:
    """A journal with an input and some entries."""
    return Replay([INPUT, *entries])


ASKED = tuple(kind for kind in COMMANDS if kind not in (Input, ReadClock))
"""The kinds that code asks for; the others are the engine's."""


@pytest.mark.parametrize("kind", ASKED)
def test_a_recorded_command_of_each_kind_is_matched(kind: type[Command]) -> None:
    """What comes back is the record, with what the node added to it; nothing new is heard."""

    @given(of_kind(kind))
    def matched(recorded: Entry) -> None:
        replay = replay_of(recorded)
        again = replay.issue(recorded)  # type: ignore[arg-type]  # ditto
        assert again is recorded
        assert replay.take_new() == ()
        assert not replay.replaying
        replay.check_exhausted("")

    matched()


def test_what_the_node_added_is_not_compared() -> None:
    """Ids that it gave, values that it read, and how long a sleep was."""
    pairs: list[tuple[Command, Command]] = [
        (GetState("k", b"then"), GetState("k", b"now")),
        (GetStateKeys(("a",)), GetStateKeys(("b",))),
        (Sleep(100), Sleep(999)),
        (Call(TARGET, b"1", callee=b"first"), Call(TARGET, b"1", callee=b"second")),
        (Send(TARGET, b"1", callee=b"first"), Send(TARGET, b"1", callee=b"second")),
        (Call(TARGET, b"1", headers=(("a", "b"),)), Call(TARGET, b"1")),
    ]
    for recorded, issued in pairs:
        assert replay_of(recorded).issue(issued) is recorded


BACK = (
    "Code that was changed under a running invocation, or that depends on time, chance or I/O outside of ctx.run, does"
    " this. Put the old path back, or let the invocation end first."
)
LONG = b"x" * 300


@pytest.mark.parametrize(
    ("recorded", "issued", "lines"),
    [
        (GetState("a"), GetState("b"), ["GetState(key 'a')", "GetState(key 'b')", "key: 'a' -> 'b'"]),
        (
            SetState("a", b"1"),
            SetState("b", b"2"),
            ["SetState(key 'a', value 1)", "SetState(key 'b', value 2)", "key: 'a' -> 'b'", "value: 1 -> 2"],
        ),
        (ClearState("a"), ClearState("b"), ["ClearState(key 'a')", "ClearState(key 'b')", "key: 'a' -> 'b'"]),
        (ClearAllState(), GetStateKeys(), ["ClearAllState()", "GetStateKeys()"]),
        (Sleep(5), ClearTimer(1), ["Sleep()", "ClearTimer(of command 1)"]),
        (ClearTimer(1), ClearTimer(2), ["ClearTimer(of command 1)", "ClearTimer(of command 2)", "of command: 1 -> 2"]),
        (ClearRun(1), ClearRun(2), ["ClearRun(of command 1)", "ClearRun(of command 2)", "of command: 1 -> 2"]),
        (
            Call(TARGET, b"1"),
            Call(Target("Svc", "l", "go"), b"1"),
            [
                "Call(target 'Svc/k/go', input 1, idempotency key None)",
                "Call(target 'Svc/l/go', input 1, idempotency key None)",
                "target: 'Svc/k/go' -> 'Svc/l/go'",
            ],
        ),
        (
            Send(TARGET, b"1", idempotency_key="i"),
            Send(TARGET, b"1", idempotency_key="j", delay_ms=9),
            [
                "Send(target 'Svc/k/go', input 1, idempotency key 'i', delay (ms) 0)",
                "Send(target 'Svc/k/go', input 1, idempotency key 'j', delay (ms) 9)",
                "idempotency key: 'i' -> 'j'",
                "delay (ms): 0 -> 9",
            ],
        ),
        (Run("a"), Run("b"), ["Run(name 'a')", "Run(name 'b')", "name: 'a' -> 'b'"]),
        (GetPromise("a"), GetPromise("b"), ["GetPromise(name 'a')", "GetPromise(name 'b')", "name: 'a' -> 'b'"]),
        (PeekPromise("a"), GetPromise("a"), ["PeekPromise(name 'a')", "GetPromise(name 'a')"]),
        (
            CompletePromise("a", Ok(b"1")),
            CompletePromise("a", Failure(500, "no")),
            [
                "CompletePromise(name 'a', result Ok(value=b'1'))",
                "CompletePromise(name 'a', result Failure(code=500, message='no', metadata={}))",
                "result: Ok(value=b'1') -> Failure(code=500, message='no', metadata={})",
            ],
        ),
        (
            CompleteAwakeable(ID, 17, Ok(b"1")),
            CompleteAwakeable(ID, 18, Ok(b"1")),
            [
                f"CompleteAwakeable(invocation {SHOWN_ID}, index 17, result Ok(value=b'1'))",
                f"CompleteAwakeable(invocation {SHOWN_ID}, index 18, result Ok(value=b'1'))",
                "index: 17 -> 18",
            ],
        ),
        (Attach(ID), Cancel(ID), [f"Attach(invocation {SHOWN_ID})", f"Cancel(invocation {SHOWN_ID})"]),
        (
            SendSignal(ID, "a", Ok(b"1")),
            SendSignal(ID, "b", Ok(b"1")),
            [
                f"SendSignal(invocation {SHOWN_ID}, name 'a', result Ok(value=b'1'))",
                f"SendSignal(invocation {SHOWN_ID}, name 'b', result Ok(value=b'1'))",
                "name: 'a' -> 'b'",
            ],
        ),
        (
            SetState("a", LONG),
            SetState("a", b"\xff"),
            [
                f"SetState(key 'a', value {'x' * 200}… (300 characters))",
                "SetState(key 'a', value \\xff)",
                f"value: {'x' * 200}… (300 characters) -> \\xff",
            ],
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, COMMANDS) else "",
)
def test_another_command_is_shown_beside_the_recorded_one(recorded: Command, issued: Command, lines: list[str]) -> None:
    """To the letter: it is what an operator reads at night."""
    replay = replay_of(Run("first"), recorded)
    replay.issue(Run("first"))
    with pytest.raises(JournalMismatch) as raised:
        replay.issue(issued)
    before, after, *differences = lines
    assert str(raised.value).splitlines() == [
        "the handler took another path than the recorded one, at command 2 of its journal",
        f"  recorded: {before}",
        f"  now:      {after}",
        *(f"  differs in {difference}" for difference in differences),
        BACK,
    ]


def test_a_tail_that_is_not_issued_is_shown() -> None:
    """The handler is quiet, or over, and something is recorded that it did not ask for."""
    replay = replay_of(Run("pay"))
    with pytest.raises(JournalMismatch) as raised:
        replay.check_exhausted("the handler returned")
    assert str(raised.value).splitlines()[:3] == [
        "the handler took another path than the recorded one, at command 1 of its journal",
        "  recorded: Run(name 'pay')",
        "  now:      the handler returned",
    ]


@pytest.mark.parametrize("entries", [[], [Run("a")], [Completion(0, VOID, 1)]])
def test_a_journal_without_an_input_is_none(entries: list[Entry]) -> None:
    """It cannot be replayed, whatever else is in it."""
    with pytest.raises(JournalMismatch, match="this journal does not begin with an input"):
        Replay(entries)


# --- notifications ---------------------------------------------------------------------------------------------


def given_out(replay: Replay) -> list[Notification]:
    """Everything that the handler is told."""
    told: list[Notification] = []
    while (notification := replay.next_notification()) is not None:
        told.append(notification)
    return told


def test_notifications_are_given_out_in_their_order() -> None:
    """One by one, whatever commands lie between them."""
    told: list[Notification] = [Completion(2, VOID, 1), Signal(17, Ok(b"a"), 2), Completion(1, Ok(b"b"), 3)]
    replay = replay_of(Run("a"), Run("b"), told[0], Run("c"), told[1], told[2])
    assert replay.replaying
    assert [replay.answered(index) for index in range(4)] == [False, True, True, False]
    assert given_out(replay) == told
    assert replay.replaying  # three commands are left
    for name in "abc":
        replay.issue(Run(name))
    assert not replay.replaying


def test_a_signal_counts_once_by_its_index_and_each_time_by_its_name() -> None:
    """An awakeable is completed once; somebody may send the same named signal again."""
    first, second = Signal(17, Ok(b"first"), 1), Signal(17, Ok(b"second"), 2)
    named = [Signal(0, Ok(b"1"), 3, "s"), Signal(0, Ok(b"2"), 4, "s")]
    assert given_out(replay_of(first, second, *named)) == [first, *named]


def test_what_was_loaded_is_not_told_again() -> None:
    """A notification that was written before the attempt began is in its journal, and comes as an action too."""
    old, new = Completion(1, VOID, 1), Completion(2, VOID, 2)
    replay = replay_of(Run("a"), Run("b"), old)
    assert replay.length == 4
    replay.tell(3, old)
    assert given_out(replay) == [old]
    replay.tell(4, new)
    assert replay.answered(2)
    assert given_out(replay) == [new]


# --- new commands ----------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.lists(st.sampled_from("abc"), max_size=4), max_size=4))
def test_commands_are_numbered_through(recorded: list[str], steps: list[list[str]]) -> None:
    """Recorded ones and new ones, from step to step; what was taken counts as recorded."""
    replay = replay_of(*(Run(name) for name in recorded))
    index = 1
    for name in recorded:
        assert not replay.at_end
        assert replay.next_index == index
        replay.issue(Run(name))
        index += 1
    for step in steps:
        for name in step:
            assert replay.at_end
            assert replay.next_index == index
            replay.issue(Run(name))
            index += 1
        assert replay.take_new() == tuple(Run(name) for name in step)
        assert replay.next_index == index
        assert replay.take_new() == ()


def test_a_failed_attempt_takes_its_new_commands_back() -> None:
    """And nothing that is recorded."""
    replay = replay_of(Run("a"))
    replay.issue(Run("a"))
    replay.issue(Run("b"))
    replay.drop_new()
    assert replay.take_new() == ()
    assert replay.next_index == 2


# --- the clock -------------------------------------------------------------------------------------------------


def test_a_clock_that_was_read_is_read_again_at_the_same_place() -> None:
    """After so many notifications, and never anywhere else; a clock that was right was not recorded."""
    told = [Completion(1, VOID, 1), Completion(2, VOID, 2)]
    live = replay_of(Run("a"))
    assert live.read_clock(500, late=True) is None  # something recorded comes first
    live.issue(Run("a"))
    live.tell(2, told[0])
    given_out(live)
    assert live.read_clock(500, late=False) is None
    assert live.read_clock(500, late=True) == 500
    live.issue(Run("b"))
    journal = (Run("a"), told[0], *live.take_new())
    assert journal[2:] == (ReadClock(500, 1), Run("b"))
    again = replay_of(*journal)
    assert again.read_clock(9_999, late=True) is None
    again.issue(Run("a"))
    assert again.read_clock(9_999, late=True) is None
    given_out(again)
    assert again.read_clock(9_999, late=True) == 500
    again.issue(Run("b"))
    assert not again.replaying


def test_code_that_no_longer_reads_the_clock_is_no_mismatch() -> None:
    """Nor is the place of the commands behind it another one."""
    replay = replay_of(ReadClock(500, 0), Run("a"), ReadClock(600, 0))
    assert not replay.at_end
    assert replay.next_index == 2
    replay.issue(Run("a"))
    assert replay.at_end
    replay.check_exhausted("")
    assert replay.next_index == 4


def test_a_clock_that_was_right_stays_so_on_replay() -> None:
    """No command was issued, and yet the handler had read its clock before it was told what is recorded."""
    replay = replay_of(Signal(17, Ok(b"1"), 120))
    assert replay.read_clock(9_999, late=True) is None
    given_out(replay)
    assert replay.read_clock(9_999, late=True) == 9_999
