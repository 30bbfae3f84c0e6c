"""What may be accepted, and as whose: the checks that come before anything is journaled.

Both doors go through here, the HTTP ingress and the clients inside the process. What is refused here leaves
no trace; what passes is accepted by one call, `admit`.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import msgspec

from perdure.core.entry import Headers, Target
from perdure.core.ids import FIRST_AWAKEABLE, BadId, parse_awakeable, parse_id
from perdure.engine.engine import Engine
from perdure.engine.registry import Bound
from perdure.errors import RequestRefused
from perdure.serde import BadValue, decode

NO_SERVICE = "service '{}' not found, make sure to register the service before calling it."
NO_HANDLER = (
    "the service '{}' exists, but the handler '{}' was not found, check that the handler exists in the latest"
    " registered service version."
)
BAD_PATH = "bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler"
RUN_IS_IDEMPOTENT = (
    "cannot use the idempotency key with workflow handlers. The handler invocation will already be idempotent by"
    " the workflow key itself."
)
NOT_FOUND = "invocation not found"
FINISHES_FIRST = (
    "this server finishes {} invocations of an earlier deployment before it accepts new ones; try again later"
)


class Asked(NamedTuple):
    """What a caller wants done, with the checks still to come."""

    target: Target
    value: bytes
    idempotency_key: str | None = None
    headers: Headers = ()
    delay_ms: int = 0


class Admitted(NamedTuple):
    """An accepted invocation. Nobody may hear of it before `engine.durable`."""

    id: bytes
    new: bool
    """False if an invocation with this identity had been accepted before."""


def find(engine: Engine, target: Target, *, outside: bool = True) -> Bound:
    """The handler of a target.

    Raises:
        RequestRefused: 404 if there is none; 400 if it is private, or has a key and should not, or the reverse; 503
            while invocations of an earlier deployment are finished, but for shared handlers, which those may need.
    """
    bound = engine.registry.handlers.get((target.service, target.handler))
    if bound is None:
        if target.service not in engine.registry.services:
            raise RequestRefused(NO_SERVICE.format(target.service), code=404)
        raise RequestRefused(NO_HANDLER.format(target.service, target.handler), code=404)
    if (target.key is None) != (bound.service.kind == "service"):
        raise RequestRefused(BAD_PATH, code=400)
    if outside and bound.definition.options.private:
        raise RequestRefused("the invoked service is not public", code=400)
    if engine.finishing and bound.definition.kind != "shared":
        raise RequestRefused(FINISHES_FIRST.format(len(engine.finishing)), code=503)
    return bound


def check_identity(bound: Bound, target: Target, idempotency_key: str | None) -> None:
    """Check what makes the invocation the one it is: the object's key and the idempotency key.

    Raises:
        RequestRefused: 400.
    """
    if idempotency_key is not None and bound.definition.kind == "run":
        raise RequestRefused(RUN_IS_IDEMPOTENT, code=400)
    key_type = bound.service.key
    if target.key is not None and key_type is not None and key_type is not str:
        check_key(key_type, target.key)


def admit(engine: Engine, bound: Bound, asked: Asked) -> Admitted:
    """Check the input, and accept. The invocation runs at once; it is durable after `engine.durable`.

    Raises:
        RequestRefused: 400; the message names the field, what was expected and what was found.
        StoreError: Nothing is accepted any more.
    """
    try:
        payload = decode(asked.value, bound.definition.input)
    except BadValue as e:
        raise RequestRefused(f"input validation error: {e}", code=400) from None
    key = asked.idempotency_key
    if key is None and bound.definition.kind != "run":
        key = _declared_key(bound, payload)
    id = engine.target_id(asked.target, key)
    new = engine.submit(
        id, asked.target, asked.value, headers=asked.headers, delay_ms=asked.delay_ms, idempotency_key=key
    )
    return Admitted(id, new)


def invocation_id(text: str) -> bytes:
    """Bytes of an invocation id; raises `RequestRefused` (400) if it is none."""
    try:
        return parse_id(text)
    except BadId as e:
        raise RequestRefused(str(e), code=400) from None


def awakeable_id(text: str) -> tuple[bytes, int]:
    """Invocation and signal of an awakeable id; raises `RequestRefused` (400) if it is none.

    Signals below the first awakeable are the node's own: who could name them here could cancel any invocation.
    """
    try:
        invocation, index = parse_awakeable(text)
    except BadId as e:
        raise RequestRefused(str(e), code=400) from None
    if index < FIRST_AWAKEABLE:
        raise RequestRefused(f"bad awakeable id '{text}': it names no awakeable", code=400)
    return invocation, index


def check_key(type_: Any, key: str) -> None:  # noqa: ANN401  a type
    """An object has one spelling of its key: `7` and `007` would be two objects that both think they are 7.

    Raises:
        RequestRefused: 400, it is not of the type, or has another spelling.
    """
    try:
        value = msgspec.convert(key, type_, strict=False)
    except msgspec.ValidationError as e:
        raise RequestRefused(f"bad key '{key}': {e}", code=400) from None
    if str(value) != key:
        raise RequestRefused(f"bad key '{key}': it is written '{value}'", code=400)


def _declared_key(bound: Bound, payload: Any) -> str | None:  # noqa: ANN401  what the spec says
    """The spec may name a parameter that identifies a request."""
    options = bound.definition.options
    if options.idempotency_key is not None:
        value = getattr(payload, _attributes(bound.definition.input)[options.idempotency_key])
        if value is not None:
            return str(msgspec.to_builtins(value))
    if options.idempotency_required:
        raise RequestRefused("this handler needs an idempotency-key", code=400)
    return None


@functools.cache
def _attributes(struct: Any) -> dict[str, str]:  # noqa: ANN401  a type
    """Attributes of a struct by their names on the wire."""
    return {field.encode_name: field.name for field in msgspec.structs.fields(struct)}
