"""The workloads: which requests each of their operations sends, one after the other.

All targets answer the same paths, which are those of the HTTP API (docs/http-api.md), with the same bodies.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

Script = Callable[[int], tuple[bytes, ...]]
"""The requests of the operation with this number, each sent when the one before was answered."""


class Plan(msgspec.Struct, kw_only=True):
    """What a load process does."""

    port: int
    workload: str
    connections: int
    seconds: float = 0.0
    """How long it measures, after the warm-up."""
    warmup: float = 0.0
    count: int = 0
    """How many operations, if it is not a matter of time."""
    run: str = ""
    """Tells the workflows of this process from those of others."""
    wake_at: float = 0.0
    """When the first sleeper wakes, in seconds of the wall clock."""
    wake_rate: float = 0.0
    """How many wake each second; 0 is all at once."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A row of the table, by what is measured and how it is asked for."""

    about: str
    make: Callable[[Plan], Script]
    steady: bool = True
    """Whether it leaves nothing behind, so that rounds can follow each other."""


def request(path: str, body: bytes = b"", method: str = "POST") -> bytes:
    """The bytes of a request. A body is JSON."""
    kind = "Content-Type: application/json\r\n" if body else ""
    length = f"Content-Length: {len(body)}\r\n" if body or method == "POST" else ""
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{kind}{length}\r\n".encode() + body


def _same(path: str, body: bytes = b"") -> Callable[[Plan], Script]:
    """Always the same request."""
    requests = (request(path, body),)
    return lambda _: lambda _: requests


def _counters(_: Plan) -> Script:
    keys = [(request(f"/Counter/key{n}/add", b"1"),) for n in range(1000)]
    return lambda n: keys[n % 1000]


def _ticks(_: Plan) -> Script:
    return lambda n: (request("/Bench/tick/send", b'{"n":%d}' % n),)


def _hot_sends(_: Plan) -> Script:
    return _same("/Counter/hot/add/send", b"1")(_)


def _naps(plan: Plan) -> Script:
    def nap(n: int) -> tuple[bytes, ...]:
        wake_at = plan.wake_at + (n / plan.wake_rate if plan.wake_rate else 0.0)
        ms = max(1, round((wake_at - time.time()) * 1000))
        return (request("/Bench/nap/send", b'{"n":%d,"ms":%d}' % (n, ms)),)

    return nap


def _approvals(plan: Plan) -> Script:
    def approval(n: int) -> tuple[bytes, ...]:
        id = f"{plan.run}-{n}"
        return (
            request(f"/Approval/{id}/run/send", b"0"),
            request(f"/Approval/{id}/decide", b"true"),
            request(f"/restate/workflow/Approval/{id}/attach", method="GET"),
        )

    return approval


WORKLOADS = {
    "W1": Workload("greet: a call, no step", _same("/Greeter/greet", b'"Mary"')),
    "W2a": Workload("object counter, 1,000 keys", _counters),
    "W2b": Workload("object counter, one hot key", _same("/Counter/hot/add", b"1")),
    "W3": Workload("ten sequential steps", _same("/Bench/steps")),
    "W4": Workload("a handler that calls another service", _same("/Bench/relay", b'"Mary"')),
    "W5": Workload("one-way sends", _ticks, steady=False),
    "W6": Workload("sleepers", _naps, steady=False),
    "W7": Workload("workflow: start, signal a promise, attach", _approvals),
    "hot sends": Workload("sends to one key", _hot_sends, steady=False),
}
"""By name. W8 is W6 with a SIGKILL."""

STEADY = tuple(name for name, workload in WORKLOADS.items() if workload.steady)
