"""One attempt of a handler on a Restate server: the journal is the server's.

The handler runs on its durable loop until it is quiet; then the attempt waits for the next answer among all that are
pending, gives it to the handler, and runs on. Suspension and replay are the server's and the SDK's affair.

Law: what the handler sees depends on the server's journal alone. The clock is in it too: the first time that a handler
reads it after it was told something, the time is recorded like the result of a run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, NamedTuple, TypeVar

import msgspec
from restate.exceptions import RetryableError as SdkRetryableError
from restate.exceptions import SdkInternalException
from restate.exceptions import TerminalError as SdkTerminalError

from perdure.core.entry import Call, ClearAllState, ClearState, Command, Input, Ok, Result, Send, SetState, Target
from perdure.core.ids import parse_awakeable, parse_id
from perdure.engine.attempt import STATE_KINDS
from perdure.engine.clock import Clock
from perdure.engine.effects import Effect
from perdure.engine.registry import Bound, Registry
from perdure.engine.unsaved import Unsaved
from perdure.errors import JournalMismatch, NonDurableOperation, RetryableError, TerminalError
from perdure.journal import CallFuture, Closure, Decode, complete, fail
from perdure.loop import DurableFuture, DurableLoop
from perdure.outcome import as_terminal, explain, to_failure
from perdure.restate.asking import Asking
from perdure.restate.closures import NO_LIMITS, Closures, Pending, limits
from perdure.restate.commands import ANSWERED, TOLD, call, send
from perdure.restate.sdk import CANCELLED, Connection
from perdure.restate.stream import Stream
from perdure.serde import BadValue, seal
from perdure.service import HandlerDef, RetryPolicy

T = TypeVar("T")

_log = logging.getLogger("perdure.handler")

CLOCK = "clock"
"""Name of the run that records what time it was."""


class Node(NamedTuple):
    """What the attempts of a process have in common."""

    registry: Registry
    threads: Executor
    clock: Clock

    def callee(self, target: Target, idempotency_key: str | None) -> bytes:
        """Ids are given by the server, later."""
        return b""

    def handler(self, service: str, name: str) -> HandlerDef[Any] | None:
        """A handler that is served here."""
        bound = self.registry.handlers.get((service, name))
        return None if bound is None else bound.definition


class RemoteCall(CallFuture[T]):
    """A call whose callee gets its id from the server."""

    identify: Callable[[], str]

    @property
    def invocation_id(self) -> str:
        """Id of the invocation that was called; waits for the server to say it."""
        return self.identify()


class RestateJournal:
    """Implements `journal.Journal` for one attempt."""

    elsewhere = True

    def __init__(self, connection: Connection, bound: Bound, node: Node) -> None:
        invocation, definition = connection.invocation, bound.definition
        self.id = parse_id(invocation.invocation_id)
        key = None if bound.service.kind == "service" else invocation.key
        self.target = Target(definition.service, key, definition.name)
        headers = tuple((name.lower(), value) for name, value in invocation.headers)
        self.input = Input(invocation.input_buffer, headers, 0, invocation.random_seed)
        self.loop = DurableLoop(0, self)  # type: ignore[abstract]  # what is missing refuses by name
        self._vm = connection.vm
        self._bound, self._node = bound, node
        self.callee, self.handler = node.callee, node.handler
        self._closures = Closures(connection.vm, node.threads, node.clock)
        self.stream = Stream(connection, self._closures.execute)
        self._asking = Asking(self.loop, self.stream)
        self._futures: dict[int, tuple[DurableFuture[Any], Decode]] = {}
        self._armed: dict[int, int] = {}
        self._written = Unsaved()
        self._clock_read = False

    # --- the attempt

    async def execute(self) -> bytes:
        """Run the handler to its end; returns the bytes of its result.

        Raises:
            restate.TerminalError: The invocation failed for good.
            restate.RetryableError: This attempt failed.
        """
        task = self.loop.create_task(self._bound.handle(self, self.input.value))
        try:
            await self._settle()
            while not task.done():
                await self._deliver(await self.stream.next(self._pending()))
                await self._settle()
            return self._result(task)
        except JournalMismatch as e:
            _log.warning("an attempt of %s failed", self.target, exc_info=e)
            raise SdkInternalException from e  # the SDK has told the server already
        except (NonDurableOperation, SystemExit) as e:
            raise self._failed(e) from e
        finally:
            self.loop.close()

    @property
    def replaying(self) -> bool:
        """Whether the handler is being told what is recorded."""
        return self._vm.is_replaying()

    def clock_read(self) -> None:
        """Record the time, once between two answers, before the handler sees it."""
        if self._clock_read or not self._asking.inside:
            return
        self._clock_read = True
        run = self._asking.command(self._vm.sys_run, CLOCK)
        if not run.replayed:
            self._vm.propose_run_completion_success(run.handle, b"%d" % self._node.clock.now_ms())
        self.loop.advance(int(self._asking.wait(run.handle, self._waits())))

    async def _settle(self) -> None:
        self._clock_read = False
        await self._asking.run(self._run_until_quiet)

    def _run_until_quiet(self) -> None:
        loop = self.loop
        loop.run_until_quiet()
        while (due := loop.next_timer_ms()) is not None and due <= loop.now_ms:
            loop.fire_timers()
            loop.run_until_quiet()

    def _pending(self) -> list[int]:
        """What the handler waits for: its futures, and the sleep that ends before its earliest timer."""
        pending = self._waits()
        due = self.loop.next_timer_ms()
        if due is not None:
            pending.append(self._sleep_until(due))
        if not pending:
            raise NonDurableOperation(
                "the handler waits for something that no journal entry will wake: an event, a queue or a future that"
                " nothing durable completes. Wait for a result of ctx, for asyncio.sleep or for a task"
            )
        return pending

    def _waits(self) -> list[int]:
        return [handle for handle, (future, _) in self._futures.items() if not future.done()]

    def _sleep_until(self, due_ms: int) -> int:
        """A sleep that was begun for a timer that is no longer wanted will do, if it ends no later."""
        fitting = [(at_ms, handle) for handle, at_ms in self._armed.items() if at_ms <= due_ms]
        if fitting:
            return max(fitting)[1]
        handle: int = self._asking.operate(self._vm.sys_sleep, max(0, due_ms - self._node.clock.now_ms()))
        self._armed[handle] = due_ms
        return handle

    async def _deliver(self, handle: int) -> None:
        if handle == CANCELLED:
            self._cancel(TerminalError("cancelled", code=409))
        elif handle in self._armed:
            self.loop.advance(self._armed.pop(handle))
            self.loop.fire_timers()
        elif handle in self._futures:
            future, decode = self._futures.pop(handle)
            complete(future, decode, self.stream.result(handle))

    def _cancel(self, error: TerminalError) -> None:
        """Every wait of the handler fails; the SDK has cancelled what it called."""
        waits = [future for future, _ in self._futures.values()]
        self._futures.clear()
        for future in (*waits, *self.loop.take_sleepers()):
            fail(future, error)

    def _result(self, task: asyncio.Task[Any]) -> bytes:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        terminal = None if error is None else as_terminal(error)
        if terminal is not None:
            failure = to_failure(terminal)
            raise SdkTerminalError(failure.message, failure.code, failure.metadata or None)
        if error is not None:
            raise self._failed(error) from error
        definition = self._bound.definition
        try:
            return seal(task.result(), definition.output)
        except BadValue as e:
            bad = TypeError(f"{definition.service}/{definition.name} returned a bad value: {e}")
            raise self._failed(bad) from None

    def _failed(self, error: BaseException) -> SdkRetryableError:
        """The attempt takes back what it has not told the server yet."""
        _log.warning("an attempt of %s failed", self.target, exc_info=error)
        self._vm.take_output()
        after = error.retry_after if isinstance(error, RetryableError) else None
        return SdkRetryableError(explain(error), retry_after=after)

    # --- journal.Journal

    def issue(self, command: Command, decode: Decode) -> DurableFuture[Any]:
        """Ask for something that will be answered."""
        if isinstance(command, Call):
            return self._call(command, decode)
        handle: int = self._asking.command(ANSWERED[type(command)], self._vm, command)
        return self._future(handle, decode)

    def tell(self, command: Command) -> Command:
        """Ask for something that has no answer."""
        if isinstance(command, Send):
            handle: int = self._asking.command(send, self._vm, command)
            return msgspec.structs.replace(command, callee=handle.to_bytes(8, "big"))
        if isinstance(command, SetState | ClearState | ClearAllState):
            _check_writable(self.target, self._bound)
            self._written.remember(command)
        self._asking.command(TOLD[type(command)], self._vm, command)
        return command

    async def read_state(self, name: str) -> bytes | None:
        """One value of the object's state."""
        value: bytes | None = await self._read(self._asking.command(self._vm.sys_get_state, name))
        return value

    async def state_names(self) -> tuple[str, ...]:
        """The keys that the object's state has."""
        stored: list[str] = await self._read(self._asking.command(self._vm.sys_get_state_keys))
        return self._written.names(lambda: stored)  # the SDK still names what this handler has cleared

    def run(self, name: str, closure: Closure, returns: Any, retry: RetryPolicy | None) -> DurableFuture[Any]:  # noqa: ANN401  a type
        """Execute an effect outside and keep its result."""
        if retry is not None and retry.on_exhausted == "pause":
            raise ValueError(f"run {name}: on Restate, a run that has exhausted its policy fails; it cannot pause")
        run = self._asking.command(self._vm.sys_run, name)
        returns, decode = self._bound.result_type(closure, returns)
        if not run.replayed:
            policy = self._bound.policy if retry is None else self._bound.run_policy(retry)
            effect = Effect(name, closure, returns, policy, self._bound.abort_ms)
            self._closures.add(run.handle, Pending(effect, NO_LIMITS if retry is None else limits(policy)))
        return self._future(run.handle, decode)

    def await_signal(self, decode: Decode, name: str | None = None) -> tuple[int, DurableFuture[Any]]:
        """Future of a signal by name, or index and future of a new awakeable."""
        if name is not None:
            return 0, self._future(self._asking.command(self._vm.sys_signal, name), decode)
        id, handle = self._asking.command(self._vm.sys_awakeable)
        return parse_awakeable(id)[1], self._future(handle, decode)

    def identify(self, callee: bytes, /) -> str:
        """The id of what was sent; waits for the server to say it."""
        return self._identify(int.from_bytes(callee, "big"))

    # --- helpers of these

    def _call(self, command: Call, decode: Decode) -> RemoteCall[Any]:
        handles = self._asking.command(call, self._vm, command)
        id, result = handles.invocation_id_handle, handles.result_handle
        future = RemoteCall[Any](self.loop)
        future.identify = lambda: self._identify(id)
        future.on_cancel = lambda: self._leave(result, id)
        self._futures[result] = (future, decode)
        return future

    def _leave(self, result: int, id: int) -> None:
        """A call that nobody waits for any more, because its task was cancelled, is cancelled too."""
        if self._futures.pop(result, None) is not None and not self.loop.is_closed():
            self._asking.command(self._vm.sys_cancel, self._identify(id))

    def _identify(self, handle: int) -> str:
        return self._asking.identify(handle, self._waits())

    def _future(self, handle: int, decode: Decode) -> DurableFuture[Any]:
        future = DurableFuture[Any](self.loop)
        self._futures[handle] = (future, decode)
        return future

    async def _read(self, handle: int) -> Any:  # noqa: ANN401  bytes or texts
        """State is mostly here already. If not, the handler waits for it as for anything else."""
        if self._vm.is_completed(handle):
            return self.stream.take(handle)
        return await self._future(handle, _plain)


def _check_writable(target: Target, bound: Bound) -> None:
    kind = bound.definition.kind
    if kind not in STATE_KINDS:
        raise NonDurableOperation(
            f"{target} is a {kind} handler: only the exclusive handlers of an object and the run of a workflow may"
            " write state"
        )


def _plain(result: Result) -> Any:  # noqa: ANN401  bytes or texts
    return result.value if isinstance(result, Ok) else None
