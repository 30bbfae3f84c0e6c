"""YAML to a tree: what scalars mean, and where things stand."""

from __future__ import annotations

import math

import pytest
import yaml

from perdure_codegen import yamlparse
from perdure_codegen.tree import ListNode, MapNode, Node, ScalarNode, plain, resolve_scalar


def parsed(text: str) -> Node:
    tree, faults = yamlparse.parse(text, "t.yaml")
    assert faults == []
    assert tree is not None
    return tree


@pytest.mark.parametrize(
    "text", ["no", "on", "yes", "Off", "y", "12:30", "1_000", "0b11", "017x", "1e", ".", "+", "nan"]
)
def test_what_yaml_1_2_calls_a_string_is_one(text: str) -> None:
    """Norway keeps its code, and a time of day is no number of seconds."""
    assert resolve_scalar(text) == text


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("007", 7),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("-.5e3", -500.0),
        ("1.", 1.0),
        ("1e999", math.inf),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("9" * 500, "9" * 500),
    ],
)
def test_the_core_schema_knows_null_booleans_and_numbers(text: str, meant: object) -> None:
    """And nothing else; a number of hundreds of digits is a text."""
    found = resolve_scalar(text)

    assert found == meant
    assert type(found) is type(meant)


def test_not_a_number_is_one() -> None:
    """`.nan` is a float, as YAML says; specs have no use for it and say so."""
    assert math.isnan(float(str(resolve_scalar(".nan"))))


def test_quotes_make_a_string() -> None:
    """Whatever is in them."""
    assert plain(parsed("[\"1\", 'null', '', plain]")) == ["1", "null", "", "plain"]


def test_every_key_and_value_knows_its_place() -> None:
    """Lines and columns from 1, in characters; the end is the column after."""
    tree = parsed("a: 1\nüö: {bé: [x, 'y z'], c: }\n")
    assert isinstance(tree, MapNode)
    inner = tree.entries["üö"].value
    assert isinstance(inner, MapNode)
    items = inner.entries["bé"].value
    assert isinstance(items, ListNode)

    places = [tree.entries["üö"].span, inner.span, inner.entries["bé"].span, items.span, *(i.span for i in items.items)]

    assert [(place.line, place.column, place.end) for place in places] == [
        (2, 1, 3),
        (2, 5, 26),
        (2, 6, 8),
        (2, 10, 20),
        (2, 11, 12),
        (2, 14, 19),
    ]


@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_both_scanners_and_all_line_breaks_give_the_same_tree(
    loader: type[yaml.SafeLoader], line_break: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one in C is faster; a machine without it must not see another spec."""
    text = "spec: 1\ntypes:\n  A: {fields: {a: string | null, b: 'list<int>'}}\n  # note\n  B:\n    enum: [x, y]\n"
    expected = parsed(text)

    monkeypatch.setattr(yamlparse, "_LOADER", loader)

    assert parsed(text.replace("\n", line_break)) == expected


def test_a_part_of_a_text_has_a_place_if_it_stands_there_as_it_is() -> None:
    """In quotes it is one column on; with escapes only the whole can be pointed at."""
    tree = parsed("a: abc\nb: 'abc'\nc: \"a\\u0062c\"\nd: >\n  abc\n")
    assert isinstance(tree, MapNode)
    scalars = [entry.value for entry in tree.entries.values() if isinstance(entry.value, ScalarNode)]

    assert [(each.part(1, 2).column, each.part(1, 2).end) for each in scalars[:3]] == [(5, 6), (6, 7), (4, 14)]
    assert scalars[3].part(1, 2) == scalars[3].span


def test_a_key_without_a_colon_is_noticed() -> None:
    """Only in braces, and only if nothing at all follows it."""
    tree = parsed("{a: x, b c, d: , 'f': '', g}")
    assert isinstance(tree, MapNode)

    assert [key for key, entry in tree.entries.items() if entry.orphan] == ["b c", "g"]


def test_comments_are_counted_but_mean_nothing() -> None:
    """They are for people; the lines that they take are lines."""
    tree = parsed("# one\nspec: 1 # two\n")
    assert isinstance(tree, MapNode)

    assert tree.entries["spec"].value.span.line == 2
    assert plain(tree) == {"spec": 1}
