"""`perdure generate`: what it writes, what it leaves alone, and how drift is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import GREETER
from tests.cli.done import Perdure

HANDLERS = Path("generated/greeter/v1/handlers.py")


def _files(folder: Path) -> dict[str, int]:
    """Every file below a folder, with the time of its last change."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_first_time(perdure: Perdure, greeter: Path, folder: Path) -> None:
    """Every file of the package is named, and the last line counts them."""
    assert greeter.exists()
    done = perdure("generate")
    assert (done.status, done.err) == (0, "")
    assert f"wrote {HANDLERS}\n" in done.out
    names = {path.rpartition("/")[2] for path in _files(folder / "generated/greeter/v1")}
    assert names == {"__init__.py", "_wire.py", "clients.py", "handlers.py", "models.py"}
    assert done.out.splitlines()[-1] == f"generated: {len(_files(folder / 'generated'))} written"


def test_the_second_time_nothing_is_touched(perdure: Perdure, greeter: Path, folder: Path) -> None:
    """Build tools look at times of change."""
    assert greeter.exists()
    perdure("generate")
    before = _files(folder / "generated")
    done = perdure("generate")
    assert (done.status, done.out) == (0, f"generated: {len(before)} unchanged\n")
    assert _files(folder / "generated") == before


def test_what_is_no_longer_specified_is_removed(perdure: Perdure, greeter: Path, folder: Path) -> None:
    """But a file that somebody else put there stays."""
    perdure("generate")
    (folder / "generated" / "notes.txt").write_text("mine")
    greeter.write_text(GREETER.replace("greeter.v1", "greeter.v2"))
    done = perdure("generate")
    assert done.status == 0
    assert f"removed {HANDLERS}\n" in done.out
    left = _files(folder / "generated")
    assert "notes.txt" in left
    assert not any(path.startswith("greeter/v1/") for path in left)
    assert "greeter/v2/handlers.py" in left


def test_check_finds_no_drift(perdure: Perdure, greeter: Path, folder: Path) -> None:
    """Right after generating."""
    assert greeter.exists()
    perdure("generate")
    done = perdure("generate", "--check")
    assert (done.status, done.out) == (0, f"generated: {len(_files(folder / 'generated'))} unchanged\n")


def test_check_shows_drift_and_writes_nothing(perdure: Perdure, greeter: Path, folder: Path) -> None:
    """An edited, a missing and a stale file; the diff leads from what is there to what should be."""
    perdure("generate")
    (folder / HANDLERS).write_text((folder / HANDLERS).read_text() + "# edited\n")
    (folder / HANDLERS).with_name("clients.py").unlink()
    before = _files(folder / "generated")
    done = perdure("generate", "--check")
    assert done.status == 1
    assert f"--- {HANDLERS} (on disk)\n+++ {HANDLERS} (from the spec)\n" in done.out
    assert "\n-# edited\n" in done.out
    assert "\n+class GreeterClient(" in done.out
    assert done.err == "error: generated is not what the specs say: 2 files differ\n  hint: perdure generate\n"
    assert _files(folder / "generated") == before
    greeter.write_text(GREETER.replace("greeter.v1", "other.v1"))
    stale = perdure("generate", "--check")
    assert stale.status == 1
    assert "\n-class Greeter(" in stale.out


def test_the_hint_repeats_what_was_asked(perdure: Perdure, greeter: Path) -> None:
    """So that it can be copied."""
    assert greeter.exists()
    done = perdure("generate", "specs/greeter.yaml", "--out", "my gen", "--check")
    assert done.err.endswith("  hint: perdure generate specs/greeter.yaml --out 'my gen'\n")


def test_a_bad_spec_changes_nothing(perdure: Perdure, greeter: Path, folder: Path) -> None:
    """Its faults are shown as by `perdure check`."""
    perdure("generate")
    before = _files(folder / "generated")
    greeter.write_text(GREETER.replace("type: int", "type: itn"))
    done = perdure("generate")
    assert done.status == 1
    assert "--> specs/greeter.yaml:8:" in done.out
    assert _files(folder / "generated") == before
    assert json.loads(perdure("generate", "--format", "json").out)["errors"] == 1


def test_named_specs_leave_the_others_alone(perdure: Perdure, greeter: Path, folder: Path) -> None:
    """Generating one of two does not remove the code of the other."""
    other = greeter.with_name("other.yaml")
    other.write_text(GREETER.replace("greeter.v1", "other.v1").replace("Greeter:", "Other:"))
    perdure("generate")
    everything = _files(folder / "generated")
    done = perdure("generate", "specs/other.yaml")
    assert done.status == 0, done
    assert _files(folder / "generated") == everything
    assert perdure("generate", "specs/other.yaml", "--check").status == 0


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_an_output_folder_that_is_a_file(
    perdure: Perdure, greeter: Path, folder: Path, arguments: tuple[str, ...]
) -> None:
    """It is said, in a line."""
    assert greeter.exists()
    (folder / "generated").write_text("a file")
    done = perdure("generate", *arguments)
    assert done.status == 2
    assert done.err.startswith("error: generated")
