"""The generated models, used: what they read, what they write, what they refuse, and with which words."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

import perdure
from perdure.serde import decode, encode, seal
from tests.codegen.back.builtin_names import NAMES
from tests.codegen.back.output import imported

REQUIRED: dict[str, Any] = {
    "text": "é",
    "flag": True,
    "whole": 7,
    "real": 1.5,
    "decimal": "1.10",
    "octets": "AP8iJw==",
    "uuid": "6f1b5a52-9a4e-4c4e-8e0b-3f7a51d0a111",
    "moment": "2026-01-31T09:00:00Z",
    "date": "2026-01-31",
    "time": "09:30:00",
    "duration": "PT5400S",
    "json": {"a": [1, None]},
    "items": [1, 2],
    "several": ["a"],
    "byKey": {"k": ["1.5"]},
    "nullable": None,
    "level": "low",
    "openEnum": "red",
    "union": {"shape-type": "a-square", "corner": {"x": 0.0, "y": 1.0}, "side": 10},
    "alias": "9.99",
    "names": ["n"],
    "recursive": {
        "label": "root",
        "children": [{"label": "leaf", "children": [], "byName": {}, "parent": None, "content": None}],
        "byName": {},
        "parent": None,
        "content": {"kind": "branch", "nodes": [{"kind": "leaf", "value": 1}]},
    },
}
LIMITS: dict[str, Any] = {
    "whole": 2,
    "real": 1.0,
    "text": "ab",
    "octets": "aGVs",
    "items": [1],
    "several": [1],
    "byKey": {"a": 1},
    "decimal": "0.3",
    "price": "1.25",
}


@pytest.fixture(scope="session", params=["made_rich.everything.v1", "hostile.nasty.v1"])
def models(generated: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """The models of `everything`, by their names there: once as they are, once with names that hide others."""
    assert generated.exists()
    root, _, package = request.param.partition(".")
    module = imported(root, package, "models")
    plain = imported("made_rich", "everything.v1", "models")
    if root == "made_rich":
        return vars(module)
    wire = [_identity(value) for value in vars(module).values()]
    pairs = {_identity(value): name for name, value in vars(plain).items() if _identity(value)}
    found = zip(wire, vars(module).values(), strict=True)
    return {pairs[identity]: value for identity, value in found if identity in pairs}


def _identity(value: object) -> tuple[object, ...]:
    """What a struct or an error is known by when its Python name differs: its names on the wire."""
    if isinstance(value, type) and issubclass(value, msgspec.Struct) and value is not msgspec.Struct:
        return ("struct", value.__struct_config__.tag, *value.__struct_encode_fields__)
    if isinstance(value, type) and issubclass(value, perdure.TerminalError):
        return ("error", value.name)
    return ()


def test_every_type_goes_there_and_back(models: dict[str, Any]) -> None:
    """What is read is written again as it came, with the names of the wire."""
    value = decode(json.dumps(REQUIRED).encode(), models["Required"])
    assert json.loads(encode(value)) == REQUIRED
    assert decode(encode(value), models["Required"]) == value
    assert seal(value, models["Required"]) == encode(value)


def test_defaults_are_what_the_spec_says(models: dict[str, Any]) -> None:
    """Reading an empty object gives them; writing writes them all."""
    value = decode(b"{}", models["Defaults"])
    written = json.loads(encode(value))
    assert written == {
        "text": "a \"quoted\" and 'single' \\ text\n",
        "flag": True,
        "whole": -5,
        "real": 2.0,
        "decimal": "1.10",
        "octets": base64.b64encode(b"\x00\xff\"'").decode(),
        "uuid": "6f1b5a52-9a4e-4c4e-8e0b-3f7a51d0a111",
        "moment": "2026-01-31T09:00:00.250000+02:00",
        "datetimeUtc": "2026-01-31T09:00:00Z",
        "date": "2026-01-31",
        "time": "09:30:00",
        "duration": "PT5400S",
        "zero": "P0D",
        "json": {"a": [1, None, True, {"b": "x"}]},
        "jsonText": "text",
        "items": [1, 2],
        "several": written["several"],
        "byKey": {"a": "1.5"},
        "emptyList": [],
        "emptySet": [],
        "emptyMap": {},
        "nullable": 7,
        "null": None,
        "level": "high",
        "openEnum": "crimson",
        "struct": {"x": 1.0, "y": 2.0},
        "union": {"shape-type": "a-square", "corner": {"x": 0.0, "y": 1.0}, "side": 10},
        "alias": "9.99",
        "structs": [{"shape-type": "circle", "centre": {"x": 0.0, "y": 0.0}, "radius": 1.5}],
    }
    assert sorted(written["several"]) == ["a", "b"]
    assert models["Defaults"]() == value


def test_defaults_are_not_shared(models: dict[str, Any]) -> None:
    """A list that one value changes is not the list of the next."""
    first, second = models["Defaults"](), models["Defaults"]()
    names = [each.name for each in msgspec.structs.fields(models["Defaults"])]
    lists = [name for name in names if isinstance(getattr(first, name), list | dict | set)]
    assert len(lists) == 8
    assert [name for name in lists if getattr(first, name) is getattr(second, name)] == []


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("whole", 0, "Expected `int` >= 1 - at `$.whole`"),
        ("whole", 12, "Expected `int` <= 10 - at `$.whole`"),
        ("whole", 3, "Expected `int` that's a multiple of 2 - at `$.whole`"),
        ("whole", "2", "Expected `int`, got `str` - at `$.whole`"),
        ("real", 0.0, "Expected `float` > 0.0 - at `$.real`"),
        ("real", 1.5, "Expected `float` < 1.5 - at `$.real`"),
        ("text", "a", "Expected `str` of length >= 2 - at `$.text`"),
        ("text", "abcde", "Expected `str` of length <= 4 - at `$.text`"),
        ("octets", "AAAAAA==", "Expected `bytes` of length <= 3 - at `$.octets`"),
        ("items", [], "Expected `array` of length >= 1 - at `$.items`"),
        ("items", [1, 2, 3], "Expected `array` of length <= 2 - at `$.items`"),
        ("several", [1, 2, 3], "Expected `array` of length <= 2 - at `$.several`"),
        ("byKey", {}, "Expected `object` of length >= 1 - at `$.byKey`"),
        ("nullable", "abcd", "Expected `str` of length <= 3 - at `$.nullable`"),
    ],
)
def test_limits_name_the_field(models: dict[str, Any], field: str, value: object, said: str) -> None:
    """By its name on the wire, whatever it is called in Python."""
    decode(json.dumps(LIMITS).encode(), models["Limits"])
    with pytest.raises(perdure.BadValue) as caught:
        decode(json.dumps({**LIMITS, field: value}).encode(), models["Limits"])
    assert str(caught.value) == said


def test_patterns_are_checked(models: dict[str, Any]) -> None:
    """The message has the pattern, not the value."""
    with pytest.raises(perdure.BadValue, match=r"matching regex .* - at `\$\.text`"):
        decode(json.dumps({**LIMITS, "text": "AB"}).encode(), models["Limits"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("decimal", "0"),
        ("decimal", "0.31"),
        ("digits", "1234"),
        ("price", "-1"),
        ("price", "1000.5"),
        ("price", "1.234"),
        ("prices", [None, "1", "-1"]),
        ("byName", {"a": ["1"], "b": ["1", "1.234"]}),
        ("narrower", "5.01"),
        ("narrower", "-1"),
        ("decimal", "NaN"),
    ],
)
def test_decimals_are_checked_everywhere(models: dict[str, Any], field: str, value: object) -> None:
    """Also behind aliases, in lists and in maps; the message names the field."""
    with pytest.raises(perdure.BadValue, match=f"`{field}`"):
        decode(json.dumps({**LIMITS, field: value}).encode(), models["Limits"])


@pytest.mark.parametrize(
    ("field", "value"), [("decimal", "0.3"), ("price", "1000.49"), ("prices", [None]), ("narrower", "5")]
)
def test_decimals_within_their_limits(models: dict[str, Any], field: str, value: object) -> None:
    """A bound of 0.3 is three tenths, not the float nearest to it."""
    found = json.loads(encode(decode(json.dumps({**LIMITS, field: value}).encode(), models["Limits"])))
    assert found[field] == value


def test_a_strict_type_refuses_what_it_does_not_know(models: dict[str, Any]) -> None:
    """Others ignore it, so that a reader may be older than a writer."""
    with pytest.raises(perdure.BadValue, match="unknown field `z`"):
        decode(b'{"y": 1, "z": 1}', models["Point"])
    decode(b'{"label": "a", "z": 1}', models["Tree"])


def test_times_must_carry_an_offset(models: dict[str, Any]) -> None:
    """A time that depends on where it is read has no place in a journal."""
    bad = {**REQUIRED, "moment": "2026-01-31T09:00:00"}
    with pytest.raises(perdure.BadValue, match=r"`\$\.moment`"):
        decode(json.dumps(bad).encode(), models["Required"])


def test_an_open_enum_keeps_what_it_does_not_know(generated: Path) -> None:
    """It is read, compared, copied, pickled and written as it came; a closed one refuses it."""
    assert generated.exists()
    models = imported("made_rich", "everything.v1", "models")
    mauve = decode(b'"mauve"', models.Colour)
    assert (mauve, mauve.value, mauve.name, type(mauve)) == ("mauve", "mauve", "mauve", models.Colour)
    assert encode(mauve) == b'"mauve"'
    assert mauve == models.Colour("mauve") != models.Colour.RED
    assert hash(mauve) == hash(models.Colour("mauve"))
    assert copy.deepcopy(mauve) == pickle.loads(pickle.dumps(mauve)) == mauve
    assert list(models.Colour) == [models.Colour.RED, models.Colour.CRIMSON]
    assert decode(b'"red"', models.Colour) is models.Colour.RED
    with pytest.raises(perdure.BadValue):
        decode(b"1", models.Colour)
    with pytest.raises(perdure.BadValue):
        decode(b'"middling"', models.Level)


def test_a_tagged_union_is_told_apart_by_its_tag(generated: Path) -> None:
    """By the tag alone; its field is on the wire and not in Python."""
    assert generated.exists()
    models = imported("made_rich", "everything.v1", "models")
    circle = decode(b'{"shape-type": "circle", "centre": {"y": 1}, "radius": 2}', models.Shape)
    assert circle == models.Circle(centre=models.Point(y=1.0), radius=2.0)
    with pytest.raises(perdure.BadValue, match="Invalid value 'oval'"):
        decode(b'{"shape-type": "oval"}', models.Shape)


def test_errors_carry_their_fields(generated: Path) -> None:
    """As attributes, in the message, and as a struct for the wire; what is sensitive is not in the message."""
    assert generated.exists()
    models = imported("made_rich", "everything.v1", "models")
    found = models.Detailed(why="so", secret_token="hidden", price=Decimal(1))
    assert (found.code, found.name, found.why, found.secret_token) == (422, "Detailed", "so", "hidden")
    assert (found.tags, found.id, found.level) == (["a"], uuid.UUID(REQUIRED["uuid"]), models.Level.LOW)
    assert str(found).startswith("Detailed(why='so', price=Decimal('1'), tags=['a'], ")
    assert "hidden" not in str(found) + repr(found.fields)
    assert decode(encode(found.fields), models.Detailed.Fields) == found.fields
    again = models.Detailed(**{name: getattr(found.fields, name) for name in found.fields.__struct_fields__})
    assert (str(again), again.fields) == (str(found), found.fields)


def test_errors_do_not_share_their_defaults(generated: Path) -> None:
    """What is done to the list of one error is not seen in the next. None is a value only where the spec has it."""
    assert generated.exists()
    models = imported("made_rich", "everything.v1", "models")
    first, second = (models.Detailed(why="so", secret_token="", price=Decimal(1)) for _ in range(2))
    shared = ("tags", "labels", "perhaps", "prices", "shape")
    assert [name for name in shared if getattr(first, name) != getattr(second, name)] == []
    assert [name for name in shared if getattr(first, name) is getattr(second, name)] == []
    assert [name for name in shared if getattr(first, name) is not getattr(first.fields, name)] == []
    assert first.perhaps == [1, 2]
    assert models.Detailed(why="so", secret_token="", price=Decimal(1), perhaps=None).perhaps is None
    assert models.Detailed(why="so", secret_token="", price=Decimal(1), tags=None).tags == ["a"]


def test_classes_called_like_those_of_python(generated: Path) -> None:
    """Structs, enums and errors of all these names are what the spec says, and not what Python has."""
    assert generated.exists()
    structs, enums, errors = (imported("builtin", f"{kind}.v1", "models") for kind in ("structs", "enums", "errors"))
    holder = decode(b"{%s}" % b",".join(b'"f%d": {"a": 1, "b": "x"}' % at for at in range(len(NAMES))), structs.Holder)
    for at, name in enumerate(NAMES):
        assert getattr(holder, f"f{at}") == getattr(structs, name)(a=1, b="x")
        assert decode(b'"b"', getattr(enums, name)) is getattr(enums, name).B
        found = getattr(errors, name)(why="so")
        assert isinstance(found, perdure.TerminalError)
        assert (found.name, vars(found)["at"], vars(found)["tags"]) == (name, 1, [])


def test_errors_without_fields_say_what_the_doc_says(generated: Path) -> None:
    """Its first line; without a doc, the name."""
    assert generated.exists()
    models = imported("made_rich", "everything.v1", "models")
    assert (str(models.Plain()), models.Plain.Fields) == ("Plain", None)
    assert str(models.Documented()) == "The first line says what happened."
    assert str(models.Secret(password="x")) == "Secret"


def test_sensitive_fields_are_not_shown(generated: Path) -> None:
    """A value that is logged does not give them away."""
    assert generated.exists()
    card = imported("made_rich", "shop.payments.v1", "models").Card(token="tok_1", last4="4242")
    assert repr(card) == "Card(token=***, last4='4242')"
    assert b"tok_1" in encode(card)


def test_packages_share_their_types(generated: Path) -> None:
    """What one spec imports from another is the same class."""
    assert generated.exists()
    common, checkout = (imported("made_rich", f"shop.{name}.v1", "models") for name in ("common", "checkout"))
    raw = b'{"sku": "abc", "quantity": 1, "unitPrice": {"amount": "1.5"}}'
    item = decode(raw, checkout.Item)
    assert item.unit_price == common.Money(amount=Decimal("1.5"), currency=common.Currency.EUR)
    assert item.unit_price.currency is common.Currency.EUR


def test_values_cannot_be_changed(models: dict[str, Any]) -> None:
    """A handler that could change its input would see another one when it is replayed."""
    value = models["Defaults"]()
    with pytest.raises(AttributeError):
        setattr(value, value.__struct_fields__[0], "other")
