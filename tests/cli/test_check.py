"""`perdure check`: every fault of a spec in one run, for people, programs and workflows."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.cli.conftest import GREETER
from tests.cli.done import Perdure


def test_a_good_spec(perdure: Perdure, greeter: Path) -> None:
    """One line that says how much was read."""
    assert greeter.exists()
    done = perdure("check")
    assert (done.status, done.out, done.err) == (0, "1 spec with 1 service: no problems\n", "")


def test_all_faults_at_once_each_with_its_place(perdure: Perdure, greeter: Path) -> None:
    """The line, a caret and a hint, on stdout; the status says that something is wrong."""
    greeter.write_text(GREETER.replace("handlers:", "hanlders:").replace("type: int", "type: itn"))
    done = perdure("check")
    assert done.status == 1
    assert done.err == ""
    assert "--> specs/greeter.yaml:9:5" in done.out
    assert "did you mean `handlers`?" in done.out
    assert "itn" in done.out
    assert "\033" not in done.out


def test_for_programs(perdure: Perdure, greeter: Path) -> None:
    """JSON and nothing else on stdout, also when all is well."""
    assert json.loads(perdure("check", "--format", "json").out) == {
        "diagnostics": [],
        "errors": 0,
        "warnings": 0,
    }
    greeter.write_text(GREETER.replace("handlers:", "hanlders:"))
    done = perdure("check", "--format", "json")
    assert done.status == 1
    first = json.loads(done.out)["diagnostics"][0]
    assert (first["file"], first["line"], first["column"]) == ("specs/greeter.yaml", 9, 5)


def test_for_workflows(perdure: Perdure, greeter: Path) -> None:
    """One annotation a fault; nothing when all is well."""
    assert perdure("check", "--format", "github").out == ""
    greeter.write_text(GREETER.replace("handlers:", "hanlders:"))
    done = perdure("check", "--format", "github")
    assert done.status == 1
    assert done.out.startswith("::error file=specs/greeter.yaml,line=9,col=5,")


def test_files_and_folders_can_be_named(perdure: Perdure, folder: Path) -> None:
    """Instead of the settings; a file that two names lead to is read once."""
    (folder / "api").mkdir()
    (folder / "api" / "a.yaml").write_text(GREETER)
    assert perdure("check", "api", "api/a.yaml").out == "1 spec with 1 service: no problems\n"
    (folder / "perdure.toml").write_text('specs = "api"\n')
    assert perdure("check").out == "1 spec with 1 service: no problems\n"


def test_nothing_to_check_is_an_error(perdure: Perdure, folder: Path) -> None:
    """A typing mistake in a path must not look like success."""
    done = perdure("check", "no/such.yaml")
    assert (done.status, done.err) == (2, "error: no such file or folder: no/such.yaml\n")
    done = perdure("check")
    assert done.status == 2
    assert done.err.startswith("error: no spec was named, and there is no specs here\n  hint: ")
    (folder / "specs").mkdir()
    done = perdure("check")
    assert done.status == 1
    assert "there is no spec file" in done.out


def test_whatever_the_bytes(perdure: Perdure, folder: Path) -> None:
    """Not YAML, not text, not a spec: a diagnostic."""
    for content in (b"\xff\xfe\x00", b"\x00\x01", b"{", b"- a\n- b\n", b"", b"spec: 2\n"):
        (folder / "bad.yaml").write_bytes(content)
        done = perdure("check", "bad.yaml")
        assert done.status == 1, content
        assert "bad.yaml" in done.out


def test_any_terminal_and_any_name(perdure: Perdure, folder: Path) -> None:
    """A terminal without umlauts, and a file name that is no text at all, are no reason to fall over."""
    (folder / "specs").mkdir()
    (folder / "specs" / "größe.yaml").write_text("spec: 1\npackage: größe.v1\n")
    (folder / "specs" / os.fsdecode(b"\xff.yaml")).write_text("spec: 3\n")
    done = perdure("check", PYTHONIOENCODING="ascii")
    assert done.status == 1
    assert r"gr\xf6\xdfe.yaml" in done.out
    assert perdure("check").status == 1
