"""What the tests of the emitters share: models, folders with generated code, and the tools that judge it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from perdure_codegen.emit import emit
from perdure_codegen.loading import load
from perdure_codegen.model import Model

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "tests" / "codegen" / "fixtures"
SPECS = ROOT / "specs"
RULES = ("--target-version", "py311", "--select", "I,F,UP,B")


def loaded(*paths: Path) -> Model:
    """The model of specs that are right."""
    found = load(paths)
    assert found.model is not None, found.diagnostics
    return found.model


def put(folder: Path, files: Mapping[str, str]) -> Path:
    """Write texts below a folder, without the help of the code under test."""
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def ruff(*arguments: str | Path) -> str:
    """What ruff objects to; nothing if it agrees. Our own settings do not count."""
    command = [Path(sys.executable).with_name("ruff"), arguments[0], "--isolated", *arguments[1:]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def judged(folder: Path) -> str:
    """What the formatter would change below a folder, and what the linter finds there."""
    # The header switches ruff off in users' projects; here it has to look.
    return ruff("format", "--diff", folder) + ruff("check", "--ignore-noqa", *RULES, folder)


def imported(root: str, package: str, module: str = "") -> ModuleType:
    """A module of generated code whose root is on `sys.path`."""
    return importlib.import_module(".".join(part for part in (root, package, module) if part))


def everything() -> Model:
    """The fixtures and the specs that this repository ships."""
    return loaded(SPECS, FIXTURES / "shop", FIXTURES / "everything")


def emitted() -> dict[str, str]:
    """The output for all of them."""
    return emit(everything())
