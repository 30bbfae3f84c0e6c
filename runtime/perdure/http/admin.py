"""The operators' door: what is served, what runs, and the verbs to deal with it.

Law: an operator's verb is an event of the ledger like any other, and is answered when it is durable.
"""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from perdure.core.ids import format_id
from perdure.core.journal import read_journal
from perdure.engine.engine import Engine
from perdure.errors import StoreError
from perdure.http.admin_bulk import answer_bulk, answer_named
from perdure.http.admin_invocations import Filter, describe_invocation, describe_journal, search
from perdure.http.admin_request import Refused, Request, ok, read
from perdure.http.admin_state import answer_state
from perdure.http.admin_status import Node, describe_status
from perdure.http.admin_verbs import VERBS, Options, find, perform, read_id
from perdure.http.catalog import describe_deployment, describe_handler, describe_service
from perdure.http.exchange import Answer, Asking
from perdure.service import ServiceDef

_log = logging.getLogger("perdure.admin")

OLDEST_API, NEWEST_API = 2, 4
LISTED = 100
LISTED_MOST = 10_000

Place = Callable[[Request], Awaitable[Answer]]


class Admin:
    """Answers operators for one engine."""

    def __init__(self, engine: Engine, ingress_url: str, folder: Path) -> None:
        self._engine = engine
        self._node = Node(version(), ingress_url, folder, engine.clock.now_ms())
        self._version = {
            "version": version(),
            "min_admin_api_version": OLDEST_API,
            "max_admin_api_version": NEWEST_API,
            "ingress_endpoint": f"{ingress_url}/",
            "features": {"vqueues": False, "protocol_v7": False},
        }
        self._places: dict[str, Place] = {
            "health": self._health,
            "version": self._say_version,
            "status": self._status,
            "deployments": self._deployments,
            "services": self._services,
            "invocations": self._invocations,
            "internal": self._internal,
        }
        self._parts: dict[str, Place] = {"journal": self._journal, "why": self._why}

    async def answer(self, asking: Asking) -> Answer:
        """What to say to a request."""
        try:
            request = _without_version(read(asking))
            place = self._places.get(request.segments[0])
            if place is None:
                raise Refused(404, "not found")
            return await place(request)
        except Refused as e:
            return e.answer()
        except StoreError as e:
            return Refused(503, str(e)).answer()
        except Exception:
            _log.exception("%s %s", asking.method, asking.raw_path)
            return Refused(500, "internal error, see the log of the server").answer()

    # --- the node

    async def _health(self, request: Request) -> Answer:
        request.deepest(1)
        request.only("GET")
        if self._engine.store_error is not None:
            raise self._engine.store_error
        return Answer(200)

    async def _say_version(self, request: Request) -> Answer:
        request.deepest(1)
        request.only("GET")
        return ok(self._version)

    async def _status(self, request: Request) -> Answer:
        request.deepest(1)
        request.only("GET")
        return ok(await describe_status(self._engine, self._node))

    async def _deployments(self, request: Request) -> Answer:
        """`/deployments[/{id}]`: what this process serves, which only a start with something else changes."""
        request.deepest(2)
        request.only("GET")
        registry = self._engine.registry
        ids = {f"dp_{deployment}" for deployment in registry.deployments.values()}
        if len(request.segments) == 1:
            return ok({"deployments": [describe_deployment(registry, id, whole=False) for id in sorted(ids)]})
        id = request.segments[1]
        if id not in ids:
            raise Refused(404, f"there is no deployment '{id}'")
        return ok(describe_deployment(registry, id, whole=True))

    async def _services(self, request: Request) -> Answer:
        """`/services[/{service}[/handlers[/{handler}]]]`, and the state of a service."""
        request.deepest(4)
        registry = self._engine.registry
        rest = request.segments[1:]
        if rest[1:2] == ["state"]:
            return await answer_state(self._engine, self._service(rest[0]), request)
        request.only("GET")
        if not rest:
            return ok({"services": [describe_service(registry, s) for s in registry.services.values()]})
        service = self._service(rest[0])
        if len(rest) == 1:
            return ok(describe_service(registry, service))
        if rest[1] != "handlers":
            raise Refused(404, "not found")
        if len(rest) == 2:
            bounds = [registry.handlers[service.name, handler.name] for handler in service.handlers]
            return ok({"handlers": [describe_handler(bound) for bound in bounds]})
        bound = registry.handlers.get((service.name, rest[2]))
        if bound is None:
            raise Refused(404, f"there is no handler '{rest[2]}' in service '{service.name}'")
        return ok(describe_handler(bound))

    def _service(self, name: str) -> ServiceDef:
        service = self._engine.registry.services.get(name)
        if service is None:
            raise Refused(404, f"there is no service '{name}'")
        return service

    # --- invocations

    async def _invocations(self, request: Request) -> Answer:
        """`/invocations`, `/invocations/{id}`, and behind it what to read or a verb."""
        request.deepest(3)
        rest = request.segments[1:]
        if not rest:
            return await self._list(request)
        if rest == ["_bulk"]:
            return await answer_bulk(self._engine, request)
        if len(rest) == 2:
            if rest[1] in VERBS:
                return await self._do(request)
            part = self._parts.get(rest[1])
            if part is None:
                raise Refused(404, "not found")
            return await part(request)
        if request.only("GET", "DELETE") == "DELETE":
            return await self._delete(request)
        id = read_id(rest[0])
        row = find(self._engine, id)
        await self._engine.durable()
        return ok(describe_invocation(id, row))

    async def _internal(self, request: Request) -> Answer:
        """`/internal/invocations_batch_operations/{verb}`."""
        if len(request.segments) != 3 or request.segments[1] != "invocations_batch_operations":
            raise Refused(404, "not found")
        return await answer_named(self._engine, request)

    async def _list(self, request: Request) -> Answer:
        request.only("GET")
        query = request.query
        unknown = query.keys() - {*Filter.__struct_fields__, "limit", "cursor"}
        if unknown:
            raise Refused(400, f"there is no filter '{min(unknown)}'", plain=True)
        wanted = Filter(**{name: query[name] for name in Filter.__struct_fields__ if name in query})
        wanted.check()
        limit = request.number("limit", LISTED, 1, LISTED_MOST)
        after = read_id(query["cursor"]) if query.get("cursor") else b""
        found = await search(self._engine, wanted, after, limit)
        await self._engine.durable()
        listed: dict[str, object] = {"invocations": [describe_invocation(id, row) for id, row in found.rows]}
        if found.cursor is not None:
            listed["cursor"] = format_id(found.cursor)
        return ok(listed)

    async def _journal(self, request: Request) -> Answer:
        request.only("GET")
        id = read_id(request.segments[1])
        row = find(self._engine, id)
        entries = read_journal(self._engine.rows, id, row.journal_length)
        await self._engine.durable()
        return ok({"id": request.segments[1], "entries": describe_journal(entries)})

    async def _why(self, request: Request) -> Answer:
        request.only("GET")
        id = read_id(request.segments[1])
        find(self._engine, id)
        answer = self._engine.why(id)
        await self._engine.durable()
        return ok(answer)

    async def _do(self, request: Request) -> Answer:
        request.only("PATCH")
        id, name = read_id(request.segments[1]), request.segments[2]
        options = Options(request.number("from", 0, 0, 2**31), request.query.get("deployment"))
        done = perform(self._engine, name, id, options)
        await self._engine.durable()
        if done.new_id is None:
            return Answer(done.status)
        return ok({"new_invocation_id": format_id(done.new_id)}, done.status)

    async def _delete(self, request: Request) -> Answer:
        """The old way to end or forget one: it does not say whether there was anything to do."""
        id, mode = read_id(request.segments[1]), request.query.get("mode", "cancel")
        if mode not in ("cancel", "kill", "purge"):
            raise Refused(400, f"mode is '{mode}', and should be cancel, kill or purge", plain=True)
        try:
            perform(self._engine, mode, id, Options())
        except Refused as e:
            _log.debug("%s did nothing: %s", mode, e)
        await self._engine.durable()
        return Answer(202)


def version() -> str:
    """Of this program; a checkout that is not installed does not know it."""
    try:
        return importlib.metadata.version("perdure")
    except importlib.metadata.PackageNotFoundError:
        return "0"


def _without_version(request: Request) -> Request:
    """The request without an optional `/v3` in front."""
    first = request.segments[0]
    if not (first.startswith("v") and first[1:].isascii() and first[1:].isdecimal()):
        return request
    version = int(first[1:])
    if version == 1:
        raise Refused(400, f"Unsupported Admin API version V1; this server speaks V{OLDEST_API} to V{NEWEST_API}")
    if not OLDEST_API <= version <= NEWEST_API:
        raise Refused(404, "not found")
    return request._replace(segments=request.segments[1:] or [""])
