"""Ids: their text forms, their order, and that no two identities have the same."""

from __future__ import annotations

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from perdure.core.ids import (
    FIRST_AWAKEABLE,
    ID_BYTES,
    BadId,
    format_awakeable,
    format_id,
    fresh_id,
    idempotent_id,
    parse_awakeable,
    parse_id,
    workflow_id,
)

IDS = st.binary(min_size=ID_BYTES, max_size=ID_BYTES)
TEXT = st.text(max_size=5)


@given(IDS)
@example(bytes(ID_BYTES))
@example(b"\xff" * ID_BYTES)
def test_an_id_comes_back_from_its_text(id: bytes) -> None:
    """38 characters, of which the first five say what it is."""
    text = format_id(id)
    assert len(text) == 38
    assert text.startswith("inv_1")
    assert text[5:].isalnum()
    assert parse_id(text) == id


def test_texts_are_restates() -> None:
    """An invocation of a Restate server and an awakeable of it name the same bytes, as that server writes both."""
    id = bytes.fromhex("ab16a079ee957a0c83e8d96c447065c8057411ddb195c51c")
    assert format_id(id) == "inv_114qkgy37uen0Si53Ohpgpf2CPri5wOPbZ"
    assert parse_id("inv_114qkgy37uen0Si53Ohpgpf2CPri5wOPbZ") == id
    assert format_awakeable(id, 17) == "sign_1qxagee6VegyD6NlsRHBlyAV0Ed2xlcUcAAAAEQ"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it does not start with inv_1"),
        ("inv_2" + "0" * 33, "it does not start with inv_1"),
        ("inv_1", "it should have 33 digits"),
        ("inv_1" + "0" * 32, "it should have 33 digits"),
        ("inv_1" + "0" * 34, "it should have 33 digits"),
        ("inv_1" + "0" * 32 + "-", "not base 62"),
        ("inv_1" + "0" * 32 + "é", "not base 62"),
        ("inv_1" + "z" * 33, "not base 62"),
        ("inv_1" + "0" * 11 + "z" * 22, "not base 62"),
    ],
)
def test_what_is_no_id_is_refused_with_a_reason(text: str, why: str) -> None:
    """Callers send such things."""
    with pytest.raises(BadId) as raised:
        parse_id(text)
    assert str(raised.value) == f"bad invocation id '{text}': {why}"


@given(st.text(max_size=50) | st.text(max_size=40).map(lambda tail: "inv_1" + tail))
def test_any_text_is_an_id_or_a_bad_one(text: str) -> None:
    """Never another exception, and never two texts of one id."""
    try:
        id = parse_id(text)
    except BadId:
        return
    assert format_id(id) == text


# --- awakeables ------------------------------------------------------------------------------------------------


@given(IDS, st.integers(0, 2**32 - 1))
@example(bytes(ID_BYTES), FIRST_AWAKEABLE)
def test_an_awakeables_id_says_who_waits_and_for_what(id: bytes, index: int) -> None:
    """It can be given away in a URL."""
    text = format_awakeable(id, index)
    assert text.startswith("sign_1")
    assert text[6:].replace("-", "").replace("_", "").isalnum()
    assert parse_awakeable(text) == (id, index)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("prom_1AAAA", "it does not start with sign_1"),
        ("sign_1", "wrong length"),
        ("sign_1AAAA", "wrong length"),
        ("sign_1A", "not base 64"),
        ("sign_1" + "A" * 37 + "!", "not base 64"),
        ("sign_1" + "A" * 37 + "é", "not base 64"),
        ("sign_1" + "A" * 40, "wrong length"),
    ],
)
def test_what_is_no_awakeable_is_refused_with_a_reason(text: str, why: str) -> None:
    """They come from outside, too."""
    with pytest.raises(BadId) as raised:
        parse_awakeable(text)
    assert str(raised.value) == f"bad awakeable id '{text}': {why}"


@given(st.text(max_size=50).map(lambda tail: "sign_1" + tail))
def test_any_text_is_an_awakeable_or_a_bad_one(text: str) -> None:
    """Never another exception."""
    try:
        parse_awakeable(text)
    except BadId:
        return


# --- where they come from --------------------------------------------------------------------------------------


@given(st.integers(0, 2**47), st.integers(0, 0xFFFF), st.integers(0, 2**47), st.integers(0, 0xFFFF))
def test_fresh_ids_sort_by_time_and_serial(ms: int, serial: int, later_ms: int, later_serial: int) -> None:
    """Whatever chance adds."""
    assume((ms, serial) < (later_ms, later_serial))
    assert fresh_id(ms, serial, b"\xff" * 16) < fresh_id(later_ms, later_serial, bytes(16))


Identity = tuple[str, str | None, str, str]


@given(
    st.tuples(TEXT, st.none() | TEXT, TEXT, TEXT),
    st.tuples(TEXT, st.none() | TEXT, TEXT, TEXT),
)
@example(("a", "b", "c", "d"), ("a", None, "b", "cd"))
@example(("ab", "", "c", "d"), ("a", "b", "c", "d"))
@example(("a", "", "b", "c"), ("a", None, "b", "c"))
def test_no_two_identities_have_one_id(a: Identity, b: Identity) -> None:
    """Parts do not run together, and a missing key is not an empty one."""
    assert (idempotent_id(*a) == idempotent_id(*b)) == (a == b)


@given(TEXT, TEXT, TEXT, TEXT)
def test_a_workflow_is_no_idempotent_request(service: str, key: str, handler: str, idempotency_key: str) -> None:
    """They have names of their own."""
    workflow = workflow_id(service, key)
    assert workflow != idempotent_id(service, key, handler, idempotency_key)
    assert len(workflow) == ID_BYTES
    assert workflow == workflow_id(service, key)
