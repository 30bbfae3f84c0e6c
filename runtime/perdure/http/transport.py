"""Generated clients over HTTP. Speaks to this server and to Restate's, so only what both document is used.

Law: whoever calls learns which of three things happened: the invocation ended, the request was refused, or it
is not known.
"""

from __future__ import annotations

import io
from typing import NamedTuple, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from perdure.client import Accepted, Client, Request, SyncClient
from perdure.core.entry import Failure, Ok, Target
from perdure.errors import RequestRefused, ServerUnreachable
from perdure.service import milliseconds

_T = TypeVar("_T")

CONNECT_S = 10.0
KEEP_ALIVE_S = 15.0
"""Shorter than any server's, so that a connection is not used while the server gives it up."""
LARGE_BODY = 1 << 20
NOT_READY = 470
UNKNOWN = Failure(404, "not found")


def connect(url: str) -> Client:
    """A client for generated asyncio clients.

    Args:
        url: Of the ingress, such as ``http://127.0.0.1:8080``. Nothing is sent yet.

    Raises:
        ValueError: It is no URL of an HTTP server.
    """
    return Client(HttpTransport(url))


def connect_sync(url: str) -> SyncClient:
    """A client for generated blocking clients; takes and raises what `connect` does."""
    return SyncClient(connect(url))


class _Said(msgspec.Struct):
    """An error as ingresses say it."""

    message: str = ""
    code: int | None = None
    metadata: dict[str, str] | None = None


class _Sent(msgspec.Struct, rename="camel"):
    """The answer to a send."""

    invocation_id: str
    status: str = "Accepted"


class _Answer(NamedTuple):
    status: int
    source: str
    """Who says so if it is an error: `ingress`, `invocation`, or nobody."""
    live: bool
    """Whether nothing says that the invocation had completed before the request."""
    body: bytes


class HttpTransport:
    """Implements `client.Transport` on an ingress. Belongs to the event loop on which it is first used."""

    def __init__(self, url: str) -> None:
        parsed = URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query_string:
            raise ValueError(f"'{url}' is no URL of an ingress; it looks like http://127.0.0.1:8080")
        self._base = str(parsed).rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def call(self, request: Request) -> Ok | Failure:
        """Invoke and wait for the result."""
        answer = await self._ask("POST", _path(request.target), _headers(request), request.value)
        return self._result(answer)

    async def send(self, request: Request) -> Accepted:
        """Invoke and do not wait."""
        path = f"{_path(request.target)}/send"
        delay_ms = milliseconds(request.delay) or 0
        if delay_ms > 0:
            path += f"?delay={delay_ms}ms"
        answer = await self._ask("POST", path, _headers(request), request.value)
        if answer.status >= 300:
            raise self._refusal(answer)
        sent = self._decode(answer, _Sent)
        return Accepted(sent.invocation_id, sent.status == "Accepted")

    async def attach(self, invocation: str | Target) -> Ok | Failure:
        """Wait for the result of an invocation, by its id, or by the target of a workflow's run."""
        answer = await self._ask("GET", f"{_invocation(invocation)}/attach")
        result = self._result(answer)
        if result == UNKNOWN and answer.live:
            # Restate says this of an invocation that it does not know, as if the invocation had said it.
            await self.output(invocation)
        return result

    async def output(self, invocation: str | Target) -> Ok | Failure | None:
        """The result of an invocation, None if it has not completed."""
        answer = await self._ask("GET", f"{_invocation(invocation)}/output")
        return None if answer.status == NOT_READY and answer.source != "invocation" else self._result(answer)

    async def complete_awakeable(self, id: str, result: Ok | Failure) -> None:
        """Resolve or reject an awakeable."""
        rejects = isinstance(result, Failure)
        body = result.message.encode() if isinstance(result, Failure) else result.value
        kind = {"content-type": "text/plain" if rejects else "application/json"} if body else {}
        path = f"/restate/awakeables/{_quote(id)}/{'reject' if rejects else 'resolve'}"
        answer = await self._ask("POST", path, kind, body)
        if answer.status >= 300:
            raise self._refusal(answer)

    async def close(self) -> None:
        """Give back connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # --- one request

    async def _ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> _Answer:
        try:
            return await self._exchange(method, path, headers or {}, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as e:
            raise self._unreachable(f"{type(e).__name__}: {e}" if str(e) else type(e).__name__) from e

    async def _exchange(self, method: str, path: str, headers: dict[str, str], body: bytes) -> _Answer:
        url = URL(self._base + path, encoded=True)
        async with self._open().request(
            method, url, headers=headers, data=_data(body), allow_redirects=False, skip_auto_headers=("content-type",)
        ) as response:
            source = response.headers.get("x-restate-error-source", "")
            if not source and response.status >= 400 and "x-restate-id" in response.headers:
                source = "invocation"
            live = "idempotency-expires" not in response.headers
            return _Answer(response.status, source, live, await response.read())

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
                # An invocation takes as long as it takes. `with_options(timeout=…)` says how long to wait.
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    # --- answers

    def _result(self, answer: _Answer) -> Ok | Failure:
        if answer.source == "invocation":
            said = self._decode(answer, _Said)
            code = answer.status if said.code is None else said.code
            return Failure(code, said.message, said.metadata or {})
        if answer.status == 200 and not answer.source:
            return Ok(answer.body)
        raise self._refusal(answer)

    def _refusal(self, answer: _Answer) -> RequestRefused | ServerUnreachable:
        try:
            said = msgspec.json.decode(answer.body, type=_Said)
        except msgspec.DecodeError:
            text = answer.body[:200].decode("utf-8", "replace").strip()
            said = _Said(f"HTTP {answer.status}: {text}" if text else f"HTTP {answer.status}")
        if 400 <= answer.status < 500:
            return RequestRefused(said.message, code=said.code or answer.status)
        return self._unreachable(said.message)

    def _decode(self, answer: _Answer, form: type[_T]) -> _T:
        try:
            return msgspec.json.decode(answer.body, type=form)
        except msgspec.DecodeError as e:
            raise self._unreachable(f"its answer cannot be understood: {e}; is it an ingress?") from None

    def _unreachable(self, why: str) -> ServerUnreachable:
        return ServerUnreachable(
            f"no result from {self._base}: {why}. The request may have been accepted; with an idempotency key it can"
            " be safely sent again. Is the server running (`perdure serve`), and is this its ingress?"
        )


def _data(body: bytes) -> bytes | io.BytesIO | None:
    """A large body is sent in pieces, so that it does not hold up others on the loop."""
    if len(body) > LARGE_BODY:
        return io.BytesIO(body)
    return body or None


def _path(target: Target) -> str:
    if target.key is None:
        return f"/{target.service}/{target.handler}"
    return f"/{target.service}/{_quote(target.key)}/{target.handler}"


def _invocation(invocation: str | Target) -> str:
    if isinstance(invocation, Target):
        return f"/restate/workflow/{invocation.service}/{_quote(invocation.key or '')}"
    return f"/restate/invocation/{_quote(invocation)}"


def _quote(segment: str) -> str:
    """One segment of a path. A proxy would resolve `.` and `..`, so they are encoded as well."""
    return segment.replace(".", "%2E") if segment in (".", "..") else quote(segment, safe="")


def _headers(request: Request) -> dict[str, str]:
    headers = dict(request.headers)
    if request.value:
        headers["content-type"] = "application/json"
    if request.idempotency_key is not None:
        headers["idempotency-key"] = request.idempotency_key
    return headers
