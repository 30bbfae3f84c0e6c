"""`perdure invocations`, `why`, `state` and `status` against a real server: what operators see, and what they do."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess

import pytest

from tests.cli.done import PERDURE
from tests.cli.operators import Operators


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key that no other test uses."""
    return str(request.node.name)


# --- reading -----------------------------------------------------------------------------------------------


def test_a_list_is_an_aligned_table(operators: Operators, key: str) -> None:
    """Each column begins below its head; what one would like to know of a status is remarked."""
    holder = operators.send(f"/Till/{key}/hold", "a")
    queued = operators.send(f"/Till/{key}/hold", "b")
    head, *rows = operators.fine("invocations", "list", "--service", "Till", "--key", key).splitlines()
    assert head.split() == ["ID", "STATUS", "TARGET", "SINCE", "REMARK"]
    assert [row.split()[:3] for row in rows] == [
        [holder, "running", f"Till/{key}/hold"],
        [queued, "pending", f"Till/{key}/hold"],
    ]
    assert {row.index("Till/") for row in rows} == {head.index("TARGET")}


def test_a_list_has_filters_and_a_limit(operators: Operators, key: str) -> None:
    """It says when there may be more; nothing found is nothing on stdout."""
    ids = [operators.send(f"/Till/{key}/add", 1) for _ in range(3)]
    for id in ids:
        operators.await_status(id, "completed")
    found = operators.json("invocations", "list", "--key", key, "--handler", "add", "--status", "completed")
    assert [item["id"] for item in found] == ids
    few = operators("invocations", "list", "--key", key, "--limit", "2")
    assert (few.status, len(few.out.splitlines()), few.err) == (0, 3, "there may be more: --limit 20\n")
    none = operators("invocations", "list", "--key", key, "--status", "paused")
    assert (none.status, none.out, none.err) == (0, "", "none\n")
    status, said = operators.no("invocations", "list", "--status", "sleeping")
    assert (status, "there is no status 'sleeping'" in said) == (2, True)


def test_a_description_has_the_journal_and_the_reason(operators: Operators, key: str) -> None:
    """All that is known of one invocation, on one page or as one JSON object."""
    id = operators.await_status(operators.send("/Shop/pause", key), "paused")
    printed = operators.fine("invocations", "describe", id)
    assert re.search(rf"^last_failure +ValueError: {re.escape(key)}$", printed, re.MULTILINE)
    assert "is paused until somebody resumes it" in printed
    assert re.search(rf"^0 +0 +Input +value {re.escape(key)}$", printed, re.MULTILINE)
    told = operators.json("invocations", "describe", id)
    assert told["invocation"]["status"] == told["why"]["status"] == "paused"
    assert told["journal"][0]["value"] == key


def test_why_is_a_tree(operators: Operators, key: str) -> None:
    """A chain of calls ends at an object whose key is held by another, which waits for somebody outside."""
    holder = operators.send(f"/Till/{key}/hold", "x")
    id = operators.send("/Shop/chain", key)
    shape = re.sub(r"(inv|sign)_1[\w-]+", r"\1_", operators.fine("why", id))
    assert shape.splitlines() == [
        "Shop/chain is running  inv_",
        "  waits for the result of",
        "    Shop/middle is running  inv_",
        "      waits for the result of",
        f"        Till/{key}/hold is pending  inv_",
        "          is queued behind the invocation that holds its key",
        f"            Till/{key}/hold is running  inv_",
        "              waits for awakeable sign_",
    ]
    assert operators.json("why", id)["reasons"][0]["invocation"]["target"] == "Shop/middle"
    assert f"is running  {holder}" in operators.fine("why", id)


def test_why_says_when(operators: Operators, key: str) -> None:
    """A time is said as a distance and as a time."""
    id = operators.await_status(operators.send("/Shop/backOff", key), "backing-off")
    assert re.search(
        rf"^  tries again after 1 .*{re.escape(key)} \[in 59 min \d+ s, [-0-9]+ [:0-9]+ UTC\]$",
        operators.fine("why", id),
        re.MULTILINE,
    )


# --- doing -------------------------------------------------------------------------------------------------


def test_the_verbs_one_after_the_other(operators: Operators, key: str) -> None:
    """Pause, resume, cancel; then what has completed is restarted, loses its journal and is forgotten."""
    id = operators.send(f"/Till/{key}/hold", "x")
    assert operators.fine("invocations", "pause", id) == f"{id} is paused"
    assert operators.fine("invocations", "resume", id) == f"{id} goes on"
    assert operators.fine("invocations", "cancel", id) == f"{id} is asked to stop"
    operators.await_status(id, "completed")
    restarted = operators.fine("invocations", "restart", id)
    new_id = restarted.rpartition(" ")[2]
    assert restarted == f"{id} begins again as {new_id}"
    assert operators.fine("invocations", "kill", new_id) == f"{new_id} is killed"
    assert operators.json("invocations", "restart", "--from", "0", id)[0].keys() == {
        "id",
        "status",
        "new_invocation_id",
    }
    assert operators.fine("invocations", "purge", "--journal", id) == f"{id} keeps its result alone"
    assert operators.no("invocations", "restart", id)[0] == 1
    assert operators.fine("invocations", "purge", id) == f"{id} is forgotten"
    assert operators.no("invocations", "describe", id) == (2, f"error: there is no invocation '{id}'")


def test_one_that_has_not_begun_is_cancelled_at_once(operators: Operators, key: str) -> None:
    """It need not be asked."""
    id = operators("send", "--delay", "1h", f"Till/{key}", "add", "1").out.strip()
    assert operators.fine("invocations", "cancel", id) == f"{id} is cancelled"


def test_what_is_refused_does_not_stop_the_rest(operators: Operators, key: str) -> None:
    """Each of several is told of; the exit status is the worst."""
    done_id = operators.await_status(operators.send(f"/Till/{key}/add", 1), "completed")
    id = operators.send(f"/Till/{key}/hold", "x")
    done = operators("invocations", "cancel", done_id, id)
    assert (done.status, done.out) == (1, f"{id} is asked to stop\n")
    assert done.err == f"error: the invocation '{done_id}' is completed and cannot be cancelled\n"
    done = operators("invocations", "kill", "nonsense", done_id, "--json")
    assert done.status == 2
    assert [told["status"] for told in json.loads(done.out)] == [400, 409]


def test_a_filter_is_counted_before_it_is_acted_on(operators: Operators, key: str) -> None:
    """Without a terminal to ask at, only --yes does it."""
    for _ in range(3):
        operators.send(f"/Till/{key}/hold", "x")
    chosen = ("--service", "Till", "--key", key)
    done_id = operators.await_status(operators.send("/Shop/echo", "x"), "completed")
    assert operators.fine("invocations", "kill", *chosen, "--dry-run") == "3 invocations fit; kill: 3 would be done"
    status, said = operators.no("invocations", "kill", *chosen)
    assert (status, said.splitlines()[0]) == (1, "error: kill 3 invocations? nobody is here to ask")
    assert operators.fine("invocations", "kill", *chosen, "--yes") == "3 invocations fit; kill: 3 done"
    done = operators("invocations", "kill", *chosen, "--yes")
    assert (done.status, done.err) == (1, "")
    assert done.out == "3 invocations fit; kill: 0 done\n  3 not: is completed and cannot be killed\n"
    told = operators.json("invocations", "purge", *chosen, "--yes")
    assert (told["succeeded"], told["refused"]) == (3, [])
    assert operators.fine("invocations", "purge", *chosen) == "0 invocations fit; purge: 0 would be done"
    assert operators.json("invocations", "describe", done_id)["invocation"]["status"] == "completed"


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 1), ("", 1)])
def test_at_a_terminal_it_asks(operators: Operators, key: str, answer: str, left: int) -> None:
    """Only a yes is a yes."""
    id = operators.await_status(operators.send("/Shop/pause", key), "paused")
    host, port = operators.node.served.admin
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [PERDURE, "invocations", "kill", "--status", "paused", "--handler", "pause", "--admin", f"{host}:{port}"],
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=slave,
    )
    os.close(slave)
    asked = b""
    while b"[y/N] " not in asked:
        asked += os.read(master, 1000)
    os.write(master, f"{answer}\n".encode())
    process.communicate(timeout=20)
    os.close(master)
    assert process.returncode == left
    assert re.search(rb"kill \d+ invocations?\? \[y/N\] ", asked)
    assert operators.json("invocations", "describe", id)["invocation"]["status"] == ("paused" if left else "completed")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("cancel",), "which invocations?"),
        (("cancel", "inv_1", "--status", "paused"), "both ids and filters"),
        (("cancel", "inv_1", "--dry-run"), "--dry-run is for filters"),
        (("restart", "--status", "completed", "--from", "1"), "--from is for one invocation"),
        (("list", "--limit", "0"), "--limit: expected a number from 1"),
        (("kil", "inv_1"), "invalid choice: 'kil'"),
    ],
)
def test_wrong_usage_does_nothing(operators: Operators, arguments: tuple[str, ...], complaint: str) -> None:
    """And says what is wrong."""
    status, said = operators.no("invocations", *arguments)
    assert status == 2
    assert complaint in said


# --- state -------------------------------------------------------------------------------------------------


def test_state_is_read_and_repaired(operators: Operators, key: str) -> None:
    """One value at a time, typed by the spec; the others stay as they are."""
    operators.fine("call", f"Till/{key}", "add", "5")
    assert operators.fine("state", "get", f"Till/{key}") == "total  5"
    assert operators.fine("state", "set", f"Till/{key}", "owner", "Mary") == ""
    assert operators.fine("state", "set", f"Till/{key}", "total", "7") == ""
    assert operators.fine("state", "get", f"Till/{key}").splitlines() == ['owner  "Mary"', "total  7"]
    assert operators.fine("state", "get", f"Till/{key}", "total") == "7"
    assert operators.fine("call", f"Till/{key}", "add", "1") == "8"
    assert operators.json("state", "clear", f"Till/{key}", "total")["state"] == {"owner": "Mary"}
    assert operators.fine("state", "clear", f"Till/{key}") == ""
    assert operators.fine("state", "get", f"Till/{key}") == ""


def test_state_that_is_not_as_the_spec_says_is_refused(operators: Operators, key: str) -> None:
    """The complaint names the value."""
    operators.fine("call", f"Till/{key}", "add", "5")
    for arguments, complaint in (
        (("set", f"Till/{key}", "total", "-1"), "state 'total' of Till: Expected `int` >= 0"),
        (("set", f"Till/{key}", "total", "many"), "state 'total' of Till: Expected `int`, got `str`"),
        (("set", f"Till/{key}", "totl", "1"), "Till has no state 'totl'; it has owner, total"),
        (("get", "Shop/x"), "Shop is a service and has no state"),
        (("get", "Nobody/x"), "there is no service 'Nobody'"),
        (("get", "Till"), "state belongs to an object or a workflow: which one?"),
    ):
        status, said = operators.no("state", *arguments)
        assert status == 2
        assert complaint in said
    assert operators.no("state", "get", f"Till/{key}", "totl") == (
        1, f"error: Till/{key} has no value totl\n  hint: did you mean total?",
    )  # fmt: skip
    assert operators.fine("state", "get", f"Till/{key}", "total") == "5"


def test_an_edit_writes_over_nobody(operators: Operators, key: str) -> None:
    """Not over a newer version, and not while an invocation holds the key."""
    operators.fine("call", f"Till/{key}", "add", "5")
    version = operators.json("state", "get", f"Till/{key}")["version"]
    operators.fine("call", f"Till/{key}", "add", "1")
    status, said = operators.no("state", "set", f"Till/{key}", "total", "9", "--version", version)
    assert (status, "read it again" in said) == (1, True)
    holder = operators.send(f"/Till/{key}/hold", "x")
    status, said = operators.no("state", "clear", f"Till/{key}")
    assert (status, holder in said) == (1, True)
    assert operators.fine("state", "get", f"Till/{key}", "total") == "6"


# --- status ------------------------------------------------------------------------------------------------


def test_status_says_what_needs_a_look(operators: Operators, key: str) -> None:
    """What is served, how many invocations are where, the store, and which of the troubled ones is the oldest."""
    operators.await_status(operators.send("/Shop/pause", key), "paused")
    printed = operators.fine("status")
    assert re.search(r"^serves +Shop, Till, Flow$", printed, re.MULTILINE)
    assert re.search(r"^invocations .*\b\d+ paused", printed, re.MULTILINE)
    oldest = re.search(r"^oldest paused +Shop/pause since .* ago: (perdure why inv_1\w+)$", printed, re.MULTILINE)
    assert oldest is not None
    assert "is paused" in operators.fine(*oldest[1].split()[1:])
    told = operators.json("status")
    assert told["store"]["bytes"] > 0
    assert set(told["services"]) == {"Shop", "Till", "Flow"}
