"""One verb on many invocations."""

from __future__ import annotations

import pytest

from tests.admin.operator import Operator

BATCH = "/internal/invocations_batch_operations"
UNKNOWN = "inv_1" + "0" * 33


def test_those_that_are_named(operator: Operator, name: str) -> None:
    """What cannot be done to one does not keep the others: each is in one of two lists."""
    running, done = operator.bring("running", name), operator.bring("completed", name)
    reply = operator.ask("POST", f"{BATCH}/kill", {"invocation_ids": [done, running, UNKNOWN, "x"]})
    assert (reply.status, reply.json["succeeded"]) == (200, [running])
    assert {failed["invocation_id"]: failed["error"] for failed in reply.json["failed"]} == {
        done: f"the invocation '{done}' is completed and cannot be killed",
        UNKNOWN: f"there is no invocation '{UNKNOWN}'",
        "x": "bad invocation id 'x': it does not start with inv_1",
    }
    assert operator.status(running) == "completed"


def test_restarts_that_are_named(operator: Operator, name: str) -> None:
    """Old and new id, one beside the other."""
    id = operator.bring("completed", name)
    reply = operator.ask("POST", f"{BATCH}/restart-as-new", {"invocation_ids": [id]})
    ((pair),) = reply.json["succeeded"]
    assert pair["old_invocation_id"] == id
    operator.await_status(pair["new_invocation_id"], "completed")


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        (f"{BATCH}/erase", {"invocation_ids": []}, 404),
        (f"{BATCH}/kill/x", {"invocation_ids": []}, 404),
        (f"{BATCH}/kill", {"invocation_ids": ["x"] * 1001}, 400),
        (f"{BATCH}/kill", {}, 422),
        ("/invocations/_bulk", {"operation": "kill"}, 422),
        ("/invocations/_bulk", {"filter": {"sttus": "running"}, "operation": "kill"}, 422),
        ("/invocations/_bulk", {"filter": {"status": "odd"}, "operation": "kill"}, 400),
        ("/invocations/_bulk", {"filter": {}, "operation": "erase"}, 400),
    ],
)
def test_what_cannot_be_asked(operator: Operator, path: str, body: object, answer: int) -> None:
    """A filter that is missing or misspelt must not end everything."""
    assert operator.refused("POST", path, body)[0] == answer


def test_those_that_a_filter_finds(operator: Operator, name: str) -> None:
    """First only counted, then done, in more steps than one; others are left alone."""
    ids = [operator.send(f"/Account/{name}/hold", name) for _ in range(230)]
    other = operator.bring("running", name)
    body = {"filter": {"service": "Account", "key": name, "status": "pending"}, "operation": "cancel"}
    counted = operator.ask("POST", "/invocations/_bulk", body | {"dry_run": True}).json
    assert (counted["matched"], counted["succeeded"], counted["invocation_ids"]) == (229, 229, ids[1:101])
    assert operator.status(ids[-1]) == "pending"
    done = operator.ask("POST", "/invocations/_bulk", body).json
    assert (done["matched"], done["succeeded"], done["refused"]) == (229, 229, [])
    assert {operator.status(id) for id in ids[1:]} == {"completed"}
    assert (operator.status(ids[0]), operator.status(other)) == ("running", "running")


def test_a_filter_finds_what_it_cannot_do(operator: Operator, name: str) -> None:
    """It is counted by reason, and a dry run says the same."""
    operator.bring("pending", name)
    operator.send(f"/Account/{name}/hold", name)
    body = {"filter": {"key": name}, "operation": "purge"}
    for dry_run in (True, False):
        said = operator.ask("POST", "/invocations/_bulk", body | {"dry_run": dry_run}).json
        assert (said["matched"], said["succeeded"]) == (3, 0)
        assert said["refused"] == [
            {"status": 409, "reason": "is running and cannot be purged", "count": 1},
            {"status": 409, "reason": "is pending and cannot be purged", "count": 2},
        ]


def test_restarting_all_ends(operator: Operator, name: str) -> None:
    """What a restart makes is not restarted again."""
    for amount in (1, 2, 3):
        operator.node.call(f"/Account/{name}/deposit", str(amount).encode())
    body = {"filter": {"key": name}, "operation": "restart-as-new"}
    said = operator.ask("POST", "/invocations/_bulk", body).json
    assert (said["matched"], said["succeeded"]) == (3, 3)
    assert len(operator.get(f"/invocations?key={name}")["invocations"]) == 6
