"""`perdure scaffold`: a first version of the handlers, written once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import GREETER
from tests.cli.done import Perdure


def test_it_writes_a_class_for_each_service(perdure: Perdure, greeter: Path, folder: Path) -> None:
    """It can be imported, and its handlers say that they are not written yet."""
    perdure("generate")
    done = perdure("scaffold", str(greeter.relative_to(folder)), "shop/handlers.py")
    assert (done.status, done.out, done.err) == (0, "wrote shop/handlers.py\n", "")
    text = (folder / "shop/handlers.py").read_text()
    assert "raise NotImplementedError" in text
    assert "async def greet(self, ctx: GreeterContext, greeting: str) -> str:" in text
    subprocess.run([sys.executable, "-c", "import shop.handlers"], cwd=folder, check=True)


def test_it_never_overwrites(perdure: Perdure, greeter: Path, folder: Path) -> None:
    """What is in the file may be hours of work."""
    (folder / "handlers.py").write_text("mine")
    done = perdure("scaffold", str(greeter), "handlers.py")
    assert (done.status, done.out) == (2, "")
    assert done.err == ("error: handlers.py exists, and what is yours is never overwritten\n  hint: name a new file\n")
    assert (folder / "handlers.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("out", "name"),
    [("generated", "generated"), ("shop/gen", "shop.gen"), ("src/shop/gen", "shop.gen"), ("./gen", "gen")],
)
def test_the_import_fits_the_settings(perdure: Perdure, greeter: Path, folder: Path, out: str, name: str) -> None:
    """What is generated is found from where it is run; `src` is a source root, not a package."""
    (folder / "perdure.toml").write_text(f'out = "{out}"\n')
    assert perdure("scaffold", str(greeter), "handlers.py").status == 0
    assert f"from {name}.greeter.v1 import " in (folder / "handlers.py").read_text()


@pytest.mark.parametrize("out", ["../elsewhere", "my-gen", "src", "class", "."])
def test_an_output_folder_that_cannot_be_imported(perdure: Perdure, greeter: Path, folder: Path, out: str) -> None:
    """It is said, rather than written down."""
    (folder / "perdure.toml").write_text(f'out = "{out}"\n')
    done = perdure("scaffold", str(greeter), "handlers.py")
    assert done.status == 2
    assert done.err.startswith(f"error: the output folder {out} has no import name")
    assert not (folder / "handlers.py").exists()


def test_a_bad_spec_gives_no_file(perdure: Perdure, greeter: Path, folder: Path) -> None:
    """Its faults are shown instead."""
    greeter.write_text(GREETER.replace("type: int", "type: itn"))
    done = perdure("scaffold", str(greeter), "handlers.py")
    assert done.status == 1
    assert "itn" in done.out
    assert not (folder / "handlers.py").exists()


def test_wrong_arguments(perdure: Perdure, greeter: Path, folder: Path) -> None:
    """A folder, a spec that is not there, a spec without services."""
    assert perdure("scaffold", "specs", "handlers.py").err.startswith("error: specs is a folder\n")
    assert perdure("scaffold", "no.yaml", "handlers.py").err == "error: no such file or folder: no.yaml\n"
    greeter.write_text("spec: 1\npackage: types.v1\ntypes:\n  A: {fields: {x: int}}\n")
    done = perdure("scaffold", str(greeter), "handlers.py")
    assert (done.status, "there is nothing to write" in done.err) == (2, True)
    assert not (folder / "handlers.py").exists()
