"""Why an invocation waits: every status has its reason, and chains are followed as far as it helps."""

from __future__ import annotations

import itertools

from perdure.core.entry import Attach, Call, Failure, GetPromise, Ok, Run, Sleep, Target
from perdure.core.event import Failed, Paused, RunFailed
from perdure.core.retry import Policy
from perdure.core.why import ANSWERS_MOST, LINKS_MOST, Answer, Reason, why
from tests.core.node import BEGIN_MS, Node

PATIENT = Policy(initial_ms=100, max_attempts=3)
DOWN = Failure(500, "down")


def _why(node: Node, id: bytes) -> Answer:
    answer = why(node.rows, id, lambda _: None)
    assert answer is not None
    return answer


def _reasons(node: Node, id: bytes) -> list[tuple[str, int]]:
    return [(reason.text, reason.at_ms) for reason in _why(node, id).reasons]


def _call(node: Node, caller: bytes, callee: bytes) -> None:
    node.step(caller, Call(Target("Svc", None, "go"), b"", callee=callee))


def test_nothing_is_said_of_what_there_is_not() -> None:
    """None, not an empty answer."""
    assert why(Node().rows, bytes(24), lambda _: None) is None


def test_each_status_has_its_reason() -> None:
    """With the time when it will be over, where that is known."""
    node = Node()
    running, later, ended, failed = (node.submit("Svc/go", delay_ms=delay) for delay in (0, 5_000, 0, 0))
    paused, backing_off = node.submit("Svc/go"), node.submit("Svc/go")
    node.end(ended, Ok(b""))
    node.end(failed, DOWN)
    node.apply(Paused(paused, DOWN))
    node.fail(backing_off, Failed(DOWN, PATIENT))
    assert _reasons(node, running) == [("is about to run", 0)]
    assert _reasons(node, later) == [("starts at its time", BEGIN_MS + 5_000)]
    assert _reasons(node, ended) == [("succeeded", 0)]
    assert _reasons(node, failed) == [("failed: down", 0)]
    assert _reasons(node, paused) == [("is paused until somebody resumes it, after 1 failures; the last: down", 0)]
    ((text, at_ms),) = _reasons(node, backing_off)
    assert (text, at_ms > BEGIN_MS) == ("tries again after 1 failures; the last: down", True)


def test_each_open_command_is_a_reason() -> None:
    """A sleep with its end, a run by its name and its failures, a promise by its workflow."""
    node = Node()
    id = node.submit("Flow/k/run")
    node.step(id, Sleep(BEGIN_MS + 9), Run("charge"), Run("mail"), GetPromise("word"))
    node.apply(RunFailed(id, 3, DOWN, PATIENT))
    assert [text for text, _ in _reasons(node, id)] == [
        "sleeps",
        "executes run charge",
        "tries run mail again after 1 failures; the last: down",
        "waits for promise word of Flow/k",
    ]


def test_what_a_suspended_one_awaits_outside() -> None:
    """An awakeable by the id that completes it, a signal by its name."""
    node = Node()
    id = node.submit("Svc/go")
    node.suspend(id, 17, "paid")
    first, second = (text for text, _ in _reasons(node, id))
    assert (first.startswith("waits for awakeable sign_1"), second) == (True, "waits for signal paid")


def test_a_chain_is_followed() -> None:
    """Queued behind one that calls one that is about to run."""
    node = Node()
    holder, queued, callee = node.submit("Obj/k/go"), node.submit("Obj/k/go"), node.id()
    _call(node, holder, callee)
    (reason,) = _why(node, queued).reasons
    assert reason.invocation is not None
    (next_reason,) = reason.invocation.reasons
    assert (reason.invocation.target, next_reason.text) == ("Obj/k/go", "waits for the result of")
    assert next_reason.invocation is not None
    assert next_reason.invocation.reasons == (Reason("is about to run"),)


def test_a_circle_is_named() -> None:
    """Two that wait for each other, and the answer ends."""
    node = Node()
    first, second = node.submit("Svc/go"), node.submit("Svc/go")
    node.step(first, Attach(second))
    node.step(second, Attach(first))
    (reason,) = _why(node, first).reasons
    assert reason.invocation is not None
    assert "they never end unless one is cancelled" in reason.invocation.reasons[0].text


def test_what_two_wait_for_is_told_once() -> None:
    """Else an answer about a few that wait for each other's results would be endless."""
    node = Node()
    layers = [[node.submit("Svc/go") for _ in range(3)] for _ in range(30)]
    for above, below in itertools.pairwise(layers):
        for id in above:
            node.step(id, *(Attach(other) for other in below))
    texts = _texts(_why(node, layers[0][0]))
    assert len(texts) == 3 + 28 * 3 * 3 + 3
    assert any("elsewhere in this answer" in text for text in texts)


def test_a_long_chain_is_followed_so_far() -> None:
    """It says where to ask next, and does not fall over."""
    node = Node()
    node.checks = False
    ids = [node.submit("Svc/go")]
    for _ in range(1_000):
        ids.append(node.id())
        _call(node, ids[-2], ids[-1])
    answer = _why(node, ids[0])
    texts = _texts(answer)
    assert (len(texts), texts[-1].endswith("ask about that one")) == (LINKS_MOST, True)


def test_many_calls_are_named_and_so_many_told() -> None:
    """Each is named; what the last of them wait for has to be asked."""
    node = Node()
    node.checks = False
    id = node.submit("Svc/go")
    node.step(id, *(Call(Target("Svc", None, "go"), b"", callee=node.id()) for _ in range(ANSWERS_MOST + 10)))
    reasons = _why(node, id).reasons
    assert len(reasons) == ANSWERS_MOST + 10
    assert sum(reason.invocation is None for reason in reasons) == 11


def _texts(answer: Answer) -> list[str]:
    texts: list[str] = []
    for reason in answer.reasons:
        texts.append(reason.text)
        if reason.invocation is not None:
            texts += _texts(reason.invocation)
    return texts
