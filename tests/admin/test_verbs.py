"""Each verb on an invocation in each status: what the operator is told, and what becomes of it."""

from __future__ import annotations

import time

import pytest

from tests.admin.operator import PATIENCE_S, STAGES, Operator

UNKNOWN = "inv_1" + "0" * 33

# verb -> status before -> (answer, status after)
TABLE: dict[str, dict[str, tuple[int, str]]] = {
    "cancel": {
        "scheduled": (200, "completed"),
        "pending": (200, "completed"),
        "running": (202, "completed"),
        "suspended": (202, "completed"),
        "backing-off": (202, "completed"),
        "paused": (202, "completed"),
        "completed": (409, "completed"),
    },
    "kill": {
        "scheduled": (200, "completed"),
        "pending": (200, "completed"),
        "running": (200, "completed"),
        "suspended": (200, "completed"),
        "backing-off": (200, "completed"),
        "paused": (200, "completed"),
        "completed": (409, "completed"),
    },
    "pause": {
        "scheduled": (409, "scheduled"),
        "pending": (409, "pending"),
        "running": (202, "paused"),
        "suspended": (202, "paused"),
        "backing-off": (202, "paused"),
        "paused": (200, "paused"),
        "completed": (409, "completed"),
    },
    "resume": {
        "scheduled": (425, "scheduled"),
        "pending": (425, "pending"),
        "running": (409, "running"),
        "suspended": (200, "suspended"),
        "backing-off": (200, "running"),
        "paused": (200, "running"),
        "completed": (409, "completed"),
    },
    "restart-as-new": {
        "scheduled": (425, "scheduled"),
        "pending": (425, "pending"),
        "running": (409, "running"),
        "suspended": (409, "suspended"),
        "backing-off": (409, "backing-off"),
        "paused": (409, "paused"),
        "completed": (200, "completed"),
    },
    "purge": {status: (409, status) for status in STAGES} | {"completed": (200, "gone")},
    "purge-journal": {status: (409, status) for status in STAGES} | {"completed": (200, "completed")},
}


@pytest.mark.parametrize(("verb", "status"), [(verb, status) for verb in TABLE for status in STAGES])
def test_a_verb_in_a_status(operator: Operator, name: str, verb: str, status: str) -> None:
    """It is done, or refused with a message that names the invocation and its status, and then nothing changes."""
    answer, after = TABLE[verb][status]
    id = operator.bring(status, name)
    reply = operator.ask("PATCH", f"/invocations/{id}/{verb}")
    assert reply.status == answer
    if answer >= 400:
        assert f"'{id}' is {status} and cannot be " in reply.json["message"] or verb == "purge-journal"
        assert operator.status(id) == after
    else:
        operator.await_status(id, after)


def test_the_table_is_whole() -> None:
    """Every verb has an answer in every status."""
    assert {verb: set(rows) for verb, rows in TABLE.items()} == {verb: set(STAGES) for verb in TABLE}


@pytest.mark.parametrize("verb", TABLE)
def test_a_verb_on_nothing(operator: Operator, verb: str) -> None:
    """An id that nobody has is 404, and what is no id 400; another method is 405."""
    assert operator.refused("PATCH", f"/invocations/{UNKNOWN}/{verb}") == (404, f"there is no invocation '{UNKNOWN}'")
    status, message = operator.refused("PATCH", f"/invocations/inv_1x/{verb}")
    assert (status, message) == (400, "bad invocation id 'inv_1x': it should have 33 digits")
    assert operator.ask("POST", f"/invocations/{UNKNOWN}/{verb}").status == 405


@pytest.mark.parametrize("prefix", ["/v2", "/v3", "/v4", ""])
def test_versions_of_the_api(operator: Operator, name: str, prefix: str) -> None:
    """Each version that Restate has, and none at all."""
    id = operator.bring("running", name)
    assert operator.ask("PATCH", f"{prefix}/invocations/{id}/kill").status == 200
    assert operator.refused("GET", "/v1/invocations")[0] == 400
    assert operator.refused("GET", "/v5/invocations")[0] == 404


@pytest.mark.parametrize(("verb", "message"), [("cancel", "cancelled"), ("kill", "killed")])
def test_callers_hear_of_the_end(operator: Operator, name: str, verb: str, message: str) -> None:
    """Whoever attaches gets a 409 that says how it ended."""
    id = operator.bring("suspended", name)
    operator.ask("PATCH", f"/invocations/{id}/{verb}")
    reply = operator.node.ask("GET", f"/restate/invocation/{id}/attach")
    assert (reply.status, reply.json["message"]) == (409, message)


def test_resume_of_a_deployment(operator: Operator, name: str) -> None:
    """This process has one deployment: its id, `latest` and `keep` are fine, others are not here."""
    id = operator.bring("paused", name)
    assert operator.refused("PATCH", f"/invocations/{id}/resume?deployment=dp_x")[0] == 400
    status, message = operator.refused("PATCH", f"/invocations/{id}/resume?deployment=keep")
    assert (status, message) == (409, f"the invocation '{id}' has not begun and belongs to no deployment yet")
    suspended = operator.bring("suspended", name)
    for deployment in ("keep", "latest", operator.get("/services/Stages")["deployment_id"]):
        assert operator.ask("PATCH", f"/invocations/{suspended}/resume?deployment={deployment}").status == 200


def test_resume_of_a_run(operator: Operator, name: str) -> None:
    """Its attempt is there and waits for an hour; resumed, the run is tried at once."""
    id = operator.send("/Stages/mail", name)
    deadline = time.monotonic() + PATIENCE_S
    while not operator.get(f"/invocations/{id}/why")["reasons"][0]["text"].startswith("tries run mail again"):
        assert time.monotonic() < deadline
    assert operator.status(id) == "running"
    assert operator.ask("PATCH", f"/invocations/{id}/resume").status == 200
    operator.await_status(id, "completed")
    assert operator.node.ask("GET", f"/restate/invocation/{id}/output").json == 2


def test_old_way_to_end(operator: Operator, name: str) -> None:
    """DELETE says 202 whether there was anything to do or not, and refuses a mode that there is not."""
    id = operator.bring("running", name)
    assert operator.ask("DELETE", f"/invocations/{id}?mode=kill").status == 202
    assert operator.status(id) == "completed"
    assert operator.ask("DELETE", f"/invocations/{id}").status == 202
    assert operator.ask("DELETE", f"/invocations/{id}?mode=purge").status == 202
    assert operator.status(id) == "gone"
    assert operator.ask("DELETE", f"/invocations/{id}?mode=erase").status == 400
