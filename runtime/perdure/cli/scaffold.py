"""`perdure scaffold SPEC FILE`: a first version of the handlers of a spec, to be filled in.

The law: the file is the user's. It is written once and never again.
"""

from __future__ import annotations

import argparse
import keyword
import sys
from pathlib import Path

from perdure.cli.console import UserError
from perdure.cli.settings import read_settings
from perdure.cli.specs import load_specs, rendered
from perdure_codegen.scaffold import scaffold


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes the spec and the new file."""
    parser.add_argument("spec", type=Path, metavar="SPEC", help="the spec file")
    parser.add_argument("file", type=Path, metavar="FILE", help="the Python file to write; it must not exist")


def run(args: argparse.Namespace) -> int:
    """Write the file; 1 for a bad spec."""
    file: Path = args.file
    settings = read_settings()
    if file.exists():
        raise UserError(f"{file} exists, and what is yours is never overwritten", hint="name a new file")
    if args.spec.is_dir():
        raise UserError(f"{args.spec} is a folder", hint="name one spec file")
    loaded = load_specs([args.spec], settings)
    sys.stdout.write(rendered(loaded, "text"))
    if loaded.model is None:
        return 1
    # Imported packages stand before those that import them.
    package = loaded.model.packages[-1]
    if not package.services:
        raise UserError(f"{args.spec} declares no service, object or workflow: there is nothing to write")
    text = scaffold(loaded.model, package.name, import_name(settings.out))
    file.parent.mkdir(parents=True, exist_ok=True)
    # Exclusive creation: the file may have appeared in the meantime.
    with file.open("x", encoding="utf-8") as target:
        target.write(text)
    print(f"wrote {file}")
    return 0


def import_name(out: Path) -> str:
    """How the output folder is imported, seen from the current folder or, in a `src` layout, from `src`."""
    parts = out.parts[1:] if out.parts[:1] == ("src",) else out.parts
    if not parts or not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        message = f"the output folder {out} has no import name, so handlers cannot import what is in it"
        raise UserError(message, hint='set a folder such as out = "generated" in perdure.toml')
    return ".".join(parts)
