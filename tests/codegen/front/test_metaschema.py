"""The schema file: it is one, it explains itself, and editors can use it."""

from __future__ import annotations

import json
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from perdure_codegen.constraints import NAMES
from perdure_codegen.metaschema import schema, schema_text
from perdure_codegen.tree import plain
from perdure_codegen.yamlparse import parse
from tests.codegen.front.loads import GOOD, parts


def target(node: dict[str, Any]) -> dict[str, Any]:
    """A schema, or the one that it refers to."""
    reference = node.get("$ref")
    return schema()["$defs"][reference.removeprefix("#/$defs/")] if reference else node


def test_it_is_a_schema_of_the_draft_that_it_names() -> None:
    """Checked against the draft's own meta-schema."""
    assert schema()["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema())


def test_every_key_has_a_description() -> None:
    """Editors show it; so do our messages."""
    for path, node in parts(schema()):
        for key, described in node.get("properties", {}).items() if not path.endswith("/properties") else ():
            assert described.get("description") or target(described).get("description"), f"{path}: {key}"


def test_messages_stay_local() -> None:
    """No alternatives on the way to a value: then no finding is about a form that nobody meant.

    The one `anyOf` says that a type has one of four keys, and has nothing below it.
    """
    found = [path for path, node in parts(schema()) if "oneOf" in node or "anyOf" in node]

    assert found == ["#/$defs/type"]
    assert all(list(each) == ["required"] for each in schema()["$defs"]["type"]["anyOf"])


def test_unknown_keys_are_refused_and_x_keys_are_not() -> None:
    """In every mapping whose keys the language names."""
    for path, node in parts(schema()):
        if "properties" in node and not path.endswith("/properties"):
            assert node["additionalProperties"] is False, path
            assert "^x-" in node["patternProperties"], path


def test_every_definition_is_used() -> None:
    """And every reference has a definition."""
    used = {node["$ref"].removeprefix("#/$defs/") for _, node in parts(schema()) if "$ref" in node}

    assert used == set(schema()["$defs"])


def test_constraints_stand_wherever_a_type_does() -> None:
    """A new constraint must be added to all of these places."""
    for name in ("field", "promise", "payload", "key"):
        assert set(NAMES) <= set(schema()["$defs"][name]["then"]["properties"]), name
    assert set(NAMES) <= set(schema()["$defs"]["type"]["properties"])


def test_a_plain_validator_takes_the_good_specs() -> None:
    """Editors have no extension of ours: the schema alone must not refuse what is right."""
    validator = cast("Validator", Draft202012Validator(schema()))
    for path in sorted(GOOD.rglob("*.yaml")):
        tree, _ = parse(path.read_text(encoding="utf-8"), path.name)
        assert tree is not None
        assert [fault.message for fault in validator.iter_errors(plain(tree))] == []


def test_the_file_is_laid_out_for_readers() -> None:
    """Short objects on one line, two spaces a level, and the text is what the parsed form says."""
    text = schema_text()

    assert json.loads(text) == schema()
    assert max(map(len, text.splitlines())) <= 240
    assert text.endswith("}\n")
