"""Names that were in use once and are not used again: an old reader would take the new thing for the old."""

from __future__ import annotations

from collections.abc import Iterable

from perdure_codegen.diagnostic import Diagnostic, Note, error
from perdure_codegen.tree import Entry, Node, ScalarNode, child, items


def check_reserved(faults: list[Diagnostic], body: Node, declared: Iterable[Entry]) -> None:
    """Report what is declared in `body` under a name that `body` reserves."""
    reserved = {item.value: item.span for item in items(child(body, "reserved")) if isinstance(item, ScalarNode)}
    for entry in declared:
        if entry.key in reserved:
            note = Note(reserved[entry.key], "reserved here")
            advice = "take a new name, or remove it from `reserved` if nothing of the old one is left anywhere"
            faults.append(error("S025", entry.span, f"`{entry.key}` is reserved", note=note, help=advice))
