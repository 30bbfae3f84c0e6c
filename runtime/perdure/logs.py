"""Logging from handlers: what was logged before is not logged again on replay."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any, Protocol


class Replaying(Protocol):
    """Knows whether a handler is being replayed."""

    @property
    def replaying(self) -> bool:
        """Whether it is."""
        ...


class HandlerLog(logging.LoggerAdapter[logging.Logger]):
    """A logger that names the invocation, and drops records while the handler is replayed."""

    def __init__(self, logger: logging.Logger, journal: Replaying, invocation_id: str) -> None:
        super().__init__(logger, {"invocation_id": invocation_id})
        self._journal = journal

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  the name in the standard library
        return not self._journal.replaying and super().isEnabledFor(level)

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:  # noqa: ANN401
        kwargs["extra"] = {**self.extra, **kwargs.get("extra", {})}  # type: ignore[dict-item]  # extra was given
        return f"[{self.extra['invocation_id']}] {msg}", kwargs  # type: ignore[index]  # ditto
