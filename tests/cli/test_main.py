"""The command line as a whole: help, mistakes, colours and its promise to start fast."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from perdure.cli import COMMANDS
from tests.cli.done import PERDURE, Perdure


def test_help_lists_every_command(perdure: Perdure) -> None:
    """With what each is for."""
    done = perdure("--help")
    assert done.status == 0
    for command in COMMANDS:
        assert re.search(rf"^ +{command.name} +{re.escape(command.help)}$", done.out, re.MULTILINE), done.out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_keeps_the_protocol(command: tuple[str, str], perdure: Perdure) -> None:
    """A row of the table has its module with two functions, and its own help."""
    name, about = command
    module = importlib.import_module(f"perdure.cli.{name}")
    assert list(inspect.signature(module.arguments).parameters) == ["parser"]
    assert len(inspect.signature(module.run).parameters) == 1
    done = perdure(name, "--help")
    assert done.status == 0
    assert done.out.startswith(f"usage: perdure {name} ")
    assert about[1:] in " ".join(done.out.split())


def test_without_a_command_it_helps(perdure: Perdure) -> None:
    """And does not pretend that all is fine."""
    done = perdure()
    assert done.status == 2
    assert done.out.startswith("usage: perdure")


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("generat",), "there is no command `generat`", "did you mean `perdure generate`?"),
        (("zzz",), "there is no command `zzz`", "perdure --help lists the commands"),
        (("check", "--formt=json"), "unrecognized arguments: --formt=json", "perdure --help"),
        (("check", "--format", "xml"), "argument --format: invalid choice: 'xml'", "perdure check --help"),
        (("init",), "the following arguments are required: DIR", "perdure init --help"),
    ],
)
def test_wrong_usage_says_what_and_how(perdure: Perdure, arguments: tuple[str, ...], message: str, hint: str) -> None:
    """Two lines on stderr, status 2."""
    done = perdure(*arguments)
    assert (done.status, done.out) == (2, "")
    first, second = done.err.splitlines()
    assert first.startswith(f"error: {message}")
    assert second == f"  hint: {hint}"


def test_version(perdure: Perdure) -> None:
    """The one of the installed package."""
    done = perdure("--version")
    assert (done.status, done.out) == (0, f"perdure {importlib.metadata.version('perdure')}\n")


def test_help_loads_no_command_and_starts_fast() -> None:
    """Under 150 ms, at the best of nine; slower ones measure the machine, not the program."""
    heavy = {"aiohttp", "lmdb", "jinja2", "yaml", "jsonschema", "perdure_codegen"}
    show = (
        "import sys; from perdure.cli import main\ntry: main(['--help'])\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", show], capture_output=True, text=True, check=True)
    assert heavy & set(done.stderr.split()) == set()

    def seconds(*command: str) -> float:
        def once() -> float:
            before = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            return time.perf_counter() - before

        return min(once() for _ in range(9))

    assert seconds(str(PERDURE), "--help") < 0.150


def test_a_reader_who_leaves_is_no_error(folder: Path) -> None:
    """`perdure schema | head -1` prints one line and nothing about a broken pipe."""
    done = subprocess.run(
        ["bash", "-c", f"'{PERDURE}' schema | head -1"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


@pytest.mark.parametrize(("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colours_only_on_a_terminal_that_wants_them(folder: Path, variables: dict[str, str], coloured: bool) -> None:
    """A pipe never gets them, as the other tests here show."""
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    master, slave = pty.openpty()
    command, variables = [str(PERDURE), "no-such-command"], environment | {"TERM": "xterm"} | variables
    with os.fdopen(master, "rb", buffering=0) as terminal:
        subprocess.run(command, env=environment | {"TERM": "xterm"} | variables, cwd=folder, stderr=slave, check=False)
        os.close(slave)
        shown = terminal.read(1000)
    assert (b"\033[31merror:\033[0m" in shown) is coloured
    assert b"no-such-command" in shown
