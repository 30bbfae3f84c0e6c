"""Many callers at once, callers who leave, and browsers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.ingress.node import Node
from tests.ingress.raw import JSON, Reply, request
from tests.ingress.served import STARTED, awakeables

CALLERS = 24


def test_concurrent_calls_with_one_key(node: Node, key: str) -> None:
    """One invocation, and everybody gets its result."""

    def call(number: int) -> Reply:
        return node.call(f"/Counter/{key}/add", str(number).encode(), idempotency_key="k")

    with ThreadPoolExecutor(CALLERS) as callers:
        replies = list(callers.map(call, range(CALLERS)))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.headers["x-restate-id"] for reply in replies}) == 1
    assert len({reply.body for reply in replies}) == 1
    assert node.call(f"/Counter/{key}/peek").body == replies[0].body


def test_one_key_of_an_object_is_served_in_order(node: Node, key: str) -> None:
    """Requests that stand in one packet are accepted in their order, and run in it, one at a time."""
    head = f"POST /Counter/{key}/append/send HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with node.connection() as connection:
        for n in range(CALLERS):
            connection.send(f"{head}content-length: {len(str(n))}\r\n\r\n{n}".encode())
        assert [connection.reply().status for _ in range(CALLERS)] == [202] * CALLERS
    last = node.call(f"/Counter/{key}/append", str(CALLERS).encode())
    assert last.json == list(range(CALLERS + 1))


def test_a_hot_key(node: Node, key: str) -> None:
    """Concurrent callers of one object each see a sum of their own: nothing is lost, nothing is counted twice."""

    def add(_: int) -> int:
        total: int = node.call(f"/Counter/{key}/add", b"1").json
        return total

    with ThreadPoolExecutor(CALLERS) as callers:
        sums = list(callers.map(add, range(CALLERS * 4)))
    assert sorted(sums) == list(range(1, CALLERS * 4 + 1))


@pytest.mark.parametrize("path", ["/Tools/wait", "/Counter/{key}/hold"])
def test_a_caller_who_leaves(node: Node, key: str, path: str) -> None:
    """The invocation goes on without him, and his idempotency key finds its result."""
    with node.connection() as connection:
        headers = JSON | {"idempotency-key": key}
        connection.send(request("POST", path.format(key=key), f'"{key}"'.encode(), headers))
        awakeable = awakeables(key).get(timeout=20)
    assert node.ask("POST", f"/restate/awakeables/{awakeable}/resolve", b'"done"').status == 202
    reply = node.call(path.format(key=key), b'"other"', idempotency_key=key)
    assert (reply.status, reply.json) == (200, "done")
    assert STARTED[key] == 1


def test_callers_who_leave_are_forgotten(node: Node, key: str) -> None:
    """Clients attach, give up and come again, for days; what they left behind must not pile up."""
    id = node.call("/Tools/wait/send", f'"{key}"'.encode()).headers["x-restate-id"]
    for _ in range(8):
        with node.connection() as connection:
            connection.send(request("GET", f"/restate/attach/{id}"))
    waiting = node.served.engine._waiters
    deadline = time.monotonic() + 20
    while any(len(waiters) for waiters in list(waiting.values())) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(len(waiters) for waiters in list(waiting.values()))
    assert node.ask("GET", f"/restate/output/{id}").status == 470


def test_preflight(node: Node) -> None:
    """A browser asks first, on any path, and is allowed what it asked for."""
    reply = node.ask(
        "OPTIONS",
        "/Nobody/at/all",
        headers={
            "origin": "https://shop.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,idempotency-key",
        },
    )
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["access-control-allow-origin"] == "https://shop.example"
    assert reply.headers["access-control-allow-methods"] == "POST"
    assert reply.headers["access-control-allow-headers"] == "content-type,idempotency-key"
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert "origin" in reply.headers["vary"]


@pytest.mark.parametrize(("path", "status"), [("/Tools/echo", 200), ("/Nobody/x", 404), ("/Tools/fail", 400)])
def test_answers_to_a_page(node: Node, path: str, status: int) -> None:
    """A page may read every answer, refusals too."""
    reply = node.call(path, b"1", origin="http://localhost:3000")
    assert reply.status == status
    assert reply.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "access-control-allow-methods" not in reply.headers


def test_options_without_a_question(node: Node) -> None:
    """Nobody asked, so nothing is allowed."""
    reply = node.ask("OPTIONS", "/")
    assert reply.status == 200
    assert "access-control-allow-origin" not in reply.headers
