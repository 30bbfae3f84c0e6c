"""Reading spec files: the only module of the generator that opens files to read them.

Whatever is on the disk, the answer is a text or a sentence that says why there is none.
"""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SIZE_MAX = 4 * 1024 * 1024
"""Bytes of the largest file that is read; a spec of 4,000 lines has a tenth of a megabyte."""

_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""The longer ones first: one of them starts with a shorter one."""

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class SpecFile:
    """A spec file by the name that messages use. `identity` is the same for all names of one file."""

    name: str
    identity: str


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that cannot be read, and why."""

    why: str
    missing: bool = False
    readable: str = ""
    """The text before the place where it could not be read on."""
    text: str = ""
    """What can be made of all of it."""


def spec_file(path: Path) -> SpecFile:
    """The file at `path`, whether or not there is one."""
    try:
        identity = os.path.realpath(path)
    except (OSError, ValueError):
        identity = str(path)
    return SpecFile(path.as_posix(), identity)


def imported(importer: SpecFile, path: str) -> SpecFile:
    """The file that `importer` calls `path`."""
    return spec_file(Path(os.path.normpath(Path(importer.name).parent / path)))


def expand(paths: Iterable[Path]) -> Iterator[SpecFile | tuple[SpecFile, Unread]]:
    """The spec files that `paths` stand for, each once: a folder stands for all below it, in order."""
    seen: set[str] = set()
    for path in paths:
        closed: list[OSError] = []
        found = list(_below(path, closed)) if _is_folder(path) else [path]
        for fault in closed:
            # Its specs would be missing from the run, and the code that was made from them be taken for stale.
            yield spec_file(Path(fault.filename or path)), Unread(fault.strerror or str(fault), missing=True)
        if not found and not closed:
            yield spec_file(path), Unread("there is no spec file (`*.yaml`) in this folder", missing=True)
        for each in map(spec_file, found):
            if each.identity not in seen:
                seen.add(each.identity)
                yield each


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _below(folder: Path, closed: list[OSError]) -> Iterator[Path]:
    """The spec files below a folder. What is in the way of looking is added to `closed`."""
    for base, folders, files in os.walk(folder, onerror=closed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(_SUFFIXES) and not name.startswith("."):
                yield Path(base, name)


def read(file: SpecFile) -> str | Unread:
    """The text of a file, or why there is none."""
    try:
        path = Path(file.name)
        status = path.stat()
        # Opening a pipe would wait for somebody to write to it.
        if not stat.S_ISREG(status.st_mode):
            return Unread("it is not a file", missing=True)
        if status.st_size > SIZE_MAX:
            return Unread(f"the file is larger than {SIZE_MAX // 1024 // 1024} MB")
        content = path.read_bytes()
    except FileNotFoundError:
        return Unread("there is no such file", missing=True)
    except OSError as fault:
        return Unread(fault.strerror or str(fault), missing=True)
    except ValueError:
        return Unread("its name is not a valid path", missing=True)
    return _decode(content)


def _decode(content: bytes) -> str | Unread:
    for mark, encoding in _MARKS.items():
        if content.startswith(mark):
            return Unread(f"the file is {encoding}; spec files are UTF-8")
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as fault:
        why = f"the file is not UTF-8: byte 0x{content[fault.start]:02X}"
        readable = content[: fault.start].decode("utf-8")
        return Unread(why, readable=readable, text=content.decode("utf-8", errors="replace"))
