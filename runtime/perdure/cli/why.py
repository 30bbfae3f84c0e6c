"""`perdure why`: what an invocation waits for, down the chain.

The law: every link has its reason, and the last one is something that is not an invocation.
"""

from __future__ import annotations

import argparse
from typing import Any

from perdure.cli.doors import Door, door_argument, json_argument, print_json, segment
from perdure.cli.words import stamp, when


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes an id."""
    parser.add_argument("id", metavar="ID", help="the invocation")
    json_argument(parser)
    door_argument(parser, "admin")


def run(args: argparse.Namespace) -> int:
    """Print the chain."""
    answer = Door("admin", args.admin).json("GET", f"/invocations/{segment(args.id)}/why")
    if args.json:
        print_json(answer)
    else:
        print(tree(answer))
    return 0


def tree(answer: dict[str, Any]) -> str:
    """An invocation and its reasons, those of others indented below the reason that leads to them."""
    lines: list[str] = []
    todo: list[tuple[int, dict[str, Any]]] = [(0, answer)]
    while todo:
        depth, link = todo.pop()
        indent = "  " * depth
        if "target" in link:
            lines.append(f"{indent}{link['target']} is {link['status']}  {link['id']}")
            below = list(link["reasons"])
        else:
            lines.append(indent + link["text"] + _time(link.get("at_ms")))
            below = [link["invocation"]] if link.get("invocation") else []
        todo += [(depth + 1, item) for item in reversed(below)]
    return "\n".join(lines)


def _time(at_ms: int | None) -> str:
    return f" [{when(at_ms)}, {stamp(at_ms)}]" if at_ms else ""
