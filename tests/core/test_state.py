"""State that an operator edits: only between invocations, and only what he saw."""

from __future__ import annotations

from perdure.core.entry import Ok, SetState, Target
from perdure.core.event import Ended, Paused, Start, StateEdited, Stepped, Submitted
from perdure.core.ids import workflow_id
from perdure.core.lifecycle import KILLED
from perdure.core.state import Fault, edit_fault, holder, read_state, version
from tests.core.node import Node

PLACE = Target("Obj", "k", "")
FLOW = Target("Flow", "k", "")
ID = bytes(24)
EMPTY = version({})


def _state(node: Node, place: Target = PLACE) -> dict[str, bytes]:
    return read_state(node.rows, place)


def test_an_edit_replaces_everything() -> None:
    """What is not named is gone, names and values are as given, and other objects keep theirs."""
    node = Node()
    node.apply(StateEdited(PLACE, {"b": b"1", "a": b"2"}))
    node.apply(StateEdited(Target("Obj", "other", ""), {"c": b"3"}))
    assert list(_state(node).items()) == [("a", b"2"), ("b", b"1")]
    node.apply(StateEdited(PLACE, {"long" * 100: b"4"}))
    assert _state(node) == {"long" * 100: b"4"}
    node.apply(StateEdited(PLACE, {}))
    assert (_state(node), _state(node, Target("Obj", "other", ""))) == ({}, {"c": b"3"})


def test_an_edit_of_another_version_does_nothing() -> None:
    """The version is that of the values, whoever wrote them and in which order."""
    node = Node()
    node.apply(StateEdited(PLACE, {"a": b"1"}, EMPTY))
    node.apply(StateEdited(PLACE, {"a": b"2"}, EMPTY))
    assert _state(node) == {"a": b"1"}
    assert edit_fault(node.rows, StateEdited(PLACE, {}, EMPTY)) is Fault.CHANGED
    node.apply(StateEdited(PLACE, {"a": b"2"}, version({"a": b"1"})))
    assert _state(node) == {"a": b"2"}


def test_versions_do_not_run_together() -> None:
    """Names and values that spell the same bytes are not the same state."""
    states: list[dict[str, bytes]] = [{}, {"a": b""}, {"ab": b""}, {"a": b"b"}, {"a": b"", "b": b""}]
    assert len({version(state) for state in states}) == len(states)
    assert version({"x": b"1", "y": b"2"}) == version({"y": b"2", "x": b"1"})


def test_an_object_is_not_edited_while_somebody_has_its_key() -> None:
    """He may have read what would change. After his end it can be edited."""
    node = Node()
    node.apply(Submitted(ID, Target("Obj", "k", "go"), b""))
    node.apply(Stepped(ID, (SetState("a", b"1"),)))
    node.apply(StateEdited(PLACE, {"a": b"2"}))
    assert (holder(node.rows, PLACE), edit_fault(node.rows, StateEdited(PLACE, {}))) == (ID, Fault.HELD)
    assert _state(node) == {"a": b"1"}
    node.apply(Stepped(ID, (), Ended(Ok())))
    node.apply(StateEdited(PLACE, {"a": b"2"}))
    assert (holder(node.rows, PLACE), _state(node)) == (None, {"a": b"2"})


def test_a_workflow_is_not_edited_while_it_runs() -> None:
    """Its run holds no key, but is the one that changes its state."""
    node = Node()
    id = workflow_id("Flow", "k")
    node.apply(Submitted(id, Target("Flow", "k", "run"), b""))
    node.apply(StateEdited(FLOW, {"a": b"2"}))
    assert (holder(node.rows, FLOW), _state(node, FLOW)) == (id, {})
    node.apply(Stepped(id, (), Ended(Ok())))
    node.apply(StateEdited(FLOW, {"a": b"2"}))
    assert _state(node, FLOW) == {"a": b"2"}


def test_a_holder_that_cannot_go_on_is_ended_with_the_edit() -> None:
    """One that is paused because of the state: who comes next must not meet the old one. The version still counts."""
    node = Node()
    paused, queued = node.submit("Obj/k/go"), node.submit("Obj/k/go")
    node.apply(Paused(paused, KILLED))
    node.apply(StateEdited(PLACE, {"a": b"2"}, "other", end_holder=True))
    assert (holder(node.rows, PLACE), _state(node)) == (paused, {})
    actions = node.apply(StateEdited(PLACE, {"a": b"2"}, EMPTY, end_holder=True))
    assert (holder(node.rows, PLACE), _state(node)) == (queued, {"a": b"2"})
    assert Start(queued) in actions
    assert node.row(paused).result == KILLED
