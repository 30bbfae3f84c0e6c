"""`perdure schema`: what an editor needs."""

from __future__ import annotations

import json

import yaml
from jsonschema import Draft202012Validator

from tests.cli.conftest import GREETER, Perdure


def test_it_is_a_schema_that_accepts_a_spec(perdure: Perdure) -> None:
    """And refuses what is none."""
    done = perdure("schema")
    assert (done.status, done.err) == (0, "")
    schema = json.loads(done.out)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert list(validator.iter_errors(yaml.safe_load(GREETER))) == []
    assert list(validator.iter_errors({"spec": 2})) != []
