"""The command line: `perdure COMMAND …`. The one place that knows both the generator and the runtime.

The law: nothing is imported before it is asked for. `perdure --help` reads the table below and no command;
`perdure check` does not load the runtime, and `perdure serve` does not load the generator.

A command is a row of `COMMANDS` and a module of its name in this package with two functions:

    arguments(parser: argparse.ArgumentParser) -> None     declares what it takes
    run(args: argparse.Namespace) -> int                   does it; returns the exit status

It prints its result to stdout and everything else to stderr, and raises `UserError` for what a person can
put right. Exit statuses: 0 fine; 1 the answer is no (a bad spec, drift); 2 wrong usage.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple, NoReturn

from perdure.cli.console import UserError, report


class Command(NamedTuple):
    """A subcommand: what it is called, and what it is for, in one line."""

    name: str
    help: str


COMMANDS = (
    Command("init", "make a small project that runs at once"),
    Command("check", "say everything that is wrong with a spec"),
    Command("generate", "write the Python code of specs"),
    Command("scaffold", "write a first version of the handlers of a spec"),
    Command("serve", "execute handlers durably, behind an HTTP port"),
    Command("call", "call a handler and print its result"),
    Command("send", "have a handler run in the background"),
    Command("attach", "wait for the result of an invocation"),
    Command("invocations", "list, describe, cancel, kill, pause, resume, restart, purge"),
    Command("why", "say what an invocation waits for"),
    Command("state", "read and repair the state of an object"),
    Command("status", "say what a server serves, and how it is"),
    Command("schema", "print the JSON Schema of spec files, for editors"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status. Reads `sys.argv` unless given arguments."""
    for stream in (sys.stdout, sys.stderr):
        # Names and texts of users may hold what the terminal's encoding does not.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    command = next((command for command in COMMANDS if command.name == chosen), None)
    if chosen is not None and command is None:
        report(_no_such(chosen))
        return 2
    module = importlib.import_module(f"perdure.cli.{command.name}") if command else None
    parser = _parser(chosen, module)
    args = parser.parse_args(arguments)
    if module is None:
        parser.print_help()
        return 2
    return _run(module, args)


def _no_such(name: str) -> UserError:
    close = difflib.get_close_matches(name, [command.name for command in COMMANDS], n=1)
    hint = f"did you mean `perdure {close[0]}`?" if close else "perdure --help lists the commands"
    return UserError(f"there is no command `{name}`", hint=hint)


def _run(module: ModuleType, args: argparse.Namespace) -> int:
    try:
        status: int = module.run(args)
        sys.stdout.flush()
    except UserError as error:
        report(error)
        return error.status
    except BrokenPipeError:
        # The reader has left (`perdure schema | head`). Python would complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None:
            raise
        report(UserError(f"{error.filename}: {error.strerror}"))
        return 2
    except KeyboardInterrupt:
        return 130
    return status


class _Parser(argparse.ArgumentParser):
    """Says what is wrong first, and how to find out more after it."""

    def error(self, message: str) -> NoReturn:
        report(UserError(message, hint=f"{self.prog} --help"))
        self.exit(2)


class _Columns(argparse.HelpFormatter):
    """Leaves room for the longest command, whose indent argparse does not count."""

    def add_argument(self, action: argparse.Action) -> None:
        super().add_argument(action)
        self._action_max_length = max(self._action_max_length, 4 + max(len(command.name) for command in COMMANDS))


class _Version(argparse.Action):
    """Prints the version; a class because looking it up takes longer than everything else here."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        version = importlib.import_module("importlib.metadata").version("perdure")
        print(f"perdure {version}")
        parser.exit(0)


def _parser(chosen: str | None, module: ModuleType | None) -> argparse.ArgumentParser:
    about = "Spec-first durable execution for Python."
    parser = _Parser(prog="perdure", description=about, allow_abbrev=False, formatter_class=_Columns)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and stop")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    for command in COMMANDS:
        about = command.help[0].upper() + command.help[1:] + "."
        subparser = commands.add_parser(command.name, help=command.help, description=about, allow_abbrev=False)
        if module is not None and command.name == chosen:
            module.arguments(subparser)
    return parser
