"""The state of objects and workflows, read and edited by operators.

Law: what is written is what the spec says; an edit that is answered with 2xx was done, and nothing else was.
"""

from __future__ import annotations

from typing import Any

import msgspec

from perdure.admission import check_key
from perdure.core.entry import Target
from perdure.core.event import StateEdited
from perdure.core.ids import format_id
from perdure.core.state import Fault, edit_fault, holder, read_state, version
from perdure.engine.engine import Engine
from perdure.errors import RequestRefused
from perdure.http.admin_invocations import json_value
from perdure.http.admin_request import Refused, Request, ok
from perdure.http.exchange import Answer
from perdure.serde import BadValue, decode
from perdure.service import ServiceDef


class Modified(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of Restate's edit: each value as a list of its bytes."""

    object_key: str
    new_state: dict[str, list[int]]
    version: str | None = None
    scope: str | None = None


class Put(msgspec.Struct, frozen=True):
    """The body of ours: what a GET gives, with other values."""

    state: dict[str, msgspec.Raw]
    version: str | None = None
    end_holder: bool = False


async def answer_state(engine: Engine, service: ServiceDef, request: Request) -> Answer:
    """`/services/{service}/state` and `/services/{service}/state/{key}`.

    Raises:
        Refused: 400 if the spec does not admit it, 409 if somebody may change the state, 412 if it was changed.
    """
    if service.kind == "service":
        raise Refused(400, f"{service.name} is a service and has no state; objects and workflows have")
    if len(request.segments) == 3:
        request.only("POST")
        modified = await request.body(Modified)
        state = {name: _octets(name, value) for name, value in modified.new_state.items()}
        _edit(engine, service, StateEdited(_place(service, modified.object_key), state, modified.version))
        await engine.durable()
        return Answer(202)
    place = _place(service, request.segments[3])
    if request.only("GET", "PUT") == "PUT":
        put = await request.body(Put)
        state = {name: bytes(value) for name, value in put.state.items()}
        _edit(engine, service, StateEdited(place, state, _if_match(request) or put.version, put.end_holder))
    found, held = read_state(engine.rows, place), holder(engine.rows, place)
    await engine.durable()
    now = version(found)
    values: dict[str, Any] = {name: json_value(value) for name, value in found.items()}
    said: dict[str, Any] = {"service": place.service, "key": place.key, "version": now, "state": values}
    if held is not None:
        said["holder"] = format_id(held)
    return ok(said, head=f'etag: "{now}"\r\n')


def _place(service: ServiceDef, key: str) -> Target:
    try:
        check_key(service.key or str, key)
    except RequestRefused as e:
        raise Refused(400, e.message) from None
    return Target(service.name, key, "")


def _octets(name: str, value: list[int]) -> bytes:
    try:
        return bytes(value)
    except ValueError:
        raise Refused(422, f"state '{name}' should be a list of bytes, each from 0 to 255", plain=True) from None


def _if_match(request: Request) -> str | None:
    """The version of the header; `*` is any."""
    tag = request.asking.headers.get("if-match", "*").strip()
    return None if tag == "*" else tag.removeprefix("W/").strip('"')


def _edit(engine: Engine, service: ServiceDef, edit: StateEdited) -> None:
    place = edit.place
    _check(service, edit.state)
    fault = edit_fault(engine.rows, edit)
    where = f"the state of {service.name}/{place.key}"
    if fault is Fault.HELD:
        held = holder(engine.rows, place)
        assert held is not None
        raise Refused(409, f"{where} belongs to the invocation '{format_id(held)}' until that ends")
    if fault is Fault.CHANGED:
        now = version(read_state(engine.rows, place))
        raise Refused(412, f"{where} is not of version '{edit.expected}' but of version '{now}': read it again")
    engine.apply(edit)


def _check(service: ServiceDef, state: dict[str, bytes]) -> None:
    """See that the handlers can read it."""
    declared = dict(service.state)
    for name, value in state.items():
        if name not in declared:
            names = ", ".join(sorted(declared)) or "none at all"
            raise Refused(400, f"{service.name} has no state '{name}'; it has {names}")
        try:
            decode(value, declared[name])
        except BadValue as e:
            raise Refused(400, f"state '{name}' of {service.name}: {e}") from None
