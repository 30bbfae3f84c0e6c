"""`perdure send`: accept an invocation and do not wait for it.

The law: the id on stdout is of an invocation that is on disk.
"""

from __future__ import annotations

import argparse
import sys
from urllib.parse import urlencode

import msgspec

from perdure.cli.doors import print_json, refused
from perdure.cli.request import ask, request_arguments
from perdure.cli.words import milliseconds, when


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes what `call` does, and --delay."""
    request_arguments(parser, delay=True)


def run(args: argparse.Namespace) -> int:
    """Send, and print the id."""

    def suffix() -> str:
        return "/send" if args.delay is None else f"/send?{urlencode({'delay': args.delay})}"

    reply = ask(args, suffix)
    if reply is None:
        return 0
    if reply.status >= 300:
        raise refused(reply)
    if args.json:
        print_json(reply.body)
        return 0
    said = msgspec.json.decode(reply.body)
    print(said["invocationId"])
    if said["status"] != "Accepted":
        print("it had been accepted before", file=sys.stderr)
    elif "executionTime" in said:
        print(f"it starts {when(milliseconds(said['executionTime'][:23] + '+00:00'))}", file=sys.stderr)
    return 0
