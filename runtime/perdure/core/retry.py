"""When to try again, and when to give up. Counts and deadlines are rows, so a crash does not reset them."""

from __future__ import annotations

from typing import Literal

import msgspec

from perdure.core.entry import Failure


class Policy(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A retry policy with every default filled in. Times in milliseconds."""

    initial_ms: int = 500
    factor: float = 2.0
    max_interval_ms: int = 60_000
    max_attempts: int | None = 70
    max_duration_ms: int | None = None
    on_exhausted: Literal["fail", "pause"] = "pause"


class RetryState(msgspec.Struct, frozen=True, array_like=True):
    """Failures in a row, and when the next try is due."""

    failures: int
    first_failed_at_ms: int
    next_at_ms: int
    last: Failure


def next_try(
    policy: Policy, state: RetryState | None, failure: Failure, now_ms: int, retry_after_ms: int | None = None
) -> RetryState | None:
    """State after one more failure, or None if the policy is exhausted.

    `retry_after_ms` is asked for by the failure itself and replaces the interval of this one retry; it does
    not lift the limits.
    """
    failures = 1 if state is None else state.failures + 1
    first = now_ms if state is None else state.first_failed_at_ms
    if policy.max_attempts is not None and failures >= policy.max_attempts:
        return None
    interval = retry_after_ms
    if interval is None:
        interval = _interval(policy, failures)
    if policy.max_duration_ms is not None and now_ms + interval > first + policy.max_duration_ms:
        return None
    return RetryState(failures, first, now_ms + interval, failure)


def _interval(policy: Policy, failures: int) -> int:
    try:
        return int(min(policy.initial_ms * float(policy.factor) ** (failures - 1), policy.max_interval_ms))
    except OverflowError:  # long after the interval has met its bound
        return policy.max_interval_ms if policy.initial_ms else 0
