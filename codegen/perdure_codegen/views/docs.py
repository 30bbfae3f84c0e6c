"""Docstrings that are put together from several parts of a spec.

The law: what the spec says stands first and unchanged; what is added follows after an empty line.
"""

from __future__ import annotations

from collections.abc import Iterable

from perdure_codegen import derived, literals
from perdure_codegen.model import ErrorDef, Handler, Model, Value


def described(doc: str, deprecated: str | None, *more: str, otherwise: str = "") -> str:
    """A doc with a note if the thing is deprecated, and further paragraphs. `otherwise` stands for an empty doc."""
    parts = [
        doc.strip("\n") if doc.strip() else otherwise,
        "" if deprecated is None else _deprecation(deprecated),
        *more,
    ]
    return "\n\n".join(part for part in parts if part.strip())


def _deprecation(instead: str) -> str:
    return f"Deprecated: {instead}" if instead.strip() else "Deprecated."


def of_value(value: Value) -> str:
    """The doc of a field, a parameter, a state key or a promise."""
    return described(value.doc, value.deprecated)


def of_handler(model: Model, handler: Handler, *, doc: str = "") -> str:
    """The doc of a handler, with its documented parameters and its errors."""
    values = derived.arguments(handler)
    arguments = _section("Args", ((value.py_name, of_value(value)) for value in values if of_value(value)))
    errors = (model.errors[ref] for ref in handler.errors)
    raises = _section("Raises", ((error.name, literals.first_line(error.doc)) for error in errors))
    doc = doc or handler.doc
    if (arguments or raises) and not doc.strip():
        doc = f"Handle `{handler.name}`."
    return described(doc, handler.deprecated, arguments, raises)


def _section(title: str, entries: Iterable[tuple[str, str]]) -> str:
    lines = [f"    {name}: {text}" if text else f"    {name}" for name, text in map(_entry, entries)]
    return "\n".join([f"{title}:", *lines]) if lines else ""


def _entry(entry: tuple[str, str]) -> tuple[str, str]:
    """Further lines of an entry are indented below its first."""
    name, text = entry
    return name, "\n".join(f"        {line}" if at else line for at, line in enumerate(text.splitlines()))


def message(error: ErrorDef) -> str:
    """What an error without fields says."""
    return literals.first_line(error.doc) or error.name
