"""What the commands say to a person, and how they stop.

The law: colours only on a terminal, and never when NO_COLOR is set.
"""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import TextIO

RED, GREEN, YELLOW, CYAN, BOLD = "31", "32", "33", "36", "1"


class UserError(Exception):
    """Something that the person at the keyboard can put right. Printed without a traceback."""

    def __init__(self, message: str, *, hint: str = "", status: int = 2) -> None:
        super().__init__(message)
        self.hint = hint
        self.status = status


def report(error: UserError) -> None:
    """Print an error to stderr: what is wrong, then what to do."""
    # What was printed before it should also stand before it when both go into one pipe.
    sys.stdout.flush()
    label = paint("error:", RED, sys.stderr)
    print(f"{label} {error}", file=sys.stderr)
    if error.hint:
        print(f"  {paint('hint:', CYAN, sys.stderr)} {error.hint}", file=sys.stderr)


def colours(stream: TextIO) -> bool:
    """Whether this stream is a terminal whose owner wants colours."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: TextIO) -> str:
    """The text in a colour, or as it is where there are none."""
    return f"\033[{colour}m{text}\033[0m" if colours(stream) else text


def unified_diff(old: str, new: str, name: str) -> str:
    """What has to change in the file `name`, as `diff -u` would show it, in colours on a terminal."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        new.splitlines(keepends=True),
        f"{name} (on disk)",
        f"{name} (from the spec)",
    )
    return "".join(_diff_line(line) for line in lines)


_DIFF_COLOURS = (("---", BOLD), ("+++", BOLD), ("@@", CYAN), ("+", GREEN), ("-", RED))


def _diff_line(line: str) -> str:
    text = line.removesuffix("\n")
    colour = next((colour for start, colour in _DIFF_COLOURS if text.startswith(start)), "")
    painted = paint(text, colour, sys.stdout) if colour else text
    return f"{painted}\n" if line.endswith("\n") else f"{painted}\n\\ No newline at end of file\n"


def plural(count: int, noun: str) -> str:
    """`1 spec`, `2 specs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def short(path: Path) -> str:
    """A path as a person would type it: relative to here if it is below."""
    return str(path.relative_to(Path.cwd())) if path.is_absolute() and path.is_relative_to(Path.cwd()) else str(path)
