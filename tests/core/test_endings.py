"""How an invocation rests, fails, ends and is forgotten."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from perdure.core.entry import VOID, Completion, Failure, Ok, Run, Signal, Sleep
from perdure.core.event import (
    Abort,
    Action,
    Failed,
    JournalPurged,
    Killed,
    Notify,
    Paused,
    Purged,
    Respond,
    Restarted,
    Resumed,
    RetryRun,
    RunEnded,
    RunFailed,
    Signalled,
    Start,
    StartRun,
)
from perdure.core.ids import CANCEL_SIGNAL
from perdure.core.ledger import recover
from perdure.core.lifecycle import CANCELLED, KILLED
from perdure.core.retry import Policy
from perdure.core.tables import OpenRun, Status
from tests.core.node import BEGIN_MS, DAY, Node

PATIENT = Policy(initial_ms=100, max_attempts=3)
DOWN = Failure(500, "down")
OUT = Ok(b"out")

# --- resting ---------------------------------------------------------------------------------------------------


def test_a_notification_wakes_a_suspended_one_and_tells_a_running_one() -> None:
    """The running one is told where in the journal it stands; the suspended one will read it."""
    node = Node()
    id = node.submit("Svc/go")
    node.step(id, Sleep(BEGIN_MS + 10), Sleep(BEGIN_MS + 20))
    assert node.tick(10) == [Notify(id, 3, Completion(1, VOID, BEGIN_MS + 10))]
    node.suspend(id)
    assert node.tick(10) == [Start(id)]
    assert node.journal(id)[3:] == [Completion(1, VOID, BEGIN_MS + 10), Completion(2, VOID, BEGIN_MS + 20)]


def test_a_failure_backs_off_then_pauses() -> None:
    """100 ms, 200 ms, an operator; resumed, it starts its count again."""
    node = Node()
    id = node.submit("Svc/go")
    for pause in (100, 200):
        node.fail(id, Failed(DOWN, PATIENT))
        assert node.status(id) is Status.BACKING_OFF
        assert node.tick(pause - 1) == []
        assert node.tick(1) == [Start(id)]
    assert node.fail(id, Failed(DOWN, PATIENT)) == [Abort(id)]
    assert node.status(id) is Status.PAUSED
    assert node.tick(DAY) == []
    assert node.apply(Resumed(id)) == [Start(id)]
    node.fail(id, Failed(DOWN, PATIENT))
    assert node.row(id).retry is not None
    assert node.row(id).retry.failures == 1  # type: ignore[union-attr]  # just asked


def test_progress_forgets_failures() -> None:
    """They count in a row."""
    node = Node()
    id = node.submit("Svc/go")
    node.fail(id, Failed(DOWN, PATIENT))
    node.tick(100)
    node.step(id, Run("a"))
    assert node.row(id).retry is None


def test_a_resumed_one_does_not_wait_for_its_back_off() -> None:
    """Its timer is gone."""
    node = Node()
    id = node.submit("Svc/go")
    node.fail(id, Failed(DOWN, PATIENT))
    assert node.apply(Resumed(id)) == [Start(id)]
    assert node.keys(b"t") == []
    assert node.apply(Resumed(id)) == []


@pytest.mark.parametrize("status", [Status.RUNNING, Status.SUSPENDED, Status.PAUSED])
def test_a_run_does_not_wait_for_its_back_off_either(status: Status) -> None:
    """Resumed, each run that backs off is tried now, whether its attempt is in memory, suspended or paused."""
    node = Node()
    id = node.submit("Svc/go")
    node.step(id, Run("a"), Run("b"), Sleep(BEGIN_MS + DAY))
    node.apply(RunFailed(id, 1, DOWN, PATIENT))
    if status is Status.SUSPENDED:
        node.suspend(id)
    elif status is Status.PAUSED:
        node.apply(Paused(id, DOWN))
    assert node.row(id).status is status
    assert node.apply(Resumed(id)) == [RetryRun(id, 1) if status is Status.RUNNING else Start(id)]
    assert (node.row(id).status, node.row(id).open[1]) == (Status.RUNNING, OpenRun())
    assert len(node.keys(b"t")) == 1, "of the sleep"
    assert node.apply(Resumed(id)) == []


def test_an_operator_pauses_what_is_under_way() -> None:
    """What ends meanwhile is recorded, and heard when it goes on."""
    node = Node()
    id = node.submit("Svc/go")
    node.step(id, Run("a"))
    assert node.apply(Paused(id, DOWN)) == [Abort(id)]
    assert node.apply(Paused(id, DOWN)) == []
    assert node.apply(RunEnded(id, 1, OUT)) == []
    assert node.apply(Resumed(id)) == [Start(id)]
    assert node.journal(id)[-1] == Completion(1, OUT, BEGIN_MS)


@pytest.mark.parametrize("event", ["step", "end", "suspend", "fail"])
def test_an_attempt_that_was_paused_or_ended_is_not_heard(event: str) -> None:
    """It may have been in the middle of something."""
    node = Node()
    paused, killed = node.submit("Svc/go"), node.submit("Svc/go")
    node.apply(Paused(paused, DOWN))
    node.apply(Killed(killed))
    before = dict(node.rows.records)
    say: dict[str, Callable[[bytes], list[Action]]] = {
        "step": lambda one: node.step(one, Run("late")),
        "end": node.end,
        "suspend": node.suspend,
        "fail": lambda one: node.fail(one, Failed(DOWN, PATIENT)),
    }
    for one in (paused, killed):
        assert say[event](one) == []
    assert node.rows.records == before


# --- runs ------------------------------------------------------------------------------------------------------


def test_a_run_starts_when_it_is_durable_and_is_answered_once() -> None:
    """Its start is held until the commit; a second answer is not heard."""
    node = Node()
    id = node.submit("Svc/go")
    assert node.step(id, Run("a"), Run("b")) == [StartRun(id, 1), StartRun(id, 2)]
    assert StartRun.held
    assert Respond.held
    assert node.apply(RunEnded(id, 2, OUT)) == [Notify(id, 3, Completion(2, OUT, BEGIN_MS))]
    assert node.apply(RunEnded(id, 2, Ok(b"again"))) == []
    assert list(node.row(id).open) == [1]


def test_a_failed_run_is_tried_again_by_a_timer() -> None:
    """In memory the closure is there; suspended, the attempt is started first; exhausted, it pauses."""
    node = Node()
    id = node.submit("Svc/go")
    node.step(id, Run("a"))
    node.apply(RunFailed(id, 1, DOWN, PATIENT))
    assert node.tick(100) == [RetryRun(id, 1)]
    node.apply(RunFailed(id, 1, DOWN, PATIENT))
    node.suspend(id)
    assert node.tick(200) == [Start(id)]
    assert node.apply(RunFailed(id, 1, DOWN, PATIENT)) == [Abort(id)]
    assert node.status(id) is Status.PAUSED
    assert node.row(id).open == {1: OpenRun()}
    assert node.keys(b"t") == []


def test_an_exhausted_run_may_fail_instead() -> None:
    """Then the handler is told, and decides."""
    node = Node()
    id = node.submit("Svc/go")
    node.step(id, Run("a"))
    policy = Policy(max_attempts=1, on_exhausted="fail")
    assert node.apply(RunFailed(id, 1, DOWN, policy)) == [Notify(id, 2, Completion(1, DOWN, BEGIN_MS))]


def test_a_run_that_ends_while_its_retry_is_due_takes_the_timer_along() -> None:
    """The closure of an attempt before may return late."""
    node = Node()
    id = node.submit("Svc/go")
    node.step(id, Run("a"))
    node.apply(RunFailed(id, 1, DOWN, PATIENT))
    node.apply(RunEnded(id, 1, OUT))
    assert node.keys(b"t") == []
    assert node.apply(RunFailed(id, 1, DOWN, PATIENT)) == []


# --- ending ----------------------------------------------------------------------------------------------------


def test_the_end_gives_everything_back() -> None:
    """Timers, promises, places; the result is kept, and forgotten in time."""
    node = Node()
    id = node.submit("Svc/go")
    node.step(id, Sleep(BEGIN_MS + 500), Run("a"), Run("b"))
    node.apply(RunFailed(id, 2, DOWN, PATIENT))
    assert node.end(id) == [Respond(id, OUT)]
    assert len(node.keys(b"t")) == 1
    assert node.row(id).result == OUT
    node.tick(DAY - 1)
    assert node.status(id) is Status.COMPLETED
    node.tick(1)
    assert node.rows.records == {}


def test_retention_of_journals_and_results_is_counted_apart() -> None:
    """None at all; a result longer than its journal; and what a caller asks for."""
    node = Node()
    brief = node.submit("Brief/go")
    assert node.end(brief) == [Respond(brief, OUT)]
    assert node.rows.records == {}
    kept = node.submit("Brief/keep", idempotency_key="k")
    node.step(kept, Run("a"))
    node.end(kept)
    node.tick(1_000)
    assert (node.row(kept).journal_length, node.keys(b"j")) == (0, [])
    node.tick(59_000)
    assert node.rows.records == {}
    plain = node.submit("Brief/keep")
    node.end(plain)
    node.tick(1_000)
    assert node.rows.records == {}
    asked = node.submit("Brief/go", retention_ms=5_000)
    node.end(asked)
    assert node.journal(asked) == []
    node.tick(5_000)
    assert node.rows.records == {}


def test_a_workflow_takes_its_state_and_promises_along() -> None:
    """When it is forgotten, not when it ends."""
    node = Node()
    id = node.submit("Flow/f/run")
    node.step(id, Run("a"))
    node.end(id)
    node.apply(Purged(id))
    assert node.rows.records == {}


@pytest.mark.parametrize("keep_result", [True, False])
def test_an_operator_purges_what_is_over(keep_result: bool) -> None:
    """The journal alone, or all of it; what is under way is left alone."""
    node = Node()
    over, under_way = node.submit("Svc/go"), node.submit("Svc/go")
    node.end(over)
    for id in (over, under_way):
        node.apply(JournalPurged(id) if keep_result else Purged(id))
    assert node.status(under_way) is Status.RUNNING
    assert len(node.journal(under_way)) == 1
    assert (node.find(over) is not None) == keep_result


def test_killing_is_final_and_reaches_callees() -> None:
    """Those that nobody else waits for, as deep as it goes."""
    from_outside = Signalled(b"", 1, CANCELLED)
    node = Node()
    assert node.apply(Killed(node.id())) == []
    assert node.apply(from_outside) == []
    id = node.submit("Svc/go")
    assert node.apply(Killed(id)) == [Abort(id), Respond(id, KILLED)]
    assert node.apply(Killed(id)) == []


def test_cancelling_is_told_and_resumes() -> None:
    """A running one hears it, a sleeping one wakes for it, one that backs off or is paused goes on for it."""
    node = Node()
    cancel = Signal(CANCEL_SIGNAL, CANCELLED, BEGIN_MS)
    running, suspended, failing, paused = (node.submit("Svc/go") for _ in range(4))
    node.step(suspended, Sleep(BEGIN_MS + 100_000))
    node.suspend(suspended)
    node.fail(failing, Failed(DOWN, PATIENT))
    node.apply(Paused(paused, DOWN))
    assert node.apply(Signalled(running, CANCEL_SIGNAL, CANCELLED)) == [Notify(running, 1, cancel)]
    for id in (suspended, failing, paused):
        assert node.apply(Signalled(id, CANCEL_SIGNAL, CANCELLED)) == [Start(id)]
        assert node.journal(id)[-1] == cancel


def test_a_deadline_cancels() -> None:
    """And is gone when it is not needed any more."""
    node = Node()
    late, early = node.submit("Svc/limited"), node.submit("Svc/limited")
    node.step(late, Sleep(BEGIN_MS + 100_000))
    node.end(early)
    (told,) = node.tick(5_000)
    assert isinstance(told, Notify)
    assert told.id == late
    assert told.notification.result == Failure(408, "Svc/limited timed out: timeouts.run is 5 s")
    scheduled = node.submit("Svc/limited", delay_ms=1_000)
    assert node.tick(5_999) == [Start(scheduled)]


def test_a_completed_one_can_run_again() -> None:
    """From its input, under a new id; or with a part of its journal."""
    node = Node()
    id, again, more = node.submit("Svc/go"), node.id(), node.id()
    node.step(id, Run("a"), Run("b"))
    node.apply(RunEnded(id, 1, OUT))
    assert node.apply(Restarted(id, again)) == []  # it is not over
    node.apply(Killed(id))
    assert node.apply(Restarted(id, again)) == [Start(again)]
    assert node.journal(again) == node.journal(id)[:1]
    assert node.row(again).restarted_from == id
    assert node.apply(Restarted(id, more, 3)) == [Start(more)]
    assert node.journal(more) == node.journal(id)[:4]


def test_a_start_goes_on_with_what_ran() -> None:
    """Of all that is there: the active ones, and the time of the first timer."""
    node = Node()
    running, suspended = node.submit("Svc/go"), node.submit("Svc/go")
    node.step(suspended, Sleep(BEGIN_MS + 5_000))
    node.suspend(suspended)
    node.submit("Obj/a/go", delay_ms=9_000)
    actions = recover(node.rows)
    assert [action.id for action in actions if isinstance(action, Start)] == [running]
    assert [getattr(action, "at_ms", None) for action in actions] == [None, BEGIN_MS + 5_000]
