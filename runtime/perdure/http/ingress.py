"""The callers' door: Restate's ingress API on an engine.

Law: nothing is said before it is durable, and what is refused has left no trace. The invocation belongs to
the engine as soon as it is accepted: a caller who leaves takes nothing with him.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from perdure import admission
from perdure.admission import NOT_FOUND, Admitted, Asked
from perdure.core.commands import ALREADY_INVOKED
from perdure.core.entry import Failure, Headers, Ok
from perdure.core.ids import format_id
from perdure.core.tables import Invocation
from perdure.engine.engine import Engine
from perdure.engine.registry import Bound
from perdure.errors import RequestRefused, StoreError
from perdure.http.delay import BadDelay, parse_delay
from perdure.http.exchange import (
    JSON,
    Answer,
    Asking,
    BodyBroken,
    BodyTooLarge,
    refusal,
    split_query,
    status_of,
    to_json,
)
from perdure.http.paths import Awakeable, ByBody, Health, Invoke, Mode, Result, refuse_scope, route
from perdure.http.targets import target_id

_log = logging.getLogger("perdure.ingress")

STORE_FAILED = (
    "the store has failed and nothing is accepted any more: {} A request with an idempotency-key can be safely retried."
)
STOPPING = "the server is stopping; the request was not accepted, send it again"
LEFT_BEHIND = "the server is stopping; invocation {} goes on when it starts again, attach to it then"
NO_DELAY = "cannot use the delay query parameter with calls. The delay is supported only with sends"
BAD_DELAY = "bad delay query parameter, must be a ISO8601 duration: {}"
BAD_INPUT = "input validation error: {}"
NOT_READY = "the invocation exists but has not completed yet"
SOURCE_INVOCATION = f"{JSON}x-restate-error-source: invocation\r\n"
KEPT_BACK = frozenset(("connection", "host", "idempotency-key", "idempotency-expires"))
"""Headers that are between the caller and the ingress; handlers get all others."""


class Ingress:
    """Answers callers for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._services = engine.registry.services
        self._draining = False
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._waiting: dict[asyncio.Task[Any], bytes] = {}
        self._doors: dict[type, Callable[[Asking, Any], Awaitable[Answer]]] = {
            Invoke: self._invoke,
            Result: self._result,
            ByBody: self._by_body,
            Awakeable: self._awakeable,
            Health: self._health,
        }

    # --- life

    def drain(self) -> None:
        """Accept no more; what was accepted gets its answer."""
        self._draining = True

    async def idle(self, timeout_s: float) -> bool:
        """Wait until every request has its answer; False if some have not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def leave_behind(self) -> None:
        """Tell those who still wait that their invocations go on without this process."""
        for task in list(self._waiting):
            task.cancel()
        await self.idle(1.0)

    # --- every request

    async def answer(self, asking: Asking) -> Answer:
        """What to say to a request. Raises only when the caller is gone."""
        if self._draining:
            return refusal(503, STOPPING, close=True)
        self._open += 1
        self._idle.clear()
        try:
            path, _ = split_query(asking.raw_path)
            if asking.method == "OPTIONS":
                return Answer(200)
            found = route(path, self._services)
            return await self._doors[type(found)](asking, found)
        except RequestRefused as e:
            return refusal(e.code, e.message)
        except BodyTooLarge:
            return refusal(413, "length limit exceeded", close=True)
        except BodyBroken as e:
            return refusal(400, f"bad body: {e}", close=True)
        except StoreError as e:
            return refusal(503, STORE_FAILED.format(e))
        except Exception:
            _log.exception("%s %s", asking.method, asking.raw_path)
            return refusal(500, "internal error, see the log of the server")
        finally:
            self._open -= 1
            if not self._open:
                self._idle.set()

    # --- calls and sends

    async def _invoke(self, asking: Asking, route: Invoke) -> Answer:
        mode, target, scope = route
        bound = admission.find(self._engine, target)
        headers = asking.headers
        key = _text(headers, "idempotency-key")
        admission.check_identity(bound, target, key)
        _, query = split_query(asking.raw_path)
        _check_scope(scope, _text(headers, "x-restate-limit-key"), query)
        _only(asking, "GET", "POST")
        body = await asking.body()
        _check_content(bound, body, _text(headers, "content-type"))
        delay_ms = _delay(mode, query) if query else 0
        admitted = admission.admit(self._engine, bound, Asked(target, body, key, _headers(asking), delay_ms))
        if mode is Mode.SEND:
            return await self._sent(admitted)
        if not admitted.new and bound.definition.kind == "run":
            await self._engine.durable()
            return _failure(ALREADY_INVOKED, format_id(admitted.id))
        return await self._wait(admitted.id, None if admitted.new else self._engine.find(admitted.id))

    async def _sent(self, admitted: Admitted) -> Answer:
        row = self._engine.find(admitted.id)
        await self._engine.durable()
        text = format_id(admitted.id)
        said = {"invocationId": text}
        if row is not None and row.execute_at_ms:
            said["executionTime"] = _nanoseconds(row.execute_at_ms)
        said["status"] = "Accepted" if admitted.new else "PreviouslyAccepted"
        return Answer(202, to_json(said), f"{JSON}x-restate-id: {text}\r\n")

    # --- results

    async def _by_body(self, asking: Asking, route: ByBody) -> Answer:
        _only(asking, "POST")
        id = target_id(await asking.body())
        if route.mode is Mode.LOOKUP:
            return Answer(200, to_json({"invocationId": format_id(id)}), JSON)
        return await self._give(route.mode, id)

    async def _result(self, asking: Asking, route: Result) -> Answer:
        _only(asking, "GET")
        return await self._give(route.mode, route.id)

    async def _give(self, mode: Mode, id: bytes) -> Answer:
        row = self._engine.find(id)
        if row is None:
            raise RequestRefused(NOT_FOUND, code=404)
        if mode is Mode.OUTPUT and row.result is None:
            raise RequestRefused(NOT_READY, code=470)
        return await self._wait(id, row)

    async def _wait(self, id: bytes, before: Invocation | None) -> Answer:
        """The result when it is there. `before` is how the invocation was found, if it was."""
        task = asyncio.current_task()
        assert task is not None
        self._waiting[task] = id
        try:
            result = await self._engine.result(id)
        except asyncio.CancelledError:
            if not self._draining:
                raise
            task.uncancel()
            return refusal(503, LEFT_BEHIND.format(format_id(id)), close=True)
        finally:
            del self._waiting[task]
        if result is None:
            raise RequestRefused(NOT_FOUND, code=404)
        if isinstance(result, Failure):
            return _failure(result, format_id(id), _expires(before))
        return _success(result, format_id(id), _expires(before))

    # --- the others

    async def _awakeable(self, asking: Asking, route: Awakeable) -> Answer:
        _only(asking, "POST")
        body = await asking.body()
        result = Failure(500, body.decode("utf-8", "replace")) if route.reject else Ok(body)
        self._engine.signal(route.invocation, route.signal, result)
        await self._engine.durable()
        return Answer(202)

    async def _health(self, asking: Asking, _: Health) -> Answer:
        _only(asking, "GET")
        return Answer(200, to_json({"services": list(self._services)}), JSON)


# --- checks ------------------------------------------------------------------------------------------------


def _only(asking: Asking, *methods: str) -> None:
    if asking.method not in methods:
        raise RequestRefused("method not allowed", code=405)


def _check_scope(scope: str | None, limit_key: str | None, query: str) -> None:
    if scope is not None:
        raise refuse_scope(scope)
    if limit_key is None and query:
        limit_key = next((value for name, value in parse_qsl(query) if name == "limit-key"), None)
    if limit_key:
        raise RequestRefused("limit-key requires a scope to be set", code=400)


def _check_content(bound: Bound, body: bytes, content_type: str | None) -> None:
    """A handler takes a JSON body, or none. An empty body may say any content type; many clients always do."""
    if bound.definition.input is None:
        if body:
            message = f"Expected body and content-type to be empty, but wasn't with content-type '{content_type or ''}'"
            raise RequestRefused(BAD_INPUT.format(message), code=400)
        return
    if content_type == "application/json" and body:
        return
    if content_type is None:
        raise RequestRefused(BAD_INPUT.format("Empty content-type"), code=400)
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json":
        message = f"Content-type '{content_type}' does not match 'application/json'"
        raise RequestRefused(BAD_INPUT.format(message), code=400)
    if not body:
        raise RequestRefused(BAD_INPUT.format("Empty body not allowed"), code=400)


def _delay(mode: Mode, query: str) -> int:
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.lower() == "delay":
            try:
                delay_ms = parse_delay(value)
            except BadDelay as e:
                raise RequestRefused(BAD_DELAY.format(e), code=400) from None
            if mode is Mode.CALL:
                raise RequestRefused(NO_DELAY, code=400)
            return delay_ms
    return 0


def _headers(asking: Asking) -> Headers:
    """What the handler sees: where it was called, then each header line."""
    found = [("x-restate-ingress-path", asking.raw_path)]
    for name, value in asking.headers.items():
        low = name.lower()
        if low in KEPT_BACK:
            continue
        if not value.isascii():
            _check_text(low, value)
        found.append((low, value))
    return tuple(found)


def _text(headers: Mapping[str, str], name: str) -> str | None:
    """A header that means something to the ingress itself."""
    value = headers.get(name)
    if value is not None and not value.isascii():
        _check_text(name, value)
    return value


def _check_text(name: str, value: str) -> None:
    """Bytes that are not UTF-8 come as surrogates, which no journal and no message can hold."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RequestRefused(f"bad header {name}: its value is not UTF-8", code=400) from None


# --- answers -----------------------------------------------------------------------------------------------


def _success(result: Ok, id: str, expires: str) -> Answer:
    value = result.value
    if value:
        return Answer(200, value, f"{JSON}x-restate-id: {id}\r\n{expires}")
    return Answer(200, value, f"x-restate-id: {id}\r\n{expires}")


def _failure(failure: Failure, id: str, expires: str = "") -> Answer:
    said: dict[str, object] = {"code": failure.code, "message": failure.message}
    if failure.metadata:
        said["metadata"] = failure.metadata
    said["source"] = "invocation"
    head = f"{SOURCE_INVOCATION}x-restate-id: {id}\r\n{expires}"
    return Answer(status_of(failure.code), to_json(said), head)


def _expires(row: Invocation | None) -> str:
    """Said only of an invocation that had completed when the request came."""
    if row is None or row.result is None or not row.expires_at_ms:
        return ""
    return f"idempotency-expires: {_utc(row.expires_at_ms).isoformat(timespec='milliseconds')}\r\n"


def _nanoseconds(at_ms: int) -> str:
    return f"{_utc(at_ms):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03}000000Z"


def _utc(at_ms: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at_ms // 1000, datetime.UTC) + datetime.timedelta(milliseconds=at_ms % 1000)
