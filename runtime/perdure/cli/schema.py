"""`perdure schema`: the JSON Schema of spec files, for editors that complete and check YAML."""

from __future__ import annotations

import argparse
import importlib.resources
import sys


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none; the epilog says what it is good for."""
    parser.epilog = (
        "In an editor with a YAML language server: perdure schema > perdure.schema.json, and then, as the"
        " first line of a spec: # yaml-language-server: $schema=../perdure.schema.json"
    )


def run(_args: argparse.Namespace) -> int:
    """Print the schema exactly as the generator uses it."""
    schema = importlib.resources.files("perdure_codegen") / "perdure-spec-v1.schema.json"
    sys.stdout.write(schema.read_text("utf-8"))
    return 0
