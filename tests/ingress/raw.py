"""HTTP as bytes: what is sent is exactly what a test says, and what comes back is shown as it came."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from typing import Any, Self

JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Reply:
    """A response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401  whatever JSON holds
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """What an error says. Its shape is checked on the way: everything that is refused has the same."""
        said = self.json
        assert self.headers["content-type"] == "application/json"
        assert self.headers["x-restate-error-source"] == said["source"]
        assert set(said) <= {"code", "message", "metadata", "source"}
        message: str = said["message"]
        return message


@dataclass
class Connection:
    """One connection, for as many requests as the server lets it."""

    address: tuple[str, int]
    _socket: socket.socket = field(init=False)
    _buffer: bytes = b""

    def __post_init__(self) -> None:
        self._socket = socket.create_connection(self.address, timeout=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        """Send a request and wait for its response."""
        self.send(request(method, path, body, headers))
        return self.reply(method)

    def reply(self, method: str = "GET") -> Reply:
        """Read one response; a response to HEAD has no body."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        pairs = [line.split(": ", 1) for line in lines[1:]]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), f"a header was sent twice: {lines}"
        length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        while len(self._buffer) < length:
            self._more()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Reply(int(lines[0].split(" ")[1]), headers, body)

    def at_end(self) -> bool:
        """Whether the server has closed the connection, and has sent nothing more."""
        return not self._buffer and self._socket.recv(1) == b""

    def _more(self) -> None:
        data = self._socket.recv(1 << 20)
        if not data:
            raise EOFError(f"the server closed the connection after {self._buffer!r}")
        self._buffer += data


def request(method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "host: test"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def always(reply: Reply) -> bool:
    """Whether the headers that every answer has are there."""
    vary = "origin, access-control-request-method, access-control-request-headers"
    headers = reply.headers
    return headers["vary"] == vary and headers["access-control-allow-credentials"] == "true" and "date" in headers
