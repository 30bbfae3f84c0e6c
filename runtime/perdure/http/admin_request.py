"""What operators ask, by its parts, and how they are refused.

Law: a refusal says what is wrong and names what it is about.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl, unquote

import msgspec

from perdure.errors import PerdureError
from perdure.http.exchange import JSON, Answer, Asking, BodyBroken, BodyTooLarge, split_query, to_json

PLAIN = "content-type: text/plain; charset=utf-8\r\n"

T = TypeVar("T")


class Refused(PerdureError):
    """What an operator is told instead.

    Args:
        status: Of the answer.
        message: What is wrong.
        reason: The same without the name of what it is about, if many can have it.
        plain: Whether it is said without JSON, as Restate does to a request that does not have the right form.
        close: Whether the connection cannot go on.
    """

    def __init__(
        self, status: int, message: str, *, reason: str = "", plain: bool = False, close: bool = False
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason or message
        self.plain = plain
        self.close = close

    def answer(self) -> Answer:
        """It, to be sent."""
        if self.plain:
            return Answer(self.status, str(self).encode(), PLAIN, self.close)
        return Answer(self.status, to_json({"message": str(self), "restate_code": None}), JSON, self.close)


class Request(NamedTuple):
    """A request: the decoded segments of its path, and its query."""

    asking: Asking
    segments: list[str]
    query: dict[str, str]

    def only(self, *methods: str) -> str:
        """The method, in which HEAD is GET; others are refused."""
        method = "GET" if self.asking.method == "HEAD" else self.asking.method
        if method not in methods:
            raise Refused(405, f"{method} is not possible here, only {' and '.join(methods)}")
        return method

    def deepest(self, count: int) -> None:
        """Refuse a path of more segments."""
        if len(self.segments) > count:
            raise Refused(404, "not found")

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A number of the query."""
        text = self.query.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
            raise Refused(400, f"{name} is '{text}', and should be a number from {least} to {most}", plain=True)
        return int(text)

    async def body(self, type_: type[T]) -> T:
        """The body, which should be JSON of a type.

        Raises:
            Refused: 415 if it does not say that it is JSON, 400 if it is none, 422 if it is not of the type.
        """
        if not self.asking.headers.get("content-type", "").lower().startswith("application/json"):
            raise Refused(415, "expected a body with `content-type: application/json`", plain=True)
        try:
            raw = await self.asking.body()
        except BodyTooLarge:
            raise Refused(413, "the body is too large", close=True) from None
        except BodyBroken as e:
            raise Refused(400, f"the body is broken: {e}", close=True) from None
        try:
            return msgspec.json.decode(raw, type=type_)
        except msgspec.ValidationError as e:
            raise Refused(422, f"the body has another form: {e}", plain=True) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
            raise Refused(400, f"the body is no JSON: {e}", plain=True) from None


def read(asking: Asking) -> Request:
    """The parts of a request.

    Raises:
        Refused: The path is no UTF-8.
    """
    path, query = split_query(asking.raw_path)
    try:
        segments = [unquote(part, errors="strict") for part in path[1:].split("/")]
    except UnicodeDecodeError:
        raise Refused(400, "the path is no UTF-8", plain=True) from None
    if len(segments) > 1 and not segments[-1] and segments[-2] != "state":
        segments.pop()  # a slash at the end; behind `state` it is a key, which may be empty
    return Request(asking, segments, dict(parse_qsl(query, keep_blank_values=True)))


def ok(value: object, status: int = 200, head: str = "") -> Answer:
    """An answer in JSON."""
    return Answer(status, to_json(value), JSON + head)
