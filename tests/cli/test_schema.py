"""`perdure schema`: what an editor needs."""

from __future__ import annotations

import json
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from tests.cli.conftest import GREETER
from tests.cli.done import Perdure


def test_it_is_a_schema_that_accepts_a_spec(perdure: Perdure) -> None:
    """And refuses what is none."""
    done = perdure("schema")
    assert (done.status, done.err) == (0, "")
    schema = json.loads(done.out)
    Draft202012Validator.check_schema(schema)
    validator: Validator = Draft202012Validator(schema)
    assert _accepts(validator, yaml.safe_load(GREETER))
    assert not _accepts(validator, {"spec": 2})


def _accepts(validator: Validator, spec: dict[str, Any]) -> bool:
    return validator.is_valid(spec)  # pyright: ignore[reportUnknownMemberType]  untyped there
