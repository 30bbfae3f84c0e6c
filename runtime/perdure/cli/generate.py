"""`perdure generate`: specs in, Python out. With --check it writes nothing and says what it would.

The law: it writes only below the output folder, removes only what it once made, and leaves a file that is
already right untouched.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from perdure.cli.console import UserError, plural, unified_diff
from perdure.cli.settings import read_settings
from perdure.cli.specs import load_specs, rendered, spec_arguments
from perdure_codegen.emit import emit
from perdure_codegen.write import Change, check, write


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes PATHS, --out, --check and --format."""
    spec_arguments(parser)
    about = "the folder to write to (default: `out` in the settings, else the folder generated)"
    parser.add_argument("--out", type=Path, metavar="DIR", help=about)
    about = "write nothing; show what would change, and fail if anything would"
    parser.add_argument("--check", action="store_true", help=about)


def run(args: argparse.Namespace) -> int:
    """Generate, or compare. 1 for a bad spec, and for drift with --check."""
    settings = read_settings()
    loaded = load_specs(args.paths, settings)
    sys.stdout.write(rendered(loaded, args.format))
    if loaded.model is None:
        return 1
    out: Path = args.out or settings.out
    files = emit(loaded.model)
    # Who names some specs does not speak of the others: their code stays.
    prune = not args.paths
    if args.check:
        changes = check(out, files, prune=prune)
        _show_drift(args, out, changes)
        _count(args, out, {"unchanged": len(files)})
        return 0
    report = write(out, files, prune=prune)
    if args.format == "text":
        _list("wrote", out, report.written)
        _list("removed", out, report.removed)
    counts = {"written": report.written, "unchanged": report.unchanged, "removed": report.removed}
    _count(args, out, {word: len(paths) for word, paths in counts.items()})
    return 0


def _list(verb: str, out: Path, paths: Sequence[str]) -> None:
    for path in paths:
        print(f"{verb} {out / path}")


def _count(args: argparse.Namespace, out: Path, counts: Mapping[str, int]) -> None:
    if args.format == "text":
        print(f"{out}: {', '.join(f'{count} {word}' for word, count in counts.items() if count)}")


def _show_drift(args: argparse.Namespace, out: Path, changes: Sequence[Change]) -> None:
    """Print what differs and raise UserError, if anything does."""
    if not changes:
        return
    if args.format != "json":
        for change in changes:
            sys.stdout.write(unified_diff(change.before or "", change.after or "", str(out / change.path)))
    message = f"{out} is not what the specs say: {plural(len(changes), 'file')} differ"
    command = ["perdure", "generate", *map(str, args.paths), *(["--out", str(out)] if args.out else [])]
    raise UserError(message + ("s" if len(changes) == 1 else ""), hint=shlex.join(command), status=1)
