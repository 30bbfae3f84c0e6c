"""How a command that serves is told to stop.

The law: SIGTERM and SIGINT ask for a stop, and whoever is in a hurry says it twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Generator


@contextlib.contextmanager
def stop_signals(stopping: asyncio.Event) -> Generator[None]:
    """SIGTERM and SIGINT ask for a stop; the second one does not ask."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, _stop(stopping))
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _stop(stopping: asyncio.Event) -> Callable[[], None]:
    def stop() -> None:
        if stopping.is_set():
            # What was acknowledged is on disk, and all else goes on at the next start.
            os._exit(1)
        stopping.set()

    return stop


async def either(*events: asyncio.Event) -> None:
    """Wait until one of them is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
