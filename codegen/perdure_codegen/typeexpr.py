"""Type expressions: ``string``, ``list<Item>``, ``map<pay.Card | null>``.

A text becomes a small syntax tree whose names know their offsets in the text; what a name means is for
others. The notation avoids all that YAML gives a meaning in ``{…}``: commas, brackets, question marks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEPTH_MAX = 16
"""Deepest nesting of a type; beyond it nobody can read it."""


@dataclass(frozen=True, slots=True)
class Name:
    """A built-in or declared type, perhaps behind the prefix of an import."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """Offset after its last character."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Generic:
    """``list<T>``, ``set<T>`` or ``map<T>``."""

    name: str
    item: Expr
    start: int


@dataclass(frozen=True, slots=True)
class OrNull:
    """``T | null``."""

    item: Expr
    start: int


Expr = Name | Generic | OrNull


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a text is no type expression; the part from `start` to `end` is to blame."""

    message: str
    start: int
    end: int
    help: str = ""


_GENERICS = ("list", "set", "map")
_TOKEN = re.compile(r"\s*(?:([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)|(\S))", re.ASCII)


class _Fault(Exception):
    def __init__(self, why: Unreadable) -> None:
        super().__init__(why.message)
        self.why = why


def parse(text: str) -> Expr | Unreadable:
    """The type that `text` denotes, or why it denotes none."""
    if foreign := _foreign(text):
        return foreign
    reader = _Reader(text)
    try:
        found = reader.type(0)
        reader.expect_end()
    except _Fault as fault:
        return fault.why
    return found


def _foreign(text: str) -> Unreadable | None:
    """Notations of other languages, with ours."""
    for pattern, message, ours in _FOREIGN:
        if found := re.search(pattern, text.strip()):
            groups = [(group or "T").strip() for group in found.groups()]
            return Unreadable(message, 0, len(text), ours.format(*groups))
    return None


_FOREIGN = (
    (r"^([A-Za-z][\w.<>]*)\?$", "`?` does not make a type nullable", "write `{0} | null`"),
    (
        r"^(?:[Oo]ptional|[Nn]ullable)\s*[<\[(](.*)[>\])]$",
        "nullable types are written with `| null`",
        "write `{0} | null`",
    ),
    (r"^null\s*\|\s*([^|]+)$", "`null` comes last", "write `{0} | null`"),
    (
        r"^(?:map|dict|Map|Dict)\s*[<\[(]\s*[\w.]+\s*,\s*(.*)[>\])]$",
        "keys of maps are always strings",
        "write `map<{0}>`",
    ),
    (r"^(?:dict|Dict|Map)\s*[<\[(](.*)[>\])]$", "maps are written `map<T>`", "write `map<{0}>`"),
    (
        r"^(?:list|List|array|Array|sequence)\s*[\[(](.*)[\])]$",
        "lists are written `list<T>`",
        "write `list<{0}>`",
    ),
    (r"^(?:List|array|Array|sequence)\s*<(.*)>$", "lists are written `list<T>`", "write `list<{0}>`"),
    (r"^(?:set|Set)\s*[\[(](.*)[\])]$", "sets are written `set<T>`", "write `set<{0}>`"),
    (r"^map\s*[\[(](.*)[\])]$", "maps are written `map<T>`", "write `map<{0}>`"),
    (r"^([\w.]+)\s*\[\s*\]$", "lists are written `list<T>`", "write `list<{0}>`"),
)


class _Reader:
    """Reads from left to right with one token of foresight."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def type(self, depth: int) -> Expr:
        if depth > DEPTH_MAX:
            raise _Fault(Unreadable(f"nested deeper than {DEPTH_MAX} levels", 0, len(self._text)))
        found = self._single(depth)
        if self._peek()[0] != "|":
            return found
        self._next()
        word, start = self._next()
        if word != "null":
            message = "only `null` may follow `|`"
            advice = "for one of several structs declare a type with `union`"
            raise _Fault(Unreadable(message, start, start + max(1, len(word)), advice))
        if self._peek()[0] == "|":
            raise self._unexpected("a type is `| null` once")
        return OrNull(found, found.start)

    def _single(self, depth: int) -> Expr:
        word, start = self._next()
        if not word[:1].isalpha() and word[:1] != "_":
            raise _Fault(Unreadable("a type was expected here", start, start + max(1, len(word)), _FORMS))
        if self._peek()[0] != "<":
            if word == "null":
                raise _Fault(Unreadable("`null` alone is no type", start, start + 4, "write `T | null`"))
            if word in _GENERICS:
                advice = f"write `{word}<T>`, for example `{word}<string>`"
                raise _Fault(Unreadable(f"`{word}` needs the type of what it holds", start, start + len(word), advice))
            return Name(word, start)
        if word not in _GENERICS:
            message = f"`{word}` takes no type in `<…>`"
            raise _Fault(Unreadable(message, start, start + len(word), "only list, set and map do"))
        self._next()
        item = self.type(depth + 1)
        if self._peek()[0] == ",":
            raise self._unexpected("`<…>` holds one type; keys of maps are always strings")
        if self._peek()[0] != ">":
            raise self._unexpected("a `>` was expected here")
        self._next()
        return Generic(word, item, start)

    def expect_end(self) -> None:
        if self._peek()[0]:
            raise self._unexpected("the type ends before this")

    def _unexpected(self, message: str) -> _Fault:
        word, start = self._peek()
        return _Fault(Unreadable(message, start, start + max(1, len(word)), _FORMS))

    def _peek(self) -> tuple[str, int]:
        found = _TOKEN.match(self._text, self._position)
        if found is None:
            return "", len(self._text)
        group = 1 if found[1] is not None else 2
        return found[group], found.start(group)

    def _next(self) -> tuple[str, int]:
        word, start = self._peek()
        self._position = start + len(word)
        return word, start


_FORMS = "a type is a name, `list<T>`, `set<T>` or `map<T>`, with `| null` behind it if it may be null"
