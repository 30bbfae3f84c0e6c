"""What a store is: a sorted map of byte strings, changed by one durable commit after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

Record = tuple[bytes, bytes | None]
"""A key and its new value; None removes it."""


class Store(Protocol):
    """Reads see the commit of the last `refresh`; `commit` may run in another thread than the reads."""

    def get(self, key: bytes) -> bytes | None:
        """The record of a key."""
        ...

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Records whose keys start with `prefix` and come behind `after`, in key order."""
        ...

    def commit(self, records: Sequence[Record]) -> None:
        """Make all of them durable, or none. When it returns, they survive a power cut.

        Raises:
            MapFull: There is no room in the map; call `grow` and commit again.
            StoreFull: There is no room on the disk.
            StoreFailed: Writing or syncing failed.
        """
        ...

    def grow(self) -> None:
        """Make room for more."""
        ...

    def refresh(self) -> None:
        """Let reads see the newest commit."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


class MapFull(Exception):
    """The map has no room for a commit; the commit did nothing."""
