"""What `call`, `send` and `attach` have in common: the target, the input that the handler takes, and its result.

The law: a request that is wrong is refused before it is sent, as far as the server has said what is right.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from perdure.cli.console import UserError
from perdure.cli.doors import JSON, Door, Reply, door_argument, json_argument, print_json, refused, segment
from perdure.cli.fields import Form, Given, split_fields

_OPTIONS = ("input", "idempotency-key", "delay", "ingress", "admin")
"""Options with a value that may stand behind the handler, where the fields are."""


class Asked(NamedTuple):
    """A request, complete."""

    path: str
    body: bytes | None
    headers: dict[str, str]


class Target(NamedTuple):
    """`SERVICE` or `SERVICE/KEY`."""

    service: str
    key: str | None

    @property
    def path(self) -> str:
        """As the ingress wants it."""
        return f"/{segment(self.service)}" + ("" if self.key is None else f"/{segment(self.key)}")


def target(text: str) -> Target:
    """What stands before and behind the first slash; a key may have slashes, and be empty."""
    service, slash, key = text.partition("/")
    return Target(service, key if slash else None)


def request_arguments(parser: argparse.ArgumentParser, *, delay: bool = False) -> None:
    """Declare the target, its input and the options."""
    parser.add_argument("target", metavar="SERVICE[/KEY]", help="a service, or an object or a workflow and its key")
    parser.add_argument("handler", metavar="HANDLER", help="the name of the handler")
    about = "--FIELD VALUE for each field of the input; --help here shows them"
    parser.add_argument("fields", metavar="FIELDS", nargs=argparse.REMAINDER, help=about)
    options(parser)
    if delay:
        about = "how long to wait before it starts: 10s, 1h30m, PT10S"
        parser.add_argument("--delay", metavar="DURATION", help=about)


def options(parser: argparse.ArgumentParser) -> None:
    """Declare what may stand on either side of the target."""
    parser.add_argument("--input", metavar="JSON", help="the whole input as JSON, instead of fields")
    about = "requests to one handler with the same key are one invocation"
    parser.add_argument("--idempotency-key", metavar="KEY", help=about)
    json_argument(parser)
    door_argument(parser, "ingress")
    door_argument(parser, "admin")


def ask(args: argparse.Namespace, suffix: Callable[[], str] = str) -> Reply | None:
    """Send the request that a command line describes; None if it only wanted to know the fields.

    Args:
        args: What stands on the command line.
        suffix: Of the path; asked when the options behind the handler have been read.

    Raises:
        UserError: It is wrong, or the server refused it.
    """
    given = _take_options(args)
    to = target(args.target)
    if given is None or args.input is None or given.fields or given.bare:
        described = _handler(Door("admin", args.admin), to, args.handler)
        form = Form(described["input_json_schema"], str(described.get("parameter") or ""))
        if given is None:
            print(_help(args, described, form))
            return None
        args.input = _input(args, form, given)
    headers = {} if args.idempotency_key is None else {"idempotency-key": str(args.idempotency_key)}
    body = args.input.encode("utf-8", "surrogateescape") if args.input else None
    asked = Asked(f"{to.path}/{segment(args.handler)}{suffix()}", body, headers | (JSON if body else {}))
    return Door("ingress", args.ingress).ask("POST", *asked)


def _take_options(args: argparse.Namespace) -> Given | None:
    """Take the options out of what stands behind the handler; the fields that are left, None for `--help`."""
    known = [name for name in _OPTIONS if hasattr(args, name.replace("-", "_"))]
    rest = list(args.fields)
    if "--help" in rest or "-h" in rest:
        return None
    args.json = args.json or "--json" in rest
    given = split_fields([token for token in rest if token != "--json"], lambda _: False)
    fields: list[tuple[str, str | None]] = []
    for name, text in given.fields:
        if name not in known:
            fields.append((name, text))
        elif text is None:
            raise UserError(f"--{name}: expected a value behind it")
        else:
            setattr(args, name.replace("-", "_"), text)
    return Given(fields, given.bare)


def _input(args: argparse.Namespace, form: Form, given: Given) -> str:
    if args.input is not None:
        raise UserError("both --input and fields", hint="say the whole input as JSON, or each field by its name")
    try:
        value = form.value(given)
    except UserError as e:
        hint = e.hint or f"perdure {args.command} {args.target} {args.handler} --help"
        raise UserError(str(e), hint=hint) from None
    return "" if value is msgspec.UNSET else msgspec.json.encode(value).decode()


def _handler(admin: Door, to: Target, handler: str) -> dict[str, Any]:
    """What the server says of a handler. Raises UserError if there is none, or if its key is missing or too much."""
    reply = admin.ask("GET", f"/services/{segment(to.service)}")
    if reply.status == 404:
        names = [service["name"] for service in admin.json("GET", "/services")["services"]]
        raise _unknown(f"there is no service {to.service}", to.service, names)
    if reply.status != 200:
        raise refused(reply)
    service = msgspec.json.decode(reply.body)
    if service["ty"] == "Service" and to.key is not None:
        raise UserError(f"{to.service} is a service and has no keys", hint=f"say {to.service} alone")
    if service["ty"] != "Service" and to.key is None:
        kind = "a workflow" if service["ty"] == "Workflow" else "an object"
        raise UserError(f"{to.service} is {kind}: which one?", hint=f"say {to.service}/KEY")
    described = {found["name"]: found for found in service["handlers"]}
    if handler not in described:
        raise _unknown(f"{to.service} has no handler {handler}", handler, list(described))
    found: dict[str, Any] = described[handler]
    return found


def _unknown(message: str, name: str, names: list[str]) -> UserError:
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}" if names else ""
    return UserError(message, hint=hint)


def _help(args: argparse.Namespace, described: dict[str, Any], form: Form) -> str:
    """The fields of a handler, for `perdure call SERVICE HANDLER --help`."""
    lines = [f"usage: perdure {args.command} {args.target} {args.handler} [--FIELD VALUE ...]"]
    if described.get("documentation"):
        lines += ["", str(described["documentation"]).strip()]
    if form.empty:
        lines += ["", "It takes no input."]
    elif form.fields:
        width = max(len(form.describe(name)) for name in form.fields)
        lines += ["", "fields:"]
        for name in form.fields:
            said = [form.about(name), "" if name in form.required else "(may be left out)"]
            lines.append(f"  {form.describe(name):<{width}}  {' '.join(filter(None, said))}".rstrip())
    else:
        lines += ["", f"Its input is one value: {form.type_name(described['input_json_schema'])}."]
    return "\n".join(lines)


# --- results -----------------------------------------------------------------------------------------------


def show_result(args: argparse.Namespace, reply: Reply) -> int:
    """Print the result of an invocation. 1 if it failed.

    Raises:
        UserError: It failed, or the server refused to say.
    """
    id = reply.headers.get("x-restate-id", "")
    failed = reply.headers.get("x-restate-error-source") == "invocation"
    if not failed and reply.status >= 300:
        raise refused(reply)
    if args.json:
        named = {"id": id} if id else {}
        value = msgspec.Raw(reply.body or b"null")
        print_json(msgspec.json.encode({**named, "error" if failed else "result": value}))
        return int(failed)
    if failed:
        said = msgspec.json.decode(reply.body)
        raise UserError(
            f"it failed with {said['code']}: {said['message']}", hint=f"perdure invocations describe {id}", status=1
        )
    if reply.body:
        print(reply.body.decode("utf-8", "replace"))
    return 0
