"""`perdure invocations`: list, describe, and the verbs of operators, for named invocations or for all that fit.

The law: what concerns many invocations is said before it is done, unless `--yes` says that it is wanted.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec

from perdure.cli.console import UserError, plural, report
from perdure.cli.doors import ASKED_WRONGLY, Door, door_argument, json_argument, print_json, segment
from perdure.cli.why import tree
from perdure.cli.words import milliseconds, pairs, stamp, table, when

FILTERS = ("status", "service", "handler", "key")
LISTED = 50
ACCEPTED = 202
PAGE_MOST = 10_000


class Action(NamedTuple):
    """Something to do to invocations."""

    help: str
    route: str
    done: str
    """What became of one."""
    asked: str = ""
    """What is said instead if it has yet to hear of it (202)."""


ACTIONS = {
    "cancel": Action("ask to stop; handlers may undo what they did", "cancel", "is cancelled", "is asked to stop"),
    "kill": Action("end at once, with what they called", "kill", "is killed"),
    "pause": Action("stop where they are, until they are resumed", "pause", "is paused"),
    "resume": Action("let paused ones go on, and try those that back off again now", "resume", "goes on"),
    "restart": Action("run completed ones once more", "restart-as-new", "begins again"),
    "purge": Action("forget completed ones", "purge", "is forgotten"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """It takes an action, and what it is about."""
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="those that there are", allow_abbrev=False)
    _filters(listing)
    about = "how many at most (default: %(default)s)"
    listing.add_argument("--limit", type=int, default=LISTED, metavar="N", help=about)
    describing = actions.add_parser("describe", help="one, with its journal and why it waits", allow_abbrev=False)
    describing.add_argument("id", metavar="ID", help="the invocation")
    for name, action in ACTIONS.items():
        doing = actions.add_parser(name, help=action.help, allow_abbrev=False)
        doing.add_argument("ids", metavar="ID", nargs="*", help="invocations; or choose them:")
        _filters(doing)
        doing.add_argument("--dry-run", action="store_true", help="say how many fit, and do nothing")
        doing.add_argument("--yes", action="store_true", help="do not ask before it is done to all that fit")
        _extras(name, doing)
    for subparser in actions.choices.values():
        json_argument(subparser)
        door_argument(subparser, "admin")


def _filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--status", metavar="STATUS", help="those of this status, such as paused or backing-off")
    parser.add_argument("--service", metavar="NAME", help="those of this service")
    parser.add_argument("--handler", metavar="NAME", help="those of handlers of this name")
    parser.add_argument("--key", metavar="KEY", help="those of objects and workflows with this key")


def _extras(name: str, parser: argparse.ArgumentParser) -> None:
    if name == "restart":
        about = "keep the journal up to this entry, and begin behind it (default: the input alone)"
        parser.add_argument("--from", dest="keep", type=int, metavar="N", help=about)
    elif name == "purge":
        parser.add_argument("--journal", action="store_true", help="only the journal; the result is kept")


def run(args: argparse.Namespace) -> int:
    """List, describe, or do it. 1 if something was refused, or if nothing was done though some fit."""
    admin = Door("admin", args.admin)
    if args.action == "list":
        return _list(args, admin)
    if args.action == "describe":
        return _describe(args, admin)
    chosen = {name: value for name in FILTERS if (value := getattr(args, name)) is not None}
    if args.ids and chosen:
        raise UserError("both ids and filters", hint="name invocations, or choose them with --status, --service, …")
    if args.ids:
        return _do_each(args, admin)
    if not chosen:
        hint = f"perdure invocations {args.action} ID, or --status, --service, --handler, --key"
        raise UserError("which invocations?", hint=hint)
    return _do_all(args, admin, chosen)


# --- reading -----------------------------------------------------------------------------------------------


def _list(args: argparse.Namespace, admin: Door) -> int:
    query = {name: value for name in FILTERS if (value := getattr(args, name)) is not None}
    if args.limit < 1:
        raise UserError("--limit: expected a number from 1")
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None and len(found) < args.limit:
        limit = min(args.limit - len(found), PAGE_MOST)
        page = query | {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        said = admin.json("GET", f"/invocations?{urlencode(page)}")
        found += said["invocations"]
        cursor = said.get("cursor")
    if args.json:
        print_json(found)
        return 0
    if found:
        print(table(("ID", "STATUS", "TARGET", "SINCE", "REMARK"), [_row(item) for item in found]))
    else:
        print("none", file=sys.stderr)
    if cursor is not None:
        print(f"there may be more: --limit {args.limit * 10}", file=sys.stderr)
    return 0


def _row(said: dict[str, Any]) -> tuple[str, ...]:
    changed = when(milliseconds(said["modified_at"]))
    return said["id"], said["status"], said["target"], changed, _remark(said)


def _remark(said: dict[str, Any]) -> str:
    """What one would like to know about it in its status."""
    if said["status"] == "scheduled" and "scheduled_start_at" in said:
        return f"starts {when(milliseconds(said['scheduled_start_at']))}"
    if said["status"] == "completed":
        return str(said.get("completion_failure", said.get("completion_result", "")))
    failure = _first_line(str(said.get("last_failure", "")))
    if "next_retry_at" in said:
        return f"next try {when(milliseconds(said['next_retry_at']))}: {failure}"
    return failure


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""


def _describe(args: argparse.Namespace, admin: Door) -> int:
    path = f"/invocations/{segment(args.id)}"
    said, why, journal = (admin.json("GET", path + part) for part in ("", "/why", "/journal"))
    if args.json:
        print_json({"invocation": said, "why": why, "journal": journal["entries"]})
        return 0
    print(pairs([(name, _shown(name, value)) for name, value in said.items() if not name.startswith("target_")]))
    print(f"\n{tree(why)}")
    if journal["entries"]:
        rows = [_entry(entry) for entry in journal["entries"]]
        print(f"\n{table(('ENTRY', 'COMMAND', 'KIND', 'ABOUT'), rows)}")
    return 0


def _shown(name: str, value: object) -> str:
    if name.endswith("_at") and isinstance(value, str):
        at_ms = milliseconds(value)
        return f"{stamp(at_ms)}, {when(at_ms)}"
    return str(value)


_PLAIN = ("index", "command_index", "entry_type", "completed", "headers", "seed", "at_ms")


def _entry(entry: dict[str, Any]) -> tuple[str, ...]:
    """An entry on one line: its fields, without those that say nothing to a person."""
    about = ", ".join(
        f"{name} {value if isinstance(value, str) else msgspec.json.encode(value).decode()}"
        for name, value in entry.items()
        if name not in _PLAIN
    )
    return str(entry["index"]), str(entry.get("command_index", "")), entry["entry_type"], about


# --- doing -------------------------------------------------------------------------------------------------


def _route(args: argparse.Namespace) -> str:
    route = ACTIONS[args.action].route
    return "purge-journal" if args.action == "purge" and args.journal else route


def _do_each(args: argparse.Namespace, admin: Door) -> int:
    if args.dry_run:
        raise UserError("--dry-run is for filters", hint="perdure invocations describe ID")
    keep = getattr(args, "keep", None)
    query = "" if keep is None else f"?from={keep}"
    told: list[dict[str, object]] = []
    worst = 0
    for id in args.ids:
        reply = admin.ask("PATCH", f"/invocations/{segment(id)}/{_route(args)}{query}")
        entry: dict[str, object] = {"id": id, "status": reply.status}
        if reply.status >= 300:
            worst = max(worst, 2 if reply.status in ASKED_WRONGLY else 1)
            entry["message"] = reply.message
        elif reply.body:
            entry |= msgspec.json.decode(reply.body)
        told.append(entry)
        if not args.json:
            _tell(args, entry)
    if args.json:
        print_json(told)
    return worst


def _tell(args: argparse.Namespace, entry: dict[str, object]) -> None:
    if "message" in entry:
        report(UserError(str(entry["message"])))
        return
    action = ACTIONS[args.action]
    done = action.asked if entry["status"] == ACCEPTED and action.asked else action.done
    if getattr(args, "journal", False):
        done = "keeps its result alone"
    new_id = entry.get("new_invocation_id")
    print(f"{entry['id']} {done}" + ("" if new_id in (None, entry["id"]) else f" as {new_id}"))


def _do_all(args: argparse.Namespace, admin: Door, chosen: dict[str, str]) -> int:
    if getattr(args, "keep", None) is not None:
        raise UserError("--from is for one invocation: journals differ", hint="name it: perdure invocations restart ID")
    asked = {"filter": chosen, "operation": _route(args)}
    if args.yes and not args.dry_run:
        said = admin.json("POST", "/invocations/_bulk", asked)
    else:
        said = admin.json("POST", "/invocations/_bulk", asked | {"dry_run": True})
        if said["succeeded"] and not args.dry_run:
            if not _agreed(args, said["succeeded"]):
                return 1
            said = admin.json("POST", "/invocations/_bulk", asked)
    _summarize(args, said)
    return int(bool(said["matched"]) and not said["succeeded"])


def _agreed(args: argparse.Namespace, count: int) -> bool:
    """Ask whoever sits there; a program has to say --yes."""
    question = f"{args.action} {plural(count, 'invocation')}?"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UserError(f"{question} nobody is here to ask", hint="--yes does it, --dry-run only counts", status=1)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _summarize(args: argparse.Namespace, said: dict[str, Any]) -> None:
    if args.json:
        print_json(said)
        return
    fit = f"{plural(said['matched'], 'invocation')} {'fits' if said['matched'] == 1 else 'fit'}"
    done = f"{said['succeeded']} would be done" if said["dry_run"] else f"{said['succeeded']} done"
    print(f"{fit}; {args.action}: {done}")
    for refusal in said["refused"]:
        print(f"  {refusal['count']} not: {refusal['reason']}")
