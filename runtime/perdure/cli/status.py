"""`perdure status`: what a server serves, how many invocations are where, and which of them need a look.

The law: what is wrong stands in it, so that whoever reads nothing else has read that.
"""

from __future__ import annotations

import argparse
from typing import Any

from perdure.cli.doors import Door, door_argument, json_argument, print_json
from perdure.cli.words import milliseconds, pairs, size, span, when

NEEDS_A_LOOK = ("paused", "backing-off")


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes --json and --admin."""
    json_argument(parser)
    door_argument(parser, "admin")


def run(args: argparse.Namespace) -> int:
    """Print it."""
    said = Door("admin", args.admin).json("GET", "/status")
    if args.json:
        print_json(said)
    else:
        print(pairs(_lines(said)))
    return 0


def _lines(said: dict[str, Any]) -> list[tuple[str, str]]:
    store = said["store"]
    counts = {status: count for status, count in said["invocations"].items() if count}
    lines = [
        ("version", said["version"]),
        ("serves", ", ".join(said["services"])),
        ("store", f"{store['folder']}, {size(store['bytes'])}, {store['durability']}"),
    ]
    if "uptime_ms" in said:
        lines.insert(1, ("up for", span(said["uptime_ms"])))
    lines.append(("invocations", ", ".join(f"{count} {status}" for status, count in counts.items()) or "none"))
    for status in NEEDS_A_LOOK:
        oldest = said["oldest"].get(status)
        if oldest is not None:
            since = when(milliseconds(oldest["since"]))
            lines.append((f"oldest {status}", f"{oldest['target']} since {since}: perdure why {oldest['id']}"))
    return lines
