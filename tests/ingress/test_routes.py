"""Paths and methods: what they name, and what is said to those that name nothing."""

from __future__ import annotations

import pytest

from tests.ingress.node import Node
from tests.ingress.raw import JSON

NO_SERVICE = "service '{}' not found, make sure to register the service before calling it."
NO_HANDLER = (
    "the service '{}' exists, but the handler '{}' was not found, check that the handler exists in the latest"
    " registered service version."
)
BAD_PATH = "bad path, expected either /:service-name/:handler or /:object-name/:object-key/:handler"
BAD_CALL = "bad path, expected /restate/call/:service-name/:handler or /restate/call/:object-name/:object-key/:handler"
BAD_AWAKEABLE = "bad path, expected /restate/awakeables/:id/resolve or /restate/awakeables/:id/reject"
BAD_WORKFLOW = "bad path, expected /restate/workflow/:workflow-name/:workflow-key/attach or /output"


@pytest.mark.parametrize("prefix", ["", "/", "/restate/call"])
@pytest.mark.parametrize("suffix", ["", "/"])
@pytest.mark.parametrize("target", ["/Tools/length", "/Counter/{key}/add"])
def test_ways_to_call(node: Node, key: str, prefix: str, target: str, suffix: str) -> None:
    """Both families of paths name the same handlers; a slash too many at either end does no harm."""
    value = b'"four"' if "Tools" in target else b"4"
    reply = node.call(f"{prefix}{target.format(key=key)}{suffix}", value)
    assert (reply.status, reply.body) == (200, b"4")


@pytest.mark.parametrize("path", ["/Tools/echo/send", "/Counter/{key}/add/send", "/Flow/{key}/run/send"])
def test_ways_to_send(node: Node, key: str, path: str) -> None:
    """`/send` behind a path, or `/restate/send` before it."""
    value = b'"x"' if "Flow" in path else b"1"
    one = node.call(path.format(key=f"{key}-one"), value)
    other = node.call("/restate/send" + path.format(key=f"{key}-other").removesuffix("/send"), value)
    assert [reply.status for reply in (one, other)] == [202, 202]
    assert one.json["status"] == other.json["status"] == "Accepted"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_get_calls_too(node: Node, method: str) -> None:
    """A handler without input can be called from an address line."""
    reply = node.ask(method, "/Tools/nothing")
    assert (reply.status, reply.body) == (200, b"")


@pytest.mark.parametrize(
    ("segment", "key"),
    [
        ("Mary", "Mary"),
        ("a%2Fb%20%C3%BC", "a/b ü"),
        ("a+b", "a+b"),
        ("%25", "%"),
        ("100%", "100%"),
        ("", ""),
        ("send", "send"),
        ("%2E%2E", ".."),
        ("..", ".."),
        ("key", "key"),
    ],
)
def test_keys(node: Node, segment: str, key: str) -> None:
    """The key of an object is percent-decoded, may be empty, and may look like anything else in a path."""
    reply = node.call(f"/Counter/{segment}/key")
    assert (reply.status, reply.json) == (200, f"str {key}")


@pytest.mark.parametrize("segment", ["%ff", "%C3"])
def test_a_key_that_is_not_text(node: Node, segment: str) -> None:
    """It is refused, not guessed."""
    reply = node.call(f"/Counter/{segment}/key")
    assert reply.status == 400
    assert reply.message.startswith("bad path, cannot decode key: ")


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/", 400, "bad path: /"),
        ("/openapi", 400, "bad path: /openapi"),
        ("/a/b/c/d/e/f/g/h", 400, "bad path: /a/b/c/d/e/f/g/h"),
        ("/openapi/x", 404, "not found"),
        ("/Nobody/greet", 404, NO_SERVICE.format("Nobody")),
        ("/tools/echo", 404, NO_SERVICE.format("tools")),
        ("/Tools/ech%6F", 404, NO_HANDLER.format("Tools", "ech%6F")),
        ("/Tools/echo%20", 404, NO_HANDLER.format("Tools", "echo%20")),
        ("/Tools/send", 404, NO_HANDLER.format("Tools", "send")),
        ("/Counter/add", 400, BAD_PATH),
        ("/Counter//", 400, "bad path: /Counter"),
        ("/Counter/k/nope", 404, NO_HANDLER.format("Counter", "nope")),
        ("/Counter/k/add/sent", 400, BAD_PATH),
        ("/Tools/echo/send/more", 400, BAD_PATH),
        ("/Tools/hidden", 400, "the invoked service is not public"),
        ("/restate/foo/bar", 404, "not found"),
        ("/restate/", 400, "bad path: /restate"),
        ("/restate/call/Tools", 400, BAD_CALL),
        ("/restate/call/Tools/echo/send", 400, BAD_CALL),
        ("/restate/call/Counter/add", 400, BAD_PATH),
        ("/restate/call/Nobody/greet", 404, NO_SERVICE.format("Nobody")),
        ("/restate/health/more", 404, "not found"),
        ("/restate/awakeables/sign_1x", 400, BAD_AWAKEABLE),
        ("/restate/awakeables/sign_1x/settle", 404, "not found"),
        ("/restate/workflow/Flow/k", 400, BAD_WORKFLOW),
        ("/restate/workflow/Flow/attach", 400, BAD_WORKFLOW),
        ("/restate/workflow/Nobody/k/attach", 404, NO_SERVICE.format("Nobody")),
        ("/restate/workflow/Counter/k/attach", 400, "bad path, Counter is no workflow"),
        ("/restate/attach/inv_1/more", 400, "bad path, expected /restate/attach/:invocation-id"),
        ("/restate/scope/s/call/Tools/echo", 400, "scoped invocations require vqueues to be enabled"),
        ("/restate/scope/s/send/Counter/k/add", 400, "scoped invocations require vqueues to be enabled"),
        ("/restate/scope/s/call/Nobody/echo", 404, NO_SERVICE.format("Nobody")),
    ],
)
def test_paths_that_name_nothing(node: Node, path: str, status: int, message: str) -> None:
    """They are refused, with the same words for the same mistake, and no trace is left."""
    before = node.count()
    reply = node.call(path, b"1")
    assert (reply.status, reply.message) == (status, message)
    assert reply.json == {"code": status, "message": message, "source": "ingress"}
    assert node.count() == before


@pytest.mark.parametrize("scope", ["a%20b", "x" * 37])
def test_bad_scopes(node: Node, scope: str) -> None:
    """A scope has its own alphabet."""
    reply = node.call(f"/restate/scope/{scope}/call/Tools/echo", b"1")
    assert (reply.status, reply.message[:15]) == (400, "bad scope value")


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_limit_needs_a_scope(node: Node, how: str) -> None:
    """There are none here, so a limit cannot be kept; saying nothing about it would break a promise."""
    if how == "header":
        reply = node.call("/Tools/echo", b"1", x_restate_limit_key="tenant")
    else:
        reply = node.call("/Tools/echo?limit-key=tenant", b"1")
    assert (reply.status, reply.message) == (400, "limit-key requires a scope to be set")
    assert node.call("/Tools/echo?limit-key=", b"1").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/Tools/echo"),
        ("DELETE", "/Counter/k/add"),
        ("PATCH", "/Tools/echo/send"),
        ("HEAD", "/Tools/nothing"),
        ("HEAD", "/restate/health"),
        ("POST", "/restate/health"),
        ("POST", "/restate/workflow/Flow/k/attach"),
        ("POST", "/restate/attach/inv_1" + "0" * 33),
        ("GET", "/restate/attach"),
        ("GET", "/restate/lookup"),
    ],
)
def test_methods_that_are_not_allowed(node: Node, method: str, path: str) -> None:
    """405, in the shape of all errors, and a HEAD gets no body."""
    reply = node.ask(method, path, b"" if method == "POST" else None)
    assert reply.status == 405
    if method == "HEAD":
        assert reply.body == b""
    else:
        assert reply.message == "method not allowed"


def test_the_path_comes_before_the_method(node: Node) -> None:
    """What is not there is not there for any method."""
    assert node.ask("DELETE", "/Nobody/greet").status == 404


def test_health(node: Node) -> None:
    """The names of what is served."""
    reply = node.ask("GET", "/restate/health")
    assert reply.status == 200
    assert reply.json == {"services": ["Tools", "Counter", "Numbered", "Named", "Flow"]}


def test_the_absolute_form_of_a_target(node: Node) -> None:
    """Proxies may send it."""
    assert node.ask("GET", "http://somewhere:8080/restate/health").status == 200
    assert node.call("http://somewhere/Tools/echo", b"1").body == b"1"


@pytest.mark.parametrize(
    "data",
    [
        b"BREW /coffee HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01 not http\r\n\r\n",
        b"GET /" + b"x" * 70_000,
        b"GET /Tools/\xc3\xbc HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_not_http(node: Node, data: bytes) -> None:
    """It is told so in JSON like everybody else, and the connection ends."""
    with node.connection() as connection:
        connection.send(data)
        reply = connection.reply()
        assert reply.status == 400
        assert reply.message
        assert reply.headers["connection"] == "close"


def test_one_connection_serves_many_requests(node: Node) -> None:
    """Also after a refusal; and several at once in one packet are answered in order."""
    with node.connection() as connection:
        assert connection.ask("POST", "/Tools/echo", b"1", JSON).body == b"1"
        assert connection.ask("POST", "/Nobody/echo", b"1", JSON).status == 404
        line = b"POST /Tools/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n"
        connection.send(line + b"2" + line + b"3")
        assert [connection.reply().body, connection.reply().body] == [b"2", b"3"]


def test_old_clients(node: Node) -> None:
    """HTTP/1.0 ends the connection unless it asks for more; a client may also ask for an end."""
    with node.connection() as connection:
        connection.send(b"GET /restate/health HTTP/1.0\r\n\r\n")
        assert connection.reply().headers["connection"] == "close"
        assert connection.at_end()
    with node.connection() as connection:
        connection.send(b"GET /restate/health HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        assert connection.reply().headers["connection"] == "keep-alive"
        assert connection.ask("GET", "/restate/health", headers={"connection": "close"}).status == 200
        assert connection.at_end()
