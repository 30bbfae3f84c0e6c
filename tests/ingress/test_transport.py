"""Clients over HTTP: asyncio and blocking, every method, and what they raise."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import pytest

import perdure
from perdure.client import Request
from perdure.core.entry import Failure, Ok, Target
from perdure.http.transport import HttpTransport, connect, connect_sync
from perdure.serde import decode
from tests.ingress.node import Node
from tests.ingress.served import awakeables
from tests.support.handlers import ms

T = TypeVar("T")

ECHO = Target("Tools", None, "echo")
UNKNOWN = "inv_1" + "0" * 33


def over_http(url: str, story: Callable[[HttpTransport], Awaitable[T]]) -> T:
    """Tell a story with a transport, on a loop of its own."""

    async def told() -> T:
        transport = HttpTransport(url)
        try:
            return await story(transport)
        finally:
            await transport.close()

    return asyncio.run(told())


def test_calls_and_sends(node: Node, key: str) -> None:
    """The transport's methods, in the order of a request's life."""

    async def story(transport: HttpTransport) -> None:
        assert await transport.call(Request(ECHO, b'"hi"')) == Ok(b'"hi"')
        assert await transport.call(Request(Target("Tools", None, "nothing"), b"")) == Ok(b"")
        add = Request(Target("Counter", key, "add"), b"5", idempotency_key="k")
        first, second = await transport.send(add), await transport.send(add)
        assert (first.new, second.new) == (True, False)
        assert first.invocation_id == second.invocation_id
        assert await transport.attach(first.invocation_id) == Ok(b"5")
        assert await transport.output(first.invocation_id) == Ok(b"5")
        late = await transport.send(Request(ECHO, b"1", delay=ms(300)))
        assert await transport.output(late.invocation_id) is None
        assert await transport.attach(late.invocation_id) == Ok(b"1")

    over_http(node.served.ingress_url, story)


@pytest.mark.parametrize("key", ["a/b%20ü", "", ".", "..", "%2F", "a?b#c", "ключ", "\x00\n", "x" * 5000, "send"])
def test_any_key(node: Node, key: str) -> None:
    """Every text is a key, and arrives as it was."""

    async def story(transport: HttpTransport) -> None:
        result = await transport.call(Request(Target("Counter", key, "key"), b""))
        assert isinstance(result, Ok)
        assert decode(result.value, str) == f"str {key}"

    over_http(node.served.ingress_url, story)


def test_workflows(node: Node, key: str) -> None:
    """By the target of their run; keys are encoded there as well."""
    run = Target("Flow", f"{key}/ü", "run")

    async def story(transport: HttpTransport) -> None:
        with pytest.raises(perdure.RequestRefused) as caught:
            await transport.attach(run)
        assert caught.value.code == 404
        assert (await transport.send(Request(run, b'"Mary"'))).new
        assert not (await transport.send(Request(run, b'"Jane"'))).new
        assert await transport.call(Request(run, b'"Jane"')) == Failure(409, "the workflow method was already invoked")
        assert await transport.output(run) is None
        say = Target("Flow", run.key, "say")
        assert await transport.call(Request(say, b'"hi"')) == Ok(b"")
        assert await transport.attach(run) == Ok(b'"Mary hi"')
        assert await transport.output(run) == Ok(b'"Mary hi"')

    over_http(node.served.ingress_url, story)


def test_awakeables(node: Node, key: str) -> None:
    """Resolved with a value, or with nothing, or rejected."""

    async def story(transport: HttpTransport) -> None:
        for outcome, expected in (
            (Ok(b'{"a":1}'), Ok(b'{"a":1}')),
            (Failure(500, "nö"), Failure(500, "nö")),
            (Failure(500, ""), Failure(500, "")),
        ):
            sent = await transport.send(Request(Target("Tools", None, "wait"), f'"{key}"'.encode()))
            awakeable = await asyncio.to_thread(awakeables(key).get, timeout=20)
            await transport.complete_awakeable(awakeable, outcome)
            assert await transport.attach(sent.invocation_id) == expected
        with pytest.raises(perdure.RequestRefused, match="bad awakeable id"):
            await transport.complete_awakeable("nonsense", Ok(b"1"))

    over_http(node.served.ingress_url, story)


@pytest.mark.parametrize("code", [404, 409, 200, 503, 1234])
def test_failures_of_a_handler(node: Node, code: int) -> None:
    """They are results: code, message and metadata arrive, whatever the status line said."""
    body = f'{{"code":{code},"message":"no","metadata":{{"a":"b"}}}}'.encode()

    async def story(transport: HttpTransport) -> None:
        expected = Failure(code, "no", {"a": "b"})
        assert await transport.call(Request(Target("Tools", None, "fail"), body)) == expected
        sent = await transport.send(Request(Target("Tools", None, "fail"), body))
        assert await transport.attach(sent.invocation_id) == expected
        assert await transport.output(sent.invocation_id) == expected

    over_http(node.served.ingress_url, story)


@pytest.mark.parametrize(
    ("target", "value", "code", "message"),
    [
        (Target("Nobody", None, "greet"), b"1", 404, "service 'Nobody' not found"),
        (Target("Tools", None, "order"), b"{}", 400, "input validation error: Object missing required field `userId`"),
        (Target("Tools", None, "hidden"), b"1", 400, "the invoked service is not public"),
        (Target("Tools", None, "length"), b'"' + b"x" * (33 << 20) + b'"', 413, "length limit exceeded"),
    ],
)
def test_refusals(node: Node, target: Target, value: bytes, code: int, message: str) -> None:
    """What the ingress itself refuses is an exception of its own, for calls and for sends."""

    async def story(transport: HttpTransport) -> None:
        for method in (transport.call, transport.send):
            with pytest.raises(perdure.RequestRefused) as caught:
                await method(Request(target, value))
            assert caught.value.code == code
            assert caught.value.message.startswith(message)

    over_http(node.served.ingress_url, story)


@pytest.mark.parametrize("id", [UNKNOWN, "inv_bad", "a/b"])
def test_invocations_that_are_not_known(node: Node, id: str) -> None:
    """Unknown is 404, nonsense 400; neither is a result."""

    async def story(transport: HttpTransport) -> None:
        for method in (transport.attach, transport.output):
            with pytest.raises(perdure.RequestRefused) as caught:
                await method(id)
            assert caught.value.code == (404 if id == UNKNOWN else 400)

    over_http(node.served.ingress_url, story)


def test_headers_and_idempotency(node: Node, key: str) -> None:
    """Headers travel; the idempotency key is told to the ingress, not to the handler."""

    async def story(transport: HttpTransport) -> None:
        request = Request(Target("Tools", None, "headers"), b"", idempotency_key=key, headers={"X-Tenant": "t1"})
        result = await transport.call(request)
        assert isinstance(result, Ok)
        found = dict(decode(result.value, list[tuple[str, str]]))
        assert found["x-tenant"] == "t1"
        assert "idempotency-key" not in found
        assert await transport.call(request) == result

    over_http(node.served.ingress_url, story)


def test_nobody_is_there() -> None:
    """The message says where was asked, what may have happened, and what to do."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

    async def story(transport: HttpTransport) -> str:
        with pytest.raises(perdure.ServerUnreachable) as caught:
            await transport.call(Request(ECHO, b"1"))
        return str(caught.value)

    said = over_http(url, story)
    assert said.startswith(f"no result from {url}: ")
    assert "perdure serve" in said


@contextmanager
def impostor(answer: bytes) -> Generator[str, None, None]:
    """A server that says one thing to everybody, and then closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def http(status: int, body: str, *headers: str) -> bytes:
    """The bytes of a response."""
    lines = [f"HTTP/1.1 {status} x", f"content-length: {len(body)}", "connection: close", *headers]
    return ("\r\n".join([*lines, "", ""]) + body).encode()


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (b"", perdure.ServerUnreachable, "no result from"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", perdure.ServerUnreachable, "no result from"),
        (b"SSH-2.0-OpenSSH\r\n", perdure.ServerUnreachable, "no result from"),
        (http(503, '{"code":503,"message":"overloaded"}'), perdure.ServerUnreachable, "overloaded"),
        (http(502, "<html>bad gateway</html>"), perdure.ServerUnreachable, "HTTP 502: <html>bad gateway"),
        (http(302, "", "location: /elsewhere"), perdure.ServerUnreachable, "HTTP 302"),
        (http(403, "go away"), perdure.RequestRefused, "HTTP 403: go away"),
        (http(429, '{"message":"slow down"}'), perdure.RequestRefused, "slow down"),
    ],
)
def test_strange_answers(answer: bytes, error: type[Exception], message: str) -> None:
    """Proxies, other programs and broken connections: known to be refused, or not known."""

    async def story(transport: HttpTransport) -> None:
        with pytest.raises(error, match=message):
            await transport.call(Request(ECHO, b"1"))
        with pytest.raises(error, match=message):
            await transport.send(Request(ECHO, b"1"))

    with impostor(answer) as url:
        over_http(url, story)


def test_an_answer_to_a_send_that_is_none() -> None:
    """200 with anything is not an acknowledgement."""

    async def story(transport: HttpTransport) -> None:
        with pytest.raises(perdure.ServerUnreachable, match="is it an ingress"):
            await transport.send(Request(ECHO, b"1"))

    with impostor(http(200, "hello")) as url:
        over_http(url, story)


def test_a_server_that_says_invocation_of_the_unknown() -> None:
    """Restate answers an attach to an unknown id as if the invocation had failed; it is asked once more, and tells."""
    said = '{"code":404,"message":"not found","source":"invocation"}'

    async def story(transport: HttpTransport) -> None:
        assert await transport.attach(UNKNOWN) == Failure(404, "not found")

    # This one says the same of its output, so here it is true: the handler did fail like that.
    with impostor(http(404, said, "x-restate-error-source: invocation")) as url:
        over_http(url, story)


def test_the_error_source_of_older_servers() -> None:
    """Without the header, an id of an invocation says who failed."""
    answer = http(409, '{"code":409,"message":"taken"}', f"x-restate-id: {UNKNOWN}")

    async def story(transport: HttpTransport) -> None:
        assert await transport.call(Request(ECHO, b"1")) == Failure(409, "taken")

    with impostor(answer) as url:
        over_http(url, story)


@pytest.mark.parametrize("url", ["", "localhost:8080", "127.0.0.1:8080", "ftp://host", "http://", "http://host/?a=b"])
def test_what_is_no_url(url: str) -> None:
    """It is said when the client is made, not at its first call."""
    with pytest.raises(ValueError, match=r"looks like http://127\.0\.0\.1:8080"):
        connect(url)


def test_the_base_of_a_url(node: Node) -> None:
    """A slash at its end does no harm."""

    async def story(transport: HttpTransport) -> None:
        assert await transport.call(Request(ECHO, b"1")) == Ok(b"1")

    over_http(f"{node.served.ingress_url}/", story)


def test_a_caller_who_does_not_wait_for_ever(node: Node, key: str) -> None:
    """A limit of the client ends the wait alone; the invocation goes on."""
    definition = perdure.HandlerDef[object](
        service="Tools", name="wait", attr="wait", kind="service", input=str, output=object
    )

    async def story() -> None:
        async with connect(node.served.ingress_url) as client:
            caller = perdure.ServiceClient(client).with_options(timeout=ms(200), idempotency_key=key)
            with pytest.raises(perdure.ServerUnreachable, match="no answer within"):
                await caller._call(definition, key)
            awakeable = await asyncio.to_thread(awakeables(key).get, timeout=20)
            await client.resolve_awakeable(awakeable, [1])
            assert await caller.with_options(idempotency_key=key)._call(definition, key) == [1]

    asyncio.run(story())


def test_blocking_clients(node: Node, key: str) -> None:
    """One client for many threads."""
    definition = perdure.HandlerDef[int](
        service="Counter", name="add", attr="add", kind="exclusive", input=int, output=int
    )
    with connect_sync(node.served.ingress_url) as client:

        def add(_: int) -> int:
            return perdure.ObjectSyncClient(client, key)._call(definition, 1)

        with ThreadPoolExecutor(8) as threads:
            assert sorted(threads.map(add, range(16))) == list(range(1, 17))
        handle = perdure.ObjectSyncClient(client, key)._send(definition, 4, perdure.SendOptions())
        assert handle.result() == 20
        with pytest.raises(perdure.RequestRefused, match="service 'Nobody' not found"):
            perdure.ServiceSyncClient(client)._call(
                perdure.HandlerDef[None](service="Nobody", name="x", attr="x", kind="service", input=None, output=None)
            )
