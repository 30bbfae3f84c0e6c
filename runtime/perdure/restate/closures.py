"""Executes the closures of runs for one attempt, and proposes their results to the server.

Law: a closure is executed at most once an attempt, and only what the server has recorded of it is seen by the handler.
"""

from __future__ import annotations

import datetime
import logging
import traceback
from concurrent.futures import Executor
from typing import NamedTuple

from restate.vm import Failure as SdkFailure
from restate.vm import RunRetryConfig

from perdure.core.retry import Policy
from perdure.engine.clock import Clock
from perdure.engine.effects import Effect, carry_out
from perdure.errors import RetryableError, TerminalError
from perdure.outcome import describe, to_failure
from perdure.restate.commands import sdk_failure
from perdure.restate.sdk import Machine

_log = logging.getLogger("perdure.run")

NO_LIMITS = RunRetryConfig()
"""A run without a policy of its own fails its attempt; then the invocation's policy counts, which the server knows."""


def limits(policy: Policy) -> RunRetryConfig:
    """A run's own policy, as the SDK wants it."""
    return RunRetryConfig(
        initial_interval=policy.initial_ms,
        max_attempts=policy.max_attempts,
        max_duration=policy.max_duration_ms,
        max_interval=policy.max_interval_ms,
        interval_factor=policy.factor,
    )


class Pending(NamedTuple):
    """A closure that may have to be executed, and when to give up."""

    effect: Effect
    limits: RunRetryConfig


class Closures:
    """The closures of one attempt, by the handles of their runs."""

    def __init__(self, vm: Machine, threads: Executor, clock: Clock) -> None:
        self._vm = vm
        self._threads = threads
        self._clock = clock
        self._pending: dict[int, Pending] = {}

    def add(self, handle: int, pending: Pending) -> None:
        """Have it ready for when the server has no result of it."""
        self._pending[handle] = pending

    async def execute(self, handle: int) -> None:
        """Execute a closure and propose what comes of it. A failure that is to be retried ends the attempt."""
        effect, limits = self._pending.pop(handle)
        began_ms = self._clock.now_ms()
        try:
            value = await carry_out(effect, self._threads)
        except TerminalError as e:
            self._vm.propose_run_completion_failure(handle, sdk_failure(to_failure(e)))
        except (Exception, SystemExit) as e:
            _log.warning("run %s failed", effect.name, exc_info=e)
            self._retry(handle, e, self._clock.now_ms() - began_ms, limits)
        else:
            self._vm.propose_run_completion_success(handle, value)

    def _retry(self, handle: int, error: BaseException, took_ms: int, limits: RunRetryConfig) -> None:
        failure = SdkFailure(500, describe(error), stacktrace="".join(traceback.format_exception(error)))
        if isinstance(error, RetryableError) and error.retry_after is not None:
            self._vm.propose_run_completion_transient_with_delay_override(
                handle, failure, took_ms, error.retry_after, limits.max_attempts, _span(limits.max_duration)
            )
        else:
            self._vm.propose_run_completion_transient(handle, failure, took_ms, limits)


def _span(ms: int | None) -> datetime.timedelta | None:
    return None if ms is None else datetime.timedelta(milliseconds=ms)
