"""What comes back: results, failures, acknowledgements, and asking for them later."""

from __future__ import annotations

import datetime
import json
import time

import pytest

from tests.ingress.node import Node
from tests.ingress.raw import Reply, always

UNKNOWN = "inv_1" + "0" * 33
RUN_IS_IDEMPOTENT = (
    "cannot use the idempotency key with workflow handlers. The handler invocation will already be idempotent by"
    " the workflow key itself."
)


def soon(node: Node, path: str, status: int = 200) -> Reply:
    """GET until the answer has this status."""
    deadline = time.monotonic() + 20
    while (reply := node.ask("GET", path)).status != status:
        assert time.monotonic() < deadline, f"{path} is still {reply.status}: {reply.body!r}"
        time.sleep(0.01)
    return reply


# --- calls -------------------------------------------------------------------------------------------------


def test_a_result(node: Node) -> None:
    """The bytes of the output, as JSON, and the id of the invocation."""
    reply = node.call("/Tools/echo", b'{"a": [1, null]}')
    assert (reply.status, reply.json) == (200, {"a": [1, None]})
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-restate-id"].startswith("inv_1")
    assert len(reply.headers["x-restate-id"]) == 38
    assert "idempotency-expires" not in reply.headers
    assert always(reply)


def test_a_result_that_is_nothing(node: Node) -> None:
    """No body, and no type of it."""
    reply = node.call("/Tools/nothing")
    assert (reply.status, reply.body) == (200, b"")
    assert "content-type" not in reply.headers
    assert "x-restate-id" in reply.headers


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (400, 400),
        (404, 404),
        (409, 409),
        (418, 418),
        (470, 470),
        (500, 500),
        (503, 503),
        (999, 999),
        (200, 200),
        (301, 301),
        (0, 500),
        (-1, 500),
        (99, 500),
        (101, 500),
        (204, 500),
        (205, 500),
        (304, 500),
        (1000, 500),
        (1234, 500),
    ],
)
def test_a_terminal_error(node: Node, code: int, status: int) -> None:
    """Its code is the status if it can be one; the body always has it, and says who failed."""
    trouble = {"code": code, "message": "no ünits", "metadata": {"a": "b"}}
    reply = node.call("/Tools/fail", json.dumps(trouble).encode())
    assert reply.status == status
    assert reply.message == "no ünits"
    assert reply.json == {"code": code, "message": "no ünits", "metadata": {"a": "b"}, "source": "invocation"}
    assert "x-restate-id" in reply.headers
    assert always(reply)


def test_a_terminal_error_without_metadata(node: Node) -> None:
    """Then there is none in the body."""
    reply = node.call("/Tools/fail", b'{"code":409}')
    assert reply.json == {"code": 409, "message": "as told", "source": "invocation"}


def test_refusals_have_what_every_answer_has(node: Node) -> None:
    """Also those of paths."""
    assert always(node.call("/Nobody/x"))
    assert always(node.ask("PUT", "/Tools/echo"))


# --- sends -------------------------------------------------------------------------------------------------


def test_a_send(node: Node) -> None:
    """202 with the id; the result can be asked for."""
    reply = node.call("/Tools/echo/send", b"7")
    id = reply.headers["x-restate-id"]
    assert reply.status == 202
    assert reply.headers["content-type"] == "application/json"
    assert reply.json == {"invocationId": id, "status": "Accepted"}
    assert always(reply)
    assert node.ask("GET", f"/restate/invocation/{id}/attach").body == b"7"


@pytest.mark.parametrize("query", ["delay=300ms", "Delay=300+ms", "DELAY=PT0.3S", "delay=0.3s&x=1", "x&delay=300%20ms"])
def test_a_delayed_send(node: Node, query: str) -> None:
    """It says when it will run, and runs then."""
    before = datetime.datetime.now(datetime.UTC)
    reply = node.call(f"/Tools/echo/send?{query}", b"7")
    at = reply.json["executionTime"]
    assert list(reply.json) == ["invocationId", "executionTime", "status"]
    assert (len(at), at[-7:]) == (30, "000000Z")
    lead = datetime.datetime.fromisoformat(at) - before
    assert datetime.timedelta(milliseconds=298) <= lead < datetime.timedelta(seconds=5)
    id = reply.headers["x-restate-id"]
    assert node.ask("GET", f"/restate/output/{id}").status == 470
    assert node.ask("GET", f"/restate/attach/{id}").body == b"7"
    assert datetime.datetime.now(datetime.UTC) >= before + lead


def test_a_delay_of_nothing(node: Node) -> None:
    """It is no delay; another spelling of the parameter is none either."""
    for query in ("delay=0s", "delaySec=5"):
        reply = node.call(f"/Tools/echo/send?{query}", b"7")
        assert (reply.status, "executionTime" in reply.json) == (202, False)


@pytest.mark.parametrize("delay", ["10", "", "abc", "-5s", "1y"])
def test_a_bad_delay(node: Node, delay: str) -> None:
    """400, with what is wrong with it."""
    before = node.count()
    reply = node.call(f"/Tools/echo/send?delay={delay}", b"7")
    assert reply.status == 400
    assert reply.message.startswith("bad delay query parameter, must be a ISO8601 duration: ")
    assert node.count() == before


# --- idempotency -------------------------------------------------------------------------------------------


def test_calls_with_one_key_are_one_invocation(node: Node, key: str) -> None:
    """The first body counts; a repeat also says when the result will be forgotten."""
    first = node.call("/Tools/echo", b"1", idempotency_key=key)
    second = node.call("/Tools/echo", b"2", idempotency_key=key)
    assert (first.body, second.body) == (b"1", b"1")
    assert first.headers["x-restate-id"] == second.headers["x-restate-id"]
    assert "idempotency-expires" not in first.headers
    expires = second.headers["idempotency-expires"]
    assert (len(expires), expires[-6:]) == (29, "+00:00")
    ahead = datetime.datetime.fromisoformat(expires) - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(hours=23) < ahead <= datetime.timedelta(days=1)


def test_failures_are_kept_too(node: Node, key: str) -> None:
    """A repeat fails like the first one did."""
    first = node.call("/Tools/fail", b'{"code":417}', idempotency_key=key)
    second = node.call("/Tools/fail", b'{"code":418}', idempotency_key=key)
    assert (first.status, second.status, second.json["code"]) == (417, 417, 417)
    assert "idempotency-expires" in second.headers


def test_sends_with_one_key(node: Node, key: str) -> None:
    """The second is acknowledged as the first one; its delay is the original one."""
    first = node.call("/Tools/echo/send?delay=1h", b"1", idempotency_key=key)
    second = node.call("/Tools/echo/send", b"2", idempotency_key=key)
    assert (first.json["status"], second.json["status"]) == ("Accepted", "PreviouslyAccepted")
    assert first.json["invocationId"] == second.json["invocationId"]
    assert first.json["executionTime"] == second.json["executionTime"]


def test_what_makes_a_request_the_same(node: Node, key: str) -> None:
    """Handler, object and key together; an empty key is one."""
    ids = [
        node.call(path, b"1", idempotency_key=one).headers["x-restate-id"]
        for path in (f"/Counter/{key}/add", f"/Counter/{key}-2/add", f"/Counter/{key}/append")
        for one in ("k", "")
    ]
    assert len(set(ids)) == len(ids)
    again = node.call(f"/Counter/{key}/add", b"1", idempotency_key="")
    assert again.headers["x-restate-id"] == ids[1]
    assert node.call(f"/Counter/{key}/peek").json == 2


def test_an_object_with_a_key(node: Node, key: str) -> None:
    """The repeat does not count twice."""
    bodies = [node.call(f"/Counter/{key}/add", b"5", idempotency_key="k").body for _ in range(3)]
    assert bodies == [b"5", b"5", b"5"]
    assert node.call(f"/Counter/{key}/peek").body == b"5"


def test_a_key_from_the_input(node: Node) -> None:
    """A spec may say which parameter identifies a request; a header wins."""
    order = b'{"userId":4711,"items":[]}'
    ids = [node.call("/Tools/once", order).json for _ in range(2)]
    assert ids[0] == ids[1]
    assert node.call("/Tools/once", order, idempotency_key="other").json != ids[0]
    by_key = node.ask("GET", "/restate/invocation/Tools/once/4711/output")
    assert by_key.json == ids[0]


def test_a_key_that_is_required(node: Node, key: str) -> None:
    """A spec may insist on one."""
    reply = node.call("/Tools/strict", b"1")
    assert (reply.status, reply.message) == (400, "this handler needs an idempotency-key")
    assert node.call("/Tools/strict", b"1", idempotency_key=key).status == 200


# --- workflows ---------------------------------------------------------------------------------------------


def test_a_workflow_runs_once(node: Node, key: str) -> None:
    """A second call is refused as the invocation's own, a second send acknowledged as the first one."""
    sent = node.call(f"/Flow/{key}/run/send", b'"Mary"')
    again = node.call(f"/Flow/{key}/run/send", b'"Jane"')
    assert (sent.json["status"], again.json["status"]) == ("Accepted", "PreviouslyAccepted")
    called = node.call(f"/Flow/{key}/run", b'"Jane"')
    assert (called.status, called.message) == (409, "the workflow method was already invoked")
    assert called.json["source"] == "invocation"
    assert called.headers["x-restate-id"] == sent.headers["x-restate-id"]

    assert node.ask("GET", f"/restate/workflow/Flow/{key}/output").status == 470
    assert node.call(f"/Flow/{key}/say", b'"hello"').status == 200
    attached = node.ask("GET", f"/restate/workflow/Flow/{key}/attach")
    assert (attached.status, attached.json) == (200, "Mary hello")
    assert attached.headers["x-restate-id"] == sent.headers["x-restate-id"]
    done = soon(node, f"/restate/workflow/Flow/{key}/output")
    assert done.json == "Mary hello"
    assert "idempotency-expires" in done.headers
    assert node.call(f"/Flow/{key}/run", b'"Jane"').status == 409


def test_a_workflow_takes_no_idempotency_key(node: Node, key: str) -> None:
    """It has one already. Its other handlers may have one."""
    for path in (f"/Flow/{key}/run", f"/Flow/{key}/run/send"):
        reply = node.call(path, b'"x"', idempotency_key="k")
        assert (reply.status, reply.message) == (400, RUN_IS_IDEMPOTENT)
    assert node.call(f"/Flow/{key}/say", b'"x"', idempotency_key="k").status == 200


def test_a_workflow_can_be_delayed(node: Node, key: str) -> None:
    """As any send."""
    assert "executionTime" in node.call(f"/Flow/{key}/run/send?delay=1h", b'"x"').json


# --- asking later ------------------------------------------------------------------------------------------


def targets(key: str, id: str) -> list[dict[str, str]]:
    """The three ways to name one invocation of `Counter/{key}/add` or `Flow/{key}/run`, as far as they go."""
    return [
        {"target": "invocation", "invocationId": id},
        {"target": "idempotentInvocation", "service": "Counter", "key": key, "handler": "add", "idempotencyKey": "i/k"},
    ]


def test_all_ways_to_ask_for_a_result(node: Node, key: str) -> None:
    """By id, by idempotency key, in the path or in a body: the same answer."""
    first = node.call(f"/Counter/{key}/add", b"5", idempotency_key="i/k")
    id = first.headers["x-restate-id"]
    replies = [
        node.ask("GET", path)
        for what in ("attach", "output")
        for path in (
            f"/restate/{what}/{id}",
            f"/restate/invocation/{id}/{what}",
            f"/restate/invocation/Counter/{key}/add/i%2Fk/{what}",
        )
    ]
    replies += [
        node.ask("POST", f"/restate/{what}", json.dumps(target).encode())
        for what in ("attach", "output")
        for target in targets(key, id)
    ]
    assert len(replies) == 10
    assert {(reply.status, reply.body, reply.headers["x-restate-id"]) for reply in replies} == {(200, b"5", id)}
    assert all("idempotency-expires" in reply.headers for reply in replies)


def test_a_workflow_by_its_target(node: Node, key: str) -> None:
    """The third kind of target."""
    id = node.call(f"/Flow/{key}/run/send", b'"Mary"').headers["x-restate-id"]
    target = json.dumps({"target": "workflow", "workflowName": "Flow", "workflowKey": key}).encode()
    assert node.ask("POST", "/restate/lookup", target).json == {"invocationId": id}
    waits = node.ask("POST", "/restate/output", target)
    assert (waits.status, waits.message) == (470, "the invocation exists but has not completed yet")
    assert waits.json["source"] == "ingress"


def test_lookup_computes(node: Node, key: str) -> None:
    """It needs no invocation; and it is what a request with this key will get."""
    target = json.dumps(targets(key, "")[1]).encode()
    reply = node.ask("POST", "/restate/lookup", target)
    assert reply.status == 200
    assert (
        node.call(f"/Counter/{key}/add", b"5", idempotency_key="i/k").headers["x-restate-id"]
        == reply.json["invocationId"]
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "bad target: Input data was truncated"),
        (b"{}", "bad target: Object missing required field `target`"),
        (b'{"target":"x"}', "bad target: Invalid value 'x' - at `$.target`"),
        (b'{"target":"workflow","workflowName":"Flow"}', "bad target: Object missing required field `workflowKey`"),
        (b'{"target":"invocation","invocationId":"x"}', "bad invocation id 'x': it does not start with inv_1"),
        (
            b'{"target":"workflow","workflowName":"F","workflowKey":"k","scope":"s"}',
            "scoped invocations require vqueues to be enabled",
        ),
    ],
)
@pytest.mark.parametrize("what", ["attach", "output", "lookup"])
def test_bad_targets(node: Node, what: str, body: bytes, message: str) -> None:
    """400 with the field, never a 500."""
    reply = node.ask("POST", f"/restate/{what}", body)
    assert (reply.status, reply.message) == (400, message)


@pytest.mark.parametrize(
    "path",
    [
        f"/restate/attach/{UNKNOWN}",
        f"/restate/output/{UNKNOWN}",
        f"/restate/invocation/{UNKNOWN}/attach",
        "/restate/invocation/Tools/echo/nobodys-key/output",
        "/restate/workflow/Flow/nobodys/attach",
        "/restate/workflow/Flow/nobodys/output",
    ],
)
def test_an_invocation_that_is_not_known(node: Node, path: str) -> None:
    """It is the ingress that does not know it."""
    reply = node.ask("GET", path)
    assert (reply.status, reply.message, reply.json["source"]) == (404, "invocation not found", "ingress")


@pytest.mark.parametrize("id", ["inv_bad", "inv_1abc", "x", "inv_1" + "!" * 33, "inv_1" + "z" * 33])
@pytest.mark.parametrize("path", ["/restate/attach/{}", "/restate/output/{}", "/restate/invocation/{}/output"])
def test_bad_ids(node: Node, path: str, id: str) -> None:
    """Each is 400 with the id in the message."""
    reply = node.ask("GET", path.format(id))
    assert reply.status == 400
    assert reply.message.startswith(f"bad invocation id '{id}': ")
