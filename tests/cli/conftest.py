"""The real console script, run as a person would run it: in a folder of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.done import PERDURE, Done, Perdure
from tests.cli.operators import Operators
from tests.cli.served import app
from tests.ingress.node import Node

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


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A server for all commands that need one."""
    node = Node(app(), tmp_path_factory.mktemp("served"))
    node.start()
    yield node
    node.stop()


@pytest.fixture
def operators(perdure: Perdure, node: Node) -> Operators:
    """The console script, and the server that it speaks to."""
    return Operators(perdure, node)
