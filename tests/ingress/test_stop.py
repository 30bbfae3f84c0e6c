"""How a server stops, what it does without a disk, and what it finds when it starts again."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest

import perdure
from perdure.errors import StoreLocked
from tests.ingress.node import Node
from tests.ingress.raw import JSON, request
from tests.ingress.served import app, awakeables
from tests.support.handlers import service


def started(folder: Path, drain_s: float = 5.0) -> Node:
    """A server on a folder."""
    node = Node(app(), folder, drain_s)
    node.start()
    return node


def test_calls_under_way_get_their_answer(tmp_path: Path, key: str) -> None:
    """While the server drains: new requests are refused, new connections too, what was accepted ends."""
    node = started(tmp_path)
    with node.connection() as waiting, node.connection() as open_before:
        assert open_before.ask("GET", "/restate/health").status == 200
        waiting.send(request("POST", "/Tools/sleep", b"700", JSON))
        time.sleep(0.2)
        node.ask_to_stop()
        time.sleep(0.1)
        refused = open_before.ask("POST", "/Tools/echo", b"1", JSON)
        assert refused.status == 503
        assert refused.message == "the server is stopping; the request was not accepted, send it again"
        assert refused.headers["connection"] == "close"
        assert open_before.at_end()
        with pytest.raises(ConnectionRefusedError):
            node.connection()
        assert waiting.reply().json == "slept"
    node.stop()


def test_a_wait_that_does_not_end(tmp_path: Path, key: str) -> None:
    """It is told where to ask again, within the time that a stop may take; the invocation survives."""
    node = started(tmp_path, drain_s=0.2)
    with node.connection() as waiting:
        waiting.send(request("POST", "/Tools/wait", f'"{key}"'.encode(), JSON))
        awakeable = awakeables(key).get(timeout=20)
        node.stop()
        reply = waiting.reply()
        assert reply.status == 503
        id = reply.message.split("invocation ")[1].split(" ")[0]
        assert reply.message == (
            f"the server is stopping; invocation {id} goes on when it starts again, attach to it then"
        )
    again = started(tmp_path)
    assert again.ask("POST", f"/restate/awakeables/{awakeable}/resolve", b"1").status == 202
    assert again.ask("GET", f"/restate/attach/{id}").body == b"1"
    again.stop()


def test_everything_is_found_again(tmp_path: Path, key: str) -> None:
    """Results, state, delayed sends and workflows outlive the process."""
    node = started(tmp_path)
    first = node.call(f"/Counter/{key}/add", b"5", idempotency_key="k")
    sent = node.call("/Tools/echo/send?delay=1s", b"7")
    run = node.call(f"/Flow/{key}/run/send", b'"Mary"')
    node.stop()
    node = started(tmp_path)
    assert node.call(f"/Counter/{key}/add", b"6", idempotency_key="k").body == first.body
    assert node.call(f"/Counter/{key}/peek").body == b"5"
    assert node.ask("GET", f"/restate/attach/{sent.headers['x-restate-id']}").body == b"7"
    assert node.call(f"/Flow/{key}/run/send", b'"Jane"').json["status"] == "PreviouslyAccepted"
    assert node.call(f"/Flow/{key}/say", b'"hi"').status == 200
    assert node.ask("GET", f"/restate/attach/{run.headers['x-restate-id']}").json == "Mary hi"
    node.stop()


def test_one_folder_one_server(tmp_path: Path) -> None:
    """The second is refused before it answers anybody."""
    node = started(tmp_path)
    with pytest.raises(StoreLocked, match="is in use by process"):
        Node(app(), tmp_path).start()
    node.stop()


def test_a_store_that_fails(tmp_path: Path) -> None:
    """Nothing that could be lost is acknowledged: a call in flight and all later ones are 503, with the reason."""
    node = started(tmp_path)

    def fail(_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    node.served.engine._store.commit = fail  # type: ignore[method-assign,assignment]  # the disk, not our code, is what fails here
    for path in ("/Tools/echo", "/Tools/echo/send", "/Tools/echo"):
        reply = node.call(path, b"1")
        assert reply.status == 503
        assert reply.message.startswith("the store has failed and nothing is accepted any more: ")
        assert reply.message.endswith("A request with an idempotency-key can be safely retried.")
    assert node.served.engine.failed.is_set()
    node.stop()


def test_faults_of_our_own(tmp_path: Path) -> None:
    """A fault inside the server is a 500 of the usual shape, without its traceback."""
    node = started(tmp_path)

    def fault(_: object) -> None:
        raise RuntimeError("secret detail")

    node.served.engine.find = fault  # type: ignore[method-assign,assignment]  # to see what a fault looks like
    reply = node.ask("GET", "/restate/output/inv_1" + "0" * 33)
    assert (reply.status, reply.message) == (500, "internal error, see the log of the server")
    node.stop()


def test_serving_an_earlier_deployment_out(tmp_path: Path) -> None:
    """While invocations of another version are finished, nothing new is accepted, and everything else goes on."""

    async def wait(ctx: perdure.Context, name: str) -> object:
        awakeable = ctx.awakeable(int)
        await ctx.run("tell", lambda: None)
        awakeables(name).put(awakeable.id)
        return await awakeable

    def version(text: str) -> perdure.App:
        return perdure.App([service("Versioned", wait=wait)], version=text)

    node = Node(version("1"), tmp_path)
    node.start()
    id = node.call("/Versioned/wait/send", b'"versions"').headers["x-restate-id"]
    awakeable = awakeables("versions").get(timeout=20)
    node.stop()

    node = Node(version("2"), tmp_path, in_flight="drain")
    node.start()
    refused = node.call("/Versioned/wait", b'"versions"')
    assert refused.status == 503
    assert refused.message == (
        "this server finishes 1 invocations of an earlier deployment before it accepts new ones; try again later"
    )
    assert node.ask("POST", f"/restate/awakeables/{awakeable}/resolve", b"1").status == 202
    assert node.ask("GET", f"/restate/attach/{id}").body == b"1"
    assert node.call("/Versioned/wait/send", b'"versions"').status == 202
    node.stop()
