"""A request and its answer, as the doors see them: no HTTP library, only what is asked and what is said.

Law: everything that is refused, anywhere, has one JSON shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple, Protocol

import msgspec

from perdure.errors import PerdureError

JSON = "content-type: application/json\r\n"

_encode = msgspec.json.Encoder().encode


class Asking(Protocol):
    """A request. What it does not show has been dealt with: framing, connections, compression."""

    @property
    def method(self) -> str:
        """In upper case."""
        ...

    @property
    def raw_path(self) -> str:
        """Path and query, as they were on the wire."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """By name in any case; `items` gives each line of a repeated header."""
        ...

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            BodyTooLarge: It is larger than the server takes.
            BodyBroken: It ended before its time.
        """
        ...


class Answer(NamedTuple):
    """What is said. `head` is further header lines, each with its end."""

    status: int
    body: bytes = b""
    head: str = ""
    close: bool = False
    """Whether the connection ends with it."""


class BodyTooLarge(PerdureError):
    """The rest of the body has not been read, so the connection cannot go on."""


class BodyBroken(PerdureError):
    """What came is no body: the client left, or its framing is wrong."""


def split_query(raw_path: str) -> tuple[str, str]:
    """Path and query of a request target; one in absolute form loses its host."""
    path, _, query = raw_path.partition("?")
    if not path.startswith("/"):
        _, host, rest = path.partition("://")
        path = "/" + rest.partition("/")[2] if host else path
    return path, query


def to_json(value: object) -> bytes:
    """JSON bytes of what we say ourselves."""
    return _encode(value)


def status_of(code: int) -> int:
    """HTTP status for the code of an error.

    A code that is no status, an interim one and those that allow no body are 500; the body has the code.
    """
    if 200 <= code <= 999 and code not in _WITHOUT_BODY:
        return code
    return 500


_WITHOUT_BODY = (204, 205, 304)

SOURCE_INGRESS = f"{JSON}x-restate-error-source: ingress\r\n"


def refusal(code: int, message: str, *, close: bool = False) -> Answer:
    """An error of the ingress itself."""
    body = to_json({"code": code, "message": message, "source": "ingress"})
    return Answer(status_of(code), body, SOURCE_INGRESS, close)


REASONS = {status.value: status.phrase for status in HTTPStatus} | {470: "Not Ready"}
