"""A server, and the real console script that speaks to it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from tests.cli.done import Done, Perdure
from tests.ingress.node import Node

PATIENCE_S = 20.0


@dataclass(frozen=True)
class Operators:
    """Runs commands against one server."""

    perdure: Perdure
    node: Node

    def __call__(self, *arguments: str, **variables: str) -> Done:
        """One command."""
        places = {"PERDURE_INGRESS": self.node.served.ingress, "PERDURE_ADMIN": self.node.served.admin}
        where = {name: f"{host}:{port}" for name, (host, port) in places.items()}
        return self.perdure(*arguments, **(where | variables))

    def fine(self, *arguments: str) -> str:
        """What a command prints that has nothing to complain about."""
        done = self(*arguments)
        assert (done.status, done.err) == (0, ""), done
        return done.out.rstrip("\n")

    def json(self, *arguments: str) -> Any:  # noqa: ANN401  JSON
        """What it prints with --json."""
        return json.loads(self.fine(*arguments, "--json"))

    def no(self, *arguments: str) -> tuple[int, str]:
        """Status and complaint of a command that prints no result."""
        done = self(*arguments)
        assert done.status != 0
        assert done.out == ""
        return done.status, done.err.rstrip("\n")

    def send(self, path: str, value: object) -> str:
        """Send, without a command; returns the id."""
        id: str = self.node.call(f"{path}/send", json.dumps(value).encode()).json["invocationId"]
        return id

    def await_status(self, id: str, expected: str) -> str:
        """Wait until an invocation has a status; returns its id."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.json("invocations", "describe", id)["invocation"]["status"]) != expected:
            assert time.monotonic() < deadline, f"it is {found} and not {expected}"
        return id
