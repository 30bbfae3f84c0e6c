"""What every store promises, asked of the one for tests and of the one that survives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perdure.store.lmdb import LmdbStore
from perdure.store.memory import MemoryStore
from perdure.store.port import MapFull, Store

Open = Callable[[], Store]
"""Opens the same store again; its earlier life has been closed."""

SMALL = 1 << 16


@pytest.fixture(params=["memory", "lmdb"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """A store that can be opened again and again."""
    if request.param == "lmdb":
        return lambda: LmdbStore(tmp_path / "data", SMALL)
    disk: dict[bytes, bytes] = {}
    return lambda: MemoryStore(disk, SMALL)


@pytest.fixture
def store(reopen: Open) -> Iterator[Store]:
    """An empty store."""
    opened = reopen()
    yield opened
    opened.close()


def test_reads_see_what_was_committed_before_the_last_refresh(store: Store) -> None:
    """Neither more nor less, so that a batch in flight does not shine through."""
    store.commit([(b"a", b"1"), (b"b", b"2")])
    store.refresh()
    store.commit([(b"a", b"3"), (b"b", None), (b"c", b"4")])
    assert [store.get(key) for key in (b"a", b"b", b"c", b"d")] == [b"1", b"2", None, None]
    assert list(store.scan(b"")) == [(b"a", b"1"), (b"b", b"2")]
    store.refresh()
    assert [store.get(key) for key in (b"a", b"b", b"c", b"d")] == [b"3", None, b"4", None]
    assert list(store.scan(b"")) == [(b"a", b"3"), (b"c", b"4")]


def test_a_scan_gives_what_starts_with_the_prefix_in_order_of_bytes(store: Store) -> None:
    """Also the key that is the prefix, and up to the last byte there is."""
    keys = [b"b", b"a\xff\xff", b"a", b"a\x00", b"aa", b"a\xff", b"`", b"\xff", b"\xff\xff"]
    store.commit([(key, key) for key in keys])
    store.refresh()
    assert [key for key, _ in store.scan(b"a")] == [b"a", b"a\x00", b"aa", b"a\xff", b"a\xff\xff"]
    assert [key for key, _ in store.scan(b"a\xff")] == [b"a\xff", b"a\xff\xff"]
    assert [key for key, _ in store.scan(b"\xff")] == [b"\xff", b"\xff\xff"]
    assert list(store.scan(b"c")) == []


def test_a_scan_goes_on_behind_a_key(store: Store) -> None:
    """Whether there is such a key or not; a search that was left can be taken up."""
    store.commit([(key, key) for key in (b"a", b"a\x00", b"a\x01", b"ab", b"b")])
    store.refresh()
    assert [key for key, _ in store.scan(b"a", b"a")] == [b"a\x00", b"a\x01", b"ab"]
    assert [key for key, _ in store.scan(b"a", b"a\x00\x00")] == [b"a\x01", b"ab"]
    assert [key for key, _ in store.scan(b"a", b"0")] == [b"a", b"a\x00", b"a\x01", b"ab"]
    assert list(store.scan(b"a", b"ab")) == list(store.scan(b"a", b"c")) == []


def test_removing_what_is_not_there_is_no_error(store: Store) -> None:
    """The ledger removes timers that may have rung."""
    store.commit([(b"never", None), (b"a", b"1")])
    store.refresh()
    assert list(store.scan(b"")) == [(b"a", b"1")]


def test_the_last_write_of_a_commit_counts(store: Store) -> None:
    """Records are applied in their order."""
    store.commit([(b"a", b"1"), (b"a", None), (b"b", b"1"), (b"b", b"2")])
    store.refresh()
    assert list(store.scan(b"")) == [(b"b", b"2")]


def test_what_was_committed_is_there_when_it_is_opened_again(reopen: Open) -> None:
    """Refreshed or not; what only had been read is as it was."""
    first = reopen()
    first.commit([(b"a", b"1"), (b"b", b"2")])
    first.commit([(b"b", None)])
    first.close()
    second = reopen()
    assert list(second.scan(b"")) == [(b"a", b"1")]
    second.close()


def test_long_keys_empty_and_large_values(reopen: Open) -> None:
    """The longest key that the tables can make, nothing at all, and a megabyte."""
    records: list[tuple[bytes, bytes | None]] = [
        (b"k" * 511, b"long"),
        (b"empty", b""),
        (b"large", bytes(range(256)) * 4096),
    ]
    first = reopen()
    _commit(first, records)
    first.close()
    second = reopen()
    for key, value in records:
        assert second.get(key) == value
    second.close()


def test_a_full_map_changes_nothing_and_can_grow(store: Store) -> None:
    """A commit that finds no room does nothing at all; grown, the same commit succeeds."""
    store.commit([(b"old", b"old")])
    store.refresh()
    large: list[tuple[bytes, bytes | None]] = [(b"old", b"new"), *((bytes([n]), b"x" * 4096) for n in range(64))]
    with pytest.raises(MapFull):
        store.commit(large)
    store.refresh()
    assert list(store.scan(b"")) == [(b"old", b"old")]
    grown = _commit(store, large)
    assert grown >= 1
    store.refresh()
    assert store.get(b"old") == b"new"
    assert len(list(store.scan(b""))) == 65


def test_growing_leaves_reads_as_they_were(store: Store) -> None:
    """A map that moves in memory takes its readers with it."""
    store.commit([(bytes([n]), bytes([n]) * 100) for n in range(100)])
    store.refresh()
    before = list(store.scan(b""))
    for _ in range(6):
        store.grow()
        assert list(store.scan(b"")) == before
        assert store.get(bytes([7])) == bytes([7]) * 100


def test_commits_run_in_another_thread_than_reads(store: Store) -> None:
    """As the writer does it; readers never see half of a commit."""
    for store_round in range(200):
        value = str(store_round).encode()
        records = [(bytes([n]), value) for n in range(20)]
        thread = threading.Thread(target=store.commit, args=(records,))
        thread.start()
        seen = {found for _, found in store.scan(b"")}
        assert len(seen) <= 1
        thread.join()
        store.refresh()
        assert {found for _, found in store.scan(b"")} == {value}


def _commit(store: Store, records: list[tuple[bytes, bytes | None]]) -> int:
    """Commit, growing as often as it takes; returns how often."""
    for grown in range(20):
        try:
            store.commit(records)
        except MapFull:
            store.grow()
        else:
            return grown
    raise AssertionError("it never fits")
