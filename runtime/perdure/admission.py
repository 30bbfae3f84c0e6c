"""What may be accepted, and as whose: the checks that come before anything is journaled.

Both doors go through here, the HTTP ingress and the clients inside the process.
"""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.core.entry import Target
from perdure.engine.engine import Engine
from perdure.engine.registry import Bound
from perdure.errors import RequestRefused
from perdure.serde import BadValue, decode

NO_SERVICE = "service '{}' not found, make sure to register the service before calling it."
NO_HANDLER = (
    "the service '{}' exists, but the handler '{}' was not found, check that the handler exists in the latest"
    " registered service version."
)
BAD_PATH = (
    "bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler"
)
RUN_IS_IDEMPOTENT = (
    "cannot use the idempotency key with workflow handlers. The handler invocation will already be idempotent by"
    " the workflow key itself."
)


def find(engine: Engine, target: Target, *, outside: bool = True) -> Bound:
    """The handler of a target.

    Raises:
        RequestRefused: 404 if there is none; 400 if it is private, or has a key and should not, or the reverse.
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
    return bound


def check(bound: Bound, target: Target, value: bytes, idempotency_key: str | None) -> str | None:
    """Check the key, the input and the idempotency key; returns the idempotency key that counts.

    Raises:
        RequestRefused: 400; the message names the field, what was expected and what was found.
    """
    definition = bound.definition
    if idempotency_key is not None and definition.kind == "run":
        raise RequestRefused(RUN_IS_IDEMPOTENT, code=400)
    if target.key is not None:
        _check_key(bound.service.key, target.key)
    try:
        payload = decode(value, definition.input)
    except BadValue as e:
        raise RequestRefused(f"input validation error: {e}", code=400) from None
    return idempotency_key if idempotency_key is not None else _declared_key(bound, payload)


def _check_key(type_: Any, key: str) -> None:  # noqa: ANN401  a type
    try:
        msgspec.convert(key, type_ or str, strict=False)
    except msgspec.ValidationError as e:
        raise RequestRefused(f"bad key '{key}': {e}", code=400) from None


def _declared_key(bound: Bound, payload: Any) -> str | None:  # noqa: ANN401  what the spec says
    """The spec may name a parameter that identifies a request."""
    options = bound.definition.options
    if options.idempotency_key is not None:
        fields = {field.encode_name: field.name for field in msgspec.structs.fields(payload)}
        return str(getattr(payload, fields[options.idempotency_key]))
    if options.idempotency_required:
        raise RequestRefused("this handler needs an idempotency-key", code=400)
    return None
