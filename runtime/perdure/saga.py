"""Undoing what was done when a handler cannot go on.

Nothing here is durable by itself: compensations are calls and runs of the handler, so the journal has them, and a
crash in the middle of undoing goes on undoing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from perdure.errors import TerminalError


class Saga:
    """Compensations that run in reverse order if the block ends in a terminal error or is cancelled.

    Any other exception fails the attempt and is retried, so nothing is undone then::

        async with perdure.Saga() as saga:
            await stock.reserve(order_id=order.id, quantity=1)
            saga.undo(functools.partial(stock.release, order_id=order.id))
            await payment.charge(...)
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], Awaitable[object]]] = []

    def undo(self, compensation: Callable[[], Awaitable[object]]) -> None:
        """Have this done if the block fails later. It must be possible to do it again, as it may be retried."""
        self._undo.append(compensation)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None or not _ends_it(error):
            return
        failures: list[TerminalError] = []
        while self._undo:
            try:
                await self._undo.pop()()
            except TerminalError as e:  # the others are undone all the same
                failures.append(e)
        if failures:
            raise TerminalError(
                f"{error}; and {len(failures)} compensations failed: {'; '.join(map(str, failures))}",
                code=getattr(error, "code", 500),
            ) from error


def _ends_it(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        group: BaseExceptionGroup[BaseException] = error  # pyright: ignore[reportUnknownVariableType]  isinstance cannot say of what
        return all(_ends_it(leaf) for leaf in group.exceptions)
    return isinstance(error, TerminalError | asyncio.CancelledError)
