"""Which of the SDK's operations each command of a handler is. A table for what is answered, one for what is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from restate.vm import Failure as SdkFailure

from perdure.core.entry import (
    Attach,
    Call,
    Cancel,
    ClearAllState,
    ClearState,
    Command,
    CompleteAwakeable,
    CompletePromise,
    Failure,
    GetPromise,
    Ok,
    PeekPromise,
    Send,
    SendSignal,
    SetState,
)
from perdure.core.ids import format_awakeable, format_id
from perdure.restate.sdk import CallHandles, Machine


def sdk_failure(failure: Failure) -> SdkFailure:
    """A failure as the SDK has it."""
    return SdkFailure(failure.code, failure.message, metadata=failure.metadata or None)


def call(vm: Machine, command: Call) -> CallHandles:
    """Call a handler. The SDK answers with two handles: of the callee's id, and of its result."""
    target = command.target
    return vm.sys_call(
        target.service,
        target.handler,
        command.value,
        key=target.key,
        idempotency_key=command.idempotency_key,
        headers=command.headers,
    )


def send(vm: Machine, command: Send) -> int:
    """Send to a handler; returns the handle of the callee's id."""
    target = command.target
    return vm.sys_send(
        target.service,
        target.handler,
        command.value,
        key=target.key,
        delay=command.delay_ms or None,
        idempotency_key=command.idempotency_key,
        headers=command.headers,
    )


def _complete_promise(vm: Machine, command: CompletePromise) -> int:
    result = command.result
    if isinstance(result, Ok):
        return vm.sys_complete_promise_success(command.name, result.value)
    return vm.sys_complete_promise_failure(command.name, sdk_failure(result))


def _complete_awakeable(vm: Machine, command: CompleteAwakeable) -> None:
    id, result = format_awakeable(command.invocation, command.index), command.result
    if isinstance(result, Ok):
        vm.sys_resolve_awakeable(id, result.value)
    else:
        vm.sys_reject_awakeable(id, sdk_failure(result))


def _send_signal(vm: Machine, command: SendSignal) -> None:
    id, result = format_id(command.invocation), command.result
    if isinstance(result, Ok):
        vm.sys_resolve_signal(id, command.name, result.value)
    else:
        vm.sys_reject_signal(id, command.name, sdk_failure(result))


ANSWERED: dict[type[Command], Callable[[Machine, Any], int]] = {
    GetPromise: lambda vm, command: vm.sys_get_promise(command.name),
    PeekPromise: lambda vm, command: vm.sys_peek_promise(command.name),
    CompletePromise: _complete_promise,
    Attach: lambda vm, command: vm.attach_invocation(format_id(command.invocation)),
}
"""Commands with one answer; the operation returns its handle."""

TOLD: dict[type[Command], Callable[[Machine, Any], None]] = {
    SetState: lambda vm, command: vm.sys_set_state(command.key, command.value),
    ClearState: lambda vm, command: vm.sys_clear_state(command.key),
    ClearAllState: lambda vm, command: vm.sys_clear_all_state(),
    Cancel: lambda vm, command: vm.sys_cancel(format_id(command.invocation)),
    CompleteAwakeable: _complete_awakeable,
    SendSignal: _send_signal,
}
"""Commands without an answer."""
