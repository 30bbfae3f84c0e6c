"""A store that tests can crash. What it calls its disk outlives it, as a disk outlives a process."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from perdure.store.port import MapFull, Record


class MemoryStore:
    """A sorted map in memory.

    Args:
        disk: Holds the commits; give it to the next store to go on after a crash.
        room: Bytes that fit until `grow` is called, to exercise that path; None is no bound.
    """

    def __init__(self, disk: dict[bytes, bytes] | None = None, room: int | None = None) -> None:
        self.disk: dict[bytes, bytes] = {} if disk is None else disk
        self._room = room
        self._seen: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []
        self._unseen: list[Record] = []
        self._stale = False
        for key, value in self.disk.items():
            self._seen[key] = value
        self._keys = sorted(self._seen)

    def get(self, key: bytes) -> bytes | None:
        return self._seen.get(key)

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        if self._stale:
            self._keys = sorted(self._seen)
            self._stale = False
        keys = self._keys
        for position in range(max(bisect_left(keys, prefix), bisect_right(keys, after)), len(keys)):
            key = keys[position]
            if not key.startswith(prefix):
                return
            yield key, self._seen[key]

    def commit(self, records: Sequence[Record]) -> None:
        if self._room is not None and sum(len(k) + len(v or b"") for k, v in records) + self._size() > self._room:
            raise MapFull
        _write(self.disk, records)
        self._unseen.extend(records)

    def _size(self) -> int:
        return sum(len(key) + len(value) for key, value in self.disk.items())

    def grow(self) -> None:
        self._room = None if self._room is None else self._room * 2

    def refresh(self) -> None:
        unseen, self._unseen = self._unseen, []
        _write(self._seen, unseen)
        self._stale = True

    def close(self) -> None:
        """Nothing is held."""


def _write(into: dict[bytes, bytes], records: Sequence[Record]) -> None:
    for key, value in records:
        if value is None:
            into.pop(key, None)
        else:
            into[key] = value
