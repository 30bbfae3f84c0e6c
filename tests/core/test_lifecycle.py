"""An invocation's life: the table of its moves, how it begins, and how it queues for its key."""

from __future__ import annotations

import itertools

import pytest

from perdure.core import lifecycle
from perdure.core.entry import Failure, Input, Ok, Sleep
from perdure.core.event import (
    Failed,
    Killed,
    Paused,
    Signalled,
    Start,
)
from perdure.core.ids import CANCEL_SIGNAL
from perdure.core.lifecycle import CANCELLED
from perdure.core.retry import Policy
from perdure.core.tables import Invocation, Status
from perdure.core.transitions import TRANSITIONS, IllegalTransition, Move
from perdure.core.work import Work
from tests.core.node import BEGIN_MS, CATALOG, Node

PATIENT = Policy(initial_ms=100, max_attempts=3)
DOWN = Failure(500, "down")
OUT = Ok(b"out")

# --- the table -------------------------------------------------------------------------------------------------


def test_the_table_is_what_it_is() -> None:
    """Whoever changes it has to say so here, too."""
    drawn = {
        f"{status.name} {move.value}": after.name
        for status, moves in TRANSITIONS.items()
        for move, after in moves.items()
    }
    assert drawn == {
        "SCHEDULED enqueue": "PENDING",
        "SCHEDULED start": "RUNNING",
        "SCHEDULED end": "COMPLETED",
        "PENDING start": "RUNNING",
        "PENDING end": "COMPLETED",
        "RUNNING suspend": "SUSPENDED",
        "RUNNING fail": "BACKING_OFF",
        "RUNNING pause": "PAUSED",
        "RUNNING end": "COMPLETED",
        "SUSPENDED start": "RUNNING",
        "SUSPENDED pause": "PAUSED",
        "SUSPENDED end": "COMPLETED",
        "BACKING_OFF start": "RUNNING",
        "BACKING_OFF pause": "PAUSED",
        "BACKING_OFF end": "COMPLETED",
        "PAUSED start": "RUNNING",
        "PAUSED end": "COMPLETED",
    }
    assert set(TRANSITIONS) == set(Status)


@pytest.mark.parametrize(("status", "move"), list(itertools.product(Status, Move)), ids=lambda value: value.name)
def test_what_is_not_in_the_table_is_refused(status: Status, move: Move) -> None:
    """Each pair of a status and a move: it is in the table, or it is a fault of the engine."""
    node = Node()
    id = node.submit("Svc/go")
    row: Invocation = lifecycle.replace(node.row(id), status=status)
    work = Work(node.rows, CATALOG, 5)
    if move in TRANSITIONS[status]:
        moved = lifecycle._move(work, row, move)
        assert (moved.status, moved.changed_at_ms) == (TRANSITIONS[status][move], 5)
    else:
        with pytest.raises(IllegalTransition, match=f"Svc/go is {status.name} and cannot {move.value}"):
            lifecycle._move(work, row, move)


# --- beginning -------------------------------------------------------------------------------------------------


def test_a_request_is_accepted_once() -> None:
    """Its row, its journal and its start; the second time nothing happens."""
    node = Node()
    id = node.submit("Svc/go", idempotency_key="k")
    row = node.row(id)
    assert (row.status, row.kind, row.created_at_ms, row.idempotency_key) == (Status.RUNNING, "service", BEGIN_MS, "k")
    assert node.journal(id) == [Input(b"in", (), BEGIN_MS, 0)]
    before = dict(node.rows.records)
    node.submit("Svc/go", id=id, idempotency_key="k")
    assert node.rows.records == before


def test_a_delayed_one_waits_for_its_time() -> None:
    """It can be forgotten by nobody, and takes no key before."""
    node = Node()
    delayed = node.submit("Obj/a/go", delay_ms=1_000)
    assert node.status(delayed) is Status.SCHEDULED
    assert node.tick(999) == []
    other = node.submit("Obj/a/go")
    assert node.status(other) is Status.RUNNING
    assert node.tick(1) == []
    assert node.status(delayed) is Status.PENDING
    assert Start(delayed) in node.end(other)
    assert node.status(delayed) is Status.RUNNING


# --- one writer a key ------------------------------------------------------------------------------------------


def test_exclusive_handlers_of_a_key_run_in_the_order_of_acceptance() -> None:
    """One at a time; other keys, shared handlers and services do not wait."""
    node = Node()
    first, second, third = (node.submit("Obj/a/go") for _ in range(3))
    others = [node.submit(target) for target in ("Obj/b/go", "Obj/a/peek", "Svc/go")]
    assert [node.status(id) for id in (first, second, third)] == [Status.RUNNING, Status.PENDING, Status.PENDING]
    assert [node.status(id) for id in others] == [Status.RUNNING] * 3
    assert Start(second) in node.end(first)
    assert Start(third) in node.end(second)
    node.end(third)
    assert node.keys(b"q") == []
    assert len(node.keys(b"l")) == 1  # of b


@pytest.mark.parametrize(
    "gone", list(itertools.chain.from_iterable(itertools.combinations(range(1, 5), n) for n in range(5)))
)
def test_a_queue_has_no_gap_for_those_that_left(gone: tuple[int, ...]) -> None:
    """Cancelled or killed in the queue: the rest goes on in order, and nothing is left behind."""
    node = Node()
    ids = [node.submit("Obj/a/go") for _ in range(5)]
    for number in gone:
        if number % 2:
            node.apply(Signalled(ids[number], CANCEL_SIGNAL, CANCELLED))
        else:
            node.apply(Killed(ids[number]))
        assert node.status(ids[number]) is Status.COMPLETED
    late = node.submit("Obj/a/go")
    left = [*(ids[number] for number in range(5) if number not in gone), late]
    for id, following in itertools.pairwise([*left, None]):
        assert id is not None
        started = [action.id for action in node.end(id) if isinstance(action, Start)]
        assert started == ([] if following is None else [following])
    assert node.keys(b"q") == node.keys(b"l") == []


@pytest.mark.parametrize("state", ["suspended", "backing off", "paused"])
def test_who_rests_keeps_its_key(state: str) -> None:
    """Else another could change the state between two steps of one handler."""
    node = Node()
    holder, waiting = node.submit("Obj/a/go"), node.submit("Obj/a/go")
    node.step(holder, Sleep(BEGIN_MS + 100_000))
    if state == "suspended":
        node.suspend(holder)
    elif state == "backing off":
        node.fail(holder, Failed(DOWN, PATIENT))
    else:
        node.apply(Paused(holder, DOWN))
    assert node.status(waiting) is Status.PENDING
    assert Start(waiting) in node.apply(Killed(holder))
