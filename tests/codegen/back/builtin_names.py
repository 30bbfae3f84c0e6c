"""Specs whose classes are called like all those that are built into Python: structs, enums and errors."""

from __future__ import annotations

from pathlib import Path

from perdure_codegen.model import Model
from perdure_codegen.naming import BUILTIN
from tests.codegen.back.output import loaded

NAMES = sorted(BUILTIN)


def _types(kind: str, form: str) -> str:
    """Each type is declared, held, kept, taken and returned."""
    declared = "".join(f"  {name}: {{{form}}}\n" for name in NAMES)
    held = "".join(f"      f{at}: {name}\n      g{at}: map<{name}> | null\n" for at, name in enumerate(NAMES))
    kept = "".join(f"      s{at}: {name} | null\n" for at, name in enumerate(NAMES))
    taken = "".join(f"      h{at}: {{input: {name}, output: list<{name}>}}\n" for at, name in enumerate(NAMES))
    # A decimal without limits: the only thing here that could have needed the runtime's check.
    amount = "  Amount: {fields: {amount: decimal}}\n"
    return (
        f"spec: 1\npackage: {kind}s.v1\ntypes:\n{declared}{amount}  Holder:\n    fields:\n{held}"
        f"objects:\n  {kind.title()}s:\n    state:\n{kept}    handlers:\n{taken}"
    )


def _errors() -> str:
    fields = "{fields: {why: string, at: {type: int, default: 1}, tags: {type: list<string>, default: []}}}"
    declared = "".join(f"  {name}: {fields}\n" for name in NAMES)
    raised = "".join(f"      h{at}: {{errors: [{name}]}}\n" for at, name in enumerate(NAMES))
    return f"spec: 1\npackage: errors.v1\nerrors:\n{declared}services:\n  Errors:\n    handlers:\n{raised}"


def builtin_names(folder: Path) -> Model:
    """The model of these specs, which are written below `folder`."""
    texts = {
        "structs": _types("struct", "fields: {a: int, b: {type: string, min_length: 1}}"),
        "enums": _types("enum", "enum: [a, b], open: true"),
        "errors": _errors(),
    }
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return loaded(folder)
