"""Restate's own clients, in Python and in TypeScript, against both ingresses: they cannot tell one from the other.

The Python client has no word for attach, output and awakeables: those are seen with the TypeScript one alone.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
import restate
from restate.client_types import HttpError

from tests.contract import restate_handlers as handlers
from tests.contract.door import Door, Target, get
from tests.contract.targets import Served
from tests.support.npm import node, node_modules

SCRIPT = Path(__file__).with_name("clients.mjs")
NODE_S = 60
Work = Callable[[restate.RestateClient], Awaitable[object]]

TYPESCRIPT_SEES = {
    "call": {"a": [1, "ü"]},
    "callWithoutInput": None,
    "callAnObject": 3,
    "callAKeyOfOddLetters": "typescript/ü ?",
    "callByName": 4,
    "callWithHeaders": "1",
    "callThatFails": {
        "status": 418,
        "said": {"code": 418, "message": "as told", "metadata": {"a": "b"}, "source": "invocation"},
    },
    "callOnce": [7, 7],
    "send": "Accepted",
    "sendAgain": "PreviouslyAccepted",
    "resultOfTheSend": 13,
    "delayedSend": ["Accepted", True],
    "resultOfTheDelayedSend": 5,
    "sendByName": "Accepted",
    "submit": "Accepted",
    "submitAgain": "PreviouslyAccepted",
    "outputTooEarly": False,
    "attach": "Ada hello",
    "output": {"ready": True, "result": "Ada hello"},
    "resultOfTheWorkflow": "Ada hello",
    "sharedHandler": {"word": "hello"},
    "attachToNothing": 404,
    "resolve": {"a": 1},
    "reject": {"status": 500, "said": {"code": 500, "message": "not today", "source": "invocation"}},
}


@pytest.fixture(params=["ours", "theirs"])
def served(request: pytest.FixtureRequest) -> Served:
    """Each of the two servers."""
    found: Served = request.getfixturevalue(request.param)
    return found


def with_client(served: Served, work: Work) -> object:
    """What the Python client gets."""

    async def run() -> object:
        async with restate.create_client(served.ingress_url) as client:  # pyright: ignore[reportUnknownMemberType]  a bare dict of theirs
            return await work(client)

    return asyncio.run(run())


@pytest.mark.parametrize(("served", "status"), [("ours", 200), ("theirs", 400)], indirect=["served"])
def test_typescript(served: Served, status: int) -> None:
    """Calls, sends, delays, idempotency keys, results, workflows, awakeables: all that the client has.

    It says JSON of the nothing that it sends, unless it is told not to: only here a handler without input takes that.
    """
    package = node_modules() / "@restatedev" / "restate-sdk-clients" / "dist" / "index.js"
    command: list[str | Path] = [node(), SCRIPT, served.ingress_url, "typescript", package]
    done = subprocess.run(command, capture_output=True, text=True, timeout=NODE_S, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == TYPESCRIPT_SEES | {"callWithoutInputAsJson": status}


def test_python_calls(served: Served) -> None:
    """A service, an object, a workflow; typed by their handlers, or by name with bytes."""

    async def work(client: restate.RestateClient) -> object:
        return [
            await client.service_call(handlers.echo, {"a": 1}),
            await client.service_call(handlers.nothing, None),
            await client.object_call(handlers.add, "python-calls", 3),
            await client.object_call(handlers.total_of, "python-calls", None),
            await client.workflow_call(handlers.quick_run, "python-calls", {"code": 7}),
            await client.generic_call("Tools", "length", b'"four"', headers={"content-type": "application/json"}),
        ]

    assert with_client(served, work) == [{"a": 1}, None, 3, 3, 7, b"4"]


def test_python_idempotency(served: Served) -> None:
    """The second call gets the result of the first."""

    async def work(client: restate.RestateClient) -> object:
        return [
            await client.object_call(handlers.add, "python-once", amount, idempotency_key="python-once")
            for amount in (3, 5)
        ]

    assert with_client(served, work) == [3, 3]


def test_python_sends(served: Served) -> None:
    """A send gives the id of the invocation, and a second one with its key the same id."""

    async def work(client: restate.RestateClient) -> object:
        sends = [
            await client.object_send(handlers.add, "python-sends", 4, idempotency_key="python-sends") for _ in range(2)
        ]
        workflow = await client.workflow_send(handlers.quick_run, "python-sends", {"code": 9})
        return [sends[0].invocation_id, sends[1].invocation_id, workflow.invocation_id]

    first, again, workflow = cast("list[str]", with_client(served, work))
    assert first == again
    assert wait_for(served, f"/restate/attach/{first}") == 4
    assert wait_for(served, f"/restate/attach/{workflow}") == 9


def test_python_errors(served: Served) -> None:
    """A terminal error is an HttpError with the code and the whole answer."""

    async def work(client: restate.RestateClient) -> object:
        await client.service_call(handlers.fail, {"code": 418})
        return None

    with pytest.raises(HttpError) as caught:
        with_client(served, work)
    assert caught.value.status_code == 418
    assert json.loads(caught.value.body or "") == {"code": 418, "message": "as told", "source": "invocation"}


def test_python_delays_are_refused(served: Served) -> None:
    """The client writes a delay as a bare number, which is none (a bug of its own): both servers say so."""

    async def work(client: restate.RestateClient) -> object:
        await client.service_send(handlers.length, "later", send_delay=handlers.TWICE.initial_interval)
        return None

    with pytest.raises(HttpError) as caught:
        with_client(served, work)
    assert caught.value.status_code == 400
    assert "bad delay query parameter" in (caught.value.body or "")


@pytest.mark.parametrize("key", ["a/b", ""])
def test_python_keys_that_need_encoding(served: Served, key: str) -> None:
    """The client writes keys into paths as they are, and leaves empty ones out (bugs of its own): both refuse."""

    async def work(client: restate.RestateClient) -> object:
        return await client.object_call(handlers.key, key, None)

    with pytest.raises(HttpError) as caught:
        with_client(served, work)
    assert caught.value.status_code == 400


def wait_for(target: Target, path: str) -> object:
    """The result of an invocation. The Python client cannot attach."""
    return Door(target, "clients").quietly(get(path)).json
