"""Records: every kind of entry and row comes back as it was, and what is damaged says so."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.core.entry import Command, Entry, Run, Target, check_storable, is_command, storable
from perdure.core.tables import (
    ALL,
    BY_LETTER,
    FORMAT,
    JOURNAL,
    TIMER,
    Invocation,
    Lock,
    Meta,
    Promise,
    StateValue,
    Table,
    TimerKind,
    address,
    inbox_key,
    lock_key,
    promise_key,
    read_timer_key,
    state_key,
    timer_key,
)
from perdure.errors import CorruptRecord
from tests.core.shapes import COMMANDS, KINDS, NOTIFICATIONS, TEXT, any_entry, of_kind, of_type

TAGS = {
    "Input": 0,
    "GetState": 1,
    "GetStateKeys": 2,
    "SetState": 3,
    "ClearState": 4,
    "ClearAllState": 5,
    "Sleep": 6,
    "ClearTimer": 7,
    "Call": 8,
    "Send": 9,
    "Run": 10,
    "GetPromise": 11,
    "PeekPromise": 12,
    "CompletePromise": 13,
    "CompleteAwakeable": 14,
    "Attach": 15,
    "Cancel": 16,
    "SendSignal": 17,
    "ReadClock": 18,
    "ClearRun": 19,
    "Completion": 64,
    "Signal": 65,
}
"""The format on disk. A number that changes here would make old journals unreadable."""


def test_the_numbers_of_kinds_stay_what_they_are() -> None:
    """New kinds get new numbers; nothing is ever renumbered."""
    assert {kind.__name__: kind.__struct_config__.tag for kind in KINDS} == TAGS


@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_of_each_kind_comes_back_from_its_record(kind: type[Entry]) -> None:
    """All fields, with all that they can hold."""

    @given(of_kind(kind))
    def comes_back(entry: Entry) -> None:
        record = JOURNAL.encode((entry,))
        assert JOURNAL.decode(record, b"j") == (entry,)
        assert type(JOURNAL.decode(record, b"j")[0]) is kind

    comes_back()


@given(st.lists(any_entry(), max_size=6))
def test_a_chunk_keeps_the_order_of_its_entries(entries: list[Entry]) -> None:
    """Many in one record."""
    assert JOURNAL.decode(JOURNAL.encode(tuple(entries)), b"j") == tuple(entries)


ROWS: dict[str, Any] = {
    "invocation": Invocation,
    "state": StateValue,
    "lock": Lock,
    "inbox": bytes,
    "timer": None,
    "promise": Promise,
    "active": None,
    "meta": Meta,
    "journal": tuple[Entry, ...],
}


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_a_row_of_each_table_comes_back_from_its_record(table: Table[object]) -> None:
    """Whatever its fields hold."""

    @given(of_type(ROWS[table.name]))
    def comes_back(row: object) -> None:
        assert table.decode(table.encode(row), b"k") == row

    comes_back()


@given(any_entry())
def test_commands_and_notifications_are_told_apart(entry: Entry) -> None:
    """The handler asks by the ones, and is told by the others."""
    assert is_command(entry) == (type(entry) in COMMANDS)


# --- damage ----------------------------------------------------------------------------------------------------


@given(st.lists(any_entry(), min_size=1, max_size=3), st.data())
def test_a_bit_that_fell_over_is_noticed(entries: list[Entry], data: st.DataObject) -> None:
    """Anywhere in the record."""
    record = bytearray(JOURNAL.encode(tuple(entries)))
    bit = data.draw(st.integers(0, len(record) * 8 - 1))
    record[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CorruptRecord):
        JOURNAL.decode(bytes(record), b"j")


@given(st.binary(max_size=20))
def test_any_bytes_are_a_record_or_a_corrupt_one(raw: bytes) -> None:
    """Never another exception."""
    for table in ALL:
        with pytest.raises(CorruptRecord):
            table.decode(raw, b"k")


def _record(body: bytes, version: int = FORMAT) -> bytes:
    return struct.pack("<BI", version, zlib.crc32(body)) + body


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (b"", "unpack_from requires a buffer of at least 5 bytes"),
        (JOURNAL.encode(())[:-1], "its checksum does not match"),
        (_record(b"\x90", FORMAT + 1), f"format {FORMAT + 1}, and this program reads {FORMAT}"),
        (_record(msgspec.msgpack.encode([[99, "?"]])), "Invalid value 99"),
        (_record(msgspec.msgpack.encode([[10, 5]])), "Expected `str`, got `int`"),
        (_record(b"\x91"), "Input data was truncated"),
    ],
)
def test_a_corrupt_record_says_where_and_why(record: bytes, why: str) -> None:
    """The table, the key, and what is wrong: all that somebody needs who looks after it."""
    with pytest.raises(CorruptRecord) as raised:
        JOURNAL.decode(record, b"jkey")
    assert str(raised.value).startswith("record 6a6b6579 of table journal cannot be read: ")
    assert why in raised.value.reason
    assert (raised.value.table, raised.value.key) == ("journal", b"jkey")


def test_a_record_of_an_older_program_is_read() -> None:
    """Fields that were added at the end have their defaults."""
    old = _record(msgspec.msgpack.encode([[65, 17, [0, b"v"], 5]]))
    (signal,) = JOURNAL.decode(old, b"j")
    assert signal == NOTIFICATIONS[1](17, signal.result, 5)  # type: ignore[union-attr, arg-type]  # it is a signal


# --- what may be written ---------------------------------------------------------------------------------------


@given(st.one_of(*(of_kind(kind) for kind in COMMANDS)))
def test_every_sound_command_is_storable(command: Command) -> None:
    """The check refuses nothing that could be kept."""
    check_storable(command)


@pytest.mark.parametrize(
    "command",
    [
        Run("\udcff"),
        Run(7),  # type: ignore[arg-type]  # a user's mistake
    ],
)
def test_what_could_not_be_read_again_is_not_storable(command: Command) -> None:
    """Better now than on replay."""
    with pytest.raises(ValueError, match="Run cannot be kept in the journal: "):
        check_storable(command)


@given(st.text(st.characters(), max_size=10))
def test_any_text_can_be_made_storable(text: str) -> None:
    """What is Unicode stays as it is."""
    kept = storable(text)
    kept.encode()
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert kept == text


# --- keys ------------------------------------------------------------------------------------------------------

LONG = st.text(st.sampled_from("aé"), min_size=95, max_size=260)
NAMES = TEXT | LONG


@given(st.tuples(NAMES, NAMES, NAMES), st.tuples(NAMES, NAMES, NAMES))
def test_no_two_places_have_one_key(a: tuple[str, str, str], b: tuple[str, str, str]) -> None:
    """However long the names are, and wherever one ends and the next begins; and LMDB can hold each."""
    places = [address(Target(service, key, "h")) for service, key, _ in (a, b)]
    assert (places[0] == places[1]) == (a[:2] == b[:2])
    for make in (state_key, promise_key):
        keys = [make(place, name) for place, (_, _, name) in zip(places, (a, b), strict=True)]
        assert (keys[0] == keys[1]) == (a == b)
        assert all(len(key) <= 511 for key in keys)
        assert all(key.startswith(make(place)) for key, place in zip(keys, places, strict=True))
    assert all(len(inbox_key(place, 2**63)) <= 511 for place in places)


@given(st.tuples(NAMES, NAMES), st.tuples(NAMES, NAMES))
def test_no_place_lies_inside_another(a: tuple[str, str], b: tuple[str, str]) -> None:
    """Else forgetting one object's state would forget another's."""
    first, second = (lock_key(address(Target(service, key, "h"))) for service, key in (a, b))
    assert not first.startswith(second) or a == b


TIMERS = st.tuples(
    st.integers(0, 2**63), st.binary(min_size=24, max_size=24), st.sampled_from(TimerKind), st.integers(0, 2**32 - 1)
)


@given(TIMERS, TIMERS)
def test_a_timers_key_says_all_and_sorts_by_time(
    a: tuple[int, bytes, TimerKind, int], b: tuple[int, bytes, TimerKind, int]
) -> None:
    """It has no row."""
    assert read_timer_key(timer_key(*a)) == a
    if a[0] < b[0]:
        assert timer_key(*a) < timer_key(*b)
    assert BY_LETTER[timer_key(*a)[0]] is TIMER
