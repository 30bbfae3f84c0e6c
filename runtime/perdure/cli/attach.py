"""`perdure attach`: wait for the result of an invocation that somebody began.

The law: it begins nothing.
"""

from __future__ import annotations

import argparse

from perdure.cli.console import UserError
from perdure.cli.doors import Door, door_argument, json_argument, segment
from perdure.cli.request import show_result, target

NOT_READY = 470


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes an id, a workflow and its key, or a handler and an idempotency key."""
    about = "its id; or the workflow; or, with HANDLER and --idempotency-key, the service or object it was for"
    parser.add_argument("target", metavar="ID|SERVICE[/KEY]", help=about)
    parser.add_argument("handler", metavar="HANDLER", nargs="?", help="the handler that was asked")
    parser.add_argument("--idempotency-key", metavar="KEY", help="the key of the request")
    parser.add_argument("--no-wait", action="store_true", help="end with 1 if there is no result yet")
    json_argument(parser)
    door_argument(parser, "ingress")


def run(args: argparse.Namespace) -> int:
    """Wait. 0 with a result, 1 if the handler failed, or if there is none yet with --no-wait."""
    path = f"{_path(args)}/{'output' if args.no_wait else 'attach'}"
    reply = Door("ingress", args.ingress).ask("GET", path)
    if reply.status == NOT_READY and reply.headers.get("x-restate-error-source") != "invocation":
        raise UserError("it has not completed yet", status=1)
    return show_result(args, reply)


def _path(args: argparse.Namespace) -> str:
    to = target(args.target)
    if (args.handler is None) != (args.idempotency_key is None):
        raise UserError("HANDLER and --idempotency-key belong together", hint="perdure attach --help")
    if args.handler is not None:
        return f"/restate/invocation{to.path}/{segment(args.handler)}/{segment(args.idempotency_key)}"
    if to.key is not None:
        return f"/restate/workflow{to.path}"
    return f"/restate/invocation/{segment(args.target)}"
