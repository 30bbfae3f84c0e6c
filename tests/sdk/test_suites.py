"""One test for each suite of the contracts in spec/sdk.yaml, on each engine.

Law: a test knows of the handlers only what the contract says, and of the engine what callers and operators can do.
"""

from __future__ import annotations

import base64
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.restate.engines import wait_until
from tests.sdk.conftest import Ingress, Refused, SuiteEngine

INTERPRETER = "VirtualObjectCommandInterpreter"
UTILS = "TestUtilsService"


def proxied(service: str, handler: str, value: object, key: str | None = None, **more: object) -> dict[str, object]:
    """A request to the proxy."""
    message = base64.b64encode(json.dumps(value).encode()).decode()
    return {"serviceName": service, "virtualObjectKey": key, "handlerName": handler, "message": message, **more}


def awakeable(key: str) -> dict[str, object]:
    """A program's wait for an awakeable."""
    return {"type": "createAwakeable", "awakeableKey": key}


def nap(millis: int) -> dict[str, object]:
    """A program's sleep."""
    return {"type": "sleep", "timeoutMillis": millis}


# --- between services


@pytest.mark.parametrize("one_way", [[True, True, True], [False, False, False], [True, False, True]], ids=str)
def test_call_ordering(ingress: Ingress, key: str, one_way: list[bool]) -> None:
    """Calls and sends from one handler to one key arrive in the order of their making."""
    requests = [
        {
            "proxyRequest": proxied("ListObject", "append", str(number), key),
            "oneWayCall": sent,
            "awaitAtTheEnd": True,
        }
        for number, sent in enumerate(one_way)
    ]
    ingress.call("Proxy/manyCalls", requests)
    wait_until(lambda: len(ingress.call(f"ListObject/{key}/get")) == 3)
    assert ingress.call(f"ListObject/{key}/get") == ["0", "1", "2"]


def test_service_to_service(ingress: Ingress, key: str) -> None:
    """A handler calls another by name, sends to it at once and later, and with an idempotency key only once."""
    said = ingress.call("Proxy/call", proxied("Counter", "add", 2, key))
    assert json.loads(base64.b64decode(said)) == {"oldValue": 0, "newValue": 2}
    once = proxied("Counter", "add", 3, key, idempotencyKey=f"once {key}")
    first, second = ingress.call("Proxy/oneWayCall", once), ingress.call("Proxy/oneWayCall", once)
    assert first == second
    assert ingress.attach(f"invocation/{first}") == {"oldValue": 2, "newValue": 5}
    began = time.time()
    late = ingress.call("Proxy/oneWayCall", proxied("Counter", "add", 4, key, delayMillis=300))
    assert ingress.attach(f"invocation/{late}") == {"oldValue": 5, "newValue": 9}
    assert time.time() - began >= 0.3


# --- ending what is under way


@pytest.mark.parametrize("way", ["operator", "handler"])
@pytest.mark.parametrize("operation", ["CALL", "SLEEP", "AWAKEABLE"])
def test_cancellation(ingress: Ingress, engine: SuiteEngine, key: str, operation: str, way: str) -> None:
    """A cancellation goes down to what an invocation waits for and comes back up as an error; keys are free again."""
    sent = ingress.send(f"CancelTestRunner/{key}/startTest", operation)
    ingress.wait(f"AwakeableHolder/{key}/hasAwakeable")
    ingress.call(f"AwakeableHolder/{key}/unlock", "go on")
    engine.notes.wait(f"blocks {key}")
    if way == "operator":
        engine.cancel(sent.id)
    else:
        ingress.call(f"{UTILS}/cancelInvocation", sent.id)
    assert ingress.call(f"CancelTestRunner/{key}/verifyTest") is True
    ingress.call(f"CancelTestBlockingService/{key}/isUnlocked")


def test_kill(ingress: Ingress, engine: SuiteEngine, key: str) -> None:
    """A kill ends a call tree that waits for itself, asks nobody, and leaves its keys free."""
    sent = ingress.send(f"KillTestRunner/{key}/startCallTree")
    ingress.wait(f"AwakeableHolder/{key}/hasAwakeable")
    ingress.call(f"AwakeableHolder/{key}/unlock", "go on")
    engine.notes.wait(f"recurs {key}")
    engine.kill_invocation(sent.id)
    ingress.call(f"KillTestSingleton/{key}/isUnlocked")
    with pytest.raises(Refused, match="killed") as killed:
        ingress.attach(f"invocation/{sent.id}")
    assert killed.value.code == 409


# --- ending the process


def test_kill_runtime(ingress: Ingress, engine: SuiteEngine, key: str) -> None:
    """State outlives SIGKILL, and who waited for an awakeable then hears of it afterwards."""
    assert ingress.call(f"Counter/{key}/add", 1) == {"oldValue": 0, "newValue": 1}
    sent = ingress.send(f"{INTERPRETER}/{key}/interpretCommands", [{"type": "awaitOne", "command": awakeable("a")}])
    ingress.wait(f"{INTERPRETER}/{key}/hasAwakeable", "a")
    engine.kill()
    engine.start()
    assert ingress.call(f"Counter/{key}/add", 1) == {"oldValue": 1, "newValue": 2}
    ingress.call(f"{INTERPRETER}/{key}/resolveAwakeable", {"awakeableKey": "a", "value": "heard"})
    assert ingress.attach(f"invocation/{sent.id}") == "heard"


def test_stop_runtime(ingress: Ingress, engine: SuiteEngine, key: str) -> None:
    """SIGTERM lets a step come to its end and be recorded; the next process goes on behind it."""
    assert ingress.call(f"Counter/{key}/add", 1) == {"oldValue": 0, "newValue": 1}
    sent = ingress.send(f"{UTILS}/slowStep", {"name": key, "millis": 400})
    engine.notes.wait(f"begin {key}")
    assert engine.stop() == 0
    engine.start()
    assert ingress.attach(f"invocation/{sent.id}") is None
    assert engine.notes.lines(f"begin {key}") == [f"begin {key}"]
    assert engine.notes.lines(f"end {key}") == [f"end {key}"]
    assert ingress.call(f"Counter/{key}/add", 1) == {"oldValue": 1, "newValue": 2}


# --- what a program does


def test_combinators(ingress: Ingress, key: str) -> None:
    """The first of some, all of some, a wait with a limit: each comes to what is there first."""
    program = [
        {"type": "awaitAny", "commands": [awakeable("never"), nap(50)]},
        {"type": "awaitAll", "commands": [awakeable("x"), nap(150), awakeable("y")]},
        {"type": "awaitAny", "commands": [awakeable("z"), awakeable("never too")]},
        {"type": "setState", "key": "s", "value": "kept"},
        {"type": "getState", "key": "s"},
    ]
    sent = ingress.send(f"{INTERPRETER}/{key}/interpretCommands", program)
    for name in ("x", "y", "z"):
        ingress.wait(f"{INTERPRETER}/{key}/hasAwakeable", name)
        ingress.call(f"{INTERPRETER}/{key}/resolveAwakeable", {"awakeableKey": name, "value": f"{name}!"})
    assert ingress.attach(f"invocation/{sent.id}") == "kept"
    assert ingress.call(f"{INTERPRETER}/{key}/getResults") == ["sleep", "x!|sleep|y!", "z!", "", "kept"]


def test_combinators_that_fail(ingress: Ingress, key: str) -> None:
    """A rejected awakeable, a step that throws and a limit that passes each end the program with their error."""
    thrown = {"type": "runThrowTerminalException", "reason": "thrown on purpose"}
    with pytest.raises(Refused, match="thrown on purpose"):
        ingress.call(
            f"{INTERPRETER}/{key}/interpretCommands", [{"type": "awaitAny", "commands": [awakeable("n"), thrown]}]
        )
    limited = {"type": "awaitAwakeableOrTimeout", "awakeableKey": "late", "timeoutMillis": 100}
    with pytest.raises(Refused, match="await-timeout"):
        ingress.call(f"{INTERPRETER}/{key}/interpretCommands", [limited])
    sent = ingress.send(f"{INTERPRETER}/{key}/interpretCommands", [{"type": "awaitOne", "command": awakeable("r")}])
    ingress.wait(f"{INTERPRETER}/{key}/hasAwakeable", "r")
    ingress.call(f"{INTERPRETER}/{key}/rejectAwakeable", {"awakeableKey": "r", "reason": "rejected on purpose"})
    with pytest.raises(Refused, match="rejected on purpose"):
        ingress.attach(f"invocation/{sent.id}")


@pytest.mark.parametrize(
    ("handler", "recorded", "now"),
    [
        # On a Restate server a sleep begins with a run that asks for the time.
        ("eitherSleepOrCall", r"\b(sleep|run)", r"\bcall"),
        ("callDifferentMethod", r"\bget\b", r"\breset\b"),
        ("backgroundInvokeWithDifferentTargets", r"\bget\b", r"\breset\b"),
        ("setDifferentKey", "'a'", "'b'"),
    ],
    # A key is made of the id, and must not have the words that are looked for.
    ids=["branch", "method", "background", "state"],
)
def test_non_determinism(
    ingress: Ingress, engine: SuiteEngine, key: str, handler: str, recorded: str, now: str
) -> None:
    """A handler that takes another path on replay is held up and shown both; what is behind the fork is not done."""
    sent = ingress.send(f"NonDeterministic/{key}/{handler}")
    wait_until(lambda: engine.standing(sent.id).status == "paused")
    failure = engine.standing(sent.id).failure
    assert re.search(recorded, failure, re.IGNORECASE)
    assert re.search(now, failure, re.IGNORECASE)
    assert ingress.call(f"Counter/{key}/get") == 0


# --- steps


def test_run_flush(ingress: Ingress) -> None:
    """The result of a step is kept before the handler goes on: however often it is replayed, it is done once."""
    assert ingress.call(f"{UTILS}/countExecutedSideEffects", 3) == 3


def test_run_retry(ingress: Ingress, key: str) -> None:
    """A step that fails is tried until it succeeds, or until its own policy gives up."""
    succeeds = {"name": key, "minimumAttempts": 3}
    assert ingress.call("Failing/sideEffectSucceedsAfterGivenAttempts", succeeds) == 3
    assert ingress.call("Failing/sideEffectFailsAfterGivenAttempts", {"name": key, "maximumAttempts": 3}) == 3


def test_user_errors(ingress: Ingress, key: str) -> None:
    """A terminal error goes through to the caller, from handlers, callees and steps; any other is tried again."""
    for handler in ("terminallyFailingCall", "callTerminallyFailingCall", "terminallyFailingSideEffect"):
        with pytest.raises(Refused, match=f"on purpose: {handler}") as refused:
            ingress.call(f"Failing/{handler}", f"on purpose: {handler}")
        assert refused.value.code == 500
    assert ingress.call("Failing/failingCallWithEventualSuccess", {"name": key}) == 4
    with pytest.raises(Refused, match=key):
        ingress.call(f"Counter/{key}/addThenFail", 5)
    assert ingress.call(f"Counter/{key}/get") == 5


# --- time


def test_sleep(ingress: Ingress) -> None:
    """Sleeps of one handler pass at the same time, and many handlers sleep at once; none wakes early."""
    began = time.monotonic()
    with ThreadPoolExecutor(10) as pool:
        each = [pool.submit(ingress.call, f"{UTILS}/sleepConcurrently", [400] * 10) for _ in range(10)]
        assert [future.result() for future in each] == [None] * 10
    # One after the other they would take ten times as long.
    assert 0.4 <= time.monotonic() - began < 4.0


def test_sleep_with_failures(ingress: Ingress, engine: SuiteEngine, key: str) -> None:
    """Failures between sleeps do not begin anew what was slept, and a sleep survives the death of its process."""
    began = time.monotonic()
    ingress.call(f"{UTILS}/sleepWithFailures", {"name": key, "sleeps": 3, "millis": 150})
    assert time.monotonic() - began >= 0.45
    assert len(engine.notes.lines(f"fails {key}")) == 3
    began = time.monotonic()
    sent = ingress.send(f"{UTILS}/sleepConcurrently", [700])
    engine.kill()
    engine.start()
    ingress.attach(f"invocation/{sent.id}")
    assert time.monotonic() - began >= 0.7


# --- state


def test_state(ingress: Ingress, key: str) -> None:
    """State belongs to a key, is kept from call to call, and is gone when cleared."""
    assert ingress.call(f"Counter/{key}/add", 1) == {"oldValue": 0, "newValue": 1}
    assert ingress.call(f"Counter/{key}/add", 2) == {"oldValue": 1, "newValue": 3}
    assert ingress.call(f"Counter/{key}-another/get") == 0
    ingress.call(f"Counter/{key}/reset")
    assert ingress.call(f"Counter/{key}/get") == 0
    entries = [{"key": f"k{number}", "value": f"v{number}"} for number in range(3)]
    for entry in entries:
        ingress.call(f"MapObject/{key}/set", entry)
    assert ingress.call(f"MapObject/{key}/get", "k1") == "v1"
    assert ingress.call(f"MapObject/{key}/clearAll") == entries
    assert ingress.call(f"MapObject/{key}/get", "k1") == ""
    ingress.call(f"ListObject/{key}/append", "a")
    assert ingress.call(f"ListObject/{key}/clear") == ["a"]
    assert ingress.call(f"ListObject/{key}/get") == []


# --- from outside


def test_ingress(ingress: Ingress, key: str) -> None:
    """A caller's headers arrive; with an idempotency key a request is done once, and its result can be fetched."""
    assert ingress.call(f"{UTILS}/echo", "a ü") == "a ü"
    assert ingress.call(f"{UTILS}/uppercaseEcho", "a ü") == "A Ü"
    assert ingress.call(f"{UTILS}/echoHeaders", x_mine="yours")["x-mine"] == "yours"
    path = f"Counter/{key}/add"
    assert ingress.call(path, 2, idempotency_key=key) == {"oldValue": 0, "newValue": 2}
    assert ingress.call(path, 2, idempotency_key=key) == {"oldValue": 0, "newValue": 2}
    sent = ingress.send(path, 2, idempotency_key=key)
    assert sent.status == "PreviouslyAccepted"
    assert ingress.attach(f"invocation/{path}/{key}") == {"oldValue": 0, "newValue": 2}
    assert ingress.output(f"invocation/{sent.id}") == {"oldValue": 0, "newValue": 2}
    late = ingress.send(f"{path}?delay=200ms", 3)
    assert late.status == "Accepted"
    with pytest.raises(Refused, match="470"):
        ingress.output(f"invocation/{late.id}")
    assert ingress.attach(f"invocation/{late.id}") == {"oldValue": 2, "newValue": 5}


def test_workflow_api(ingress: Ingress, key: str) -> None:
    """A workflow runs once for each id, waits for its promise, and can be asked and attached to meanwhile."""
    path = f"BlockAndWaitWorkflow/{key}"
    sent = ingress.send(f"{path}/run", "Till")
    wait_until(lambda: ingress.call(f"{path}/getState") == "Till")
    with pytest.raises(Refused, match="470"):
        ingress.output(f"workflow/{path}")
    assert ingress.send(f"{path}/run", "Paul").status == "PreviouslyAccepted"
    ingress.call(f"{path}/unblock", "done")
    assert ingress.attach(f"workflow/{path}") == "done"
    assert ingress.output(f"invocation/{sent.id}") == "done"
    with pytest.raises(Refused) as again:
        ingress.call(f"{path}/run", "Paul")
    assert again.value.code == 409
    assert ingress.call(f"{path}/getState") == "Till"
