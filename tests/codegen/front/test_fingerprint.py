"""A fingerprint is about meaning: of the package, and of what it imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure_codegen.loading import load
from tests.codegen.front.loads import GOOD, model_of

SPEC = """\
spec: 1
package: test.v1
doc: A test.
types:
  Item:
    fields: {id: uuid, count: {type: int, default: 1}}
services:
  Shop:
    handlers:
      buy: {params: {item: Item}, output: string, retry: {initial: 1s}}
"""
FIELDS_OVER_LINES = """\
    fields:
      id: uuid
      count:
        default: 1
        type: int"""


def fingerprint(folder: Path, text: str, name: str = "test.yaml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return model_of(load([folder / name])).packages[-1].fingerprint


def test_it_is_sixteen_hex_digits(tmp_path: Path) -> None:
    """And the same each time, in each process: nothing in it depends on hashes of Python."""
    assert fingerprint(tmp_path, SPEC) == "49117c29ff6900b9"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("doc: A test.", "# A comment.\ndoc: 'A test.'  # another"),
        ("{id: uuid,", "{id: {type: uuid},"),
        ("    fields: {id: uuid, count: {type: int, default: 1}}", FIELDS_OVER_LINES),
        ("initial: 1s", "initial: 1000ms"),
        ("doc: A test.", "doc: A test.\nx-owner: somebody"),
        ("buy: {params: {item: Item}, output: string,", "buy: {output: string, params: {item: Item},"),
        ("\n", "\r\n"),
    ],
)
def test_layout_and_form_do_not_count(old: str, new: str, tmp_path: Path) -> None:
    """Comments, quotes, short and long forms, order of keys that have no order, `x-` keys."""
    assert old in SPEC

    assert fingerprint(tmp_path, SPEC.replace(old, new)) == fingerprint(tmp_path, SPEC)


def test_the_name_of_the_file_does_not_count(tmp_path: Path) -> None:
    """A package is what it says, wherever it lies."""
    assert fingerprint(tmp_path, SPEC, "other.yaml") == fingerprint(tmp_path, SPEC)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("test.v1", "test.v2"),
        ("A test.", "Another test."),
        ("id: uuid", "id: string"),
        ("default: 1", "default: 2"),
        ("count:", "number:"),
        ("type: int,", "type: int, ge: 0,"),
        ("{item: Item}", "{item: Item | null}"),
        ("{item: Item}", "{item: list<Item>}"),
        ("{item: Item}", "{item: set<int>}"),
        ("output: string", "output: int"),
        ("initial: 1s", "initial: 2s"),
        ("buy:", "sell:"),
        ("Shop:", "Store:"),
        ("services:", "objects:"),
    ],
)
def test_meaning_counts(old: str, new: str, tmp_path: Path) -> None:
    """Names, types, defaults, constraints, options and docs."""
    assert old in SPEC

    assert fingerprint(tmp_path, SPEC.replace(old, new)) != fingerprint(tmp_path, SPEC)


def test_a_list_a_set_and_a_nullable_differ(tmp_path: Path) -> None:
    """They have the same parts, and are not the same."""
    forms = ["list<int>", "set<int>", "map<int>", "int | null", "int"]

    marks = {fingerprint(tmp_path, SPEC.replace("{item: Item}", f"{{item: {form}}}")) for form in forms}

    assert len(marks) == len(forms)


def test_what_is_imported_counts(tmp_path: Path) -> None:
    """Also over two steps, because a type that is used from there has another form on the wire."""
    for name in ("common", "payments", "checkout"):
        (tmp_path / f"{name}.yaml").write_bytes((GOOD / f"shop/{name}.yaml").read_bytes())
    before = {package.name: package.fingerprint for package in model_of(load([tmp_path])).packages}

    common = tmp_path / "common.yaml"
    common.write_text(common.read_text().replace("max_digits: 12", "max_digits: 13"))
    after = {package.name: package.fingerprint for package in model_of(load([tmp_path])).packages}

    assert {name for name in before if before[name] != after[name]} == set(before)


def test_what_imports_it_does_not_count(tmp_path: Path) -> None:
    """A shared file does not change because somebody uses it in another way."""
    for name in ("common", "payments"):
        (tmp_path / f"{name}.yaml").write_bytes((GOOD / f"shop/{name}.yaml").read_bytes())
    alone = model_of(load([tmp_path / "common.yaml"])).packages[0].fingerprint

    assert model_of(load([tmp_path / "payments.yaml"])).packages[0].fingerprint == alone
