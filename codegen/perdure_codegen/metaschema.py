"""The structure of a spec file: checks a tree against `perdure-spec-v1.schema.json`.

The schema is the one definition of what may stand where; this module runs `jsonschema` over it and says the
findings in the words of the spec. What it finds fault with it takes out of the tree, so that later passes see
only what is sound and nothing is reported twice.

Keys of the schema that start with `x-` steer the messages: `x-code` is the code of a bad name, `x-refused`
explains keys that somebody will try, `x-noun` is what a value is called, `x-duration` has it read by
`durations`, and `x-deferred` marks a pattern that is there for editors while the
resolver has a better message.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from perdure_codegen import durations
from perdure_codegen.diagnostic import Diagnostic
from perdure_codegen.findings import Finding, Findings, Path, Schema
from perdure_codegen.tree import BrokenNode, Entry, ListNode, MapNode, Node, plain

SCHEMA_FILE = "perdure-spec-v1.schema.json"


class Checked(NamedTuple):
    """A tree without its unsound parts, and what was wrong with them."""

    tree: Node
    faults: tuple[Diagnostic, ...]


@functools.cache
def schema_text() -> str:
    """The meta-schema as JSON text, for editors."""
    return importlib.resources.files("perdure_codegen").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")


@functools.cache
def schema() -> dict[str, Any]:
    """The meta-schema."""
    return cast("dict[str, Any]", json.loads(schema_text()))


def check(tree: Node) -> Checked:
    """Check the structure of the file whose root is `tree`."""
    findings = Findings(tree)
    for fault in _validator().iter_errors(plain(tree)):
        findings.add(_finding(fault))
    return Checked(_prune(tree, findings.broken, findings.dropped, ()), findings.diagnostics())


def _finding(fault: ValidationError) -> Finding:
    return Finding(
        keyword=str(fault.validator),
        wanted=fault.validator_value,
        instance=fault.instance,
        schema=cast("Schema", fault.schema),
        path=tuple(fault.absolute_path),
        about_name="propertyNames" in fault.absolute_schema_path,
    )


def _prune(node: Node, broken: set[Path], dropped: set[Path], path: Path) -> Node:
    """The tree with a `BrokenNode` for each broken value and without the dropped entries."""
    if path in broken:
        return BrokenNode(node.span)
    if not broken and not dropped:
        return node
    if isinstance(node, MapNode):
        kept = {
            key: Entry(key, entry.span, _prune(entry.value, broken, dropped, (*path, key)), entry.orphan)
            for key, entry in node.entries.items()
            if (*path, key) not in dropped
        }
        return MapNode(node.span, kept, pruned=node.pruned or len(kept) < len(node.entries))
    if isinstance(node, ListNode):
        pruned = (_prune(item, broken, dropped, (*path, index)) for index, item in enumerate(node.items))
        return ListNode(node.span, tuple(pruned))
    return node


# --- the validator -----------------------------------------------------------------------------------------


@functools.cache
def _validator() -> Validator:
    """Draft 2020-12, made strict where YAML and Python are laxer than a spec."""
    checker = Draft202012Validator.TYPE_CHECKER.redefine("number", _is_number).redefine("integer", _is_integer)
    # The library does not say what types `extend` takes and gives.
    extend = cast("Callable[..., type[Draft202012Validator]]", validators.extend)  # pyright: ignore[reportUnknownMemberType]  untyped there
    extended = extend(
        Draft202012Validator,
        validators={"pattern": _check_pattern, "x-duration": _check_duration},
        type_checker=checker,
    )
    return extended(schema())


def _is_number(_: object, value: object) -> bool:
    """Infinity and NaN bound nothing, and JSON has neither."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_integer(_: object, value: object) -> bool:
    """`1.0` is a float."""
    return isinstance(value, int) and not isinstance(value, bool)


@functools.cache
def _pattern(source: str) -> re.Pattern[str]:
    # JSON Schema's `$` is the end; Python's is also the place before a last line break.
    return re.compile(re.sub(r"\$\Z", r"\\Z", source))


def _check_pattern(_: Validator, source: str, instance: object, __: Schema) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _pattern(source).search(instance):
        yield ValidationError(f"does not match {source}")


def _check_duration(_: Validator, __: bool, instance: object, ___: Schema) -> Iterator[ValidationError]:
    if isinstance(instance, str) and durations.parse(instance) is None:
        yield ValidationError("not a duration")
