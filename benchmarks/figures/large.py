"""Large values: a state value of 1 MiB written and read, and bodies of 10 MiB there and back; time and memory.

Copies show as memory: what the process had of its own at the most while it answered, above what it had before, by the
size of the value. Pages of the journal are not its own.
"""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Generator

from benchmarks.figures import Ask, fresh
from benchmarks.report import Figure, number
from benchmarks.targets import Target, ask

TIMES = 9
WATCH_S = 0.002
STATE_BYTES, BODY_BYTES = 1 << 20, 10 << 20


def measure(_: Ask) -> list[Figure]:
    """On perdure alone."""
    value, body = b'"' + b"x" * STATE_BYTES + b'"', b'"' + b"x" * BODY_BYTES + b'"'
    steps: list[tuple[str, int, Callable[[Target], bytes]]] = [
        ("1 MiB of state, written", STATE_BYTES, lambda target: ask(target.port, "/Counter/large/keep", value)),
        ("1 MiB of state, read", STATE_BYTES, lambda target: ask(target.port, "/Counter/large/kept")),
        ("10 MiB of body, there and back", BODY_BYTES, lambda target: ask(target.port, "/Bench/echo", body)),
    ]
    found: list[Figure] = []
    with fresh("perdure") as target:
        for name, size, step in steps:
            step(target)
            with _watching(target) as grown:
                took = [_seconds(step, target) for _ in range(TIMES)]
            values = {
                "p50 ms": number(statistics.median(took) * 1000),
                "MB/s": number(size / 1e6 / statistics.median(took)),
                "memory in sizes": f"{max(grown) / size:.1f}",
            }
            found.append(Figure(name="Large values", target=name, values=values))
    return found


@contextlib.contextmanager
def _watching(target: Target) -> Generator[list[int]]:
    """By how much the process has grown, in bytes, looked at as often as that is cheap."""
    before = target.usage()["perdure"].own_bytes
    grown = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(WATCH_S):
            grown.append(target.usage()["perdure"].own_bytes - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield grown
    finally:
        done.set()
        thread.join()


def _seconds(step: Callable[[Target], bytes], target: Target) -> float:
    start = time.perf_counter()
    step(target)
    return time.perf_counter() - start
