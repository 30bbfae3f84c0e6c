"""`perdure generate`: specs in, Python out. With --check it writes nothing and says what it would.

The law: it writes only below the output folder, removes only what it once made, and leaves a file that is
already right untouched.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from perdure.cli.console import paint, plural, short, unified_diff, GREEN
from perdure.cli.settings import read_settings
from perdure.cli.specs import has_errors, load_specs, rendered, spec_arguments
from perdure_codegen.emit import emit
from perdure_codegen.write import check, write


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes PATHS, --out, --check and --format."""
    spec_arguments(parser)
    about = "the folder to write to (default: `out` in the settings, else the folder generated)"
    parser.add_argument("--out", type=Path, metavar="DIR", help=about)
    about = "write nothing; show what would change, and fail if anything would"
    parser.add_argument("--check", action="store_true", help=about)
