"""Cases of several requests: identity, order, workflows, and many callers at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from tests.contract.door import Ask, Case, Door, Story, get, post

MANY = 20
_STORIES: list[Case] = []


def story(name: str, *statuses: int) -> Callable[[Story], Story]:
    """A case; what it does is the function."""

    def add(told: Story) -> Story:
        _STORIES.append(Case(name, told, statuses))
        return told

    return add


def keyed(ask: Ask, key: str = "<key>") -> Ask:
    """The same with an idempotency key."""
    return Ask(ask.method, ask.path, ask.body, (*ask.headers, ("idempotency-key", key)))


# --- idempotency keys --------------------------------------------------------------------------------------


@story("idempotency: a call again", 200, 200, 200)
def _call_again(door: Door) -> None:
    """The second call changes nothing and gets the result of the first; its body is ignored."""
    door.ask(keyed(post("/Counter/<key>/add", 3)))
    door.ask(keyed(post("/Counter/<key>/add", 5)))
    door.ask(get("/Counter/<key>/get"))


@story("idempotency: a send again", 202, 202, 200)
def _send_again(door: Door) -> None:
    door.ask(keyed(post("/Counter/<key>/add/send", 3)))
    door.ask(keyed(post("/Counter/<key>/add/send", 5)))
    door.until_ready(get("/restate/invocation/Counter/<key>/add/<key>/output"))
    door.ask(keyed(post("/Counter/<key>/add", 7)))


@story("idempotency: a send after a call", 200, 202)
def _send_after_call(door: Door) -> None:
    door.ask(keyed(post("/restate/call/Tools/echo", {"a": 1})))
    door.ask(keyed(post("/restate/send/Tools/echo", {"a": 1})))


@story("idempotency: an empty key", 200, 200)
def _empty_key(door: Door) -> None:
    door.ask(keyed(post("/Counter/<key>/add", 1), ""))
    door.ask(keyed(post("/Counter/<key>/add", 1), ""))


@story("idempotency: a key of odd letters", 200, 200)
def _odd_key(door: Door) -> None:
    door.ask(keyed(post("/Counter/<key>/add", 1), "a b/c?%20&\"'"))
    door.ask(keyed(post("/Counter/<key>/add", 1), "a b/c?%20&\"'"))


@story("idempotency: other objects and handlers are others", 200, 200, 200, 200)
def _others(door: Door) -> None:
    door.ask(keyed(post("/Counter/<key>/add", 1)))
    door.ask(keyed(post("/Counter/<key>-other/add", 1)))
    door.ask(keyed(get("/Counter/<key>/get")))
    door.ask(keyed(post("/Tools/echo", 1)))


@story("idempotency: a failure is kept", 418, 418, 418)
def _failure_is_kept(door: Door) -> None:
    failing = keyed(post("/Tools/fail", {"code": 418, "metadata": {"a": "b"}}))
    door.ask(failing)
    door.ask(failing)
    door.ask(get("/restate/invocation/Tools/fail/<key>/output"))


@story("idempotency: an exhausted policy is kept", 0)
def _exhausted_is_kept(door: Door) -> None:
    """The handler is not tried again. What it says is compared elsewhere."""
    flaky = keyed(post("/Tools/flaky", "x"))
    replies = [
        door.quietly(flaky),
        door.quietly(flaky),
        door.quietly(get("/restate/invocation/Tools/flaky/<key>/output")),
    ]
    door.note([len({reply.headers["x-restate-id"] for reply in replies}), [reply.status for reply in replies]])


@story("idempotency: of a workflow", 400, 400, 400)
def _of_a_workflow(door: Door) -> None:
    door.ask(keyed(post("/Quick/<key>/run", {"code": 1})))
    door.ask(keyed(post("/Quick/<key>/run/send", {"code": 1})))
    door.ask(keyed(post("/restate/send/Quick/<key>/run", {"code": 1})))


@story("idempotency: of a shared handler of a workflow", 200, 200)
def _of_a_shared_handler(door: Door) -> None:
    door.ask(keyed(get("/Flow/<key>/step")))
    door.ask(keyed(get("/Flow/<key>/step")))


@story("idempotency: a delayed send again keeps its time", 202, 202)
def _keeps_its_time(door: Door) -> None:
    door.ask(keyed(post("/Tools/echo/send?delay=1h", 1)))
    door.ask(keyed(post("/Tools/echo/send?delay=2h", 1)))


@story("idempotency: many at once are one", *([200] * (MANY + 1)))
def _many_with_one_key(door: Door) -> None:
    door.at_once([keyed(post("/Counter/<key>/add", 1))] * MANY)
    door.ask(get("/Counter/<key>/get"))


@story("idempotency: many sends at once are one", *([202] * MANY), 200)
def _many_sends_with_one_key(door: Door) -> None:
    door.at_once([keyed(post("/Counter/<key>/add/send", 1))] * MANY)
    door.until_ready(get("/restate/invocation/Counter/<key>/add/<key>/output"))
    door.ask(get("/Counter/<key>/get"))


@story("idempotency: many failures at once are one", *([409] * MANY))
def _many_failures(door: Door) -> None:
    door.at_once([keyed(post("/Tools/fail", {"code": 409}))] * MANY)


# --- order and concurrency ---------------------------------------------------------------------------------


@story("order: sends to one object", *([202] * MANY), 200)
def _sends_in_order(door: Door) -> None:
    """What is sent first is done first."""
    for number in range(MANY):
        door.ask(post("/Counter/<key>/append/send", number))
    door.wait_until(lambda: len(door.quietly(get("/Counter/<key>/items")).json) == MANY)
    door.ask(get("/Counter/<key>/items"))


@story("order: many calls to one object", 0, 0)
def _calls_one_by_one(door: Door) -> None:
    """Each sees what those before it have done, and nobody is lost."""
    replies = door.at_once((post("/Counter/<key>/append", number) for number in range(MANY)), quietly=True)
    lists = sorted((reply.json for reply in replies), key=len)
    door.note([len(each) for each in lists] == list(range(1, MANY + 1)))
    door.note(all(longer[: len(shorter)] == shorter for shorter, longer in itertools.pairwise(lists)))


@story("order: many calls to many objects", *([200] * MANY))
def _calls_to_many(door: Door) -> None:
    door.at_once(post(f"/Counter/<key>-{number}/add", number) for number in range(MANY))


@story("order: a shared handler does not wait", 200, 202, 470, 202, 200)
def _shared_does_not_wait(door: Door) -> None:
    """An exclusive handler waits for an awakeable: shared ones run, exclusive ones queue."""
    held = door.quietly(post("/Counter/<key>/hold/send", "<key>")).json["invocationId"]
    id = door.awakeable()
    door.ask(get("/Counter/<key>/get"))
    queued = door.ask(post("/Counter/<key>/add/send", 1)).json["invocationId"]
    door.ask(get(f"/restate/output/{queued}"))
    door.ask(post(f"/restate/awakeables/{id}/resolve", 1))
    door.until_ready(get(f"/restate/output/{held}"))
    door.until_ready(get(f"/restate/output/{queued}"))
    door.ask(get(f"/restate/attach/{queued}"))


@story("disconnect: the invocation goes on", 200)
def _goes_on(door: Door) -> None:
    """Nobody waits for it any more, and it comes to its end."""
    ids: list[str] = []

    def has_begun() -> bool:
        ids[:] = [door.quietly(get("/Box/<key>/get")).json["content"]]
        return bool(ids[0])

    door.leave(keyed(post("/Tools/wait", "<key>")), has_begun)
    door.quietly(post(f"/restate/awakeables/{ids[0]}/resolve", {"a": 1}))
    door.until_ready(get("/restate/invocation/Tools/wait/<key>/output"))
    door.ask(get("/restate/invocation/Tools/wait/<key>/attach"))


# --- workflows ---------------------------------------------------------------------------------------------


@story("workflow: from its beginning to its end", 202, 470, 470, 200, 200, 200, 200, 200, 200, 200)
def _whole_workflow(door: Door) -> None:
    door.ask(post("/Flow/<key>/run/send", "Ada"))
    door.ask(get("/restate/workflow/Flow/<key>/output"))
    door.ask(post("/restate/output", {"target": "workflow", "workflowName": "Flow", "workflowKey": "<key>"}))
    door.ask(get("/Flow/<key>/said"))
    door.ask(post("/Flow/<key>/say", "hello"))
    door.until_ready(get("/restate/workflow/Flow/<key>/output"))
    door.ask(get("/restate/workflow/Flow/<key>/attach"))
    door.ask(get("/restate/workflow/Flow/<key>/output"))
    door.ask(post("/restate/attach", {"target": "workflow", "workflowName": "Flow", "workflowKey": "<key>"}))
    door.ask(get("/Flow/<key>/said"))
    door.ask(get("/Flow/<key>/step"))


@story("workflow: a call again", 200, 409, 409)
def _workflow_again(door: Door) -> None:
    door.ask(post("/Quick/<key>/run", {"code": 7}))
    door.ask(post("/Quick/<key>/run", {"code": 8}))
    door.ask(post("/restate/call/Quick/<key>/run", {"code": 9}))


@story("workflow: a send again", 202, 202, 200)
def _workflow_sent_again(door: Door) -> None:
    door.ask(post("/Quick/<key>/run/send", {"code": 7}))
    door.ask(post("/restate/send/Quick/<key>/run", {"code": 8}))
    door.until_ready(get("/restate/workflow/Quick/<key>/output"))
    door.ask(get("/restate/workflow/Quick/<key>/attach"))


@story("workflow: a call again while it runs", 202, 409)
def _workflow_again_while_it_runs(door: Door) -> None:
    door.ask(post("/Flow/<key>/run/send", "Ada"))
    door.ask(post("/Flow/<key>/run", "Eve"))


@story("workflow: a promise is resolved twice", 200, 409, 409, 200)
def _promise_twice(door: Door) -> None:
    door.ask(post("/Flow/<key>/say", "one"))
    door.ask(post("/Flow/<key>/say", "two"))
    door.ask(post("/Flow/<key>/refuse", "no"))
    door.ask(post("/Flow/<key>/run", "Ada"))


@story("workflow: a promise is rejected", 202, 200, 500, 500, 500)
def _promise_rejected(door: Door) -> None:
    door.ask(post("/Flow/<key>/run/send", "Ada"))
    door.ask(post("/Flow/<key>/refuse", "not today"))
    door.until_ready(get("/restate/workflow/Flow/<key>/output"))
    door.ask(get("/restate/workflow/Flow/<key>/attach"))
    door.ask(get("/restate/workflow/Flow/<key>/output"))
    door.ask(get("/Flow/<key>/said"))


@story("workflow: it fails", 418, 409, 418)
def _workflow_fails(door: Door) -> None:
    door.ask(post("/Quick/<key>/run", {"code": 418}))
    door.ask(post("/Quick/<key>/run", {"code": 418}))
    door.ask(get("/restate/workflow/Quick/<key>/output"))


@story("workflow: lookup names the one that runs", 202, 0)
def _workflow_lookup(door: Door) -> None:
    sent = door.ask(post("/Quick/<key>/run/send", {"code": 1})).json["invocationId"]
    body = {"target": "workflow", "workflowName": "Quick", "workflowKey": "<key>"}
    door.note(door.quietly(post("/restate/lookup", body)).json == {"invocationId": sent})


@story("workflow: a key that needs encoding", 202, 200, 200)
def _workflow_odd_key(door: Door) -> None:
    door.ask(post("/Quick/<key>%2F%C3%BC%20x/run/send", {"code": 3}))
    door.until_ready(get("/restate/workflow/Quick/<key>%2F%C3%BC%20x/output"))
    door.ask(get("/restate/workflow/Quick/<key>%2F%C3%BC%20x/attach"))
    door.ask(post("/restate/attach", {"target": "workflow", "workflowName": "Quick", "workflowKey": "<key>/ü x"}))


@story("workflow: many sends at once are one run", *([202] * MANY), 200)
def _many_runs(door: Door) -> None:
    door.at_once([post("/Quick/<key>/run/send", {"code": 5})] * MANY)
    door.until_ready(get("/restate/workflow/Quick/<key>/output"))
    door.ask(get("/restate/workflow/Quick/<key>/attach"))


@story("workflow: of many calls at once one runs", 200, *([409] * (MANY - 1)))
def _many_run_calls(door: Door) -> None:
    door.at_once([post("/Quick/<key>/run", {"code": 5})] * MANY)


CASES: tuple[Case, ...] = tuple(_STORIES)
