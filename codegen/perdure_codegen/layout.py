"""Breaks expressions and statements into lines of at most 88 columns.

The law: what comes out is a fixed point of `ruff format` with its default settings, without the formatter
being called. An expression is a small tree of brackets; a bracket that does not fit is opened, its items go
on one indented line if they fit there, else each on a line of its own with a trailing comma.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

WIDTH = 88
STEP = 4


@dataclass(frozen=True)
class Text:
    """Something that has no place to break."""

    flat: str


@dataclass(frozen=True)
class Bracket:
    """`head(items)`, `head[items]`, or with an empty head a tuple, a list or a dict."""

    head: Doc
    opening: Literal["(", "[", "{"]
    items: tuple[Doc, ...]
    exploded: bool = False
    """One item a line even if they would fit on one."""

    @cached_property
    def closing(self) -> str:
        """The other half of the pair."""
        return {"(": ")", "[": "]", "{": "}"}[self.opening]

    @cached_property
    def inner(self) -> str:
        """The items on one line."""
        joined = ", ".join(item.flat for item in self.items)
        lone_tuple = self.opening == "(" and self.head.flat == "" and len(self.items) == 1
        return f"{joined}," if lone_tuple else joined

    @cached_property
    def flat(self) -> str:
        """All of it on one line."""
        return f"{self.head.flat}{self.opening}{self.inner}{self.closing}"

    @property
    def is_display(self) -> bool:
        """Displays never keep their items together on an indented line."""
        return self.head.flat == ""


@dataclass(frozen=True)
class Bar:
    """`A | B | C`."""

    operands: tuple[Doc, ...]

    @cached_property
    def flat(self) -> str:
        """All of it on one line."""
        return " | ".join(operand.flat for operand in self.operands)


@dataclass(frozen=True)
class Labelled:
    """`name=value` of a call, `key: value` of a dict."""

    label: str
    value: Doc

    @cached_property
    def flat(self) -> str:
        """All of it on one line."""
        return self.label + self.value.flat


Doc = Text | Bracket | Bar | Labelled


def width(text: str) -> int:
    """Columns of one line of text, as the formatter counts them: wide characters are two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def call(head: str | Doc, *items: Doc, **named: Doc) -> Bracket:
    """`head(items, name=value)`."""
    labelled = tuple(Labelled(f"{name}=", value) for name, value in named.items())
    return Bracket(_doc(head), "(", items + labelled)


def index(head: str | Doc, *items: Doc) -> Bracket:
    """`head[items]`."""
    return Bracket(_doc(head), "[", items)


def tuple_of(items: Iterable[Doc]) -> Doc:
    """`(a, b)`."""
    return Bracket(Text(""), "(", tuple(items))


def dict_of(items: Iterable[tuple[str, Doc]]) -> Doc:
    """`{key: value}`, the keys being literals."""
    return Bracket(Text(""), "{", tuple(Labelled(f"{key}: ", value) for key, value in items))


def _doc(head: str | Doc) -> Doc:
    return Text(head) if isinstance(head, str) else head


# --- expressions -------------------------------------------------------------------------------------------


def _place(doc: Doc, indent: int, column: int, tail: int) -> str:
    """`doc` from `column` on, in a line of `indent`, with `tail` columns to follow its end."""
    if column + width(doc.flat) + tail <= WIDTH and not (isinstance(doc, Bracket) and doc.exploded):
        return doc.flat
    match doc:
        case Text():
            return doc.flat
        case Labelled():
            return doc.label + _place(doc.value, indent, column + width(doc.label), tail)
        case Bar():
            return _stack(doc, indent, column, tail)
        case Bracket():
            return _open(doc, indent, column, tail)


def _stack(bar: Bar, indent: int, column: int, tail: int) -> str:
    """One operand a line."""
    last = len(bar.operands) - 1
    lines = [
        _place(operand, indent, column if at == 0 else indent + 2, tail if at == last else 0)
        for at, operand in enumerate(bar.operands)
    ]
    return f"\n{' ' * indent}| ".join(lines)


def _open(bracket: Bracket, indent: int, column: int, tail: int) -> str:
    head = bracket.head.flat
    if isinstance(bracket.head, Bracket) and column + width(head) + 1 > WIDTH:
        head = _open(bracket.head, indent, column, 1)
        rest = bracket.opening + bracket.inner + bracket.closing
        if width(head.rpartition("\n")[2]) + width(rest) + tail <= WIDTH:
            return head + rest
    if not bracket.items:
        return head + bracket.opening + bracket.closing
    return f"{head}{bracket.opening}\n{_items(bracket, indent + STEP)}\n{' ' * indent}{bracket.closing}"


def _items(bracket: Bracket, indent: int) -> str:
    together = not (bracket.exploded or bracket.is_display)
    if together and indent + width(bracket.inner) <= WIDTH:
        return " " * indent + bracket.inner
    comma = not (bracket.opening == "[" and not bracket.is_display and len(bracket.items) == 1)
    lines = [" " * indent + _place(item, indent, indent, int(comma)) for item in bracket.items]
    return ",\n".join(lines) + ("," if comma else "")


# --- statements --------------------------------------------------------------------------------------------


def statement(prefix: str, doc: Doc, indent: int = 0, suffix: str = "") -> str:
    """`prefix doc suffix`, as in `return f(x)`. The first line is not indented: the template does that."""
    return prefix + _right_side(doc, indent, indent + width(prefix), width(suffix)) + suffix


def _right_side(doc: Doc, indent: int, column: int, tail: int) -> str:
    """A whole right side: a union gets parentheses if it has to be broken."""
    if column + width(doc.flat) + tail <= WIDTH or not isinstance(doc, Bar):
        return _place(doc, indent, column, tail)
    return _parenthesized(doc, indent)


def _parenthesized(doc: Doc, indent: int) -> str:
    inside = _place(doc, indent + STEP, indent + STEP, 0)
    return f"(\n{' ' * (indent + STEP)}{inside}\n{' ' * indent})"


def annotated(name: str, annotation: Doc, value: Bracket | None = None, indent: int = 0) -> str:
    """`name: annotation = value`, the value being a call or a display that may be exploded."""
    if value is None and isinstance(annotation, Text):
        return _atomic(f"{name}: ", annotation.flat, indent)
    if value is None:
        return statement(f"{name}: ", annotation, indent)
    left = f"{name}: {annotation.flat} = "
    if not value.exploded and indent + width(left) + width(value.flat) <= WIDTH:
        return left + value.flat
    if value.items and indent + width(left) + width(value.head.flat) + 1 <= WIDTH:
        return left + _place(value, indent, indent + width(left), 0)
    if value.items and indent + width(left) + 1 <= WIDTH:
        return f"{left}{_parenthesized(value, indent)}"
    left = _broken_annotation(name, annotation, indent) + " = "
    column = width(left.rpartition("\n")[2])
    if "\n" in left and not value.exploded and column + width(value.flat) <= WIDTH:
        return left + value.flat
    exploded = Bracket(value.head, value.opening, value.items, exploded=True)
    return left + _place(exploded, indent, WIDTH, 0)


def _broken_annotation(name: str, annotation: Doc, indent: int) -> str:
    match annotation:
        case Bracket():
            return f"{name}: {_open(annotation, indent, indent + width(name) + 2, 0)}"
        case Bar():
            return f"{name}: {_right_side(annotation, indent, WIDTH, 0)}"
        case _:
            return f"{name}: {annotation.flat}"


def assigned(name: str, value: str, indent: int = 0) -> str:
    """`name = value`, the value being an atom: it goes into parentheses if that makes it fit."""
    return _atomic(f"{name} = ", value, indent)


def returned(value: str, indent: int = 0) -> str:
    """`return value`, the value being an atom."""
    return _atomic("return ", value, indent)


def _atomic(left: str, value: str, indent: int) -> str:
    opens = indent + width(left) + 1 <= WIDTH
    if indent + width(left) + width(value) <= WIDTH or not opens or indent + STEP + width(value) > WIDTH:
        return left + value
    return f"{left}{_parenthesized(Text(value), indent)}"


def not_none(name: str, indent: int) -> str:
    """The statement `if name is not None:`."""
    flat = f"if {name} is not None:"
    if indent + width(flat) <= WIDTH:
        return flat
    pad = " " * (indent + STEP)
    return f"if (\n{pad}{name}\n{pad}is not None\n{' ' * indent}):"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function: `text` if it has no annotation (`self`, `*`)."""

    name: str
    annotation: Doc | None = None
    default: Doc | None = None

    @cached_property
    def flat(self) -> str:
        """All of it on one line."""
        default = "" if self.default is None else f" = {self.default.flat}"
        annotation = "" if self.annotation is None else f": {self.annotation.flat}"
        return f"{self.name}{annotation}{default}"

    def placed(self, indent: int) -> str:
        """It on a line of its own, without the comma."""
        if self.annotation is None or indent + width(self.flat) < WIDTH:
            return self.flat
        column = indent + width(self.name) + 2
        if self.default is None:
            return f"{self.name}: {_place(self.annotation, indent, column, 1)}"
        tail = len(" = ") + width(self.default.flat.partition("(")[0]) + 1
        annotation = _place(self.annotation, indent, column, tail)
        used = width(f"{' ' * indent}{self.name}: {annotation}".rpartition("\n")[2]) + len(" = ")
        return f"{self.name}: {annotation} = {_place(self.default, indent, used, 1)}"


def signature(start: str, parameters: Sequence[Parameter], returns: Doc, indent: int) -> str:
    """`start(parameters) -> returns:`."""
    if not parameters:
        return statement(f"{start}() -> ", returns, indent, ":")
    joined = ", ".join(parameter.flat for parameter in parameters)
    flat = f"{start}({joined}) -> {returns.flat}:"
    if indent + width(flat) <= WIDTH:
        return flat
    inner = indent + STEP
    pad = " " * inner
    if len(parameters) > 1 and inner + width(joined) <= WIDTH:
        lines = pad + joined
    else:
        lines = "".join(f"{pad}{parameter.placed(inner)},\n" for parameter in parameters).rstrip("\n")
    close = f"{' ' * indent}) -> "
    return f"{start}(\n{lines}\n{close}{_right_side(returns, indent, width(close), 1)}:"
