"""Paths and methods: what they name, and what is said to those that name nothing."""

from __future__ import annotations

from tests.contract.door import NOBODY, NOBODYS_AWAKEABLE, Ask, Case, case, cases, get, post

ORIGIN = ("origin", "https://shop.example")

CALLS: dict[str, Ask] = {
    "service": post("/Tools/echo", {"a": [1, "x", None]}),
    "service, new form": post("/restate/call/Tools/echo", {"a": 1}),
    "object": post("/Counter/<key>/add", 3),
    "object, new form": post("/restate/call/Counter/<key>/add", 4),
    "shared handler": get("/Counter/<key>/get"),
    "workflow": post("/Quick/<key>/run", {"code": 7}),
    "workflow, new form": post("/restate/call/Quick/<key>/run", {"code": 8}),
    "shared handler of a workflow that never ran": get("/Flow/<key>/step"),
    "without input": get("/Tools/nothing"),
    "without input, by POST": post("/Tools/nothing"),
    "without output": post("/Tools/swallow", [1]),
    "GET, new form": get("/restate/call/Tools/nothing"),
    "slash at the end": post("/Tools/echo/", {"a": 1}),
    "slash at the end, new form": post("/restate/call/Tools/echo/", {"a": 1}),
    "two slashes at the beginning": post("//Tools/echo", {"a": 1}),
    "a query that means nothing": post("/Tools/echo?a=1&b", {"a": 1}),
    "a misspelled delay": post("/Tools/echo?delaySec=10", {"a": 1}),
    "an accept header that cannot be kept": post("/Tools/echo", {"a": 1}, ("accept", "text/csv")),
    "text that is not ASCII": post("/Tools/length", "zwölf 🌊"),
    "absolute form of the target": get("http://somewhere:8080/Counter/<key>/get"),
}

SENDS: dict[str, Ask] = {
    "service": post("/Tools/echo/send", {"a": 1}),
    "service, new form": post("/restate/send/Tools/echo", {"a": 1}),
    "object": post("/Counter/<key>/add/send", 1),
    "object, new form": post("/restate/send/Counter/<key>/add", 1),
    "workflow": post("/Quick/<key>/run/send", {"code": 1}),
    "workflow, new form": post("/restate/send/Quick/<key>/run", {"code": 1}),
    "shared handler": get("/Counter/<key>/get/send"),
    "GET": get("/Tools/nothing/send"),
    "slash at the end": post("/Tools/echo/send/", {"a": 1}),
}

# The handler `key` returns the key as it sees it.
KEYS: dict[str, Ask] = {
    segment or "empty": get(f"/Counter/{segment}/key")
    for segment in (
        "",
        "Mary",
        "a%2Fb",
        "a%2fb",
        "a%20%C3%BC",
        "%F0%9F%8C%8A",
        "a+b",
        "a:b@c",
        "a;b,c",
        "a=b&c",
        "%25",
        "100%",
        "%2",
        "%zz",
        "%252F",
        "send",
        "key",
        "attach",
        "restate",
        "%2E%2E",
        "..",
        ".",
        "-._~!$'()*",
        "a%00b",
        "x" * 1000,
    )
}
NEW_FORM_KEYS: dict[str, Ask] = {
    "empty, new form": get("/restate/call/Counter//key"),
    "a%2Fb%C3%BC, new form": get("/restate/call/Counter/a%2Fb%C3%BC/key"),
}

NOT_FOUND: dict[str, Ask] = {
    "no such service": post("/Nobody/echo", 1),
    "no such service, new form": post("/restate/call/Nobody/echo", 1),
    "no such service, send": post("/Nobody/echo/send", 1),
    "no such service, scoped": post("/restate/scope/s/call/Nobody/echo", 1),
    "no such service, in the old attach": get("/restate/invocation/Nobody/echo/k/attach"),
    "no such workflow": get("/restate/workflow/Nobody/k/attach"),
    "letters of another case": post("/tools/echo", 1),
    "the name is not decoded": post("/Tool%73/echo", 1),
    "no such handler": post("/Tools/nope", 1),
    "no such handler of an object": post("/Counter/k/nope", 1),
    "no such handler, send": post("/Tools/nope/send", 1),
    "the handler is not decoded": post("/Tools/ech%6F", 1),
    "a space is not decoded": post("/Tools/echo%20", 1),
    "send is no handler": post("/Tools/send", 1),
    "openapi": get("/openapi/x"),
    "unknown word under restate": get("/restate/foo/bar"),
    "an awakeable with another verb": post("/restate/awakeables/sign_1x/settle"),
    "a workflow with another verb": get("/restate/workflow/Flow/k/detach"),
    "an id with another verb": get(f"/restate/invocation/{NOBODY}/detach"),
    "an idempotency key with another verb": get("/restate/invocation/Tools/echo/k/detach"),
}

BAD_PATHS: dict[str, Ask] = {
    "root": get("/"),
    "one segment": get("/openapi"),
    "eight segments": post("/a/b/c/d/e/f/g/h", 1),
    "nothing under restate": get("/restate/"),
    "something behind a handler of an object": post("/Counter/k/add/sent", 1),
    "something behind a send": post("/Tools/echo/send/more", 1),
    "an object without its key": post("/Counter/add", 1),
    "an object without its key, new form": post("/restate/call/Counter/add", 1),
    "an object without a handler": post("/Counter//", 1),
    "a service with a key": post("/restate/call/Tools/k/echo", 1),
    "a service alone, new form": post("/restate/call/Tools", 1),
    "send behind the new form": post("/restate/call/Tools/echo/send", 1),
    "a key that is no text": get("/Counter/%ff/key"),
    "a key that is cut": get("/Counter/%C3/key"),
    "an awakeable without a verb": post("/restate/awakeables/sign_1x"),
    "a workflow without a verb": get("/restate/workflow/Flow/k"),
    "a workflow without a key": get("/restate/workflow/Flow/attach"),
    "something behind an id": get(f"/restate/attach/{NOBODY}/more"),
    "an old attach without a verb": get("/restate/invocation/Tools/echo/k"),
    "a private handler": post("/Tools/hidden", 1),
    "a private handler, send": post("/restate/send/Tools/hidden", 1),
    "a private service": post("/Hidden/echo", 1),
    "a scope": post("/restate/scope/s/call/Tools/echo", 1),
    "a scope, send": post("/restate/scope/s/send/Tools/echo", 1),
    "a scope for an object": post("/restate/scope/s/call/Counter/k/add", 1),
    "a scope for a workflow": post("/restate/scope/s/call/Quick/k/run", {"code": 1}),
    "a scope of other letters": post("/restate/scope/a%20b/call/Tools/echo", 1),
    "a scope that is too long": post(f"/restate/scope/{'x' * 37}/call/Tools/echo", 1),
    "a scope without a verb": post("/restate/scope/s/Tools/echo", 1),
    "a limit without a scope": post("/Tools/echo", 1, ("x-restate-limit-key", "tenant")),
    "a limit in the query": post("/Tools/echo?limit-key=tenant", 1),
}

WRONG_METHODS: dict[str, Ask] = {
    "PUT a call": Ask("PUT", "/Tools/echo", b"1", (("content-type", "application/json"),)),
    "DELETE a call": Ask("DELETE", "/Counter/k/add"),
    "PATCH a send": Ask("PATCH", "/Tools/echo/send"),
    "HEAD a call": Ask("HEAD", "/Tools/nothing"),
    "a method of one's own": Ask("BREW", "/Tools/nothing"),
    "HEAD health": Ask("HEAD", "/restate/health"),
    "POST health": post("/restate/health"),
    "POST the attach of an id": post(f"/restate/attach/{NOBODY}"),
    "POST the output of an id": post(f"/restate/output/{NOBODY}"),
    "POST the old attach": post(f"/restate/invocation/{NOBODY}/attach"),
    "POST the attach of a workflow": post("/restate/workflow/Flow/k/attach"),
    "GET attach": get("/restate/attach"),
    "GET output": get("/restate/output"),
    "GET lookup": get("/restate/lookup"),
    "GET the resolve of an awakeable": get(f"/restate/awakeables/{NOBODYS_AWAKEABLE}/resolve"),
}

PREFLIGHT = (("access-control-request-method", "POST"), ("access-control-request-headers", "content-type, x-own"))
CORS: dict[str, Ask] = {
    "a call of a page": post("/Tools/echo", {"a": 1}, ORIGIN),
    "preflight": Ask("OPTIONS", "/Tools/echo", None, (ORIGIN, *PREFLIGHT)),
    "preflight of a method only": Ask("OPTIONS", "/Tools/echo", None, (ORIGIN, PREFLIGHT[0])),
    "OPTIONS without an origin": Ask("OPTIONS", "/Tools/echo"),
    "OPTIONS of nothing": Ask("OPTIONS", "/Nobody/echo", None, (ORIGIN, *PREFLIGHT)),
    "OPTIONS of a bad path": Ask("OPTIONS", "/", None, (ORIGIN, *PREFLIGHT)),
}

CASES: tuple[Case, ...] = (
    *cases("call", 200, CALLS),
    *cases("send", 202, SENDS),
    *cases("key", 200, KEYS | NEW_FORM_KEYS),
    *cases("not found", 404, NOT_FOUND),
    *cases("bad path", 400, BAD_PATHS),
    *cases("wrong method", 405, WRONG_METHODS),
    *cases("cors", 200, CORS),
    case("cors: a refusal of a page", post("/Nobody/echo", 1, ORIGIN), 404),
    case("health: what is served", get("/restate/health"), 200),
    case("health: slash at the end", get("/restate/health/"), 200),
    case("health: something behind it", get("/restate/health/more"), 200),
    case("wrong method: the path comes first", Ask("DELETE", "/Nobody/echo"), 404),
)
