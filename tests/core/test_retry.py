"""When it is tried again, and when no more: counts, pauses and deadlines."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perdure.core.entry import Failure
from perdure.core.retry import Policy, RetryState, next_try

DOWN = Failure(500, "down")
NOW = 1_700_000_000_000


def pauses(policy: Policy, at_most: int = 20, retry_after_ms: int | None = None) -> list[int]:
    """The pauses of somebody who fails again and again, at the moment of each try."""
    state: RetryState | None = None
    now, found = NOW, list[int]()
    for _ in range(at_most):
        state = next_try(policy, state, DOWN, now, retry_after_ms)
        if state is None:
            return found
        found.append(state.next_at_ms - now)
        now = state.next_at_ms
    return found


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(initial_ms=100, max_attempts=5), [100, 200, 400, 800]),
        (Policy(initial_ms=100, max_attempts=1), []),
        (Policy(initial_ms=100, max_attempts=0), []),
        (Policy(initial_ms=100, factor=1.0, max_attempts=4), [100, 100, 100]),
        (Policy(initial_ms=100, factor=1.5, max_attempts=5), [100, 150, 225, 337]),
        (Policy(initial_ms=100, factor=10.0, max_interval_ms=500, max_attempts=4), [100, 500, 500]),
        (Policy(initial_ms=1000, max_interval_ms=500, max_attempts=3), [500, 500]),
        (Policy(initial_ms=0, max_attempts=4), [0, 0, 0]),
        (Policy(initial_ms=100, max_attempts=None, max_duration_ms=1000), [100, 200, 400]),
        (Policy(initial_ms=100, max_attempts=None, max_duration_ms=700), [100, 200, 400]),
        (Policy(initial_ms=100, max_attempts=None, max_duration_ms=699), [100, 200]),
        (Policy(initial_ms=100, max_attempts=None, max_duration_ms=0), []),
        (Policy(initial_ms=100, max_attempts=3, max_duration_ms=10_000), [100, 200]),
    ],
)
def test_pauses_grow_until_a_limit_is_met(policy: Policy, expected: list[int]) -> None:
    """Attempts count the first one; a retry that would come after the deadline is not made."""
    assert pauses(policy) == expected


def test_a_small_factor_reaches_its_bound_too() -> None:
    """Slowly."""
    policy = Policy(initial_ms=100, factor=1.05, max_interval_ms=60_000, max_attempts=None)
    assert pauses(policy, at_most=200)[-1] == 60_000


def test_a_failure_may_name_its_own_pause() -> None:
    """It replaces the interval of this one retry, and lifts no limit."""
    policy = Policy(initial_ms=100, max_interval_ms=1000, max_attempts=3)
    assert pauses(policy, retry_after_ms=50_000) == [50_000, 50_000]
    assert pauses(policy, retry_after_ms=0) == [0, 0]
    assert pauses(Policy(max_attempts=None, max_duration_ms=1000), retry_after_ms=1001) == []
    first = next_try(policy, None, DOWN, NOW, 5_000)
    second = next_try(policy, first, DOWN, NOW + 5_000)
    assert second is not None
    assert second.next_at_ms == NOW + 5_000 + 200


def test_the_default_gives_up_after_about_an_hour() -> None:
    """70 attempts, at most a minute apart, and then an operator is asked."""
    found = pauses(Policy(), at_most=100)
    assert len(found) == 69
    assert found[:8] == [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000]
    assert Policy().on_exhausted == "pause"


def test_the_state_says_how_it_came_to_this() -> None:
    """How many, since when, and what was said last."""
    first = next_try(Policy(), None, DOWN, NOW)
    second = next_try(Policy(), first, Failure(500, "still down"), NOW + 700)
    assert second == RetryState(2, NOW, NOW + 700 + 1000, Failure(500, "still down"))


@example(0, 65536.0, 10, None, None, 64)
@example(100, 65536.0, 60_000, None, None, 10**9)
@example(100, 1.01, 60_000, None, None, 10_000)
@given(
    st.integers(0, 10**9),
    st.floats(1.0, 1e6),
    st.integers(0, 10**12),
    st.none() | st.integers(0, 10**6),
    st.none() | st.integers(0, 10**12),
    st.integers(0, 10**9),
)
def test_limits_hold_whatever_the_policy(
    initial_ms: int,
    factor: float,
    max_interval_ms: int,
    max_attempts: int | None,
    max_duration_ms: int | None,
    failures: int,
) -> None:
    """Many failures, a large factor: no overflow, no pause beyond its bound, no retry after the end."""
    policy = Policy(
        initial_ms=initial_ms,
        factor=factor,
        max_interval_ms=max_interval_ms,
        max_attempts=max_attempts,
        max_duration_ms=max_duration_ms,
    )
    before = RetryState(failures, NOW, NOW + 10, DOWN) if failures else None
    after = next_try(policy, before, DOWN, NOW + 10)
    if after is None:
        exhausted = max_attempts is not None and failures + 1 >= max_attempts
        assert exhausted or max_duration_ms is not None
        return
    assert after.failures == failures + 1
    assert after.first_failed_at_ms == (NOW if failures else NOW + 10)
    assert 0 <= after.next_at_ms - (NOW + 10) <= max_interval_ms
    assert max_attempts is None or after.failures < max_attempts
    assert max_duration_ms is None or after.next_at_ms <= after.first_failed_at_ms + max_duration_ms
