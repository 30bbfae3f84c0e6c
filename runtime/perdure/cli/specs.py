"""What `check`, `generate` and `scaffold` have in common: which specs, and how their faults are shown.

The law: a spec without errors gives a model; with errors it gives every one of them, and no model.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from perdure.cli.console import BOLD, CYAN, RED, YELLOW, UserError, colours, paint
from perdure.cli.settings import Settings
from perdure_codegen.diagnostic import render_github, render_json, render_text
from perdure_codegen.loading import Loaded, load

FORMATS = ("text", "json", "github")


def spec_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare PATHS and --format."""
    about = "spec files and folders (default: `specs` in the settings, else the folder specs)"
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATHS", help=about)
    about = "how faults are shown; github: as annotations of a workflow (default: text)"
    parser.add_argument("--format", choices=FORMATS, default="text", help=about)


def load_specs(paths: Sequence[Path], settings: Settings) -> Loaded:
    """Read the specs that were named, or those of the settings."""
    for path in paths or settings.specs:
        if not path.exists():
            raise _missing(path, named=bool(paths))
    return load(paths or settings.specs)


def _missing(path: Path, *, named: bool) -> UserError:
    if named:
        return UserError(f"no such file or folder: {path}")
    message = f"no spec was named, and there is no {path} here"
    return UserError(message, hint="name files or folders, or make a first project: perdure init DIR")


def has_errors(loaded: Loaded) -> bool:
    """Whether there is no model."""
    return any(diagnostic.level == "error" for diagnostic in loaded.diagnostics)


def rendered(loaded: Loaded, form: str) -> str:
    """The diagnostics in one of FORMATS. Text is empty if there is nothing to say; JSON never is."""
    if form == "json":
        return render_json(loaded.diagnostics) + "\n"
    if form == "github":
        return render_github(loaded.diagnostics)
    text = render_text(loaded.diagnostics, loaded.sources)
    return _COLOURED.sub(_in_colour, text) if colours(sys.stdout) else text


_COLOURED = re.compile(
    r"^(?P<error>error\[\w+\])|^(?P<warning>warning\[\w+\])"
    r"|^ *(?P<place>-->.*)$|^ *(?P<help>= help:)|^ *\| *(?P<caret>\^+.*)$",
    re.MULTILINE,
)
_COLOUR_OF = {"error": RED, "warning": YELLOW, "place": BOLD, "help": CYAN, "caret": RED}


def _in_colour(match: re.Match[str]) -> str:
    name = match.lastgroup or ""
    start = match.start(name) - match.start()
    whole = match[0]
    return whole[:start] + paint(match[name], _COLOUR_OF[name], sys.stdout)
