"""`perdure call`: call a handler, and print its result.

The law: the result goes to stdout as it came, and a failure is no result.
"""

from __future__ import annotations

import argparse

from perdure.cli.request import ask, request_arguments, show_result


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes SERVICE[/KEY], HANDLER and the fields of its input."""
    request_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Call. 0 with a result, 1 if the handler failed."""
    reply = ask(args)
    return 0 if reply is None else show_result(args, reply)
