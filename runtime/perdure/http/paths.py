"""What a path of the ingress asks for.

Law: the services decide how a path is read. `/A/b/c` is handler `c` of the object `A/b`, or a bad path if `A`
is a service without keys; so a path means what it means on any server that speaks this API.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import unquote

from perdure.admission import BAD_PATH, NO_SERVICE, awakeable_id, invocation_id
from perdure.core.entry import Target
from perdure.core.ids import idempotent_id, workflow_id
from perdure.errors import RequestRefused
from perdure.service import ServiceDef

Services = Mapping[str, ServiceDef]

FEWEST_SLASHES = 2
MOST_SLASHES = 7
MAX_NAME = 36
SCOPE_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")


class Mode(enum.Enum):
    """What is wanted of an invocation, or of its result."""

    CALL = "call"
    SEND = "send"
    ATTACH = "attach"
    OUTPUT = "output"
    LOOKUP = "lookup"


class Invoke(NamedTuple):
    """Call or send to a handler."""

    mode: Mode
    target: Target
    scope: str | None = None


class Result(NamedTuple):
    """The result of the invocation with an id."""

    mode: Mode
    id: bytes


class ByBody(NamedTuple):
    """As `Result`, of the invocation that the body names."""

    mode: Mode


class Awakeable(NamedTuple):
    """Complete an awakeable."""

    invocation: bytes
    signal: int
    reject: bool


class Health(NamedTuple):
    """Whether the server is there."""


Route = Invoke | Result | ByBody | Awakeable | Health


def route(path: str, services: Services) -> Route:
    """What a path asks for. `path` is as on the wire, without its query.

    Raises:
        RequestRefused: 400 for a path that is none, 404 for one of something that is not there.
    """
    # Slashes too many at either end do no harm.
    path = "/" + path.strip("/")
    if not FEWEST_SLASHES <= path.count("/") <= MOST_SLASHES:
        raise RequestRefused(f"bad path: {path}", code=400)
    segments = path[1:].split("/")
    if segments[0] == "openapi":
        raise RequestRefused("not found", code=404)
    if segments[0] == "restate":
        read = _OURS.get(segments[1] if len(segments) > 1 else "")
        if read is None:
            raise RequestRefused("not found", code=404)
        return read(segments[2:], services)
    return _invoke(segments, services)


def _invoke(segments: list[str], services: Services) -> Invoke:
    """`/{service}[/{key}]/{handler}[/send]`, names as they are, the key percent-encoded."""
    target, rest = _target(segments, services)
    if not rest:
        return Invoke(Mode.CALL, target)
    if rest == ["send"]:
        return Invoke(Mode.SEND, target)
    raise RequestRefused(BAD_PATH, code=400)


def _target(segments: list[str], services: Services) -> tuple[Target, list[str]]:
    """The target that the first segments name, and the segments after it."""
    name = segments[0] if segments else ""
    service = services.get(name)
    if service is None:
        raise RequestRefused(NO_SERVICE.format(name), code=404)
    count = 2 if service.kind == "service" else 3
    if len(segments) < count:
        raise RequestRefused(BAD_PATH, code=400)
    key = None if count == 2 else _decode(segments[1], "key")
    return Target(name, key, segments[count - 1]), segments[count:]


def _decode(segment: str, what: str) -> str:
    if "%" not in segment:
        return segment
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError as e:
        raise RequestRefused(f"bad path, cannot decode {what}: {e}", code=400) from None


# --- /restate/… --------------------------------------------------------------------------------------------

CALL_PATH = "bad path, expected /restate/{0}/:service-name/:handler or /restate/{0}/:object-name/:object-key/:handler"
ID_PATH = "bad path, expected /restate/{0}/:invocation-id"
OLD_PATH = (
    "bad path, expected /restate/invocation/:invocation-id/attach or /output, or"
    " /restate/invocation/:service-name[/:object-key]/:handler/:idempotency-key/attach or /output"
)
WORKFLOW_PATH = "bad path, expected /restate/workflow/:workflow-name/:workflow-key/attach or /output"
AWAKEABLE_PATH = "bad path, expected /restate/awakeables/:id/resolve or /restate/awakeables/:id/reject"
SCOPE_PATH = "bad path, expected /restate/scope/:scope/call/… or /restate/scope/:scope/send/…"


def _explicit(mode: Mode) -> Callable[[list[str], Services], Route]:
    """`/restate/call/{service}[/{key}]/{handler}`, and the same with `send`."""

    def read(segments: list[str], services: Services) -> Route:
        if len(segments) < 2:
            raise RequestRefused(CALL_PATH.format(mode.value), code=400)
        target, rest = _target(segments, services)
        if rest:
            raise RequestRefused(CALL_PATH.format(mode.value), code=400)
        return Invoke(mode, target)

    return read


def _by_id(mode: Mode) -> Callable[[list[str], Services], Route]:
    """`/restate/attach/{id}`, or `/restate/attach` with a body; the same with `output` and `lookup`."""

    def read(segments: list[str], _: Services) -> Route:
        if not segments or segments == [""]:
            return ByBody(mode)
        if len(segments) > 1 or mode is Mode.LOOKUP:
            raise RequestRefused(ID_PATH.format(mode.value), code=400)
        return Result(mode, invocation_id(segments[0]))

    return read


def _old(segments: list[str], services: Services) -> Route:
    """`/restate/invocation/{id}/attach`, or with a target and an idempotency key instead of the id."""
    if len(segments) < 2:
        raise RequestRefused(OLD_PATH, code=400)
    if len(segments) == 2:
        return Result(_mode(segments[1]), invocation_id(segments[0]))
    target, rest = _target(segments, services)
    if len(rest) != 2:
        raise RequestRefused(OLD_PATH, code=400)
    key = _decode(rest[0], "idempotency key")
    return Result(_mode(rest[1]), idempotent_id(target.service, target.key, target.handler, key))


def _workflow(segments: list[str], services: Services) -> Route:
    """`/restate/workflow/{name}/{key}/attach`."""
    if len(segments) != 3:
        raise RequestRefused(WORKFLOW_PATH, code=400)
    mode = _mode(segments[2])
    service = services.get(segments[0])
    if service is None:
        raise RequestRefused(NO_SERVICE.format(segments[0]), code=404)
    if service.kind != "workflow":
        raise RequestRefused(f"bad path, {segments[0]} is no workflow", code=400)
    return Result(mode, workflow_id(segments[0], _decode(segments[1], "key")))


def _mode(verb: str) -> Mode:
    if verb not in ("attach", "output"):
        raise RequestRefused("not found", code=404)
    return Mode(verb)


def _awakeable(segments: list[str], _: Services) -> Route:
    """`/restate/awakeables/{id}/resolve`, or `reject`."""
    if len(segments) != 2:
        raise RequestRefused(AWAKEABLE_PATH, code=400)
    if segments[1] not in ("resolve", "reject"):
        raise RequestRefused("not found", code=404)
    invocation, index = awakeable_id(_decode(segments[0], "awakeable id"))
    return Awakeable(invocation, index, segments[1] == "reject")


def _health(segments: list[str], _: Services) -> Route:
    if segments:
        raise RequestRefused("not found", code=404)
    return Health()


def _scoped(segments: list[str], services: Services) -> Route:
    """`/restate/scope/{scope}/call/…`. It is read as a whole, so that what is wrong first is said first."""
    if len(segments) < 2 or segments[1] not in ("call", "send"):
        raise RequestRefused(SCOPE_PATH, code=400)
    scope = _decode(segments[0], "scope")
    target, rest = _target(segments[2:], services)
    if rest:
        raise RequestRefused(SCOPE_PATH, code=400)
    return Invoke(Mode(segments[1]), target, scope)


def refuse_scope(scope: str) -> RequestRefused:
    """Why a request with a scope is not accepted: this server has none."""
    if not 1 <= len(scope) <= MAX_NAME or not SCOPE_LETTERS.issuperset(scope):
        message = f"bad scope value: '{scope}'; it has 1 to {MAX_NAME} letters, digits, '_', '.' and '-'"
    else:
        message = "scoped invocations require vqueues to be enabled"
    return RequestRefused(message, code=400)


_OURS: dict[str, Callable[[list[str], Services], Route]] = {
    "call": _explicit(Mode.CALL),
    "send": _explicit(Mode.SEND),
    "attach": _by_id(Mode.ATTACH),
    "output": _by_id(Mode.OUTPUT),
    "lookup": _by_id(Mode.LOOKUP),
    "invocation": _old,
    "workflow": _workflow,
    "awakeables": _awakeable,
    "a": _awakeable,
    "health": _health,
    "scope": _scoped,
}
