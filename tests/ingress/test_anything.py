"""Whatever is sent, the answer is a result or a refusal of the one shape; never a fault of ours."""

from __future__ import annotations

import string
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.core.entry import Target
from perdure.engine.registry import Registry
from perdure.errors import RequestRefused
from perdure.http.delay import LONGEST_MS, BadDelay, parse_delay
from perdure.http.paths import Invoke, Mode, route
from perdure.http.targets import target_id
from perdure.http.transport import _path
from tests.ingress.node import Node
from tests.ingress.served import app

SERVICES: Registry = app().registry
WORDS = (
    *("restate", "call", "send", "attach", "output", "lookup", "invocation", "workflow", "awakeables", "a", "health"),
    *(
        "scope",
        "Tools",
        "echo",
        "Counter",
        "add",
        "Flow",
        "run",
        "inv_1" + "0" * 33,
        "sign_1" + "A" * 38,
        "",
        "%",
        "%zz",
    ),
)
VISIBLE = "".join(letter for letter in string.printable if letter not in string.whitespace)
SEGMENTS = st.sampled_from(WORDS) | st.text(VISIBLE, max_size=12)
PATHS = st.lists(SEGMENTS, max_size=9).map(lambda segments: "/" + "/".join(segments))


def outcome(work: Callable[[], object]) -> object:
    """What comes of it, or why it was refused; anything else is a fault."""
    try:
        return work()
    except (RequestRefused, BadDelay) as e:
        return e


@given(PATHS | st.text(VISIBLE, min_size=1))
def test_any_path(path: str) -> None:
    """It names something, or is refused as 400 or 404."""
    came = outcome(lambda: route(path.partition("?")[0] or "/", SERVICES.services))
    assert not isinstance(came, RequestRefused) or came.code in (400, 404)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_key_finds_its_object(key: str) -> None:
    """What a client writes into a path is what the ingress reads from it."""
    target = Target("Counter", key, "add")
    assert route(_path(target), SERVICES.services) == Invoke(Mode.CALL, target)
    assert route(f"/restate/send{_path(target)}", SERVICES.services) == Invoke(Mode.SEND, target)


@given(st.text() | st.text("PT0123456789.,:-+ wdhmsu", max_size=20))
def test_any_delay(text: str) -> None:
    """It is a time from now to a thousand years, or it is refused."""
    came = outcome(lambda: parse_delay(text))
    assert str(came) if isinstance(came, BadDelay) else isinstance(came, int) and 0 <= came <= LONGEST_MS


@given(st.binary() | st.text('{}[]":,targetinvocation0').map(str.encode))
def test_any_target(body: bytes) -> None:
    """It names an invocation, or it is refused."""
    came = outcome(lambda: target_id(body))
    assert came.code == 400 if isinstance(came, RequestRefused) else isinstance(came, bytes) and len(came) == 24


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE"]),
    PATHS,
    st.text(VISIBLE, max_size=10),
    st.dictionaries(
        st.sampled_from(["idempotency-key", "content-type", "x-restate-limit-key", "x-other", "expect"]),
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=10),
    ),
    st.binary(max_size=20),
)
def test_any_request(node: Node, method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> None:
    """The server answers, in its shape, and is there for the next one."""
    with node.connection() as connection:
        reply = connection.ask(method, quote(path, safe="/%") + f"?{quote(query)}", body, headers)
    assert reply.status < 500
    if reply.status >= 400 and method != "HEAD":
        assert reply.message
