"""The store that survives: one LMDB map, synced at every commit. The only module that knows LMDB.

Nothing is cached between a commit and the disk: LMDB's default mode writes the pages, syncs them, then writes
the meta page through. A failed write or sync is final for this process, because what a page cache holds after
a failed sync is not known (what is on disk is the last good commit, and a new process starts from it).
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import lmdb

from perdure.errors import StoreError, StoreFailed, StoreFull, StoreLocked
from perdure.store.port import MapFull, Record

FIRST_MAP_BYTES = 1 << 30
"""Address space that is reserved at first. The file is as large as what is in it."""


class LmdbStore:
    """A data folder, opened by this process alone.

    Raises:
        StoreLocked: Another process has it; the message names it.
        StoreError: The folder cannot be created or opened.
    """

    def __init__(self, folder: Path, map_bytes: int = FIRST_MAP_BYTES) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(folder)
        except OSError as e:
            raise StoreError(f"cannot use {folder} as data folder: {e.strerror or e}") from None
        try:
            # A map larger than the file is allowed, so a file that has grown is opened at its own size.
            size = max(map_bytes, _file_size(folder))
            self._env = lmdb.open(str(folder), map_size=size, max_dbs=0, max_readers=16, readahead=False)
            self._txn = self._env.begin()
        except (lmdb.Error, OSError) as e:
            self._lock.close()
            raise StoreError(f"cannot open the store in {folder}: {e}") from None

    def get(self, key: bytes) -> bytes | None:
        return self._txn.get(key)

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        with self._txn.cursor() as cursor:
            # The first key behind another is that other with a zero byte.
            if not cursor.set_range(max(prefix, after + b"\0")):
                return
            for key, value in cursor:
                if not key.startswith(prefix):
                    return
                yield key, value

    def commit(self, records: Sequence[Record]) -> None:
        try:
            with self._env.begin(write=True) as txn:
                put, delete = txn.put, txn.delete
                for key, value in records:
                    if value is None:
                        delete(key)
                    else:
                        put(key, value)
        except lmdb.MapFullError:
            raise MapFull from None
        except (lmdb.Error, OSError) as e:
            raise self._failure(e) from e

    def _failure(self, error: Exception) -> StoreError:
        code = error.args[1] if len(error.args) > 1 else getattr(error, "errno", None)
        if code in (errno.ENOSPC, errno.EDQUOT) or os.strerror(errno.ENOSPC) in str(error):
            return StoreFull(
                f"the disk of {self._folder} is full. Nothing that was acknowledged is lost. Make room and start again."
            )
        return StoreFailed(
            f"writing to {self._folder} failed: {error}. Nothing that was acknowledged is lost; look after the disk,"
            " then start again."
        )

    def grow(self) -> None:
        # No transaction may be open while the map moves; reads are on this thread, and no commit is under way.
        self._txn.abort()
        self._env.set_mapsize(self._env.info()["map_size"] * 2)
        self._txn = self._env.begin()

    def refresh(self) -> None:
        # LMDB keeps the reader's slot, so this costs about as much as a read.
        self._txn.abort()
        self._txn = self._env.begin()

    def close(self) -> None:
        self._txn.abort()
        self._env.close()
        self._lock.close()


def _file_size(folder: Path) -> int:
    file = folder / "data.mdb"
    return file.stat().st_size if file.exists() else 0


def _lock(folder: Path) -> IO[str]:
    """Hold the folder for this process; the kernel lets go of it when the process ends, however it ends."""
    file = (folder / "owner").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        owner = file.read().strip() or "another process"
        file.close()
        raise StoreLocked(
            f"{folder} is in use by {owner}. One process at a time can serve a data folder: stop that one, or choose"
            " another folder."
        ) from None
    file.truncate(0)
    name = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv and sys.argv[0] else "python"
    file.write(f"process {os.getpid()} ({name})")
    file.flush()
    return file
