"""State as a handler sees it: what it wrote since it was last quiet, over what the store knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from perdure.core.entry import ClearAllState, ClearState, Command, SetState


class Unsaved:
    """Writes that are not in the store yet."""

    def __init__(self) -> None:
        self._values: dict[str, bytes | None] = {}
        self._cleared = False

    def remember(self, command: Command) -> None:
        """Take note of a new command, if it writes."""
        if isinstance(command, SetState):
            self._values[command.key] = command.value
        elif isinstance(command, ClearState):
            self._values[command.key] = None
        elif isinstance(command, ClearAllState):
            self._values.clear()
            self._cleared = True

    def read(self, name: str, stored: Callable[[], bytes | None]) -> bytes | None:
        """A value, from here if it was written, else from the store."""
        if name in self._values:
            return self._values[name]
        return None if self._cleared else stored()

    def names(self, stored: Callable[[], Iterable[str]]) -> tuple[str, ...]:
        """The keys that there are, sorted."""
        names = set[str]() if self._cleared else set(stored())
        names.update(name for name, value in self._values.items() if value is not None)
        names.difference_update(name for name, value in self._values.items() if value is None)
        return tuple(sorted(names))

    def saved(self) -> None:
        """The store knows all of it."""
        self._values.clear()
        self._cleared = False
