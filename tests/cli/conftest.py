"""The real console script, run as a person would run it: in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

PERDURE = Path(sys.executable).with_name("perdure")

GREETER = """\
spec: 1
package: greeter.v1

objects:
  Greeter:
    key: {name: name}
    state:
      count: {type: int, default: 0}
    handlers:
      greet:
        params: {greeting: string}
        output: string
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


Perdure = Callable[..., Done]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of the commands; empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def perdure(folder: Path) -> Perdure:
    """`perdure(*arguments)` runs the console script in `folder` (or in `cwd`)."""

    def run(*arguments: str, cwd: Path = folder, **variables: str) -> Done:
        done = subprocess.run(
            [PERDURE, *arguments],
            cwd=cwd,
            env=os.environ | {"NO_COLOR": "1", "COLUMNS": "100"} | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def greeter(folder: Path) -> Path:
    """A good spec in the default place."""
    path = folder / "specs" / "greeter.yaml"
    path.parent.mkdir()
    path.write_text(GREETER)
    return path
