"""Numbers in generated code: the range of `int`, and limits on top of the limits of an alias."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

import perdure
from perdure.serde import decode, encode
from tests.codegen.back.output import emitted, imported

LAST = 2**53 - 1
GOOD: dict[str, Any] = {
    "any": LAST,
    "several": [-LAST],
    "byKey": {"a": [LAST]},
    "nullable": -LAST,
    "even": LAST - 1,
    "below": -LAST,
    "above": LAST,
    "count": 999,
    "few": 3,
    "many": 6,
    "id": LAST,
    "evenId": 2,
    "pair": ["a", "b"],
}


@pytest.fixture(scope="module")
def ints(generated: Path) -> type[msgspec.Struct]:
    """A struct with ints of all sorts."""
    assert generated.exists()
    found: type[msgspec.Struct] = imported("made_rich", "everything.v1", "models").Ints
    return found


def test_ints_up_to_the_ends_of_their_range(ints: type[msgspec.Struct]) -> None:
    """The largest and the smallest number of the language go there and back."""
    assert json.loads(encode(decode(json.dumps(GOOD).encode(), ints))) == GOOD


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("any", LAST + 1, "Expected `int` <= 9007199254740991 - at `$.any`"),
        ("any", -LAST - 1, "Expected `int` >= -9007199254740991 - at `$.any`"),
        ("any", 10**30, "Expected `int` <= 9007199254740991 - at `$.any`"),
        ("several", [2**63], "Expected `int` <= 9007199254740991 - at `$.several[0]`"),
        ("byKey", {"a": [2**64]}, "Expected `int` <= 9007199254740991 - at `$.byKey[...][0]`"),
        ("nullable", LAST + 1, "Expected `int` <= 9007199254740991 - at `$.nullable`"),
        ("even", LAST + 1, "Expected `int` <= 9007199254740991 - at `$.even`"),
        ("even", 1, "Expected `int` that's a multiple of 2 - at `$.even`"),
        ("below", 10, "Expected `int` <= 9 - at `$.below`"),
        ("below", -LAST - 1, "Expected `int` >= -9007199254740991 - at `$.below`"),
        ("above", LAST + 1, "Expected `int` <= 9007199254740991 - at `$.above`"),
        ("id", LAST + 1, "Expected `int` <= 9007199254740991 - at `$.id`"),
        ("evenId", LAST + 1, "Expected `int` <= 9007199254740991 - at `$.evenId`"),
    ],
)
def test_what_readers_of_json_would_round_is_refused(
    ints: type[msgspec.Struct], field: str, value: object, said: str
) -> None:
    """In a field, behind an alias, in collections, and whatever other limits there are."""
    with pytest.raises(perdure.BadValue) as caught:
        decode(json.dumps({**GOOD, field: value}).encode(), ints)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("field", "value"),
    [("few", 4), ("few", 0), ("many", 5), ("many", 1000), ("evenId", 3), ("pair", []), ("pair", ["a", "b", "c"])],
)
def test_limits_on_top_of_those_of_an_alias(ints: type[msgspec.Struct], field: str, value: object) -> None:
    """Both hold. Of two on the same side, the one that leaves less: `le: 2000` says nothing new to `lt: 1000`."""
    with pytest.raises(perdure.BadValue, match=rf"`\$\.{field}`"):
        decode(json.dumps({**GOOD, field: value}).encode(), ints)


def test_a_range_is_written_once(generated: Path) -> None:
    """An int without limits has a name for its range; type checkers see `int` wherever people look."""
    assert generated.exists()
    files = emitted()
    models, wire = (files[f"everything/v1/{name}.py"] for name in ("models", "_wire"))
    handlers, clients = (files[f"everything/v1/{name}.py"] for name in ("handlers", "clients"))
    assert "    any: perdure.Int = 0\n" in models
    assert "    above: Annotated[int, msgspec.Meta(gt=-10, le=2**53 - 1)] = 0\n" in models
    assert "    few: Annotated[int, msgspec.Meta(ge=1, le=3)] = 1\n" in models
    assert "    count: Count = 1\n" in models
    assert "    last: perdure.Int\n" in wire
    assert 'total = perdure.StateKey[int]("total", perdure.Int)' in handlers
    assert "perdure.Int" not in clients
