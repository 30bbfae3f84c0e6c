"""What a request carries: its body and type, its headers, and how bad input is refused before it leaves a trace."""

from __future__ import annotations

import pytest

from tests.ingress.node import Node
from tests.ingress.raw import JSON, request

NOT_EMPTY = "Expected body and content-type to be empty, but wasn't with content-type '{}'"
TYPE = "Content-type '{}' does not match 'application/json'"


@pytest.mark.parametrize(
    ("path", "body", "content_type", "refused"),
    [
        ("/Tools/echo", b"1", "application/json", None),
        ("/Tools/echo", b"1", "application/json; charset=utf-8", None),
        ("/Tools/echo", b"1", "Application/JSON", None),
        ("/Tools/echo", b"1", None, "Empty content-type"),
        ("/Tools/echo", b"", None, "Empty content-type"),
        ("/Tools/echo", b"", "application/json", "Empty body not allowed"),
        ("/Tools/echo", b"1", "text/plain", TYPE.format("text/plain")),
        ("/Tools/echo", b"", "text/plain", TYPE.format("text/plain")),
        ("/Tools/echo", b"1", "application/x-www-form-urlencoded", TYPE.format("application/x-www-form-urlencoded")),
        ("/Tools/nothing", b"", None, None),
        ("/Tools/nothing", b"", "application/json", None),
        ("/Tools/nothing", b"1", "application/json", NOT_EMPTY.format("application/json")),
        ("/Tools/nothing", b"1", None, NOT_EMPTY.format("")),
    ],
)
def test_content_types(node: Node, path: str, body: bytes, content_type: str | None, refused: str | None) -> None:
    """A handler with input takes JSON and says so; one without takes no body."""
    before = node.count()
    reply = node.ask("POST", path, body, {} if content_type is None else {"content-type": content_type})
    if refused is None:
        assert reply.status == 200
        assert node.count() == before + 1
    else:
        assert (reply.status, reply.message) == (400, f"input validation error: {refused}")
        assert node.count() == before


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"userId":"7","items":[]}', "Expected `int`, got `str` - at `$.userId`"),
        (b'{"items":[]}', "Object missing required field `userId`"),
        (b'{"userId":7,"items":["a",""]}', "Expected `str` of length >= 1 - at `$.items[1]`"),
        (b'{"userId":7,"items":null}', "Expected `array`, got `null` - at `$.items`"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{", "Input data was truncated"),
        (b"\xff", "JSON is malformed: invalid character (byte 0)"),
    ],
)
@pytest.mark.parametrize("path", ["/Tools/order", "/Tools/order/send", "/restate/send/Tools/order"])
def test_bad_input_names_the_field(node: Node, path: str, body: bytes, message: str) -> None:
    """It is refused at the door, for sends as for calls, and nothing is journaled."""
    before = node.count()
    reply = node.call(path, body)
    assert (reply.status, reply.message) == (400, f"input validation error: {message}")
    assert "x-restate-id" not in reply.headers
    assert node.count() == before


def test_good_input(node: Node) -> None:
    """Unknown fields are left alone."""
    assert node.call("/Tools/order", b'{"userId":7,"items":["a"],"more":1}').body == b"7"


LOWER = "c0ffee00-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/Numbered/seven/key", "bad key 'seven': Expected `int`, got `str`"),
        ("/Numbered/007/key", "bad key '007': Expected `int`, got `str`"),
        ("/Numbered/-0/key", "bad key '-0': it is written '0'"),
        ("/Numbered//key", "bad key '': Expected `int`, got `str`"),
        (f"/Named/{LOWER.upper()}/key", f"bad key '{LOWER.upper()}': it is written '{LOWER}'"),
        ("/Named/7/key", "bad key '7': Invalid UUID"),
    ],
)
def test_keys_that_are_not_of_their_type(node: Node, path: str, message: str) -> None:
    """A key has one spelling: two would be two objects that both think they are the same one."""
    assert node.call("/Numbered/7/key").json == "int 7"
    assert node.call(f"/Named/{LOWER}/key").json == f"UUID {LOWER}"
    reply = node.call(path)
    assert (reply.status, reply.message) == (400, message)


def test_headers_reach_the_handler(node: Node) -> None:
    """Where it was called comes first, then each header as it came, but for those between caller and ingress."""
    data = request("GET", "/Tools/headers?a=b")[:-2]
    more = b"X-One: 1\r\nx-one: 2\r\nConnection: keep-alive\r\nIdempotency-Key: k-headers\r\nAccept: */*\r\n"
    more += b"x-two: \xc3\xbc\r\n"
    with node.connection() as connection:
        connection.send(data + more + b"\r\n")
        reply = connection.reply()
    assert reply.json == [
        ["x-restate-ingress-path", "/Tools/headers?a=b"],
        ["x-one", "1"],
        ["x-one", "2"],
        ["accept", "*/*"],
        ["x-two", "ü"],
    ]


@pytest.mark.parametrize("name", ["x-odd", "idempotency-key", "content-type", "x-restate-limit-key"])
def test_a_header_that_is_not_text(node: Node, name: str) -> None:
    """It could be told neither to the handler nor in a message."""
    with node.connection() as connection:
        connection.send(request("GET", "/Tools/headers")[:-2] + name.encode() + b": \xff\r\n\r\n")
        reply = connection.reply()
    assert (reply.status, reply.message) == (400, f"bad header {name}: its value is not UTF-8")


def test_bodies_in_pieces(node: Node) -> None:
    """A body may be chunked, or come slowly; a client may first ask whether it is wanted."""
    with node.connection() as connection:
        head = b"POST /Tools/length HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        connection.send(head + b'transfer-encoding: chunked\r\n\r\n4\r\n"abc\r\n')
        connection.send(b'2\r\nd"\r\n0\r\n\r\n')
        assert connection.reply().body == b"4"
        connection.send(head + b"content-length: 6\r\nexpect: 100-continue\r\n\r\n")
        assert connection.reply().status == 100
        connection.send(b'"abcd"')
        assert connection.reply().body == b"4"


def test_a_large_body(node: Node) -> None:
    """Anything up to 32 MiB goes through, and comes back."""
    text = b'"' + b"x" * (9 << 20) + b'"'
    assert node.call("/Tools/length", text).json == 9 << 20
    assert len(node.call("/Tools/size", str(9 << 20).encode()).body) == (9 << 20) + 2


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large(node: Node, chunked: bool) -> None:
    """413 in the shape of all errors; the rest is not read, so the connection ends."""
    before = node.count()
    with node.connection() as connection:
        if chunked:
            connection.send(request("POST", "/Tools/length", None, JSON | {"transfer-encoding": "chunked"}))
            for _ in range(33):
                connection.send(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
        else:
            connection.send(request("POST", "/Tools/length", None, JSON | {"content-length": str((32 << 20) + 1)}))
        reply = connection.reply()
    assert (reply.status, reply.message) == (413, "length limit exceeded")
    assert reply.headers["connection"] == "close"
    assert node.count() == before


def test_a_body_that_breaks_off(node: Node) -> None:
    """Chunks that are none are refused; nothing of it was accepted."""
    before = node.count()
    with node.connection() as connection:
        connection.send(request("POST", "/Tools/length", None, JSON | {"transfer-encoding": "chunked"}) + b"zz\r\n")
        assert connection.reply().status == 400
    assert node.count() == before


@pytest.mark.parametrize("delay", ["1s", "0s"])
def test_a_call_takes_no_delay(node: Node, delay: str) -> None:
    """Who waits for a result does not want it late."""
    reply = node.call(f"/Tools/echo?delay={delay}", b"1")
    message = "cannot use the delay query parameter with calls. The delay is supported only with sends"
    assert (reply.status, reply.message) == (400, message)


def test_the_order_of_checks(node: Node, key: str) -> None:
    """Of several mistakes the first in this order is told."""
    mistakes = {"idempotency-key": "k", "x-restate-limit-key": "a", "content-type": "text/plain"}
    path = f"/Flow/{key}/run?delay=x"
    said: list[list[str]] = []
    for repaired in ("idempotency-key", "x-restate-limit-key", "content-type", "delay"):
        said.append(node.ask("POST", path, b"1", mistakes).message.split(" ")[0:3])
        mistakes.pop(repaired, None)
        if repaired == "content-type":
            mistakes = dict(JSON)
    assert said[0] == ["cannot", "use", "the"]
    assert said[1] == ["limit-key", "requires", "a"]
    assert said[2] == ["input", "validation", "error:"]
    assert said[3][0:3] == ["bad", "delay", "query"]
    assert node.ask("POST", f"/Flow/{key}/run", b"1", JSON).message.startswith("input validation error: Expected `str`")
