"""`perdure state`: read the state of an object or a workflow, and repair it.

The law: an edit changes what was read, or nothing; whoever changed it in between is not written over.
"""

from __future__ import annotations

import argparse
import difflib

import msgspec

from perdure.cli.console import UserError
from perdure.cli.doors import JSON, Door, Reply, door_argument, json_argument, print_json, refused, segment
from perdure.cli.request import Target, target
from perdure.cli.words import pairs

HELD, CHANGED = 409, 412


class State(msgspec.Struct):
    """What a server says of it; values are kept as they are."""

    state: dict[str, msgspec.Raw]
    version: str


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes get, set or clear, and what of."""
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    getting = actions.add_parser("get", help="print it, or one value of it", allow_abbrev=False)
    setting = actions.add_parser("set", help="give one value of it", allow_abbrev=False)
    clearing = actions.add_parser("clear", help="remove it, or one value of it", allow_abbrev=False)
    for subparser in (getting, setting, clearing):
        subparser.add_argument("target", metavar="SERVICE/KEY", help="an object or a workflow, and its key")
    for subparser in (getting, clearing):
        subparser.add_argument("name", metavar="NAME", nargs="?", help="one value, by the name that the spec gives it")
    setting.add_argument("name", metavar="NAME", help="the name that the spec gives it")
    setting.add_argument("value", metavar="VALUE", help="JSON; what is none is taken as a text")
    about = "refuse unless this is what `get --json` says now"
    for subparser in (setting, clearing):
        subparser.add_argument("--version", metavar="VERSION", help=about)
    for subparser in (getting, setting, clearing):
        json_argument(subparser)
        door_argument(subparser, "admin")


def run(args: argparse.Namespace) -> int:
    """Read or edit. 1 if an invocation holds the key, or if the state was changed meanwhile."""
    to = target(args.target)
    if to.key is None:
        raise UserError("state belongs to an object or a workflow: which one?", hint=f"say {to.service}/KEY")
    admin = Door("admin", args.admin)
    found = _read(admin, to)
    if args.action == "get":
        _print(args, found)
        return 0
    expected = found.version if args.version is None else args.version
    state = dict(found.state)
    if args.action == "set":
        state[args.name] = _value(args.value)
    elif args.name is None:
        state.clear()
    elif state.pop(args.name, None) is None:
        raise _no_value(args, found)
    body = msgspec.json.encode({"state": state, "version": expected})
    said = _state(admin.ask("PUT", _path(to), body, JSON))
    if args.json:
        print_json({"state": said.state, "version": said.version})
    return 0


def _path(to: Target) -> str:
    return f"/services/{segment(to.service)}/state/{segment(to.key or '')}"


def _read(admin: Door, to: Target) -> State:
    return _state(admin.ask("GET", _path(to)))


def _state(reply: Reply) -> State:
    if reply.status == HELD:
        hint = "wait for its end, or end it: perdure invocations cancel (or kill) ID; perdure why ID says what it does"
        raise UserError(reply.message, hint=hint, status=1)
    if reply.status == CHANGED:
        raise UserError(reply.message, hint="look at it again: perdure state get", status=1)
    if reply.status != 200:
        raise refused(reply)
    return msgspec.json.decode(reply.body, type=State)


def _value(text: str) -> msgspec.Raw:
    """The JSON that is said; what is no JSON is a text."""
    raw = text.encode("utf-8", "replace")
    try:
        msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return msgspec.Raw(msgspec.json.encode(raw.decode()))
    return msgspec.Raw(raw)


def _print(args: argparse.Namespace, found: State) -> None:
    if args.name is not None:
        if args.name not in found.state:
            raise _no_value(args, found)
        print(bytes(found.state[args.name]).decode())
    elif args.json:
        print_json({"state": found.state, "version": found.version})
    elif found.state:
        print(pairs([(name, bytes(value).decode()) for name, value in sorted(found.state.items())]))


def _no_value(args: argparse.Namespace, found: State) -> UserError:
    close = difflib.get_close_matches(str(args.name), list(found.state), n=1)
    hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(found.state)) or 'no values'}"
    return UserError(f"{args.target} has no value {args.name}", hint=hint, status=1)
