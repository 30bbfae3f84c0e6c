"""Writing: what is ours is kept right, what is not ours is not touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perdure_codegen.views.heads import MARK
from perdure_codegen.write import Change, Report, WriteError, check, write
from tests.codegen.back.output import ROOT, put

OURS = f"{MARK} from a.yaml. Do not edit: changes are lost.\n"
FILES = {"__init__.py": OURS, "a/__init__.py": OURS, "a/v1/models.py": f"{OURS}x = 1\n"}


def _times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_first_run_writes_everything(tmp_path: Path) -> None:
    """Into a folder that need not be there."""
    out = tmp_path / "deep" / "generated"
    assert write(out, FILES) == Report(tuple(sorted(FILES)), (), ())
    assert {path: (out / path).read_text() for path in FILES} == FILES


def test_the_second_run_touches_nothing(tmp_path: Path) -> None:
    """Build tools, watchers and editors look at times of change."""
    write(tmp_path, FILES)
    for path in FILES:
        os.utime(tmp_path / path, ns=(1, 1))
    before = _times(tmp_path)
    assert write(tmp_path, FILES) == Report((), tuple(sorted(FILES)), ())
    assert _times(tmp_path) == before


def test_one_change_is_one_write(tmp_path: Path) -> None:
    """The others keep their times; permissions stay what they were."""
    write(tmp_path, FILES)
    for path in FILES:
        os.utime(tmp_path / path, ns=(1, 1))
    (tmp_path / "a/v1/models.py").chmod(0o640)
    changed = FILES | {"a/v1/models.py": f"{OURS}x = 2\n"}
    assert write(tmp_path, changed).written == ("a/v1/models.py",)
    assert (tmp_path / "a/v1/models.py").read_text() == f"{OURS}x = 2\n"
    assert (tmp_path / "a/v1/models.py").stat().st_mode & 0o777 == 0o640
    assert sum(time != 1 for time in _times(tmp_path).values()) == 1


def test_what_is_no_longer_made_goes(tmp_path: Path) -> None:
    """With the folders that held it, if nothing is left in them but compiled code."""
    write(tmp_path, FILES | {"b/v1/models.py": OURS, "b/__init__.py": OURS})
    put(tmp_path, {"b/v1/__pycache__/models.cpython-311.pyc": "x"})
    assert write(tmp_path, FILES).removed == ("b/__init__.py", "b/v1/models.py")
    assert not (tmp_path / "b").exists()


def test_what_others_put_there_stays(tmp_path: Path) -> None:
    """Files without our mark, files that are no Python, links, and folders that have something in them."""
    write(tmp_path, FILES | {"b/v1/models.py": OURS})
    elsewhere = put(tmp_path.parent / f"{tmp_path.name}-other", {"c.py": OURS}) / "c.py"
    others = put(tmp_path, {"b/v1/mine.py": "x", "b/v1/notes.md": OURS, "b/v1/.hidden/a.py": OURS}) / "b" / "v1"
    (others / "link.py").symlink_to(elsewhere)
    assert write(tmp_path, FILES).removed == ("b/v1/models.py",)
    assert sorted(path.name for path in others.iterdir()) == [".hidden", "link.py", "mine.py", "notes.md"]
    assert elsewhere.exists()


def test_without_pruning_old_files_stay(tmp_path: Path) -> None:
    """Who generates some packages says nothing about the others."""
    write(tmp_path, FILES)
    some = {"__init__.py": OURS}
    assert check(tmp_path, some, prune=False) == ()
    assert write(tmp_path, some, prune=False) == Report((), ("__init__.py",), ())
    assert (tmp_path / "a/v1/models.py").exists()


def test_check_says_what_write_would_do(tmp_path: Path) -> None:
    """An edited, a missing and a stale file, each with a diff from what is there to what should be."""
    write(tmp_path, FILES | {"old.py": OURS})
    (tmp_path / "a/v1/models.py").write_text(f"{OURS}x = 3\n")
    (tmp_path / "a/__init__.py").unlink()
    before = _times(tmp_path)
    changes = check(tmp_path, FILES)
    assert changes == (
        Change("a/__init__.py", None, OURS),
        Change("a/v1/models.py", f"{OURS}x = 3\n", f"{OURS}x = 1\n"),
        Change("old.py", OURS, None),
    )
    assert changes[1].diff == (f"--- a/a/v1/models.py\n+++ b/a/v1/models.py\n@@ -1,2 +1,2 @@\n {OURS}-x = 3\n+x = 1\n")
    assert (changes[0].diff.count("\n+"), changes[2].diff.count("\n-")) == (2, 1)
    assert _times(tmp_path) == before
    report = write(tmp_path, FILES)
    assert (report.written, report.removed) == (("a/__init__.py", "a/v1/models.py"), ("old.py",))
    assert check(tmp_path, FILES) == ()


@pytest.mark.parametrize("path", ["a/v1/models.py", "__init__.py"])
def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path, path: str) -> None:
    """Nothing at all is written then: it is found out before."""
    put(tmp_path, {path: "mine = 1\n"})
    with pytest.raises(WriteError) as caught:
        write(tmp_path, FILES)
    assert str(caught.value) == (
        f"{tmp_path / path}: not made by the generator, so it is not overwritten; "
        "move what is there, or choose another folder"
    )
    assert (caught.value.filename, (tmp_path / path).read_text()) == (str(tmp_path / path), "mine = 1\n")
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == [Path(path).name]
    with pytest.raises(WriteError):
        check(tmp_path, FILES)


def test_a_file_that_is_right_already_is_right(tmp_path: Path) -> None:
    """Whoever wrote it."""
    put(tmp_path, {"plain.py": "x = 1\n"})
    assert write(tmp_path, {"plain.py": "x = 1\n"}).unchanged == ("plain.py",)


@pytest.mark.parametrize(("path", "is_folder"), [("a", False), ("a/v1/models.py", True), (".", False)])
def test_something_else_is_in_the_way(tmp_path: Path, path: str, is_folder: bool) -> None:
    """A file where a folder has to be, or the other way round: it is said which."""
    target = tmp_path / "out" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if is_folder:
        target.mkdir()
    else:
        target.write_text(OURS)
    with pytest.raises(WriteError, match=r"has to be here; move what is there") as caught:
        write(tmp_path / "out", FILES)
    assert caught.value.filename == str(target)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """A generated file may be linked from elsewhere; what it points to is replaced."""
    put(tmp_path, {"real/models.py": OURS})
    (tmp_path / "out").mkdir()
    (tmp_path / "out/models.py").symlink_to(tmp_path / "real/models.py")
    write(tmp_path / "out", {"models.py": f"{OURS}x = 1\n"})
    assert (tmp_path / "out/models.py").is_symlink()
    assert (tmp_path / "real/models.py").read_text() == f"{OURS}x = 1\n"


def test_bytes_that_are_no_text_are_not_ours(tmp_path: Path) -> None:
    """They are neither read as text nor overwritten."""
    (tmp_path / "a.py").write_bytes(b"\xff\xfe")
    with pytest.raises(WriteError):
        write(tmp_path, {"a.py": OURS})
    assert write(tmp_path, {}).removed == ()


def test_line_ends_are_the_same_everywhere(tmp_path: Path) -> None:
    """Text mode would change them on some systems; a file with others is not what it should be."""
    write(tmp_path, FILES)
    assert (tmp_path / "a/v1/models.py").read_bytes() == FILES["a/v1/models.py"].encode()
    (tmp_path / "a/v1/models.py").write_bytes(FILES["a/v1/models.py"].replace("\n", "\r\n").encode())
    assert [change.path for change in check(tmp_path, FILES)] == ["a/v1/models.py"]


def test_a_folder_without_permission(tmp_path: Path) -> None:
    """Said in a line, by a process that has no right to write there."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o555)
    tmp_path.chmod(0o755)
    program = (
        "import os, sys, pathlib\n"
        "from perdure_codegen.write import WriteError, write\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        f"try: write(pathlib.Path({str(tmp_path / 'out')!r}), {{'a.py': 'x'}})\n"
        "except WriteError as e: print(e.strerror)\n"
    )
    if os.getuid() == 0:  # the other user has to get there
        for parent in list(tmp_path.parents)[:2]:
            parent.chmod(parent.stat().st_mode | 0o055)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT / "codegen")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "permission denied; check who owns the folder\n"


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No half of a file, and nothing beside it."""
    write(tmp_path, FILES)

    def full(_self: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(WriteError, match="No space left on device"):
        write(tmp_path, FILES | {"a/v1/models.py": f"{OURS}x = 2\n"})
    assert (tmp_path / "a/v1/models.py").read_text() == FILES["a/v1/models.py"]
    assert sorted(path.name for path in tmp_path.rglob("*.py*") if path.is_file()) == [
        "__init__.py",
        "__init__.py",
        "models.py",
    ]
