"""What operators can read: the node, what it serves, invocations, their journals and their reasons."""

from __future__ import annotations

import pytest

from tests.admin.operator import STAGES, Operator

UNKNOWN = "inv_1" + "0" * 33


def test_the_node(operator: Operator) -> None:
    """It is healthy and says which versions of the API it speaks."""
    assert operator.ask("GET", "/health").body == b""
    said = operator.get("/v3/version")
    assert (said["min_admin_api_version"], said["max_admin_api_version"]) == (2, 4)
    assert said["ingress_endpoint"] == f"{operator.node.served.ingress_url}/"


def test_how_the_node_is(operator: Operator, name: str) -> None:
    """What it serves, how many invocations are in each status, and the one that waits longest for a look."""
    before = operator.get("/status")
    for status in STAGES:
        operator.bring(status, f"{name}-{status}")
    said = operator.get("/status")
    more = {status: said["invocations"][status] - before["invocations"][status] for status in STAGES}
    assert more == dict.fromkeys(STAGES, 1) | {"running": 2}
    assert said["services"] == ["Stages", "Account", "Flow"]
    assert said["uptime_ms"] >= before["uptime_ms"] > 0
    assert (said["store"]["bytes"] > 0, said["finishing"]) == (True, 0)
    for status in ("paused", "backing-off"):
        oldest = said["oldest"][status]
        assert operator.status(oldest["id"]) == status
        assert oldest == before["oldest"].get(status, oldest)


def test_what_is_served(operator: Operator) -> None:
    """Services, their handlers, and deployments, each of which lists its services."""
    services = {service["name"]: service for service in operator.get("/services")["services"]}
    assert {name: service["ty"] for name, service in services.items()} == {
        "Stages": "Service",
        "Account": "VirtualObject",
        "Flow": "Workflow",
    }
    assert operator.get("/services/Account") == services["Account"]
    deposit = operator.get("/services/Account/handlers/deposit")
    assert (deposit["input_json_schema"], deposit["parameter"]) == ({"type": "integer"}, "amount")
    assert operator.get("/services/Account/handlers/balance")["parameter"] is None
    listed = operator.get("/deployments")["deployments"]
    assert {s["name"]: d["id"] for d in listed for s in d["services"]} == {
        name: service["deployment_id"] for name, service in services.items()
    }
    id = services["Flow"]["deployment_id"]
    assert operator.get(f"/deployments/{id}")["services"] == [services["Flow"]]


@pytest.mark.parametrize(
    "path",
    ["/", "/nothing", "/services/None", "/services/Flow/x", "/services/Flow/handlers/x", "/deployments/dp_x"]
    + [f"/invocations/{UNKNOWN}{part}" for part in ("", "/journal", "/why", "/nothing", "/why/x")],
)
def test_what_there_is_not(operator: Operator, path: str) -> None:
    """404, in JSON."""
    assert operator.refused("GET", path)[0] == 404


@pytest.mark.parametrize("path", ["/deployments", "/services/Flow", "/invocations", "/health"])
def test_what_cannot_be_changed_here(operator: Operator, path: str) -> None:
    """405: what is served is what the process was started with."""
    assert operator.refused("PUT", path)[0] == 405


@pytest.mark.parametrize("status", STAGES)
def test_an_invocation(operator: Operator, name: str, status: str) -> None:
    """It says what it is for and where it is; what does not apply is left out."""
    id = operator.bring(status, name)
    said = operator.get(f"/invocations/{id}")
    keys = {"scheduled": {"scheduled_start_at"}, "backing-off": {"next_retry_at"}, "completed": {"completed_at"}}
    optional = {"scheduled_start_at", "next_retry_at", "completed_at"}
    assert (said["id"], said["status"], said.keys() & optional) == (id, status, keys.get(status, set()))
    if status in ("backing-off", "paused"):
        assert (said["retry_count"], said["last_failure"]) == (1, "ValueError: as told")


def test_filters(operator: Operator, name: str) -> None:
    """By service, handler, key and status, one or several; a page ends with a cursor to go on from."""
    ids = [operator.send(f"/Account/{name}/{handler}", name) for handler in ("hold", "hold", "hold")]
    operator.await_status(ids[0], "running")

    def found(query: str) -> list[str]:
        return [row["id"] for row in operator.get(f"/invocations?{query}")["invocations"]]

    assert found(f"key={name}") == ids
    assert found(f"key={name}&status=pending") == ids[1:]
    assert found(f"key={name}&status=running&service=Account&handler=hold") == ids[:1]
    assert found(f"key={name}&handler=deposit") == found(f"key={name}&service=Flow") == []
    first = operator.get(f"/invocations?key={name}&limit=2")
    rest = operator.get(f"/invocations?key={name}&limit=2&cursor={first['cursor']}")
    assert [row["id"] for page in (first, rest) for row in page["invocations"]] == ids
    assert "cursor" not in rest


@pytest.mark.parametrize("query", ["status=odd", "limit=0", "limit=x", "limit=10001", "cursor=x", "color=red"])
def test_filters_that_there_are_not(operator: Operator, query: str) -> None:
    """400: a filter that is misspelt must not list everything."""
    assert operator.refused("GET", f"/invocations?{query}")[0] == 400


def test_a_journal(operator: Operator, name: str) -> None:
    """All entries in order: values as JSON, times in ms, commands with their index and whether they were answered."""
    id = operator.bring("completed", name)
    entries = operator.get(f"/invocations/{id}/journal")["entries"]
    assert [entry["index"] for entry in entries] == [0, 1, 2, 3, 4]
    assert entries[0]["value"] == name
    assert entries[1] == {"index": 1, "entry_type": "Run", "command_index": 1, "completed": True, "name": "enter"}
    assert (entries[2]["command"], entries[2]["result"]) == (1, {"success": 1})


def test_why_down_the_chain(operator: Operator, name: str) -> None:
    """Queued behind one that waits for an awakeable: both are named, with what they wait for."""
    id = operator.bring("pending", name)
    said = operator.get(f"/invocations/{id}/why")
    holder = said["reasons"][0]["invocation"]
    assert (said["id"], said["status"]) == (id, "pending")
    assert said["reasons"][0]["text"] == "is queued behind the invocation that holds its key"
    assert holder["target"] == f"Account/{name}/hold"
    assert holder["reasons"][0]["text"].startswith("waits for awakeable sign_1")
