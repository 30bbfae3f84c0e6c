"""The overlay is one sorted map, however many layers it has: compared with a plain dict, operation by operation."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from perdure.core.tables import INBOX, META, STATE, Meta, StateValue, state_key
from perdure.errors import CorruptRecord
from perdure.store.memory import MemoryStore
from perdure.store.overlay import Overlay, Rows, encode

KEYS = st.binary(max_size=3, min_size=1).map(lambda raw: b"q" + bytes(byte % 4 for byte in raw))
"""Few enough that they meet."""
PREFIXES = st.binary(max_size=2).map(lambda raw: b"q" + bytes(byte % 4 for byte in raw))


class OverlayAndDict(RuleBasedStateMachine):
    """Three layers over a store on one side, a dict for each point in time on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.disk: dict[bytes, bytes] = {}
        self.store = MemoryStore(self.disk)
        self.overlay = Overlay(self.store)
        self.model: dict[bytes, bytes] = {}
        self.accepted: dict[bytes, bytes] = {}
        self.flying: Rows | None = None
        self.written = False

    @rule(key=KEYS, value=st.binary(max_size=3))
    def put(self, key: bytes, value: bytes) -> None:
        """An event writes."""
        self.overlay.put(INBOX, key, value)
        self.model[key] = value

    @rule(key=KEYS)
    def delete(self, key: bytes) -> None:
        """An event removes."""
        self.overlay.delete(key)
        self.model.pop(key, None)

    @rule()
    def accept(self) -> None:
        """The event was applied whole."""
        self.overlay.accept()
        self.accepted = dict(self.model)

    @rule()
    def discard(self) -> None:
        """The event failed: it wrote nothing."""
        self.overlay.discard()
        self.model = dict(self.accepted)

    @rule()
    def commit_begins(self) -> None:
        """A batch takes off, if none is in flight."""
        if self.flying is None and self.overlay.dirty:
            self.flying = self.overlay.take()
            self.written = False

    @rule()
    def commit_is_written(self) -> None:
        """It is durable; nobody knows yet."""
        if self.flying is not None and not self.written:
            self.store.commit(encode(self.flying))
            self.written = True

    @rule()
    def commit_ends(self) -> None:
        """The batch has landed."""
        if self.flying is not None:
            self.commit_is_written()
            self.overlay.committed()
            self.flying = None

    @rule(key=KEYS)
    def get(self, key: bytes) -> None:
        """One row."""
        assert self.overlay.get(INBOX, key) == self.model.get(key)

    @rule(prefix=PREFIXES, limit=st.integers(0, 4))
    def scan(self, prefix: bytes, limit: int) -> None:
        """A range of rows, in order, as many as were asked for; and their keys alone."""
        expected = sorted(item for item in self.model.items() if item[0].startswith(prefix))
        expected = expected[:limit] if limit else expected
        assert list(self.overlay.scan(INBOX, prefix, limit)) == expected
        assert list(self.overlay.keys(prefix, limit)) == [key for key, _ in expected]

    @rule(prefix=PREFIXES, after=KEYS)
    def keys_after(self, prefix: bytes, after: bytes) -> None:
        """The rest of a range."""
        expected = sorted(key for key in self.model if key.startswith(prefix) and key > after)
        assert list(self.overlay.keys_after(prefix, after)) == expected

    @invariant()
    def the_whole_is_the_same(self) -> None:
        """After each step, everything."""
        assert dict(self.overlay.scan(INBOX, b"q")) == self.model


OverlayAndDict.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestOverlay = OverlayAndDict.TestCase


def test_a_row_that_changes_often_is_written_once() -> None:
    """Rows stay objects until their batch is committed; only the last of each key becomes a record."""
    overlay = Overlay(MemoryStore())
    for number in range(10):
        overlay.put(STATE, state_key(b"", "n"), StateValue("n", str(number).encode()))
        overlay.accept()
    ((key, record),) = encode(overlay.take())
    assert record is not None
    assert STATE.decode(record, key) == StateValue("n", b"9")


def test_keys_are_listed_without_reading_their_records() -> None:
    """So that what is damaged can be removed; reading it says what is wrong."""
    disk = {b"m1": META.encode(Meta(1, 2)), b"m2": b"damaged"}
    overlay = Overlay(MemoryStore(disk))
    assert list(overlay.keys(b"m")) == [b"m1", b"m2"]
    with pytest.raises(CorruptRecord):
        list(overlay.scan(META, b"m"))
