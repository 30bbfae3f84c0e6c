"""From texts to files below one folder; the only module of the generator that writes.

The law: it changes only what carries the mark of the generator. What is right already keeps its
modification time, and a file is replaced at once or not at all.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import stat
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from perdure_codegen.views.heads import MARK

_SUFFIX = ".perdure-new"
"""Of a file that is being written; one that a crash left behind is overwritten by the next run."""


_ADVICE = "move what is there, or choose another folder"


class WriteError(OSError):
    """The output cannot be written: `filename` says where, `strerror` why and what to do."""

    def __init__(self, path: Path, reason: str, code: int | None = errno.EEXIST) -> None:
        super().__init__(code or errno.EIO, reason, str(path))

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did, as sorted paths relative to the output folder."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One file that is not what it should be. `before` is None if it is missing, `after` if it is stale."""

    path: str
    before: str | None
    after: str | None

    @property
    def diff(self) -> str:
        """A unified diff from what is there to what should be."""
        before, after = (
            (self.before or "").splitlines(keepends=True),
            (self.after or "").splitlines(keepends=True),
        )
        return "".join(difflib.unified_diff(before, after, f"a/{self.path}", f"b/{self.path}"))


def check(out: Path, files: Mapping[str, str], *, prune: bool = True) -> tuple[Change, ...]:
    """What `write` would change, sorted by path. Nothing is written.

    Raises:
        WriteError: A file that is not the generator's is where one has to be, or a file cannot be read.

    """
    wanted = {path: _current(out, path, text) for path, text in files.items()}
    changes = [Change(path, wanted[path], text) for path, text in files.items() if wanted[path] != text]
    stale = _stale(out, files) if prune else ()
    changes += [Change(path, _read(out / path), None) for path in stale]
    return tuple(sorted(changes, key=lambda change: change.path))


def write(out: Path, files: Mapping[str, str], *, prune: bool = True) -> Report:
    """Make the folder `out` hold `files`.

    Args:
        out: The output folder; it is made if it is missing.
        files: Texts by path relative to `out`, with `/`.
        prune: Whether files of earlier runs that are not in `files` are removed, and folders left empty.

    Raises:
        WriteError: A file that is not the generator's is in the way, or the folder cannot be written. What
            had to be found out was found out before anything was changed.

    """
    changes = check(out, files, prune=prune)
    written: list[str] = []
    removed: list[str] = []
    for change in changes:
        with _explained(out / change.path):
            if change.after is None:
                (out / change.path).unlink()
                _remove_empty(out, (out / change.path).parent)
                removed.append(change.path)
            else:
                _replace(out / change.path, change.after)
                written.append(change.path)
    unchanged = sorted(set(files) - set(written))
    return Report(tuple(written), tuple(unchanged), tuple(removed))


# --- what is there -----------------------------------------------------------------------------------------


def _current(out: Path, path: str, text: str) -> str | None:
    """The text of a file that is to be written, None if there is none. It must be ours, or right already."""
    target = out / path
    with _explained(target):
        for folder in (out, *(out / parent for parent in reversed(PurePosixPath(path).parents))):
            if os.path.lexists(folder) and not folder.is_dir():
                raise WriteError(folder, f"a folder has to be here; {_ADVICE}", errno.ENOTDIR)
        if not os.path.lexists(target):
            return None
        if not target.is_file():
            raise WriteError(target, f"a file has to be here; {_ADVICE}")
    found = _read(target)
    if found != text and not found.startswith(MARK):
        raise WriteError(target, f"not made by the generator, so it is not overwritten; {_ADVICE}")
    return found


def _read(path: Path) -> str:
    with _explained(path):
        # Bytes that are no UTF-8 are not ours; they only have to come out as something else than our text.
        return path.read_bytes().decode(errors="replace")


def _stale(out: Path, files: Mapping[str, str]) -> Iterator[str]:
    """Files with our mark that are no longer produced. What links point to is not ours."""
    for folder, folders, names in os.walk(out):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            relative = path.relative_to(out).as_posix()
            if name.endswith(".py") and relative not in files and not path.is_symlink() and _is_ours(path):
                yield relative


def _is_ours(path: Path) -> bool:
    with _explained(path), path.open("rb") as file:
        return file.read(len(MARK)) == MARK.encode()


# --- changes -----------------------------------------------------------------------------------------------


def _replace(path: Path, text: str) -> None:
    """Readers see the old file or the new one, never a part. Permissions stay as they were."""
    path.parent.mkdir(parents=True, exist_ok=True)
    real = path.resolve()
    new = real.with_name(real.name + _SUFFIX)
    try:
        new.write_bytes(text.encode())
        if real.exists():
            new.chmod(stat.S_IMODE(real.stat().st_mode))
        new.replace(real)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _remove_empty(out: Path, folder: Path) -> None:
    """Remove a folder in which nothing is left but compiled code, and those around it, up to `out` itself."""
    while folder != out.parent and folder.is_relative_to(out):
        left = list(folder.iterdir())
        caches = [each for each in left if each.name == "__pycache__" and each.is_dir()]
        if len(caches) != len(left):
            return
        for cache in caches:
            for compiled in cache.iterdir():
                compiled.unlink()
            cache.rmdir()
        folder.rmdir()
        folder = folder.parent


@contextlib.contextmanager
def _explained(path: Path) -> Generator[None]:
    """Errors of the system as `WriteError`."""
    try:
        yield
    except WriteError:
        raise
    except PermissionError as e:
        raise WriteError(path, "permission denied; check who owns the folder", e.errno) from None
    except OSError as e:
        raise WriteError(path, str(e.strerror), e.errno) from e
