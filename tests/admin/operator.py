"""Somebody at the operators' door of a real server, who can bring invocations into any status."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.ingress.node import Node
from tests.ingress.raw import JSON, Connection, Reply

PATIENCE_S = 15.0


@dataclass(frozen=True)
class Operator:
    """Requests to the admin port, and to the ingress of the same server."""

    node: Node

    def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Reply:
        """One request to the admin port; a body is sent as JSON."""
        raw = None if body is None else json.dumps(body).encode()
        with Connection(self.node.served.admin) as connection:
            return connection.ask(method, path, raw, (JSON if raw else {}) | (headers or {}))

    def get(self, path: str) -> Any:  # noqa: ANN401  JSON
        """What a path says."""
        reply = self.ask("GET", path)
        assert reply.status == 200, (reply.status, reply.body)
        return reply.json

    def refused(self, method: str, path: str, body: object = None) -> tuple[int, str]:
        """Status and message of a refusal. Its shape is checked on the way."""
        reply = self.ask(method, path, body)
        if reply.headers["content-type"] == "text/plain; charset=utf-8":
            return reply.status, reply.body.decode()
        assert set(reply.json) == {"message", "restate_code"}
        message: str = reply.json["message"]
        return reply.status, message

    # --- invocations

    def send(self, path: str, value: object) -> str:
        """Send to a handler at the ingress; returns the id."""
        handler, _, query = path.partition("?")
        reply = self.node.call(f"{handler}/send{'?' if query else ''}{query}", json.dumps(value).encode())
        assert reply.status in (200, 202), reply.body
        id: str = reply.json["invocationId"]
        return id

    def status(self, id: str) -> str:
        """Its status; `gone` if it is not known."""
        reply = self.ask("GET", f"/invocations/{id}")
        status: str = "gone" if reply.status == 404 else reply.json["status"]
        return status

    def await_status(self, id: str, expected: str) -> None:
        """Wait until it has this status."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.status(id)) != expected:
            assert time.monotonic() < deadline, f"it is {found} and not {expected}"
            time.sleep(0.005)

    def bring(self, status: str, name: str) -> str:
        """An invocation in a status, which it keeps until something is done to it."""
        id = STAGES[status](self, name)
        self.await_status(id, status)
        return id


def _pending(operator: Operator, name: str) -> str:
    operator.send(f"/Account/{name}/hold", name)
    return operator.send(f"/Account/{name}/hold", name)


STAGES: dict[str, Callable[[Operator, str], str]] = {
    "scheduled": lambda operator, name: operator.send("/Stages/echo?delay=1h", name),
    "pending": _pending,
    "running": lambda operator, name: operator.send("/Stages/wait", name),
    "suspended": lambda operator, name: operator.send("/Stages/suspend", name),
    "backing-off": lambda operator, name: operator.send("/Stages/back_off", name),
    "paused": lambda operator, name: operator.send("/Stages/pause", name),
    "completed": lambda operator, name: operator.send("/Stages/steps", name),
}
