"""HTTP under both doors, on aiohttp: framing, connections, and nothing of what is said.

Law: one request costs little. aiohttp parses; the answer's bytes are made here and written at once, because
its router and its response headers cost more than all the rest of a request.
"""

from __future__ import annotations

import asyncio
import email.utils
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import HttpProcessingError

from perdure.engine.clock import Clock
from perdure.http.exchange import REASONS, Answer, Asking, BodyBroken, BodyTooLarge, refusal

_log = logging.getLogger("perdure.http")

BODY_BYTES_MAX = 32 << 20
HEAD_BYTES_MAX = 64 << 10
"""Of a request line, and of one header; keys are part of the first."""
KEEP_ALIVE_S = 75.0
Answerer = Callable[[Asking], Awaitable[Answer]]
Extras = Callable[[Asking], str]
"""Header lines for every answer to a request, refusals and what is not HTTP included."""


class _Asking:
    """Implements `exchange.Asking`."""

    __slots__ = ("_request", "headers", "method", "raw_path")

    def __init__(self, request: web.BaseRequest) -> None:
        self.method: str = request.method
        self.raw_path: str = request.raw_path
        self.headers: Mapping[str, str] = request.headers
        self._request = request

    async def body(self) -> bytes:
        content = self._request.content
        try:
            if content.is_eof():
                # The usual case: it came with the head, and nothing has to be waited for.
                return content.read_nowait(-1)
            return await self._read()
        except (web.RequestPayloadError, HttpProcessingError, EOFError) as e:
            raise BodyBroken(str(e)) from None

    async def _read(self) -> bytes:
        length = self.headers.get("content-length", "0")
        if length.isdecimal() and int(length) > BODY_BYTES_MAX:
            raise BodyTooLarge
        transport = self._request.transport
        if self.headers.get("expect", "").lower() == "100-continue" and transport is not None:
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        chunks: list[bytes] = []
        size = 0
        while chunk := await self._request.content.readany():
            size += len(chunk)
            if size > BODY_BYTES_MAX:
                raise BodyTooLarge
            chunks.append(chunk)
        return b"".join(chunks)


class _Reply(web.StreamResponse):
    """An answer as bytes.

    Of a response aiohttp calls only `prepare`, `write_eof` and `keep_alive`. So its own initializer, which
    builds the headers that are not used here, is left out.
    """

    def __init__(self, answer: Answer, extras: str) -> None:
        self._answer = answer
        self._extras = extras
        self._request: web.BaseRequest | None = None
        self._keep_alive = False

    @property
    def keep_alive(self) -> bool | None:
        return self._keep_alive

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self._request = request
        self._keep_alive = request.keep_alive and not self._answer.close
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        request = self._request
        transport = None if request is None else request.transport
        if request is None or transport is None or transport.is_closing():
            raise ConnectionResetError
        status, body, head, _ = self._answer
        text = (
            f"HTTP/1.1 {status} {REASONS.get(status, '')}\r\n{head}{self._extras}{self._connection(request)}"
            f"content-length: {len(body)}\r\n\r\n"
        )
        transport.write(text.encode("utf-8", "surrogateescape") + (b"" if request.method == "HEAD" else body))
        if len(body) > HEAD_BYTES_MAX:
            await request.writer.drain()

    def _connection(self, request: web.BaseRequest) -> str:
        if not self._keep_alive:
            return "connection: close\r\n"
        return "" if request.version.minor else "connection: keep-alive\r\n"


class Server(web.Server):
    """Gives each connection its protocol, and each request to the door.

    A caller who leaves ends his wait and nothing else: an accepted invocation is the engine's.
    """

    def __init__(self, answer: Answerer, extras: Extras, clock: Clock) -> None:
        super().__init__(self._handle, handler_cancellation=True)
        self._door = answer
        self._extras = extras
        self._clock = clock
        self._second = 0
        self._date = ""

    def __call__(self) -> web.RequestHandler:
        """The protocol of a new connection."""
        return _Connection(self, self._loop)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        asking = _Asking(request)
        return self.reply(asking, await self._door(asking))

    def reply(self, asking: Asking, answer: Answer) -> web.StreamResponse:
        """An answer as aiohttp wants it, with what every answer has."""
        return _Reply(answer, self._extras(asking) + self._date_line())

    def _date_line(self) -> str:
        second = self._clock.now_ms() // 1000
        if second != self._second:
            self._second = second
            self._date = f"date: {email.utils.formatdate(second, usegmt=True)}\r\n"
        return self._date


class _Connection(web.RequestHandler):
    """aiohttp's connection, with our shape for what is not HTTP."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            server,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # aiohttp takes None for no log, its annotation does not
            keepalive_timeout=KEEP_ALIVE_S,
            max_line_size=HEAD_BYTES_MAX,
            max_field_size=HEAD_BYTES_MAX,
            auto_decompress=False,
        )
        self._server = server

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        _log.log(logging.ERROR if status >= 500 else logging.DEBUG, "bad request: %s", message, exc_info=exc)
        said = " ".join((message or "internal error, see the log of the server").split())
        return self._server.reply(_Asking(request), refusal(status, said, close=True))
