"""Cases of several requests: results that are asked for later, awakeables, and what operators do to invocations."""

from __future__ import annotations

from tests.contract.door import Ask, Case, Door, Story, get, post, send_bytes
from tests.contract.stories_invocations import keyed

MANY = 10
TEXT = ("content-type", "text/plain")


# --- attach and output -------------------------------------------------------------------------------------


def _result_by_id(door: Door) -> None:
    """Each way to ask for the result of an invocation that is named by its id."""
    id = door.ask(post("/Tools/sleep/send", 1)).json["invocationId"]
    door.wait_for(get(f"/restate/output/{id}"), 200)
    for ask in (get(f"/restate/attach/{id}"), get(f"/restate/invocation/{id}/attach")):
        door.ask(ask)
    door.ask(get(f"/restate/invocation/{id}/output"))
    for verb in ("attach", "output"):
        door.ask(post(f"/restate/{verb}", {"target": "invocation", "invocationId": id}))
    door.ask(send_bytes("/restate/output", b'{"target":"invocation","invocationId":"%b"}' % id.encode(), TEXT))


def _result_by_key(door: Door) -> None:
    """The same by the idempotency key."""
    target = {"target": "idempotentInvocation", "service": "Tools", "handler": "echo", "idempotencyKey": "<key>"}
    sent = door.ask(keyed(post("/Tools/echo/send", {"a": 1}))).json["invocationId"]
    door.until_ready(get("/restate/invocation/Tools/echo/<key>/output"))
    door.ask(get("/restate/invocation/Tools/echo/<key>/attach"))
    door.ask(get("/restate/invocation/Tools/echo/<key>/output"))
    door.ask(post("/restate/attach", target))
    door.ask(post("/restate/output", target))
    door.note(door.quietly(post("/restate/lookup", target)).json["invocationId"] == sent)


def _result_by_odd_key(door: Door) -> None:
    """An idempotency key that needs encoding in a path, and none in a body."""
    target = {"target": "idempotentInvocation", "service": "Tools", "handler": "echo", "idempotencyKey": "<key> a/b"}
    door.ask(keyed(post("/Tools/echo/send", {"a": 1}), "<key> a/b"))
    door.until_ready(post("/restate/output", target))
    door.ask(post("/restate/attach", target))
    door.ask(get("/restate/invocation/Tools/echo/<key>%20a%2Fb/attach"))


def _result_by_key_of_an_object(door: Door) -> None:
    target = {"target": "idempotentInvocation", "service": "Counter", "key": "<key>", "handler": "add"}
    body = {**target, "idempotencyKey": "once"}
    sent = door.ask(keyed(post("/Counter/<key>/add/send", 4), "once")).json["invocationId"]
    door.until_ready(get("/restate/invocation/Counter/<key>/add/once/output"))
    door.ask(get("/restate/invocation/Counter/<key>/add/once/attach"))
    door.ask(get("/restate/invocation/Counter/<key>/add/once/output"))
    door.ask(post("/restate/attach", body))
    door.note(door.quietly(post("/restate/lookup", body)).json["invocationId"] == sent)


def _not_ready(door: Door) -> None:
    """A delayed one is known, and has no result yet, whichever way it is asked for."""
    id = door.ask(keyed(post("/Tools/echo/send?delay=1h", 1))).json["invocationId"]
    door.ask(get(f"/restate/output/{id}"))
    door.ask(get(f"/restate/invocation/{id}/output"))
    door.ask(get("/restate/invocation/Tools/echo/<key>/output"))
    door.ask(post("/restate/output", {"target": "invocation", "invocationId": id}))


def _attach_waits(door: Door) -> None:
    """Who attaches before the end gets the result at the end, and no word about how long it is kept."""
    id = door.ask(post("/Tools/wait/send", "<key>")).json["invocationId"]
    awakeable = door.awakeable()
    attached = door.meanwhile(get(f"/restate/attach/{id}"))
    door.ask(get(f"/restate/output/{id}"))
    door.ask(post(f"/restate/awakeables/{awakeable}/resolve", {"late": True}))
    attached()
    door.ask(get(f"/restate/attach/{id}"))


def _many_attach(door: Door) -> None:
    id = door.ask(post("/Tools/sleep/send", 100)).json["invocationId"]
    door.at_once([get(f"/restate/attach/{id}")] * MANY)


def _delayed_runs(door: Door) -> None:
    id = door.ask(post("/Counter/<key>/add/send?delay=300ms", 1)).json["invocationId"]
    door.ask(get(f"/restate/output/{id}"))
    door.ask(get(f"/restate/attach/{id}"))


def _result_of_nothing(door: Door) -> None:
    id = door.ask(get("/Tools/nothing/send")).json["invocationId"]
    door.until_ready(get(f"/restate/output/{id}"))
    door.ask(get(f"/restate/attach/{id}"))


# --- awakeables --------------------------------------------------------------------------------------------


def _completed(*asks: Ask) -> Story:
    """A handler waits for an awakeable, which is completed by these requests; `<awakeable>` is its id."""

    def told(door: Door) -> None:
        result = door.meanwhile(post("/Tools/wait", "<key>"))
        id = door.awakeable()
        for ask in asks:
            door.ask(Ask(ask.method, ask.path.replace("<awakeable>", id), ask.body, ask.headers))
        result()

    return told


RESOLVE = "/restate/awakeables/<awakeable>/resolve"
REJECT = "/restate/awakeables/<awakeable>/reject"
AWAKEABLES: dict[str, tuple[Story, tuple[int, ...]]] = {
    "resolved": (_completed(post(RESOLVE, {"a": [1]})), (202, 200)),
    "resolved by its short path": (_completed(post("/restate/a/<awakeable>/resolve", {"a": 1})), (202, 200)),
    "resolved without a content type": (_completed(send_bytes(RESOLVE, b"[1]")), (202, 200)),
    "resolved as text": (_completed(send_bytes(RESOLVE, b"[2]", TEXT)), (202, 200)),
    "resolved with nothing": (_completed(post(RESOLVE)), (202, 200)),
    "rejected": (_completed(send_bytes(REJECT, b"not today", TEXT)), (202, 500)),
    "rejected by its short path": (_completed(send_bytes("/restate/a/<awakeable>/reject", b"no")), (202, 500)),
    "rejected in several lines": (_completed(send_bytes(REJECT, "zwölf\n🌊".encode(), TEXT)), (202, 500)),
    "rejected without a word": (_completed(post(REJECT)), (202, 500)),
    "resolved twice": (_completed(post(RESOLVE, 1), post(RESOLVE, 2)), (202, 202, 200)),
    "resolved, then rejected": (_completed(post(RESOLVE, 1), send_bytes(REJECT, b"no")), (202, 202, 200)),
    "rejected, then resolved": (_completed(send_bytes(REJECT, b"no"), post(RESOLVE, 1)), (202, 202, 500)),
    "asked for by GET": (_completed(get(RESOLVE), post(RESOLVE, 1)), (405, 202, 200)),
}


def _after_the_end(door: Door) -> None:
    _completed(post(RESOLVE, 1))(door)
    id = door.quietly(get("/Box/<key>/get")).json["content"]
    door.ask(post(f"/restate/awakeables/{id}/resolve", 2))
    door.ask(send_bytes(f"/restate/awakeables/{id}/reject", b"late"))


# --- operators ---------------------------------------------------------------------------------------------


def _killed(door: Door) -> None:
    """Who waits is told, and who asks later too."""
    result = door.meanwhile(keyed(post("/Tools/wait", "<key>")))
    id = _invocation(door, "wait")
    door.operate("kill", id)
    result()
    door.ask(keyed(post("/Tools/wait", "<key>")))
    door.ask(get(f"/restate/output/{id}"))


def _cancelled(door: Door) -> None:
    result = door.meanwhile(keyed(post("/Tools/wait", "<key>")))
    id = _invocation(door, "wait")
    door.operate("cancel", id)
    result()
    door.ask(get(f"/restate/output/{id}"))


def _cancelled_before_its_time(door: Door) -> None:
    id = door.ask(keyed(post("/Tools/echo/send?delay=1h", 1))).json["invocationId"]
    attached = door.meanwhile(get(f"/restate/attach/{id}"))
    door.wait_until(lambda: door.quietly(get(f"/restate/output/{id}")).status == 470)
    door.operate("cancel", id)
    attached()


def _purged(door: Door) -> None:
    """Its name is free again."""
    id = door.ask(keyed(post("/Counter/<key>/add", 1))).headers["x-restate-id"]
    door.operate("purge", id)
    door.wait_for(get(f"/restate/output/{id}"), 404)
    door.ask(keyed(post("/Counter/<key>/add", 1)))


def _purged_workflow(door: Door) -> None:
    id = door.ask(post("/Quick/<key>/run", {"code": 1})).headers["x-restate-id"]
    door.operate("purge", id)
    door.wait_for(get("/restate/workflow/Quick/<key>/output"), 404)
    door.ask(post("/Quick/<key>/run", {"code": 2}))


def _invocation(door: Door, handler: str) -> str:
    """Id of the invocation of this case, once it waits for its awakeable."""
    door.awakeable()
    body = {"target": "idempotentInvocation", "service": "Tools", "handler": handler, "idempotencyKey": "<key>"}
    id: str = door.quietly(post("/restate/lookup", body)).json["invocationId"]
    return id


CASES: tuple[Case, ...] = (
    Case("result: by id", _result_by_id, (202, *([200] * 7))),
    Case("result: by idempotency key", _result_by_key, (202, 200, 200, 200, 200, 0)),
    Case("result: by idempotency key that needs encoding", _result_by_odd_key, (202, 200, 404)),
    Case("result: by idempotency key of an object", _result_by_key_of_an_object, (202, 200, 200, 200, 0)),
    Case("result: not ready", _not_ready, (202, 470, 470, 470, 470)),
    Case("result: attach waits", _attach_waits, (202, 470, 202, 200, 200)),
    Case("result: many attach", _many_attach, (202, *([200] * MANY))),
    Case("result: of a delayed send", _delayed_runs, (202, 470, 200)),
    Case("result: of nothing", _result_of_nothing, (202, 200)),
    *(Case(f"awakeable: {name}", told, statuses) for name, (told, statuses) in AWAKEABLES.items()),
    Case("awakeable: after the end", _after_the_end, (202, 200, 202, 202)),
    Case("operator: kill", _killed, (409, 409, 409)),
    Case("operator: cancel", _cancelled, (409, 409)),
    Case("operator: cancel before its time", _cancelled_before_its_time, (202, 409)),
    Case("operator: purge", _purged, (200, 404, 200)),
    Case("operator: purge a workflow", _purged_workflow, (200, 404, 200)),
)
