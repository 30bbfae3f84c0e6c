"""State that operators read and edit: typed by the spec, guarded by versions and by whoever runs."""

from __future__ import annotations

import pytest

from tests.admin.operator import Operator


def _put(operator: Operator, name: str, state: object, **more: str) -> int:
    return operator.ask("PUT", f"/services/Account/state/{name}", {"state": state} | more).status


def test_reading(operator: Operator, name: str) -> None:
    """Values as JSON, and a version that is the ETag; a key that nobody used has none."""
    assert operator.get(f"/services/Account/state/{name}")["state"] == {}
    operator.node.call(f"/Account/{name}/deposit", b"5")
    reply = operator.ask("GET", f"/services/Account/state/{name}")
    assert reply.json["state"] == {"balance": 5}
    assert reply.headers["etag"] == f'"{reply.json["version"]}"'


def test_what_was_read_can_be_put_back(operator: Operator, name: str) -> None:
    """Handlers see it; what is left out is gone; the answer is the new state."""
    operator.node.call(f"/Account/{name}/deposit", b"5")
    path = f"/services/Account/state/{name}"
    read = operator.get(path)
    read["state"] |= {"balance": 7, "owner": "Ada"}
    reply = operator.ask("PUT", path, read)
    assert (reply.status, reply.json["state"]) == (200, {"balance": 7, "owner": "Ada"})
    assert operator.node.call(f"/Account/{name}/balance").json == 7
    assert _put(operator, name, {}) == 200
    assert operator.get(path)["state"] == {}


def test_a_version_that_is_old(operator: Operator, name: str) -> None:
    """412, in the body or as If-Match, and nothing is written; without one it is not looked at."""
    path = f"/services/Account/state/{name}"
    old = operator.get(path)["version"]
    operator.node.call(f"/Account/{name}/deposit", b"5")
    assert _put(operator, name, {"balance": 1}, version=old) == 412
    assert operator.ask("PUT", path, {"state": {}}, {"if-match": f'"{old}"'}).status == 412
    now = operator.get(path)
    assert now["state"] == {"balance": 5}
    assert operator.ask("PUT", path, {"state": {}}, {"if-match": f'"{now["version"]}"'}).status == 200
    assert _put(operator, name, {"balance": 1}) == 200


def test_in_the_form_of_restate(operator: Operator, name: str) -> None:
    """Values as lists of bytes; 202, and unlike there a version that does not fit is answered."""
    path = "/services/Account/state"
    body = {"object_key": name, "new_state": {"balance": [52, 50]}}
    assert operator.ask("POST", path, body).status == 202
    assert operator.get(f"{path}/{name}")["state"] == {"balance": 42}
    assert operator.ask("POST", path, body | {"version": "0"}).status == 412
    assert operator.ask("POST", path, body | {"new_state": {"balance": [256]}}).status == 422
    assert operator.ask("POST", path, {"object_key": name}).status == 422


def test_whoever_runs_is_not_disturbed(operator: Operator, name: str) -> None:
    """409 that names him, also from the run of a workflow; it works once he has ended."""
    id = operator.bring("pending", name)
    holder = operator.get(f"/invocations/{id}/why")["reasons"][0]["invocation"]["id"]
    assert operator.get(f"/services/Account/state/{name}")["holder"] == holder
    status, message = operator.refused("PUT", f"/services/Account/state/{name}", {"state": {}})
    assert (status, message) == (
        409,
        f"the state of Account/{name} belongs to the invocation '{holder}' until that ends",
    )
    for invocation in (id, holder):
        operator.ask("PATCH", f"/invocations/{invocation}/kill")
    assert _put(operator, name, {"balance": 3}) == 200
    run = operator.send(f"/Flow/{name}/run", name)
    assert operator.refused("PUT", f"/services/Flow/state/{name}", {"state": {}})[0] == 409
    operator.ask("PATCH", f"/invocations/{run}/kill")
    assert operator.ask("PUT", f"/services/Flow/state/{name}", {"state": {}}).status == 200


def test_a_holder_is_ended_with_the_edit(operator: Operator, name: str) -> None:
    """If it is asked for: the next in the queue runs on the new state at once."""
    held = operator.send(f"/Account/{name}/hold", name)
    queued = operator.send(f"/Account/{name}/deposit", 1)
    body = {"state": {"balance": 10}, "end_holder": True}
    reply = operator.ask("PUT", f"/services/Account/state/{name}", body)
    assert reply.status == 200
    assert operator.status(held) == "completed"
    assert operator.node.ask("GET", f"/restate/invocation/{queued}/attach").json == 11


@pytest.mark.parametrize(
    ("path", "state", "answer", "message"),
    [
        ("Nobody/state/k", {}, 404, "there is no service 'Nobody'"),
        ("Stages/state/k", {}, 400, "Stages is a service and has no state; objects and workflows have"),
        ("Account/state/k", {"color": 1}, 400, "Account has no state 'color'; it has balance, owner"),
        ("Account/state/k", {"balance": "x"}, 400, "state 'balance' of Account: Expected `int`, got `str`"),
        ("Account/state/k", {"balance": -1}, 400, "state 'balance' of Account: Expected `int` >= 0"),
        ("Flow/state/k", {"any": 1}, 400, "Flow has no state 'any'; it has none at all"),
    ],
)
def test_what_the_spec_does_not_say(operator: Operator, path: str, state: object, answer: int, message: str) -> None:
    """Refused with the name of what is wrong; nothing is written."""
    assert operator.refused("PUT", f"/services/{path}", {"state": state}) == (answer, message)
    assert operator.get("/services/Account/state/k")["state"] == {}


def test_bodies_that_are_none(operator: Operator) -> None:
    """No JSON 400, no content type 415, another form 422, each in plain text as Restate says it."""
    path = "/services/Account/state/k"
    assert operator.refused("PUT", path, [1])[0] == 422
    assert operator.ask("PUT", path, headers={"content-type": "application/json"}).status == 400
    assert operator.ask("PUT", path).status == 415
    assert operator.refused("DELETE", path)[0] == 405
