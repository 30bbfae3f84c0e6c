"""The operators' door: what is served, what runs, and the verbs to deal with it.

Law: an operator's verb is an event of the ledger like any other, and is answered when it is durable.
"""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from perdure.core.entry import Failure, Ok
from perdure.core.event import Event, Killed, Paused, Purged, Resumed, Signalled
from perdure.core.ids import CANCEL_SIGNAL, BadId, format_id, parse_id
from perdure.core.lifecycle import CANCELLED
from perdure.core.sound import sound_rows
from perdure.core.tables import INVOCATION, Invocation, Status
from perdure.engine.engine import Engine
from perdure.errors import PerdureError, StoreError
from perdure.http.catalog import describe_handler, describe_service, rfc3339
from perdure.http.exchange import JSON, Answer, Asking, split_query, to_json

_log = logging.getLogger("perdure.admin")

OLDEST_API, NEWEST_API = 2, 4
LISTED = 100
LISTED_MOST = 10_000
BY_OPERATOR = Failure(409, "paused by an operator")

STATUS_NAMES = {status: status.name.lower().replace("_", "-") for status in Status}
STATUSES = {name: status for status, name in STATUS_NAMES.items()}


class _Refused(PerdureError):
    """What an operator is told instead."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Verb(NamedTuple):
    """What an operator can do to an invocation: its event, and the answer by status; 2xx does it."""

    event: Callable[[bytes], Event]
    answers: dict[Status, int]
    effect: str


def _everywhere(status: int, **others: int) -> dict[Status, int]:
    return dict.fromkeys(Status, status) | {Status[name]: answer for name, answer in others.items()}


def _cancel(id: bytes) -> Event:
    return Signalled(id, CANCEL_SIGNAL, CANCELLED)


def _pause(id: bytes) -> Event:
    return Paused(id, BY_OPERATOR)


VERBS = {
    "cancel": Verb(
        _cancel,
        _everywhere(202, SCHEDULED=200, PENDING=200, COMPLETED=409),
        "be cancelled",
    ),
    "kill": Verb(Killed, _everywhere(200, COMPLETED=409), "be killed"),
    "pause": Verb(
        _pause,
        _everywhere(202, PAUSED=200, SCHEDULED=409, PENDING=409, COMPLETED=409),
        "be paused",
    ),
    "resume": Verb(
        Resumed,
        _everywhere(409, PAUSED=200, BACKING_OFF=200, SCHEDULED=425, PENDING=425),
        "be resumed",
    ),
    "purge": Verb(Purged, _everywhere(409, COMPLETED=200), "be purged"),
}


class Admin:
    """Answers operators for one engine."""

    def __init__(self, engine: Engine, ingress_url: str) -> None:
        self._engine = engine
        self._version = {
            "version": version(),
            "min_admin_api_version": OLDEST_API,
            "max_admin_api_version": NEWEST_API,
            "ingress_endpoint": f"{ingress_url}/",
            "features": {"vqueues": False, "protocol_v7": False},
        }
        self._places: dict[str, Callable[[Asking, list[str]], Awaitable[Answer]]] = {
            "health": self._health,
            "version": self._say_version,
            "services": self._services,
            "invocations": self._invocations,
        }

    async def answer(self, asking: Asking) -> Answer:
        """What to say to a request."""
        try:
            path, _ = split_query(asking.raw_path)
            segments = _without_version(path.strip("/").split("/"))
            place = self._places.get(segments[0])
            if place is None:
                raise _Refused(404, "not found")
            return await place(asking, segments[1:])
        except _Refused as e:
            return _error(e.status, str(e))
        except StoreError as e:
            return _error(503, str(e))
        except Exception:
            _log.exception("%s %s", asking.method, asking.raw_path)
            return _error(500, "internal error, see the log of the server")

    # --- the node

    async def _health(self, asking: Asking, rest: list[str]) -> Answer:
        _get(asking, rest, 0)
        if self._engine.store_error is not None:
            raise self._engine.store_error
        return Answer(200)

    async def _say_version(self, asking: Asking, rest: list[str]) -> Answer:
        _get(asking, rest, 0)
        return _json(self._version)

    async def _services(self, asking: Asking, rest: list[str]) -> Answer:
        """`/services[/{service}[/handlers[/{handler}]]]`."""
        _get(asking, rest, 3)
        registry = self._engine.registry
        if not rest:
            return _json({"services": [describe_service(registry, s) for s in registry.services.values()]})
        service = registry.services.get(rest[0])
        if service is None:
            raise _Refused(404, f"there is no service '{rest[0]}'")
        if len(rest) == 1:
            return _json(describe_service(registry, service))
        if rest[1] != "handlers":
            raise _Refused(404, "not found")
        if len(rest) == 2:
            bounds = [registry.handlers[service.name, handler.name] for handler in service.handlers]
            return _json({"handlers": [describe_handler(bound) for bound in bounds]})
        bound = registry.handlers.get((service.name, rest[2]))
        if bound is None:
            raise _Refused(404, f"there is no handler '{rest[2]}' in service '{service.name}'")
        return _json(describe_handler(bound))

    # --- invocations

    async def _invocations(self, asking: Asking, rest: list[str]) -> Answer:
        """`/invocations`, `/invocations/{id}`, and `/invocations/{id}/{verb}`."""
        if not rest:
            _get(asking, rest, 0)
            return await self._list(asking)
        try:
            id = parse_id(rest[0])
        except BadId as e:
            raise _Refused(400, str(e)) from None
        if len(rest) == 2:
            return await self._do(asking, id, rest[1])
        _get(asking, rest, 1)
        row = self._find(id)
        await self._engine.durable()
        return _json(describe_invocation(id, row))

    async def _list(self, asking: Asking) -> Answer:
        _, query = split_query(asking.raw_path)
        asked = dict(parse_qsl(query, keep_blank_values=True))
        wanted = _status(asked.get("status"))
        limit = _limit(asked.get("limit"))
        found: list[dict[str, object]] = []
        for id, row in self._rows():
            if wanted is None or row.status is wanted:
                found.append(describe_invocation(id, row))
            if len(found) == limit:
                break
        await self._engine.durable()
        return _json({"invocations": found})

    def _rows(self) -> Iterator[tuple[bytes, Invocation]]:
        for key, row in sound_rows(self._engine.rows, INVOCATION, INVOCATION.letter):
            yield key[1:], row

    async def _do(self, asking: Asking, id: bytes, name: str) -> Answer:
        verb = VERBS.get(name)
        if verb is None:
            raise _Refused(404, "not found")
        if asking.method != "PATCH":
            raise _Refused(405, "method not allowed")
        row = self._find(id)
        status = verb.answers[row.status]
        if status >= 400:
            word = STATUS_NAMES[row.status]
            raise _Refused(status, f"the invocation '{format_id(id)}' is {word} and cannot {verb.effect}")
        self._engine.apply(verb.event(id))
        await self._engine.durable()
        return Answer(status)

    def _find(self, id: bytes) -> Invocation:
        row = self._engine.find(id)
        if row is None:
            raise _Refused(404, f"there is no invocation '{format_id(id)}'")
        return row


def version() -> str:
    """Of this program; a checkout that is not installed does not know it."""
    try:
        return importlib.metadata.version("perdure")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def describe_invocation(id: bytes, row: Invocation) -> dict[str, Any]:
    """An invocation, with the names of Restate's table `sys_invocation`; what does not apply is left out."""
    target, retry, result = row.target, row.retry, row.result
    said: dict[str, Any] = {
        "id": format_id(id),
        "target": str(target),
        "target_service_name": target.service,
        "target_service_key": target.key,
        "target_handler_name": target.handler,
        "status": STATUS_NAMES[row.status],
        "created_at": rfc3339(row.created_at_ms),
        "modified_at": rfc3339(row.changed_at_ms),
        "scheduled_start_at": rfc3339(row.execute_at_ms) if row.execute_at_ms else None,
        "idempotency_key": row.idempotency_key,
        "journal_size": row.journal_length,
        "journal_commands_size": row.commands,
        "pinned_deployment_id": f"dp_{row.deployment}" if row.deployment else None,
    }
    if retry is not None:
        said["retry_count"] = retry.failures
        said["next_retry_at"] = rfc3339(retry.next_at_ms) if retry.next_at_ms else None
        said["last_failure"] = retry.last.message
        said["last_failure_error_code"] = retry.last.code
    if result is not None:
        said["completion_result"] = "success" if isinstance(result, Ok) else "failure"
        said["completion_failure"] = None if isinstance(result, Ok) else f"[{result.code}] {result.message}"
        said["completed_at"] = rfc3339(row.changed_at_ms)
    return {name: value for name, value in said.items() if value is not None}


def _without_version(segments: list[str]) -> list[str]:
    """The path after an optional `/v3`."""
    first = segments[0]
    if not (first.startswith("v") and first[1:].isdecimal()):
        return segments
    version = int(first[1:])
    if version == 1:
        raise _Refused(400, f"Unsupported Admin API version V1; this server speaks V{OLDEST_API} to V{NEWEST_API}")
    if not OLDEST_API <= version <= NEWEST_API:
        raise _Refused(404, "not found")
    return segments[1:] or [""]


def _get(asking: Asking, rest: list[str], most: int) -> None:
    if len(rest) > most:
        raise _Refused(404, "not found")
    if asking.method not in ("GET", "HEAD"):
        raise _Refused(405, "method not allowed")


def _status(name: str | None) -> Status | None:
    if name is None:
        return None
    status = STATUSES.get(name)
    if status is None:
        raise _Refused(400, f"there is no status '{name}'; there are {', '.join(STATUSES)}")
    return status


def _limit(text: str | None) -> int:
    if text is None:
        return LISTED
    if not (text.isdecimal() and 1 <= int(text) <= LISTED_MOST):
        raise _Refused(400, f"limit is '{text}', and should be a number from 1 to {LISTED_MOST}")
    return int(text)


def _json(value: object) -> Answer:
    return Answer(200, to_json(value), JSON)


def _error(status: int, message: str) -> Answer:
    return Answer(status, to_json({"message": message, "restate_code": None}), JSON)
