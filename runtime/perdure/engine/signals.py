"""What an attempt was told without having asked, and who waits for it.

An awakeable is told by its index, once. A named signal is told by its name, as often as it is sent: each wait
takes the next one, and one that comes early is kept.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from perdure.core.entry import Failure, Ok
from perdure.journal import Decode
from perdure.loop import DurableFuture

Key = int | str
Wait = tuple[DurableFuture[Any], Decode]
Told = Ok | Failure


class Signals:
    """Waits and early signals, each in the order of their coming."""

    def __init__(self) -> None:
        self._waits: dict[Key, deque[Wait]] = {}
        self._early: dict[Key, deque[Told]] = {}

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waits)

    @property
    def awaited(self) -> tuple[Key, ...]:
        """What is waited for."""
        return tuple(self._waits)

    def wait(self, key: Key, wait: Wait) -> Told | None:
        """What is there already, or None: then the wait is kept."""
        early = self._early.get(key)
        if early is None:
            self._waits.setdefault(key, deque()).append(wait)
            return None
        told = early.popleft()
        if not early:
            del self._early[key]
        return told

    def tell(self, key: Key, told: Told) -> Wait | None:
        """Who has waited longest and still does, or None: then the signal is kept."""
        waits = self._waits.get(key, deque())
        while waits:
            wait = waits.popleft()
            if not waits:
                del self._waits[key]
            if not wait[0].done():
                return wait
        self._early.setdefault(key, deque()).append(told)
        return None

    def take_waits(self) -> list[Wait]:
        """All who wait; nobody does any more."""
        waits = [wait for queue in self._waits.values() for wait in queue]
        self._waits.clear()
        return waits
