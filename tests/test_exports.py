"""The public names: what `perdure.__all__` lists is there, in order, and visible to both type checkers."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import perdure

ROOT = Path(__file__).parents[1]
SOURCE_ROOTS = ("codegen", "runtime", "templates")


def _type_errors(tool: str, *arguments: str | Path) -> str:
    """What a type checker says of some files, under the strict settings of the repository."""
    done = subprocess.run(
        [Path(sys.executable).with_name(tool), *arguments],
        cwd=ROOT,
        env=os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def _program(folder: Path, names: list[str]) -> Path:
    path = folder / "user.py"
    lines = [f"{name} as n{number}" for number, name in enumerate(names)]
    used = [f"n{number}" for number in range(len(names))]
    path.write_text(f"from perdure import {', '.join(lines)}\n\nprint({', '.join(used)})\n")
    return path


def test_all_is_sorted_and_without_repetitions() -> None:
    """So that a diff of it is readable, and two people add to different places."""
    assert list(perdure.__all__) == sorted(set(perdure.__all__))


def test_every_public_name_can_be_imported() -> None:
    """Names that are loaded on first use, too."""
    missing = [name for name in perdure.__all__ if not hasattr(perdure, name)]
    assert missing == []


def test_dir_lists_the_public_names() -> None:
    """Completion in a shell sees what is loaded on first use."""
    assert set(perdure.__all__) <= set(dir(perdure))


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A lazy `__getattr__` must not turn a typing mistake into something else."""
    assert not hasattr(perdure, "no_such_name")
    assert not hasattr(importlib.import_module("perdure"), "__no_such_dunder__")


def test_pyright_sees_every_public_name(tmp_path: Path) -> None:
    """And does not believe in one that is not there."""
    good = _type_errors("pyright", _program(tmp_path, list(perdure.__all__)))
    assert "0 errors" in good, good
    assert "no_such_name" in _type_errors("pyright", _program(tmp_path, ["no_such_name"]))


def test_mypy_sees_every_public_name(tmp_path: Path) -> None:
    """And does not believe in one that is not there."""
    good = _type_errors("mypy", _program(tmp_path, list(perdure.__all__)))
    assert "Success" in good, good
    assert "no_such_name" in _type_errors("mypy", _program(tmp_path, ["no_such_name"]))
