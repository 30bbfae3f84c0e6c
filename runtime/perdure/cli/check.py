"""`perdure check`: everything that is wrong with specs, in one run. Writes nothing."""

from __future__ import annotations

import argparse
import sys

from perdure.cli.console import plural
from perdure.cli.settings import read_settings
from perdure.cli.specs import has_errors, load_specs, rendered, spec_arguments


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes PATHS and --format."""
    spec_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Print every diagnostic; 1 if one of them is an error."""
    loaded = load_specs(args.paths, read_settings())
    sys.stdout.write(rendered(loaded, args.format))
    if args.format == "text" and not loaded.diagnostics and loaded.model:
        services = sum(len(package.services) for package in loaded.model.packages)
        print(f"{plural(len(loaded.model.packages), 'spec')} with {plural(services, 'service')}: no problems")
    return 1 if has_errors(loaded) else 0
