"""What this package uses of Restate's SDK below its documented surface, with the types that it leaves out.

Law: whoever moves to another release of the SDK has to look here, and nowhere else.
"""

from __future__ import annotations

import asyncio
import datetime
import importlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from restate.vm import Failure, Invocation, Run, RunRetryConfig, UnresolvedFuture

_native: Any = importlib.import_module("restate._internal")

MachineError: type[Exception] = _native.VMException
"""Raised when a command does not fit the recorded one; the server has been told then."""

IdentityKeyError: type[Exception] = _native.IdentityKeyException
"""Raised when a public key of a cluster is none."""

CANCELLED: int = _native.CANCEL_NOTIFICATION_HANDLE
"""Handle of the answer that nobody asked for: the invocation was cancelled."""

WAKE = {"type": "restate.run_completed", "data": None}
"""Event that makes an attempt look again."""


class CallHandles(Protocol):
    """What a call will be answered with."""

    invocation_id_handle: int
    result_handle: int


class Progress(Protocol):
    """Takes bytes and gives bytes; says which handles are answered."""

    def is_replaying(self) -> bool: ...
    def is_completed(self, handle: int) -> bool: ...
    def do_progress(self, unresolved_future: UnresolvedFuture) -> object: ...
    def take_notification(self, handle: int) -> object: ...
    def take_output(self) -> bytes: ...
    def notify_input(self, input_buf: bytes) -> None: ...
    def notify_input_closed(self) -> None: ...


class Commands(Protocol):
    """Takes commands and gives the handles of their answers."""

    # Service, handler and input; then, by name, key, idempotency_key, headers, and of a send its delay in ms.
    sys_call: Callable[..., CallHandles]
    sys_send: Callable[..., int]

    def sys_get_state(self, name: str) -> int: ...
    def sys_get_state_keys(self) -> int: ...
    def sys_set_state(self, name: str, value: bytes) -> None: ...
    def sys_clear_state(self, name: str) -> None: ...
    def sys_clear_all_state(self) -> None: ...
    def sys_sleep(self, millis: int) -> int: ...
    def sys_cancel(self, invocation_id: str) -> None: ...
    def attach_invocation(self, invocation_id: str) -> int: ...

    def sys_awakeable(self) -> tuple[str, int]: ...
    def sys_resolve_awakeable(self, name: str, value: bytes) -> None: ...
    def sys_reject_awakeable(self, name: str, failure: Failure) -> None: ...
    def sys_signal(self, signal_name: str) -> int: ...
    def sys_resolve_signal(self, invocation_id: str, signal_name: str, value: bytes) -> None: ...
    def sys_reject_signal(self, invocation_id: str, signal_name: str, failure: Failure) -> None: ...
    def sys_get_promise(self, name: str) -> int: ...
    def sys_peek_promise(self, name: str) -> int: ...
    def sys_complete_promise_success(self, name: str, value: bytes) -> int: ...
    def sys_complete_promise_failure(self, name: str, failure: Failure) -> int: ...


class Runs(Protocol):
    """Takes runs, and what has come of them."""

    def sys_run(self, name: str) -> Run: ...
    def propose_run_completion_success(self, handle: int, output: bytes) -> None: ...
    def propose_run_completion_failure(self, handle: int, output: Failure) -> None: ...
    def propose_run_completion_transient(
        self, handle: int, failure: Failure, attempt_duration_ms: int, config: RunRetryConfig
    ) -> None: ...
    def propose_run_completion_transient_with_delay_override(
        self, handle: int, failure: Failure, attempt_duration_ms: int, delay_override: datetime.timedelta | None,
        max_retry_attempts_override: int | None, max_retry_duration_override: datetime.timedelta | None,
    ) -> None: ...  # fmt: skip


class Machine(Progress, Commands, Runs, Protocol):
    """The state machine of one attempt."""


class Incoming(Protocol):
    """What comes from the server, in order, and what this process puts between."""

    notify_shutdown: Callable[[], None]

    async def __call__(self) -> Mapping[str, Any]: ...
    async def enqueue_restate_event(self, what: Any) -> None: ...  # noqa: ANN401  an event, which the SDK types as a dict


class Tasks(Protocol):
    """What ends with the attempt."""

    def add(self, task: asyncio.Future[None]) -> None: ...


class Connection(Protocol):
    """The SDK's side of one attempt: what it gives to a handler as its context."""

    vm: Machine
    invocation: Invocation
    receive: Incoming
    tasks: Tasks

    async def take_and_send_output(self) -> None: ...
