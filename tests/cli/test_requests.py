"""`perdure call`, `send` and `attach` against a real server: fields typed by the spec, results, and plain words."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.operators import Operators

ID = re.compile(r"inv_1[0-9A-Za-z]{33}")


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (("Shop", "echo", "hello"), '"hello"'),
        (("Shop", "echo", "--word", "hello"), '"hello"'),
        (("Shop", "echo", "--word=two words"), '"two words"'),
        (("Shop", "echo", "7"), '"7"'),
        (("Shop", "any", "7"), "7"),
        (("Shop", "any", '{"a":[1]}'), '{"a":[1]}'),
        (("Shop", "any", "plain"), '"plain"'),
        (("Shop", "nothing"), ""),
        (("Shop", "echo", "--input", '"json"'), '"json"'),
        (("Till/a", "add", "--amount", "5"), "5"),
        (("Till/b", "add", "-5"), "-5"),
        (("Till/with/slashes?", "add", "1"), "1"),
        (("Till/", "add", "3"), "3"),
    ],
)
def test_a_call_prints_the_result(operators: Operators, arguments: tuple[str, ...], result: str) -> None:
    """The value is the text itself where a string is wanted, and JSON where anything is."""
    assert operators.fine("call", *arguments) == result


def test_fields_have_the_types_of_the_spec(operators: Operators) -> None:
    """Numbers, lists, flags, objects and enums; `--user-id` means `userId`; what is not given has its default."""
    printed = operators.fine(
        "call", "Shop", "order", "--user-id", "7", "--items", "tea", "--items", "milk", "--express", "--size=large",
        "--price", "1.50", "--weights", "[1.5, 2]", "--extra", '{"a": 1}',
    )  # fmt: skip
    assert json.loads(printed) == {
        "userId": 7, "items": ["tea", "milk"], "size": "large", "express": True, "price": "1.50",
        "weights": [1.5, 2.0], "extra": {"a": 1}, "note": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "complaint", "hint"),
    [
        (("Shop", "order", "--userID", "x", "--items", "a"), "--userId: expected an integer, found 'x'", "--help"),
        (("Shop", "order", "--usreId", "1"), "there is no field --usreId", "did you mean --userId?"),
        (("Shop", "order", "--items", "a"), "missing: --userId (integer)", "order --help"),
        (("Shop", "order", "--userId", "1", "--items", "a", "--size", "larg"), "did you mean 'large'?", ""),
        (("Shop", "order", "--userId", "1", "--userId", "2", "--items", "a"), "given more than once", ""),
        (("Shop", "order", "--items", "a", "--userId"), "--userId: expected a value behind it", ""),
        (("Shop", "order", "tea"), "'tea' belongs to no field", "the fields are --userId"),
        (("Shop", "order", "--userId", "1", "--items", "a", "--express", "perhaps"), "expected true or false", ""),
        (("Shop", "order", "--userId", "1", "--items", "a", "--weights", "heavy"), "expected a number", ""),
        (("Shop", "nothing", "--x", "1"), "this handler takes no input", ""),
        (("Shop", "echo"), "missing: --word (string)", ""),
        (("Shop", "echo", "--input", '"x"', "--word", "y"), "both --input and fields", ""),
        (("Shop", "echo", "--input", "{"), "input validation error", ""),
        (("Shop", "ehco", "x"), "Shop has no handler ehco", "did you mean echo?"),
        (("Shpo", "echo", "x"), "there is no service Shpo", "did you mean Shop?"),
        (("Till", "add", "1"), "Till is an object: which one?", "say Till/KEY"),
        (("Flow", "say", "1"), "Flow is a workflow: which one?", "say Flow/KEY"),
        (("Shop/key", "echo", "x"), "Shop is a service and has no keys", "say Shop alone"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused_with_what_is_right(
    operators: Operators, arguments: tuple[str, ...], complaint: str, hint: str
) -> None:
    """Exit 2, and nothing is accepted."""
    before = operators.node.count()
    status, said = operators.no("call", *arguments)
    assert status == 2
    assert complaint in said
    assert hint in said
    assert operators.node.count() == before


def test_a_handler_that_fails_is_no_result(operators: Operators) -> None:
    """Exit 1; the complaint has the code, the message, and how to find out more."""
    status, said = operators.no("call", "Shop", "fail", "402")
    assert status == 1
    assert said.startswith("error: it failed with 402: sold out\n  hint: perdure invocations describe inv_1")
    done = operators("call", "Shop", "fail", "402", "--json")
    assert (done.status, done.err) == (1, "")
    told = json.loads(done.out)
    assert ID.fullmatch(told["id"])
    assert told["error"] == {"code": 402, "message": "sold out", "source": "invocation"}


def test_help_shows_the_fields_of_a_handler(operators: Operators) -> None:
    """With their types, what the spec says of them, and which may be left out."""
    printed = operators.fine("call", "Shop", "order", "--help")
    assert "--userId (integer)" in printed
    assert re.search(r"--size \(large \| small\) +\(may be left out\)", printed)
    assert "For the cook." in printed
    assert "It takes no input." in operators.fine("send", "Shop", "nothing", "--help")


def test_options_may_stand_on_either_side(operators: Operators) -> None:
    """A request with the same idempotency key is the same invocation, wherever the key was said."""
    first = operators.json("call", "Shop", "echo", "x", "--idempotency-key", "k1")
    second = operators.json("call", "--idempotency-key=k1", "Shop", "echo", "y")
    assert first == second
    assert operators.fine("attach", "Shop", "echo", "--idempotency-key", "k1") == '"x"'


def test_a_send_prints_the_id_alone(operators: Operators) -> None:
    """So that it can be given to the next command."""
    id = operators.fine("send", "Shop", "echo", "later")
    assert ID.fullmatch(id)
    assert operators.fine("attach", id) == '"later"'
    assert operators.json("attach", id) == {"id": id, "result": "later"}


def test_a_send_may_be_delayed(operators: Operators) -> None:
    """Then it says when it starts, on stderr; and until it has started there is no result."""
    done = operators("send", "Shop", "echo", "later", "--delay", "1h")
    assert done.status == 0
    assert re.fullmatch(r"it starts in 59 min \d+ s\n", done.err)
    assert operators.no("attach", "--no-wait", done.out.strip()) == (1, "error: it has not completed yet")
    status, said = operators.no("send", "--delay", "soon", "Shop", "echo", "x")
    assert (status, "'soon' is not a duration" in said) == (2, True)
    assert operators.json("send", "Shop", "echo", "x", "--delay", "1h")["status"] == "Accepted"


def test_a_send_that_was_accepted_before_says_so(operators: Operators) -> None:
    """The id is the same."""
    first = operators.fine("send", "Shop", "echo", "x", "--idempotency-key", "k2")
    done = operators("send", "Shop", "echo", "x", "--idempotency-key", "k2")
    assert (done.status, done.out.strip(), done.err) == (0, first, "it had been accepted before\n")


def test_a_workflow_is_attached_to_by_its_key(operators: Operators) -> None:
    """Its run is sent, a shared handler of it is called, and its result is waited for."""
    operators.fine("send", "Flow/f1", "run", "the")
    operators.fine("call", "Flow/f1", "say", "end")
    assert operators.fine("attach", "Flow/f1") == '"the end"'


def test_attach_to_nothing(operators: Operators) -> None:
    """Half a question is wrong usage, and so is an id that is none."""
    assert operators.no("attach", "Shop", "echo")[0] == 2
    assert "does not start with inv_1" in operators.no("attach", "nonsense")[1]
    assert operators.no("attach", "Flow/unknown") == (2, "error: invocation not found")


def test_without_a_server(operators: Operators) -> None:
    """What to start, and how to say where it is."""
    for arguments, door in ((("call", "Shop", "nothing"), "admin"), (("attach", "inv_1"), "ingress")):
        done = operators(*arguments, PERDURE_INGRESS="127.0.0.1:1", PERDURE_ADMIN="127.0.0.1:1")
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(
            "error: no server at 127.0.0.1:1: connection refused\n  hint: start it (perdure serve"
        )
        assert f"--{door} HOST:PORT" in done.err
    assert operators.no("status", "--admin", "nowhere")[1].startswith("error: --admin: 'nowhere' is no HOST:PORT")
