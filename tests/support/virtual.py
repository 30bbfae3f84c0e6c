"""A main loop whose time is turned by hand: it never sleeps, it jumps to the next thing that is due.

Everything happens on one thread. With a source of chance, what is ready in one turn of the loop runs in another
order, so that nothing can depend on an order that asyncio does not promise.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from typing import Any, ParamSpec, TypeVar, cast

from perdure.engine.engine import Threads

P = ParamSpec("P")
T = TypeVar("T")

BEGIN_S = 1_700_000_000.0


class _Selector(selectors.DefaultSelector):
    """Waits for nothing: the time it was asked to wait has passed when it returns."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.stuck = False

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found and timeout is None:
            self.stuck = True
            raise RuntimeError("nothing is ready and nothing is due: everybody waits for what will not come")
        if not found and timeout:
            self.now_s += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """See the module."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance
        self._selector_of_time = _Selector()
        super().__init__(self._selector_of_time)
        self._default_executor = Inline()

    def time(self) -> float:
        """Seconds that have passed in here."""
        return self._selector_of_time.now_s

    def _run_once(self) -> None:
        ready = cast("deque[asyncio.Handle]", getattr(self, "_ready"))  # noqa: B009  the queue of asyncio's own loop
        if self._chance is not None and len(ready) > 1:
            handles = list(ready)
            self._chance.shuffle(handles)
            ready.clear()
            ready.extend(handles)
        super()._run_once()  # type: ignore[misc]  # ditto

    def abandon(self) -> None:
        """Nothing that was begun on this loop goes on: what waits is thrown away, as by a crash, and says nothing."""
        self.set_exception_handler(_say_nothing)
        for task in asyncio.all_tasks(self):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own switch for this
            coroutine = task.get_coro()
            try:
                coroutine.close()
            except BaseException as e:
                del e
        self.close()


def _say_nothing(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What is dead does not log."""


class VirtualClock:
    """The engine's clock on a virtual loop: real time is the loop's, and chance has a seed."""

    def __init__(self, loop: VirtualLoop, seed: int = 0, begin_s: float = BEGIN_S) -> None:
        self._loop = loop
        self._chance = random.Random(seed)
        self.begin_s = begin_s

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return int((self.begin_s + self._loop.time()) * 1000 + 0.001)

    def entropy(self, count: int) -> bytes:
        """Bytes by chance, the same for the same seed."""
        return self._chance.randbytes(count)


class Inline(Executor):
    """Does the work at once, on the thread that asks."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The work has been done when this returns."""
        future: Future[T] = Future()
        _settle(future, fn, *args, **kwargs)
        return future


class Later(Executor):
    """Does the work some time later, or lets its end be known some time later, as threads may."""

    def __init__(self, loop: VirtualLoop, chance: random.Random, at_most_s: float) -> None:
        self._loop = loop
        self._chance = chance
        self._at_most_s = at_most_s

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The work is done, and known to be, within the time."""
        future: Future[T] = Future()
        done: Future[T] = Future()

        def work() -> None:
            _settle(done, fn, *args, **kwargs)
            self._loop.call_later(self._some_time(), _copy, done, future)

        self._loop.call_later(self._some_time(), work)
        return future

    def _some_time(self) -> float:
        return self._chance.uniform(0, self._at_most_s) if self._chance.random() < 0.8 else 0.0


def _settle(future: Future[T], fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
    try:
        future.set_result(fn(*args, **kwargs))
    except Exception as e:
        future.set_exception(e)


def _copy(done: Future[T], future: Future[T]) -> None:
    error = done.exception()
    if error is None:
        future.set_result(done.result())
    else:
        future.set_exception(error)


def inline() -> Threads:
    """Threads for an engine that does everything at once."""
    return Threads(Inline(), Inline())


def run_virtually(work: Callable[[VirtualLoop], Coroutine[Any, Any, T]], chance: random.Random | None = None) -> T:
    """Run a coroutine on a virtual loop, to its end."""
    loop = VirtualLoop(chance)
    try:
        return loop.run_until_complete(work(loop))
    finally:
        loop.abandon()
