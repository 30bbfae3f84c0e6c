"""Restarting as new: from the input, or behind an entry of the journal."""

from __future__ import annotations

from tests.admin.operator import Operator
from tests.admin.served import ENTERED


def _result(operator: Operator, id: str) -> object:
    reply = operator.node.ask("GET", f"/restate/invocation/{id}/attach")
    assert reply.status == 200, reply.body
    return reply.json


def test_from_the_input(operator: Operator, name: str) -> None:
    """Everything is done once more, under a new id that knows where it comes from; the old one stays as it is."""
    id = operator.bring("completed", name)
    reply = operator.ask("PATCH", f"/invocations/{id}/restart-as-new")
    new = reply.json["new_invocation_id"]
    assert (reply.status, new != id) == (200, True)
    assert (_result(operator, new), _result(operator, id)) == (2, 1)
    assert operator.get(f"/invocations/{new}")["restarted_from"] == id


def test_behind_a_run(operator: Operator, name: str) -> None:
    """The run's result is kept, so its closure is not executed again."""
    id = operator.bring("completed", name)
    kinds = [entry["entry_type"] for entry in operator.get(f"/invocations/{id}/journal")["entries"]]
    assert kinds == ["Input", "Run", "Completion", "Sleep", "Completion"]
    new = operator.ask("PATCH", f"/invocations/{id}/restart-as-new?from=2").json["new_invocation_id"]
    assert (_result(operator, new), ENTERED[name]) == (1, 1)


def test_prefixes_that_cannot_be_kept(operator: Operator, name: str) -> None:
    """A command without its completion, an entry that there is not, no number; each says so."""
    id = operator.bring("completed", name)
    path = f"/invocations/{id}/restart-as-new?from="
    status, message = operator.refused("PATCH", f"{path}1")
    assert (status, message) == (
        400,
        f"the invocation '{id}' cannot begin behind entry 1: command 1 (Run) is kept without its completion",
    )
    assert operator.refused("PATCH", f"{path}9")[0] == 400
    reply = operator.ask("PATCH", f"{path}x")
    assert (reply.status, reply.headers["content-type"]) == (400, "text/plain; charset=utf-8")
    assert ENTERED[name] == 1


def test_without_a_journal(operator: Operator, name: str) -> None:
    """The input went with the journal: 410. The result is still there."""
    id = operator.bring("completed", name)
    assert operator.ask("PATCH", f"/invocations/{id}/purge-journal").status == 200
    assert operator.get(f"/invocations/{id}/journal")["entries"] == []
    assert operator.refused("PATCH", f"/invocations/{id}/restart-as-new")[0] == 410
    assert _result(operator, id) == 1


def test_a_workflow_keeps_its_id(operator: Operator, name: str) -> None:
    """Its id is its identity: it begins again under it, without the promises of the first time."""
    id = operator.send(f"/Flow/{name}/run", name)
    operator.node.call(f"/Flow/{name}/say", b'"one"')
    operator.await_status(id, "completed")
    reply = operator.ask("PATCH", f"/invocations/{id}/restart-as-new")
    assert (reply.status, reply.json) == (200, {"new_invocation_id": id})
    assert operator.status(id) == "running"
    operator.node.call(f"/Flow/{name}/say", b'"two"')
    assert _result(operator, id) == "two 2"


def test_a_workflow_is_free_after_a_purge(operator: Operator, name: str) -> None:
    """Its key can be used again, for a run that knows nothing of the first."""
    id = operator.send(f"/Flow/{name}/run", name)
    operator.node.call(f"/Flow/{name}/say", b'"one"')
    operator.await_status(id, "completed")
    assert operator.ask("PATCH", f"/invocations/{id}/purge").status == 200
    assert operator.send(f"/Flow/{name}/run", name) == id
    assert operator.status(id) == "running"
