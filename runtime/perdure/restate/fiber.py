"""Lets plain code wait for what only a coroutine can wait for.

A handler reads its clock, and the id of what it has just sent, without `await`. On a cluster both are known only when
the server has answered. So a handler runs on a greenlet, which can be left in the middle and entered again.

Law: whoever is left in the middle finds everything as it was: the running loop, its current task, its hooks.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import events
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import greenlet

T = TypeVar("T")

# Since Python 3.14 a thread has one current task, not one for each of its loops.
_swap: Callable[[Any, Any], Any] = getattr(asyncio.tasks, "_swap_current_task", lambda loop, task: None)


class Fiber:
    """Runs plain functions, one after the other, that may wait in the middle.

    Args:
        give_up: Is called when what a function waits for will not come: nothing of it may run on.
    """

    def __init__(self, give_up: Callable[[], None]) -> None:
        self._give_up = give_up
        self._outer = asyncio.get_running_loop()
        self._hooks = sys.get_asyncgen_hooks()

    async def run(self, work: Callable[[], None]) -> None:
        """Run a function to its end. Raises what it raises, and what it waited for raises."""
        fiber = greenlet.greenlet(work)
        wanted = self._enter(fiber.switch)
        while not fiber.dead:
            try:
                answer = await wanted
            except BaseException:
                self._give_up()
                self._enter(fiber.throw)  # a GreenletExit, which its `finally` blocks see
                raise
            wanted = self._enter(fiber.switch, answer)

    def wait(self, wanted: Awaitable[T]) -> T:
        """Called by the function that runs: go on when this is done, and return its result."""
        inner, hooks = events._get_running_loop(), sys.get_asyncgen_hooks()
        task = _swap(inner, None)
        events._set_running_loop(self._outer)
        sys.set_asyncgen_hooks(*self._hooks)
        parent = greenlet.getcurrent().parent
        assert parent is not None, "only what runs on a fiber can wait"
        try:
            answer: T = parent.switch(wanted)
            return answer
        finally:
            events._set_running_loop(inner)
            sys.set_asyncgen_hooks(*hooks)
            _swap(inner, task)

    def _enter(self, switch: Callable[..., Any], *answer: object) -> Any:  # noqa: ANN401  what the function wants
        task = _swap(self._outer, None)
        try:
            return switch(*answer)
        finally:
            _swap(self._outer, task)
