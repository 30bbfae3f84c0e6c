"""Type expressions, durations and names: three small readers that never raise."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure_codegen import durations, naming, typeexpr
from perdure_codegen.typeexpr import Expr, Generic, Name, OrNull, Unreadable


def written(expr: Expr) -> str:
    """A type expression as text."""
    match expr:
        case Name(text=text):
            return text
        case Generic(name=name, item=item):
            return f"{name}<{written(item)}>"
        case OrNull(item=item):
            return f"{written(item)} | null"


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}(\.[A-Z][a-z]{0,3})?", fullmatch=True).filter(
    lambda name: name not in {"null", "list", "set", "map"}
)
expressions = st.recursive(
    names,
    lambda inner: st.builds(
        "{}<{}{}>".format, st.sampled_from(["list", "set", "map"]), inner, st.sampled_from(["", " | null"])
    ),
    max_leaves=6,
)


@given(expressions, st.sampled_from(["", " | null"]))
def test_a_type_is_read_as_it_is_written(text: str, nullable: str) -> None:
    """Writing down what was read gives the text again, and names know where they stand."""
    whole = text + nullable
    found = typeexpr.parse(whole)

    assert not isinstance(found, Unreadable)
    assert written(found) == whole
    leaf: Expr = found
    while not isinstance(leaf, Name):
        leaf = leaf.item
    assert whole[leaf.start : leaf.end] == leaf.text


def test_white_space_in_a_type_does_not_matter() -> None:
    """Only between words."""
    found = typeexpr.parse("  map < pay.Card|null >  ")

    assert not isinstance(found, Unreadable)
    assert written(found) == "map<pay.Card | null>"


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader_of_types(text: str) -> None:
    """It is a type or it is unreadable, and the blame lies within the text."""
    found = typeexpr.parse(text)

    if isinstance(found, Unreadable):
        assert 0 <= found.start < found.end <= len(text) + 1


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("string?", "write `string | null`"),
        ("optional<Item>", "write `Item | null`"),
        ("Optional[Item]", "write `Item | null`"),
        ("null | int", "write `int | null`"),
        ("list[Item]", "write `list<Item>`"),
        ("List<Item>", "write `list<Item>`"),
        ("array(Item)", "write `list<Item>`"),
        ("Item[]", "write `list<Item>`"),
        ("Set[Item]", "write `set<Item>`"),
        ("map<string, int>", "write `map<int>`"),
        ("dict[str, Item]", "write `map<Item>`"),
        ("Dict<Item>", "write `map<Item>`"),
        ("map[Item]", "write `map<Item>`"),
        ("list", "write `list<T>`, for example `list<string>`"),
        ("null", "write `T | null`"),
        ("A | B", "for one of several structs declare a type with `union`"),
        ("Box<int>", "only list, set and map do"),
    ],
)
def test_other_notations_get_ours_as_advice(text: str, advice: str) -> None:
    """People know other languages; the message shows the same type in this one."""
    found = typeexpr.parse(text)

    assert isinstance(found, Unreadable)
    assert found.help == advice


def test_a_type_is_not_nested_without_end() -> None:
    """The limit is far beyond what anybody can read."""
    assert isinstance(typeexpr.parse("list<" * 16 + "int" + ">" * 16), Generic)
    assert isinstance(typeexpr.parse("list<" * 18 + "int" + ">" * 18), Unreadable)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("100ms", timedelta(milliseconds=100)),
        ("5m", timedelta(minutes=5)),
        ("7d", timedelta(days=7)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("1.5s", timedelta(seconds=1.5)),
        ("0s", timedelta()),
        ("1d2h3m4s5ms", timedelta(days=1, hours=2, minutes=3, seconds=4, milliseconds=5)),
    ],
)
def test_durations(text: str, meant: timedelta) -> None:
    """Numbers with units, large ones first."""
    assert durations.parse(text) == meant


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 m", "-5m", "5M", "1m1h", "1s1s", "1,5s", "99999999999d", "\uff15m", "1s\n"]
)
def test_what_is_no_duration(text: str) -> None:
    """No number without a unit, no sign, no second reading, nothing that timedelta cannot hold."""
    assert durations.parse(text) is None


@pytest.mark.parametrize(
    ("name", "snake", "pascal", "constant"),
    [
        ("userId", "user_id", "UserId", "USER_ID"),
        ("getGreetCount", "get_greet_count", "GetGreetCount", "GET_GREET_COUNT"),
        ("greet-count", "greet_count", "GreetCount", "GREET_COUNT"),
        ("link_clicked", "link_clicked", "LinkClicked", "LINK_CLICKED"),
        ("HTTPServer", "http_server", "HttpServer", "HTTP_SERVER"),
        ("getHTTPStatus2", "get_http_status2", "GetHttpStatus2", "GET_HTTP_STATUS2"),
        ("last4", "last4", "Last4", "LAST4"),
        ("utf8Name", "utf8_name", "Utf8Name", "UTF8_NAME"),
        ("HTTP2Server", "http2_server", "Http2Server", "HTTP2_SERVER"),
        ("URL", "url", "Url", "URL"),
        ("_private", "_private", "Private", "PRIVATE"),
        ("GreeterObject", "greeter_object", "GreeterObject", "GREETER_OBJECT"),
        ("in progress", "in_progress", "InProgress", "IN_PROGRESS"),
    ],
)
def test_names_in_python(name: str, snake: str, pascal: str, constant: str) -> None:
    """One rule for words, three ways to put them together."""
    assert (naming.snake(name), naming.pascal(name), naming.constant(name)) == (snake, pascal, constant)


@given(st.from_regex(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*", fullmatch=True))
def test_a_snake_stays_one(name: str) -> None:
    """A name that is written as Python has it is kept."""
    assert naming.snake(name) == name


@pytest.mark.parametrize("name", ["class", "None", "1st", "a-b", "", "größe"])
def test_what_is_no_identifier(name: str) -> None:
    """Keywords and what Python cannot read; letters outside of ASCII would have several spellings."""
    assert not naming.is_identifier(name)
