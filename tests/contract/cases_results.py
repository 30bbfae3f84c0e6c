"""What comes back: errors with their codes, and asking later for the result of an invocation."""

from __future__ import annotations

from collections.abc import Callable

from tests.contract.door import NOBODY, NOBODYS_AWAKEABLE, Ask, Case, Door, case, cases, get, post, send_bytes

CODES = (400, 401, 404, 409, 418, 422, 429, 470, 499, 500, 503, 599, 600, 999, 200, 301)
NO_STATUS = (0, 99, 1000, 1234)
WITHOUT_BODY = (204, 304)

FAILURES: dict[str, Ask] = {
    "metadata": post("/Tools/fail", {"code": 418, "metadata": {"a": "b", "ü": ""}}),
    "no message": post("/Tools/fail", {"code": 418, "message": ""}),
    "a message of several lines": post("/Tools/fail", {"code": 418, "message": 'zwölf\n"🌊"\t\\'}),
}

MALFORMED: dict[str, Ask] = {
    "an id of nothing": get("/restate/attach/inv_bad"),
    "an id of something else": get("/restate/output/dp_1xyz"),
    "an id that is too short": get(f"/restate/attach/{NOBODY[:-1]}"),
    "an id that is too long": get(f"/restate/attach/{NOBODY}0"),
    "an id of other letters": get(f"/restate/attach/{NOBODY[:-1]}-"),
    "an id in the old form": get("/restate/invocation/inv_bad/output"),
    "an id in a body": post("/restate/attach", {"target": "invocation", "invocationId": "inv_bad"}),
    "an awakeable": post("/restate/awakeables/nonsense/resolve", 1),
    "an awakeable that is cut": post("/restate/awakeables/sign_1xyz/reject", 1),
    "an awakeable of other letters": post(f"/restate/a/{NOBODYS_AWAKEABLE[:-1]}!/resolve", 1),
    "an awakeable of the oldest kind": post("/restate/awakeables/prom_1xyz/resolve", 1),
    "an invocation as awakeable": post(f"/restate/awakeables/{NOBODY}/resolve", 1),
}

# Restate answers these with 500 and a backtrace, which is a bug of its own.
MALFORMED_TARGETS: dict[str, Ask] = {
    "nothing": send_bytes("/restate/attach", b""),
    "no JSON": send_bytes("/restate/output", b"{"),
    "no object": post("/restate/lookup", [1]),
    "no target": post("/restate/lookup", {"invocationId": NOBODY}),
    "another target": post("/restate/attach", {"target": "nonsense"}),
    "a workflow without a key": post("/restate/output", {"target": "workflow", "workflowName": "Flow"}),
    "an id that is a number": post("/restate/attach", {"target": "invocation", "invocationId": 1}),
    "no idempotency key": post(
        "/restate/lookup", {"target": "idempotentInvocation", "service": "Tools", "handler": "echo"}
    ),
}

WORKFLOW = {"target": "workflow", "workflowName": "Flow", "workflowKey": "never"}
BY_KEY = {"target": "idempotentInvocation", "service": "Tools", "handler": "echo", "idempotencyKey": "never"}
BY_OBJECT_KEY = {**BY_KEY, "service": "Counter", "key": "never", "handler": "add"}
UNKNOWN: dict[str, Callable[[str], Ask]] = {
    "id": lambda verb: get(f"/restate/{verb}/{NOBODY}"),
    "id, old form": lambda verb: get(f"/restate/invocation/{NOBODY}/{verb}"),
    "id in a body": lambda verb: post(f"/restate/{verb}", {"target": "invocation", "invocationId": NOBODY}),
    "idempotency key": lambda verb: get(f"/restate/invocation/Tools/echo/never/{verb}"),
    "idempotency key of an object": lambda verb: get(f"/restate/invocation/Counter/never/add/never/{verb}"),
    "idempotency key in a body": lambda verb: post(f"/restate/{verb}", BY_KEY),
    "idempotency key of an object, in a body": lambda verb: post(f"/restate/{verb}", BY_OBJECT_KEY),
    "workflow": lambda verb: get(f"/restate/workflow/Flow/never/{verb}"),
    "workflow in a body": lambda verb: post(f"/restate/{verb}", WORKFLOW),
}
LOOKUPS: dict[str, Ask] = {
    "id": post("/restate/lookup", {"target": "invocation", "invocationId": NOBODY}),
    "workflow": post("/restate/lookup", WORKFLOW),
    "workflow that is not served": post("/restate/lookup", {**WORKFLOW, "workflowName": "Nobody"}),
    "idempotency key": post("/restate/lookup", BY_KEY),
    "idempotency key of an object": post("/restate/lookup", BY_OBJECT_KEY),
    "more than is asked": post("/restate/lookup", {**WORKFLOW, "more": 1}),
    "without a content type": send_bytes(
        "/restate/lookup", b'{"target":"invocation","invocationId":"%b"}' % NOBODY.encode()
    ),
    "in a scope": post("/restate/lookup", {**WORKFLOW, "scope": "s"}),
}


def _own_id(door: Door) -> None:
    """The id in the header is the one that the handler has."""
    reply = door.ask(get("/Tools/id"))
    door.note(reply.headers["x-restate-id"] == reply.json)


def _ends_of_itself(door: Door) -> None:
    door.ask(post("/Tools/flaky", "boom"))


CASES: tuple[Case, ...] = (
    *(case(f"terminal error: {code}", post("/Tools/fail", {"code": code}), code) for code in CODES),
    *(case(f"terminal error: {code}", post("/Tools/fail", {"code": code}), 500) for code in NO_STATUS),
    *(case(f"terminal error: {code}", post("/Tools/fail", {"code": code}), code) for code in WITHOUT_BODY),
    *cases("terminal error", 418, FAILURES),
    case("terminal error: of a workflow", post("/Quick/<key>/run", {"code": 409, "message": "no"}), 409),
    Case("error of the handler, until the policy is exhausted", _ends_of_itself, (500,)),
    Case("id: in header and handler", _own_id, (200, 0)),
    *cases("malformed", 400, MALFORMED),
    *cases("malformed target", 500, MALFORMED_TARGETS),
    *(case(f"unknown attach: {name}", ask("attach"), 404) for name, ask in UNKNOWN.items()),
    *(case(f"unknown output: {name}", ask("output"), 404) for name, ask in UNKNOWN.items()),
    case("unknown attach: what is no workflow", get("/restate/workflow/Counter/never/attach"), 404),
    *cases("lookup", 200, LOOKUPS),
    case("awakeable of nobody: resolve", post(f"/restate/awakeables/{NOBODYS_AWAKEABLE}/resolve", 1), 202),
    case("awakeable of nobody: reject", send_bytes(f"/restate/a/{NOBODYS_AWAKEABLE}/reject", b"why"), 202),
)
