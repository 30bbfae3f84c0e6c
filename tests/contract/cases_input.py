"""What comes with a request: bodies, content types, delays, headers, limits."""

from __future__ import annotations

import socket

from tests.contract.door import JSON, PATIENCE_S, Ask, Case, Door, case, cases, get, post, send_bytes

BODY = b'{"a": 1}'
TYPE = "content-type"
MOST = 32 << 20

# Wire reference, table of input validation. The rows for media types of one's own have no handlers here.
TYPES_TAKEN: dict[str, Ask] = {
    "JSON": send_bytes("/Tools/echo", BODY, (TYPE, JSON)),
    "JSON in a charset": send_bytes("/Tools/echo", BODY, (TYPE, f"{JSON}; charset=utf-8")),
    "JSON, with spaces": send_bytes("/Tools/echo", BODY, (TYPE, f"{JSON} ;charset=utf-8")),
    "none, and no body, without input": send_bytes("/Tools/nothing", b""),
    "JSON by GET": Ask("GET", "/Tools/echo", BODY, ((TYPE, JSON),)),
    "JSON with space around it": send_bytes("/Tools/echo", b' \n{"a":\t1}\r\n', (TYPE, JSON)),
    "JSON that repeats a name": send_bytes("/Tools/echo", b'{"a": 1, "a": 2}', (TYPE, JSON)),
    "JSON that escapes": send_bytes("/Tools/echo", rb'"\u00e9\n\ud83c\udf0a"', (TYPE, JSON)),
    "JSON with large numbers": send_bytes("/Tools/echo", b"[9007199254740993, 1e300, -0.0, 1.5]", (TYPE, JSON)),
}
TYPES_REFUSED: dict[str, Ask] = {
    "none, with a body": send_bytes("/Tools/echo", BODY),
    "another one": send_bytes("/Tools/echo", BODY, (TYPE, "text/plain")),
    "another one, in a charset": send_bytes("/Tools/echo", BODY, (TYPE, "text/plain; charset=utf-8")),
    "another one, and no body": send_bytes("/Tools/echo", b"", (TYPE, "text/plain")),
    "a wildcard": send_bytes("/Tools/echo", BODY, (TYPE, "application/*")),
    "an empty one": send_bytes("/Tools/echo", BODY, (TYPE, "")),
    "nonsense": send_bytes("/Tools/echo", BODY, (TYPE, "nonsense")),
    "a kind of JSON": send_bytes("/Tools/echo", BODY, (TYPE, "application/problem+json")),
    "JSON, and no body": send_bytes("/Tools/echo", b"", (TYPE, JSON)),
    "JSON, and no body, on a workflow": send_bytes("/Flow/<key>/run", b"", (TYPE, JSON)),
    "another one, for a send": send_bytes("/Tools/echo/send", BODY, (TYPE, "text/plain")),
    "a body without input": send_bytes("/Tools/nothing", b"1"),
    "a JSON body without input": send_bytes("/Tools/nothing", b"1", (TYPE, JSON)),
    "JSON in capitals": send_bytes("/Tools/echo", BODY, (TYPE, "APPLICATION/JSON")),
    "JSON, and no body, without input": send_bytes("/Tools/nothing", b"", (TYPE, JSON)),
    "a text type, and no body, without input": send_bytes("/Tools/nothing", b"", (TYPE, "text/plain")),
}
# Restate hands them to the SDK, which ends the invocation.
BROKEN_JSON: dict[str, Ask] = {
    "bytes": send_bytes("/Tools/echo", b"\xff\x00\xfe", (TYPE, JSON)),
    "cut": send_bytes("/Tools/echo", b'{"a":', (TYPE, JSON)),
    "two values": send_bytes("/Tools/echo", b"1 2", (TYPE, JSON)),
    "a text in Latin-1": send_bytes("/Tools/echo", b'"\xe9"', (TYPE, JSON)),
}

GOOD_DELAYS = (
    *("0ms", "10ms", "10000us", "10s", "10+sec", "10%20secs", "10seconds", "1.5s", "1+minute", "1h30m", "1h+30m"),
    *("1h,%2030m", "1.5h", "1d", "1+day+2+hours", "1w", "00:00:10", "1:30:00"),
    *("PT10S", "pt10s", "PT0.5S", "PT1H30M", "P1D", "P1DT2H", "P1W"),
)
BAD_DELAYS = (
    *("10", "abc", "-5s", "10s+ago", "s10", "10x", "1s1h", "1h--30m", "1.5d", "1.5h30m", "99999999999d"),
    *("1y", "1mo", "1+month", "P1Y", "P1M", "PT", "P", "PT10"),
)

HEADERS: dict[str, Ask] = {
    "none": get("/Tools/headers"),
    "of a post": post("/Tools/headers_of", 1),
    "the path with its query": post("/Tools/headers_of?a=%20b&c", 1),
    "the path as it was written": post("/restate/call/Tools/headers_of/", 1),
    "of one's own": post("/Tools/headers_of", 1, ("x-own", "1"), ("Authorization", "Bearer x"), ("Cookie", "a=b")),
    "in capitals": post("/Tools/headers_of", 1, ("X-OWN", "Value")),
    "repeated": post("/Tools/headers_of", 1, ("x-own", "1"), ("x-own", "2")),
    "empty": post("/Tools/headers_of", 1, ("x-own", "")),
    "between caller and ingress": post(
        "/Tools/headers_of", 1, ("connection", "keep-alive"), ("idempotency-key", "<key>"), ("idempotency-expires", "x")
    ),
    "of tracing": post(
        "/Tools/headers_of",
        1,
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "a=b"),
    ),
    "that look like Restate's": post("/Tools/headers_of", 1, ("x-restate-id", "mine"), ("x-restate-ingress-path", "x")),
    "with an empty limit": post("/Tools/headers_of", 1, ("x-restate-limit-key", "")),
}
BAD_HEADERS: dict[str, Ask] = {
    "not UTF-8": post("/Tools/echo", 1, ("x-own", "\xff")),
    "an idempotency key that is not UTF-8": post("/Tools/echo", 1, ("idempotency-key", "\xff")),
    "not ASCII": post("/Tools/echo", 1, ("x-own", "\xc3\xbc")),
}


def _chunks(size: int) -> bytes:
    return b"%x\r\n%b\r\n" % (size, b"x" * size)


def _chunked(door: Door) -> None:
    door.raw(
        b"POST /Tools/length HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b'transfer-encoding: chunked\r\n\r\n4\r\n"abc\r\n2\r\nd"\r\n0\r\n\r\n'
    )


def _asks_first(door: Door) -> None:
    door.raw(
        b"POST /Tools/length HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 6\r\n"
        b"expect: 100-continue\r\n\r\n",
        b'"abcd"',
    )


def _declared_too_large(door: Door) -> None:
    head = f"POST /Tools/length HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON}\r\ncontent-length: {MOST + 1}\r\n\r\n"
    door.raw(head.encode())


def _too_large_in_chunks(door: Door) -> None:
    head = f"POST /Tools/length HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON}\r\ntransfer-encoding: chunked\r\n\r\n"
    door.raw(head.encode() + _chunks(1 << 20) * 32 + _chunks(1))


def _old_http(door: Door) -> None:
    door.raw(b"GET /Counter/<key>/get HTTP/1.0\r\n\r\n")


def _http2(door: Door) -> None:
    """Does it answer HTTP/2 that nobody asked for first? The first frame of either side is SETTINGS, type 4."""
    with socket.create_connection(door.target.ingress, PATIENCE_S) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))
        door.note(connection.recv(9)[3:4] == b"\x04")


CASES: tuple[Case, ...] = (
    *cases("content type", 200, TYPES_TAKEN),
    *cases("content type refused", 400, TYPES_REFUSED),
    *cases("broken JSON", 500, BROKEN_JSON),
    case("missing input: POST", post("/Tools/echo"), 200),
    case("missing input: GET", get("/Tools/echo"), 200),
    case("missing input: send", post("/Tools/echo/send"), 202),
    *(case(f"delay: {delay}", post(f"/Tools/echo/send?delay={delay}", 1), 202) for delay in GOOD_DELAYS),
    *(case(f"bad delay: {delay}", post(f"/Tools/echo/send?delay={delay}", 1), 400) for delay in BAD_DELAYS),
    case("bad delay: nothing", post("/Tools/echo/send?delay=", 1), 400),
    case("bad delay: no value", post("/Tools/echo/send?delay", 1), 400),
    case("delay: in capitals", post("/Tools/echo/send?DELAY=10s", 1), 202),
    case("delay: the first of two", post("/Tools/echo/send?delay=10s&delay=20s", 1), 202),
    case("delay: misspelled", post("/Tools/echo/send?delaySec=10", 1), 202),
    case("delay: new form", post("/restate/send/Counter/<key>/add?delay=10s", 1), 202),
    case("delay: workflow", post("/Quick/<key>/run/send?delay=10s", {"code": 1}), 202),
    case("delay: of a call", post("/Tools/echo?delay=1s", 1), 400),
    case("delay: of a call, nonsense", post("/Tools/echo?delay=nonsense", 1), 400),
    *cases("headers", 200, HEADERS),
    *cases("bad headers", 400, BAD_HEADERS),
    Case("body: in chunks", _chunked, (200,)),
    Case("body: may it come", _asks_first, (100, 200)),
    Case("body: declared too large", _declared_too_large, (413,)),
    Case("body: too large, in chunks", _too_large_in_chunks, (413,)),
    case("body: five megabytes", post("/Tools/length", "x" * (5 << 20)), 200),
    case("body: five megabytes back", post("/Tools/size", 5 << 20), 200),
    Case("protocol: HTTP/1.0", _old_http, (200,)),
    Case("protocol: HTTP/2 without TLS", _http2, (0,)),
)
