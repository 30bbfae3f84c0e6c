"""The durable event loop: plain asyncio, with a journal where the selector would be.

An attempt runs on a loop of its own. It has no sockets and no threads; its clock is the journal's; its only
events are notifications, delivered one at a time, each followed by running the ready queue until it is quiet.
So `asyncio.gather`, `TaskGroup`, `timeout`, `wait`, `as_completed` and `sleep` do the same on each replay.

Law: what runs next depends on nothing but the handler's code and the notifications so far. Hence tasks and
futures hash by the order in which they were made: the standard library keeps them in sets, and a set's order
is its hashes'.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import heapq
import logging
import math
import sys
import types
from asyncio import events
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Iterable, Iterator
from typing import Any, Protocol, TypeVar, TypeVarTuple, Unpack

from perdure.errors import NonDurableOperation

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

CALLBACKS_PER_STEP = 1_000_000
"""A handler that is not quiet after so many callbacks never will be; the node must go on without it."""

_TASKS_AT_FIRST = 64
"""When so many are known, those that are done are forgotten; the bound grows with those that are not."""

_SALT_SHIFT = 20
"""Below it is the order of making, by which small sets are ordered."""

_log = logging.getLogger("perdure.handler")


class DurableFuture(asyncio.Future[T]):
    """A future on a durable loop. Await it once, many times, or pass it to any function of asyncio."""

    def __init__(self, loop: DurableLoop) -> None:
        self._sequence = loop.next_sequence()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._sequence


class DurableTask(asyncio.Task[T]):
    """A task on a durable loop."""

    def __init__(
        self,
        coro: Generator[Any, Any, T] | Coroutine[Any, Any, T],
        loop: DurableLoop,
        **options: Any,  # noqa: ANN401  what asyncio passes on
    ) -> None:
        self._sequence = loop.next_sequence()
        super().__init__(coro, loop=loop, **options)

    def __hash__(self) -> int:
        return self._sequence


class Watcher(Protocol):
    """Who has to know what a handler does with its loop."""

    @property
    def replaying(self) -> bool:
        """Whether the handler is being told what is recorded."""
        ...

    def clock_read(self) -> None:
        """The handler is about to read the clock; it may still be put forward."""
        ...


class DurableLoop(asyncio.AbstractEventLoop):
    """Runs one attempt of one handler.

    Args:
        now_ms: Where its clock starts.
        watcher: Is told what the handler does with it.
        salt: Something of the invocation, up to 40 bits. asyncio keeps all tasks of all loops in one set; those of
            different invocations must not have the same hashes there.
    """

    def __init__(self, now_ms: int, watcher: Watcher | None = None, salt: int = 0) -> None:
        self._now_ms = now_ms
        self._watcher = watcher
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._tasks: list[DurableTask[Any]] = []
        self._tasks_at_most = _TASKS_AT_FIRST
        self._sequence = 0
        self._salt = salt << _SALT_SHIFT
        self._closed = False

    # --- for the attempt

    def next_sequence(self) -> int:
        """Number of the next task or future."""
        self._sequence += 1
        return self._salt + self._sequence

    def run_until_quiet(self) -> None:
        """Run everything that can run now.

        Raises:
            NonDurableOperation: It does not come to an end.
        """
        ready = self._ready
        if not ready:
            return
        outer, hooks = events._get_running_loop(), sys.get_asyncgen_hooks()
        events._set_running_loop(self)
        sys.set_asyncgen_hooks(firstiter=None, finalizer=self._close_generator)
        try:
            for _ in range(CALLBACKS_PER_STEP):
                if not ready:
                    return
                handle = ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            events._set_running_loop(outer)
            sys.set_asyncgen_hooks(*hooks)
        raise NonDurableOperation(
            f"the handler is still busy after {CALLBACKS_PER_STEP:,} callbacks without waiting for anything durable;"
            " a loop around asyncio.sleep(0) does this: sleep for some time, or wait for a result"
        )

    def next_timer_ms(self) -> int | None:
        """When the earliest timer that is still wanted is due."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        return timers[0][0] if timers else None

    def advance(self, now_ms: int) -> None:
        """Move the clock; it never goes back."""
        self._now_ms = max(self._now_ms, now_ms)

    def fire_timers(self) -> None:
        """Make ready what is due first, and what is due at the same time.

        What is due later has to wait until that is quiet, even if its time has come too: after a pause, timers race
        as they would have raced without it.
        """
        due = self.next_timer_ms()
        while due is not None and due <= self._now_ms and self.next_timer_ms() == due:
            self._ready.append(heapq.heappop(self._timers)[2])

    def take_sleepers(self) -> list[asyncio.Future[Any]]:
        """The futures that only a timer would complete, which is how asyncio sleeps; their timers are cancelled."""
        sleepers: list[asyncio.Future[Any]] = []
        for _, _, handle in sorted(self._timers, key=lambda timer: timer[:2]):
            arguments = handle._args  # nothing else tells a sleep from a timeout
            if not handle.cancelled() and arguments and isinstance(arguments[0], asyncio.Future):
                sleepers.append(arguments[0])  # pyright: ignore[reportUnknownArgumentType]  of whatever it is a future
                handle.cancel()
        return sleepers

    @property
    def now_ms(self) -> int:
        """The loop's clock, in milliseconds since the epoch."""
        return self._now_ms

    def close(self) -> None:
        """End the attempt: nothing of it runs any more but its `finally` blocks, and those without effect."""
        if self._closed:
            return
        self._closed = True
        self._ready.clear()
        self._timers.clear()
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own switch for this
                with contextlib.suppress(BaseException):
                    task.get_coro().close()

    def _close_generator(self, generator: AsyncGenerator[Any, Any]) -> None:
        """Nobody has the generator any more. As on asyncio's own loops, a task runs its `finally` blocks."""
        closing = generator.aclose()
        if events._get_running_loop() is self and not self._closed:
            self.create_task(closing)
            return
        with contextlib.suppress(BaseException):  # the attempt is over: no further than to their first await
            closing.send(None)
        closing.close()

    # --- for asyncio

    def time(self) -> float:
        """Seconds since the epoch, as the journal has them: the time of what the handler was told last."""
        if self._watcher is not None:
            self._watcher.clock_read()
        return self._now_ms / 1000

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        if not self._closed:
            self._ready.append(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        # The journal counts whole milliseconds; a timer is never early.
        heapq.heappush(self._timers, (math.ceil(when * 1000 - 0.001), self.next_sequence(), handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return DurableFuture[Any](self)

    def create_task(
        self,
        coro: Generator[Any, Any, T] | Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **options: Any,  # noqa: ANN401  later Pythons have more
    ) -> asyncio.Task[T]:
        if self._closed:
            if isinstance(coro, Coroutine):
                coro.close()
            raise NonDurableOperation("this attempt is over; nothing can be started in it")
        if _started_by(sys._getframe(1)) in _UNORDERED:  # pyright: ignore[reportPrivateUsage]  there is no other way to see a caller
            raise NonDurableOperation(_AS_COMPLETED_ADVICE)
        task = DurableTask(coro, self, name=name or f"Task-{self._sequence + 1}", context=context, **options)
        if len(self._tasks) == self._tasks_at_most:
            self._tasks = [task for task in self._tasks if not task.done()]
            self._tasks_at_most = max(_TASKS_AT_FIRST, 2 * len(self._tasks))
        self._tasks.append(task)
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        return self._closed

    def get_task_factory(self) -> None:
        return None

    def get_exception_handler(self) -> None:
        return None

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """An exception that nobody waits for: what is not awaited is not part of the handler's result."""
        if not self._closed and not (self._watcher is not None and self._watcher.replaying):
            _log.warning("%s", context.get("message"), exc_info=context.get("exception"))

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """The heap drops it when it comes to the top."""


def _refuse(name: str) -> Callable[..., Any]:
    def refuse(self: DurableLoop, *args: object, **options: object) -> Any:  # noqa: ANN401  never returns
        raise NonDurableOperation(
            f"a durable handler cannot use {name}: on replay it would happen again, and the journal knows nothing of"
            ' it. Put it into a function and call that by `await ctx.run("name", function)`; its result is'
            " recorded, and replays return the record."
        )

    refuse.__name__ = name
    return refuse


_REFUSED = (  # noqa: SIM905  a list of 33 strings says no more
    "add_reader add_signal_handler add_writer call_soon_threadsafe connect_accepted_socket connect_read_pipe"
    " connect_write_pipe create_connection create_datagram_endpoint create_server create_unix_connection"
    " create_unix_server default_exception_handler getaddrinfo getnameinfo remove_reader remove_signal_handler"
    " remove_writer run_forever run_in_executor run_until_complete sendfile set_debug set_default_executor"
    " set_exception_handler set_task_factory"
    " shutdown_asyncgens shutdown_default_executor sock_accept sock_connect sock_recv sock_recv_into sock_recvfrom"
    " sock_recvfrom_into sock_sendall sock_sendfile sock_sendto start_tls stop subprocess_exec subprocess_shell"
).split()

for _name in _REFUSED:
    setattr(DurableLoop, _name, _refuse(_name))


def _gathering_hash(future: Any) -> int:  # noqa: ANN401  a class that asyncio keeps to itself
    """What gather returns is made by asyncio, not by the loop; it takes its number when it is first put into a set."""
    loop = future.get_loop()
    if not isinstance(loop, DurableLoop):
        return object.__hash__(future)
    if not hasattr(future, "_sequence"):
        future._sequence = loop.next_sequence()
    number: int = future._sequence
    return number


asyncio.tasks._GatheringFuture.__hash__ = _gathering_hash  # type: ignore[attr-defined]  # there is no public name for it


# The standard as_completed makes a set of what it is given and starts coroutines in the order of that set, which
# is the order of their addresses in memory. Started first, in the order given, they are tasks that hash by
# that order. The original refuses coroutines on a durable loop rather than diverge on replay.
_standard_as_completed = asyncio.as_completed
_AS_COMPLETED_ADVICE = (
    "this as_completed was imported before perdure and would start coroutines in another order on each replay:"
    " call it as `asyncio.as_completed`, or give it tasks made by asyncio.create_task"
)


def _codes(function: object) -> Iterator[types.CodeType]:
    """The code of a function, and of the comprehensions in it."""
    if isinstance(function, types.FunctionType):
        yield function.__code__
        yield from (constant for constant in function.__code__.co_consts if isinstance(constant, types.CodeType))


# Pythons differ in where these two do their work.
_ENSURING = {*_codes(asyncio.ensure_future), *_codes(getattr(asyncio.tasks, "_ensure_future", None))}
_UNORDERED = {
    *_codes(_standard_as_completed),
    *_codes(getattr(asyncio.tasks, "_AsCompletedIterator", object).__init__),
}


def _started_by(frame: types.FrameType) -> types.CodeType:
    """Whose code asked for a task, behind asyncio's own helpers."""
    while frame.f_code in _ENSURING and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code


def _as_completed(fs: Iterable[Awaitable[T]], *, timeout: float | None = None) -> Any:  # noqa: ANN401  as the original
    if isinstance(events._get_running_loop(), DurableLoop) and not isinstance(fs, Coroutine):
        fs = [asyncio.ensure_future(awaitable) for awaitable in fs]
    return _standard_as_completed(fs, timeout=timeout)


_as_completed.__doc__ = _standard_as_completed.__doc__
asyncio.as_completed = asyncio.tasks.as_completed = _as_completed  # type: ignore[assignment]  # it only orders the input
