"""LMDB on a real disk: one process at a time, kills at any instant, disks that are full, writes that fail."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.errors import StoreError, StoreLocked
from perdure.store.lmdb import LmdbStore

WRITER = """
import sys
from pathlib import Path
from perdure.errors import StoreError
from perdure.store.lmdb import LmdbStore
from perdure.store.port import MapFull
store = LmdbStore(Path(sys.argv[1]), 1 << 16)
print("opened", flush=True)
number = 0
while True:
    # The newest value, and a row for each number: what is acknowledged must have both.
    records = [(b"newest", str(number).encode()), (b"row %08d" % number, bytes(int(sys.argv[2])))]
    try:
        store.commit(records)
    except MapFull:
        store.grow()
        continue
    except StoreError as e:
        print(type(e).__name__, e, flush=True)
        store.close()
        break
    print(number, flush=True)
    number += 1
"""
"""Commits for ever, and acknowledges each commit on its standard output."""


LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
"""No file may grow beyond a megabyte."""


def start(folder: Path, size: int = 100, before: str = "", preload: str = "") -> subprocess.Popen[str]:
    """A process that writes into a folder, with rows of a size, behind a library and some code of its own."""
    command = [sys.executable, "-c", before + WRITER, str(folder), str(size)]
    env = {**os.environ, "LD_PRELOAD": preload} if preload else None
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def acknowledged(lines: list[str]) -> int:
    """How many commits a writer has acknowledged."""
    return sum(line.strip().isdigit() for line in lines)


def check(folder: Path, at_least: int, at_most: int) -> None:
    """All that was acknowledged is there, whole, and nothing of what was not, but for one commit nobody heard of."""
    store = LmdbStore(folder)
    newest = store.get(b"newest")
    count = 0 if newest is None else int(newest) + 1
    rows = [key for key, _ in store.scan(b"row ")]
    store.close()
    assert at_least <= count <= at_most
    assert rows == [b"row %08d" % number for number in range(count)]


@pytest.mark.parametrize("kill_after", range(5))
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path, kill_after: int) -> None:
    """At different instants, five processes on the same folder, one after the other; each finds the folder free."""
    with start(tmp_path) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(20 + 37 * kill_after)]
        time.sleep(0.001 * kill_after)
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    known = acknowledged(lines)
    assert known >= 19
    check(tmp_path, known, known + 1)


def test_a_second_process_is_refused_by_name_and_pid(tmp_path: Path) -> None:
    """It learns who has the folder; when that one is gone, the folder is free."""
    with start(tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "opened\n"
        with pytest.raises(StoreLocked) as raised:
            LmdbStore(tmp_path)
        assert f"{tmp_path} is in use by process {process.pid} (" in str(raised.value)
        assert "stop that one, or choose another folder" in str(raised.value)
        process.kill()
    LmdbStore(tmp_path).close()


def test_the_same_process_is_refused_too(tmp_path: Path) -> None:
    """Two engines in one process would be two writers as well."""
    first = LmdbStore(tmp_path)
    with pytest.raises(StoreLocked, match=str(os.getpid())):
        LmdbStore(tmp_path)
    first.close()
    LmdbStore(tmp_path).close()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A file in its place, a file that is no LMDB."""
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(StoreError, match=re.escape(f"cannot use {file} as data folder: ")):
        LmdbStore(file)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "data.mdb").write_bytes(b"not LMDB" * 10_000)
    with pytest.raises(StoreError, match=re.escape(f"cannot open the store in {folder}: ")):
        LmdbStore(folder)
    (folder / "data.mdb").unlink()
    LmdbStore(folder).close()  # the one that failed let go of it


def test_a_file_that_has_grown_is_opened_whatever_the_first_size(tmp_path: Path) -> None:
    """A small map for a large file: it is made as large as the file."""
    first = LmdbStore(tmp_path, 1 << 24)
    first.commit([(bytes([n]), b"x" * 100_000) for n in range(100)])
    first.close()
    second = LmdbStore(tmp_path, 1 << 16)
    assert len(list(second.scan(b""))) == 100
    second.grow()
    second.commit([(b"more", b"x")])
    second.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A file system of one megabyte, where one may be mounted; else a limit on the size of files has to do.

    Gives the folder, and code for the writer to run first.
    """
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode == 0:
        yield folder, ""
        subprocess.run(["umount", "-l", str(folder)], check=True)
    else:
        yield folder, LIMIT


def test_a_full_disk_ends_clearly_and_loses_nothing(small_disk: tuple[Path, str], tmp_path: Path) -> None:
    """The commit that did not fit is not acknowledged; what is in the message is what to do; all else is there."""
    folder, before = small_disk
    with start(folder, 10_000, before) as process:
        output, errors = process.communicate(timeout=60)
    lines = output.splitlines()
    assert errors == ""
    assert lines[-1].startswith(("StoreFull the disk of ", "StoreFailed writing to "))
    assert "Nothing that was acknowledged is lost" in lines[-1]
    known = acknowledged(lines)
    assert known >= 20
    check(folder, known, known)


def test_a_limit_on_files_ends_clearly_and_loses_nothing(tmp_path: Path) -> None:
    """A quota of another kind: the write fails, and says so."""
    with start(tmp_path, 10_000, LIMIT) as process:
        output, errors = process.communicate(timeout=60)
    lines = output.splitlines()
    assert errors == ""
    assert lines[-1].startswith(f"StoreFailed writing to {tmp_path} failed: ")
    known = acknowledged(lines)
    assert known >= 20
    check(tmp_path, known, known)


FAILING_SYNC = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
static int left = 30;
int fdatasync(int fd) { if (left-- > 0) return 0; errno = EIO; return -1; }
int fsync(int fd) { return fdatasync(fd); }
"""


@pytest.fixture(scope="session")
def failing_sync(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """A library in front of libc whose syncs fail after the thirtieth; None where there is no C compiler for it."""
    if sys.platform != "linux":
        return None
    folder = tmp_path_factory.mktemp("sync")
    (folder / "sync.c").write_text(FAILING_SYNC)
    command = ["cc", "-shared", "-fPIC", "-o", str(folder / "sync.so"), str(folder / "sync.c")]
    try:
        compiled = subprocess.run(command, check=False, capture_output=True)
    except FileNotFoundError:
        return None
    return folder / "sync.so" if compiled.returncode == 0 else None


def test_a_failed_sync_is_final_and_loses_nothing(tmp_path: Path, failing_sync: Path | None) -> None:
    """What a failed sync leaves in the page cache is not trusted: no further commit, no acknowledgement."""
    limit, preload = ("", str(failing_sync)) if failing_sync is not None else (LIMIT, "")
    with start(tmp_path, 10_000, limit, preload) as process:
        output, errors = process.communicate(timeout=60)
    lines = output.splitlines()
    assert errors == ""
    assert lines[-1].startswith(f"StoreFailed writing to {tmp_path} failed: ")
    assert "look after the disk, then start again" in lines[-1]
    if failing_sync is not None:
        assert os.strerror(errno.EIO) in lines[-1]
    known = acknowledged(lines)
    assert known >= 20
    check(tmp_path, known, known + 1)
