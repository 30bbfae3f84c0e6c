"""Executes the closures of runs: coroutines on the main loop, plain functions in threads.

A closure starts when everything before it is durable, is executed once at a time, and becomes one event.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, NamedTuple

from perdure.core.entry import Failure, Ok
from perdure.core.event import RunEnded, RunFailed
from perdure.core.retry import Policy
from perdure.engine.boundary import Boundary, Probe
from perdure.engine.registry import UNTYPED
from perdure.engine.writer import Writer
from perdure.errors import RetryableError, StoreError, TerminalError
from perdure.journal import Closure
from perdure.outcome import describe, to_failure
from perdure.serde import BadValue, seal, seal_untyped
from perdure.service import milliseconds

_log = logging.getLogger("perdure.run")


class Effect(NamedTuple):
    """The closure of a run, and how to go about it."""

    name: str
    closure: Closure
    returns: Any
    policy: Policy
    abort_ms: int = 0
    """How long one execution may take; 0 is as long as it likes."""


class Effects:
    """The closures that run now.

    Args:
        writer: Is told how they end.
        threads: Where plain functions run.
        probe: Is told of each boundary.
        ended: Is called with the invocation when one of its closures has ended.
    """

    def __init__(self, writer: Writer, threads: Executor, probe: Probe, ended: Callable[[bytes], None]) -> None:
        self._writer = writer
        self._threads = threads
        self._probe = probe
        self._ended = ended
        self._tasks: dict[tuple[bytes, int], asyncio.Task[None]] = {}
        self._orphans: set[asyncio.Task[None]] = set()
        self._busy: Counter[bytes] = Counter()
        self._stopped = False

    def busy(self, id: bytes) -> bool:
        """Whether a closure of an invocation runs, or is about to."""
        return self._busy[id] > 0

    @property
    def any(self) -> bool:
        """Whether any closure runs."""
        return bool(self._tasks)

    def start(self, id: bytes, command: int, effect: Effect, *, durable: bool) -> None:
        """Execute a closure, unless it is being executed.

        Args:
            id: Its invocation.
            command: The index of its command.
            effect: What to execute.
            durable: Whether its command is known to be on disk; else that is waited for.
        """
        if (id, command) in self._tasks or self._stopped:
            return
        self._busy[id] += 1
        work = self._execute(id, command, effect, durable)
        self._tasks[id, command] = asyncio.get_running_loop().create_task(work)

    async def _execute(self, id: bytes, command: int, effect: Effect, durable: bool) -> None:
        event: RunEnded | RunFailed | None = None
        try:
            if not durable:
                await self._writer.durable()
            self._probe(Boundary.BEFORE_RUN)
            event = await self._event(id, command, effect)
            self._probe(Boundary.AFTER_RUN)
        except StoreError:
            return  # the writer has said it, and nothing is recorded any more
        finally:
            heard = self._leave(id, command)
        if not heard:
            return
        try:
            self._writer.apply(event)
        except StoreError:
            return
        self._ended(id)

    def _leave(self, id: bytes, command: int) -> bool:
        """The current task ends. Returns whether anybody hears of it."""
        if self._tasks.get((id, command)) is not asyncio.current_task():
            return False
        del self._tasks[id, command]
        self._busy[id] -= 1
        if not self._busy[id]:
            del self._busy[id]
        return True

    def disown(self, id: bytes) -> None:
        """An invocation has ended: its closures run on, but nobody hears of them, nor who has its id next."""
        for key in [key for key in self._tasks if key[0] == id]:
            task = self._tasks.pop(key)
            self._orphans.add(task)
            task.add_done_callback(self._orphans.discard)
        self._busy.pop(id, None)

    async def _event(self, id: bytes, command: int, effect: Effect) -> RunEnded | RunFailed:
        try:
            return RunEnded(id, command, Ok(await carry_out(effect, self._threads)))
        except TerminalError as e:
            return RunEnded(id, command, to_failure(e))
        except asyncio.CancelledError:
            if self._stopped:
                raise
            return RunFailed(id, command, Failure(500, f"run {effect.name} was cancelled"), effect.policy)
        except (Exception, SystemExit) as e:
            _log.warning("run %s failed", effect.name, exc_info=e)
            after = milliseconds(e.retry_after) if isinstance(e, RetryableError) else None
            return RunFailed(id, command, Failure(500, describe(e)), effect.policy, after)

    async def stop(self) -> None:
        """End what runs; nothing of it is recorded, and the next process executes it again."""
        self._stopped = True
        tasks = [*self._tasks.values(), *self._orphans]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def carry_out(effect: Effect, threads: Executor) -> bytes:
    """Execute a closure, and return its result as bytes for a journal; raises what it raises.

    Raises:
        TimeoutError: It took too long.
        TypeError: Its result cannot be kept.
    """
    limit_s = effect.abort_ms / 1000 if effect.abort_ms else None
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            value = await _call(effect.closure, threads)
    except TimeoutError:
        if not limit.expired():
            raise
        raise TimeoutError(f"run {effect.name} took longer than timeouts.abort ({limit_s:g} s)") from None
    try:
        return seal_untyped(value) if effect.returns is UNTYPED else seal(value, effect.returns)
    except BadValue as e:
        raise TypeError(f"the result of run {effect.name} cannot be kept: {e}") from None


async def _call(closure: Closure, threads: Executor) -> Any:  # noqa: ANN401  what the closure returns
    if _is_async(closure):
        return await closure()
    value = await asyncio.get_running_loop().run_in_executor(threads, closure)
    return await value if inspect.isawaitable(value) else value  # a lambda around a coroutine


def _is_async(closure: Closure) -> bool:
    function: Any = closure
    while isinstance(function, functools.partial):
        function = function.func
    method: object = getattr(function, "__call__", None)  # noqa: B004  not whether, but how it is called
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(method)
