"""Awakeables: code outside completes them by their id, once."""

from __future__ import annotations

import pytest

from perdure.core.ids import CANCEL_SIGNAL, format_awakeable, parse_awakeable
from tests.ingress.node import Node
from tests.ingress.raw import always
from tests.ingress.served import awakeables


@pytest.mark.parametrize("prefix", ["/restate/awakeables", "/restate/a"])
def test_an_awakeable_is_resolved(node: Node, key: str, prefix: str) -> None:
    """202 without a body, and only the first completion counts."""
    sent = node.call("/Tools/wait/send", f'"{key}"'.encode())
    awakeable = awakeables(key).get(timeout=20)
    for value in (b'{"ok": true}', b"2"):
        reply = node.ask("POST", f"{prefix}/{awakeable}/resolve", value)
        assert (reply.status, reply.body) == (202, b"")
        assert always(reply)
    result = node.ask("GET", f"/restate/attach/{sent.headers['x-restate-id']}")
    assert result.json == {"ok": True}
    assert node.ask("POST", f"{prefix}/{awakeable}/reject", b"late").status == 202


def test_an_awakeable_is_rejected(node: Node, key: str) -> None:
    """The handler fails with the text and 500."""
    sent = node.call("/Tools/wait/send", f'"{key}"'.encode())
    awakeable = awakeables(key).get(timeout=20)
    assert node.ask("POST", f"/restate/awakeables/{awakeable}/reject", "nö".encode()).status == 202
    result = node.ask("GET", f"/restate/attach/{sent.headers['x-restate-id']}")
    assert (result.status, result.message, result.json["source"]) == (500, "nö", "invocation")


def test_an_awakeable_of_nobody(node: Node) -> None:
    """An invocation that is gone hears nothing; who completes cannot know, so it is 202."""
    sent = node.call("/Tools/wait/send", b'"gone"')
    awakeable = awakeables("gone").get(timeout=20)
    other = awakeable[:20] + ("B" if awakeable[20] != "B" else "C") + awakeable[21:]
    assert node.ask("POST", f"/restate/awakeables/{other}/resolve", b"1").status == 202
    assert node.ask("GET", f"/restate/awakeables/{other}/resolve").status == 405
    assert node.ask("GET", f"/restate/output/{sent.headers['x-restate-id']}").status == 470


@pytest.mark.parametrize("id", ["x", "sign_1", "sign_1!!!", "prom_1abc", "sign_1AAAA", "sign_1" + "A" * 38])
def test_bad_awakeables(node: Node, id: str) -> None:
    """400 with the id in the message."""
    reply = node.ask("POST", f"/restate/awakeables/{id}/resolve", b"1")
    assert reply.status == 400
    assert reply.message.startswith(f"bad awakeable id '{id}': ")


def test_nobody_cancels_by_an_awakeable(node: Node, key: str) -> None:
    """Signal 1 is the cancellation: an id that names it is no awakeable."""
    sent = node.call("/Tools/wait/send", f'"{key}"'.encode())
    invocation, _ = parse_awakeable(awakeables(key).get(timeout=20))
    forged = format_awakeable(invocation, CANCEL_SIGNAL)
    reply = node.ask("POST", f"/restate/awakeables/{forged}/reject", b"bye")
    assert reply.status == 400
    assert node.ask("GET", f"/restate/output/{sent.headers['x-restate-id']}").status == 470
