"""What each command does to the node, one rule after the other."""

from __future__ import annotations

import pytest

from perdure.core import commands
from perdure.core.check import violations
from perdure.core.entry import (
    VOID,
    Attach,
    Call,
    Cancel,
    ClearAllState,
    ClearRun,
    ClearState,
    ClearTimer,
    Command,
    CompleteAwakeable,
    CompletePromise,
    Completion,
    Failure,
    GetPromise,
    GetState,
    GetStateKeys,
    Input,
    Ok,
    PeekPromise,
    ReadClock,
    Run,
    Send,
    SendSignal,
    SetState,
    Signal,
    Sleep,
    Target,
)
from perdure.core.event import Abort, Failed, Killed, Notify, Paused, Purged, RunFailed, Start, StartRun
from perdure.core.ids import CANCEL_SIGNAL
from perdure.core.lifecycle import CANCELLED, FORGOTTEN, KILLED
from perdure.core.retry import Policy
from perdure.core.tables import STATE, Status, address, state_key
from tests.core.node import BEGIN_MS, Node
from tests.core.shapes import COMMANDS

OUT = Ok(b"out")
DOWN = Failure(500, "down")
ONLY_IN_THE_JOURNAL = (Input, GetState, GetStateKeys, ReadClock)
PLACE = Target("Obj", "a", "go")


def test_every_kind_has_a_rule_or_stands_in_the_journal_only() -> None:
    """A kind without a rule does nothing to the node; that has to be meant."""
    assert set(commands._RULES) == set(COMMANDS) - set(ONLY_IN_THE_JOURNAL)


# --- state -----------------------------------------------------------------------------------------------------


def state(node: Node, target: Target = PLACE) -> dict[str, bytes]:
    """The state of an object."""
    return {row.name: row.value for _, row in node.rows.scan(STATE, state_key(address(target)))}


def test_state_is_written_by_key_and_by_object() -> None:
    """In the order of the commands; reading it leaves no trace but in the journal."""
    node = Node()
    id, other = node.submit("Obj/a/go"), node.submit("Obj/b/go")
    node.step(other, SetState("n", b"other"))
    node.step(
        id, SetState("n", b"1"), SetState("m", b"2"), SetState("n", b"3"), GetState("n", b"3"), GetStateKeys(("m", "n"))
    )
    assert state(node) == {"n": b"3", "m": b"2"}
    node.step(id, ClearState("m"), ClearState("never"))
    assert state(node) == {"n": b"3"}
    node.step(id, SetState("l" * 500, b"4"), ClearAllState(), SetState("k", b"5"))
    assert state(node) == {"k": b"5"}
    assert state(node, Target("Obj", "b", "go")) == {"n": b"other"}
    node.end(id)
    assert state(node) == {"k": b"5"}


# --- time ------------------------------------------------------------------------------------------------------


def test_a_sleep_is_a_timer_and_is_answered_when_it_rings() -> None:
    """Late is late, but never early."""
    node = Node()
    id = node.submit("Svc/go")
    node.step(id, Sleep(BEGIN_MS + 100))
    assert node.tick(99) == []
    node.now_ms += 1_000
    assert node.tick(0) == [Notify(id, 2, Completion(1, VOID, BEGIN_MS + 1_099))]
    assert node.row(id).open == {}


def test_a_cleared_timer_does_not_ring() -> None:
    """One that has rung before it was cleared stays answered."""
    node = Node()
    id = node.submit("Svc/go")
    node.step(id, Sleep(BEGIN_MS + 100), Sleep(BEGIN_MS + 200))
    node.step(id, ClearTimer(2))
    assert len(node.keys(b"t")) == 1
    node.tick(300)
    node.step(id, ClearTimer(1))
    assert node.row(id).open == {}
    assert node.keys(b"t") == []


def test_timers_ring_in_the_order_of_their_times() -> None:
    """Some hundred in one event, and an alarm for the rest."""
    node = Node()
    node.checks = False
    ids = [node.submit("Svc/go") for _ in range(300)]
    for number, id in enumerate(ids):
        node.step(id, Sleep(BEGIN_MS + 1_000 - number))
    rung = [action.id for action in node.tick(2_000) if isinstance(action, Notify)]
    assert rung == ids[:-257:-1]
    rung += [action.id for action in node.tick(0) if isinstance(action, Notify)]
    assert rung == ids[::-1]
    assert violations(node.rows) == []


# --- other invocations -----------------------------------------------------------------------------------------


def call(callee: bytes, target: str = "Svc/go", key: str | None = None) -> Call:
    """A call."""
    service, *object_key, handler = target.split("/")
    return Call(Target(service, object_key[0] if object_key else None, handler), b"arg", (("h", "v"),), key, callee)


def test_a_call_makes_its_callee_and_the_callees_end_answers_it() -> None:
    """In the same transactions; input and headers arrive."""
    node = Node()
    caller, callee = node.submit("Svc/go"), node.id()
    assert node.step(caller, call(callee)) == [Start(callee)]
    first = node.journal(callee)[0]
    assert isinstance(first, Input)
    assert (first.value, first.headers, first.at_ms) == (b"arg", (("h", "v"),), BEGIN_MS)
    assert Notify(caller, 2, Completion(1, OUT, BEGIN_MS)) in node.end(callee)
    other = node.id()
    node.step(caller, call(other, "Obj/a/go"))
    node.suspend(caller)
    assert Start(caller) in node.end(other, DOWN)
    assert node.journal(caller)[-1] == Completion(2, DOWN, BEGIN_MS)


def test_calls_with_one_identity_share_a_callee() -> None:
    """While it runs they wait for it together; when it is over, they have its result at once."""
    node = Node()
    callers, callee = [node.submit("Svc/go") for _ in range(3)], node.id()
    assert node.step(callers[0], call(callee, key="k")) == [Start(callee)]
    assert node.step(callers[1], call(callee, key="k")) == []
    told = [action.id for action in node.end(callee) if isinstance(action, Notify)]
    assert told == callers[:2]
    assert node.step(callers[2], call(callee, key="k")) == [Notify(callers[2], 2, Completion(1, OUT, BEGIN_MS))]


def test_a_workflow_is_called_once() -> None:
    """The second call is told so, whether the run is over or not."""
    node = Node()
    caller, run = node.submit("Svc/go"), node.id()
    node.step(caller, call(run, "Flow/f/run"))
    refused = Completion(2, commands.ALREADY_INVOKED, BEGIN_MS)
    assert node.step(caller, call(run, "Flow/f/run")) == [Notify(caller, 3, refused)]
    node.end(run)
    refused = Completion(3, commands.ALREADY_INVOKED, BEGIN_MS)
    assert node.step(caller, call(run, "Flow/f/run"))[-1] == Notify(caller, 6, refused)


def test_a_send_makes_an_invocation_and_waits_for_nothing() -> None:
    """Now or later; the second with the same identity is dropped."""
    node = Node()
    sender, now, later = node.submit("Svc/go"), node.id(), node.id()
    target = Target("Svc", None, "go")
    assert node.step(sender, Send(target, b"1", callee=now), Send(target, b"2", (), None, 500, later)) == [Start(now)]
    assert node.row(sender).open == {}
    assert node.status(later) is Status.SCHEDULED
    assert node.step(sender, Send(target, b"3", callee=now)) == []
    assert node.journal(now)[0].value == b"1"  # type: ignore[union-attr]  # an input
    node.end(sender)
    assert node.tick(500) == [Start(later)]


def test_attach_waits_for_who_is_there() -> None:
    """For its result, then or now; who is not there is not found."""
    node = Node()
    waiter, other = node.submit("Svc/go"), node.submit("Svc/go")
    assert node.step(waiter, Attach(other)) == []
    assert Notify(waiter, 2, Completion(1, OUT, BEGIN_MS)) in node.end(other)
    assert node.step(waiter, Attach(other)) == [Notify(waiter, 4, Completion(2, OUT, BEGIN_MS))]
    unknown = Completion(3, commands.UNKNOWN_INVOCATION, BEGIN_MS)
    assert node.step(waiter, Attach(node.id())) == [Notify(waiter, 6, unknown)]


def test_who_waits_is_forgotten_when_it_ends_first() -> None:
    """The callee goes on, and tells nobody: neither who had the id, nor who has it next."""
    node = Node()
    caller, callee = node.submit("Svc/go"), node.submit("Svc/go")
    node.step(caller, Attach(callee))
    node.end(caller)
    assert node.row(callee).waiters == ()
    node.apply(Purged(caller))
    node.submit("Svc/go", id=caller)
    node.step(caller, Run("a"))
    assert not any(isinstance(action, Notify) for action in node.end(callee))
    assert list(node.row(caller).open) == [1]


def test_killing_reaches_what_was_called_and_nothing_else() -> None:
    """Not what was sent, not what was attached to, not what another one waits for as well."""
    node = Node()
    root, other = node.submit("Svc/go"), node.submit("Svc/go")
    child, grandchild, sent, shared = (node.id() for _ in range(4))
    attached = node.submit("Svc/go")
    target = Target("Svc", None, "go")
    node.step(root, call(child), Send(target, b"", callee=sent), Attach(attached), call(shared, key="k"))
    node.step(other, call(shared, key="k"))
    node.step(child, call(grandchild))
    aborted = [action.id for action in node.apply(Killed(root)) if isinstance(action, Abort)]
    assert aborted == [root, child, grandchild]
    assert [node.row(id).result for id in aborted] == [KILLED] * 3
    assert [node.status(id) for id in (sent, attached, shared, other)] == [Status.RUNNING] * 4


def test_cancelling_another_one_is_a_signal_to_it() -> None:
    """It also reaches one that is paused or backs off; one that has not begun ends at once."""
    node = Node()
    canceller, running, paused, failing = (node.submit("Svc/go") for _ in range(4))
    scheduled = node.submit("Svc/go", delay_ms=1_000)
    node.apply(Paused(paused, DOWN))
    node.fail(failing, Failed(DOWN, Policy()))
    told = Signal(CANCEL_SIGNAL, CANCELLED, BEGIN_MS)
    assert node.step(canceller, Cancel(running)) == [Notify(running, 1, told)]
    assert node.step(canceller, Cancel(paused), Cancel(failing)) == [Start(paused), Start(failing)]
    node.step(canceller, Cancel(scheduled), Cancel(node.id()))
    assert node.row(scheduled).result == CANCELLED


def test_an_awakeable_is_completed_by_a_signal_with_its_index() -> None:
    """Of one that runs, sleeps, is paused or is over."""
    node = Node()
    sender, running, suspended, paused, over = (node.submit("Svc/go") for _ in range(5))
    node.suspend(suspended, 17)
    node.apply(Paused(paused, DOWN))
    node.end(over)
    told = Signal(17, OUT, BEGIN_MS)
    assert node.step(sender, CompleteAwakeable(running, 17, OUT)) == [Notify(running, 1, told)]
    assert node.step(sender, CompleteAwakeable(suspended, 17, OUT)) == [Start(suspended)]
    assert node.step(sender, CompleteAwakeable(paused, 17, OUT)) == []
    assert node.journal(paused)[-1] == told
    length = len(node.journal(over))
    assert node.step(sender, CompleteAwakeable(over, 17, OUT)) == []
    assert len(node.journal(over)) == length


def test_a_named_signal_waits_for_its_invocation_to_begin() -> None:
    """One that is queued or delayed hears it when it begins."""
    node = Node()
    sender, scheduled = node.submit("Svc/go"), node.submit("Svc/go", delay_ms=1_000)
    assert node.step(sender, SendSignal(scheduled, "s", OUT)) == []
    assert node.tick(1_000) == [Start(scheduled)]
    assert node.journal(scheduled)[1] == Signal(0, OUT, BEGIN_MS, "s")


# --- effects ---------------------------------------------------------------------------------------------------


def test_a_run_is_started() -> None:
    """After the commit; it stays open until it is answered."""
    node = Node()
    id = node.submit("Svc/go")
    assert node.step(id, Run("a"), Sleep(BEGIN_MS + 1), Run("b")) == [StartRun(id, 1), StartRun(id, 3)]
    assert sorted(node.row(id).open) == [1, 2, 3]


@pytest.mark.parametrize("failed", [False, True])
def test_a_cleared_run_is_not_waited_for(failed: bool) -> None:
    """Neither its result nor its next try."""
    node = Node()
    id = node.submit("Svc/go")
    node.step(id, Run("a"))
    if failed:
        node.apply(RunFailed(id, 1, DOWN, Policy()))
    node.step(id, ClearRun(1))
    assert node.row(id).open == {}
    assert node.keys(b"t") == []
    node.step(id, ClearRun(1))


# --- promises --------------------------------------------------------------------------------------------------


def test_a_promise_tells_all_who_wait_and_all_who_come() -> None:
    """In the order in which they asked."""
    node = Node()
    run, shared, late = node.submit("Flow/f/run"), node.submit("Flow/f/peek"), node.submit("Flow/f/peek")
    assert node.step(run, GetPromise("p")) == []
    assert node.step(shared, GetPromise("p")) == []
    told = node.step(late, CompletePromise("p", OUT))
    assert [action.id for action in told if isinstance(action, Notify)] == [run, shared, late]
    refused = Completion(2, commands.ALREADY_COMPLETED, BEGIN_MS)
    assert node.step(late, CompletePromise("p", OUT)) == [Notify(late, 4, refused)]
    assert node.step(late, GetPromise("p")) == [Notify(late, 6, Completion(3, OUT, BEGIN_MS))]


def test_peeking_never_waits() -> None:
    """Nothing yet, a value, an error."""
    node = Node()
    id = node.submit("Flow/f/run")
    answers: list[object] = []
    steps: list[tuple[Command, ...]] = [
        (PeekPromise("p"),),
        (CompletePromise("p", OUT), PeekPromise("p")),
        (CompletePromise("q", DOWN), PeekPromise("q")),
    ]
    for step in steps:
        (*_, told) = node.step(id, *step)
        assert isinstance(told, Notify)
        answers.append(told.notification.result)
    assert answers == [VOID, OUT, DOWN]


def test_promises_belong_to_their_workflow() -> None:
    """Another one's have the same names."""
    node = Node()
    first, second = node.submit("Flow/a/run"), node.submit("Flow/b/run")
    node.step(first, GetPromise("p"))
    node.step(second, CompletePromise("p", OUT))
    assert list(node.row(first).open) == [1]


def test_a_promise_forgets_who_waits_no_more() -> None:
    """One that ended, or was killed."""
    node = Node()
    run, shared = node.submit("Flow/f/run"), node.submit("Flow/f/peek")
    node.step(shared, GetPromise("p"))
    node.end(shared)
    told = [action.id for action in node.step(run, CompletePromise("p", OUT)) if isinstance(action, Notify)]
    assert told == [run]


@pytest.mark.parametrize("target", ["Flow/f", "Gone/f"])
def test_who_waits_for_a_forgotten_promise_is_told(target: str) -> None:
    """The workflow is purged, or its result is not kept at all."""
    node = Node()
    run, shared = node.submit(f"{target}/run"), node.submit(f"{target}/peek")
    node.step(shared, GetPromise("p"))
    actions = [*node.end(run), *node.apply(Purged(run))]
    assert Notify(shared, 2, Completion(1, FORGOTTEN, BEGIN_MS)) in actions
    assert node.keys(b"p") == []
