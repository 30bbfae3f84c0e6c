"""A YAML document as a tree that knows where each key and value stands.

Scalars are read by YAML 1.2's core schema, so `no`, `on` and `12:30` are strings. What lets one text have
two meanings (duplicate keys, anchors, merge keys, tags, several documents) is refused. Parsing never raises:
it returns what could be read and the faults.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from perdure_codegen.diagnostic import Span

Atom = str | int | float | bool | None
Plain = Atom | list["Plain"] | dict[str, "Plain"]
"""A value as YAML and JSON have it."""


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """A value that is no collection. `text` is what it says in the file, without quotes."""

    span: Span
    value: Atom
    text: str
    offset: int | None = None
    """Column of the first character of `text`, if `text` stands in the file as it is and on one line."""

    def part(self, start: int, end: int) -> Span:
        """The place of ``text[start:end]``, or of the whole where that cannot be known."""
        if self.offset is None:
            return self.span
        return Span(self.span.file, self.span.line, self.offset + start, self.offset + end)


@dataclass(frozen=True, slots=True)
class ListNode:
    """A sequence."""

    span: Span
    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping and its value."""

    key: str
    span: Span
    """Where the key stands."""
    value: Node
    orphan: bool = False
    """A key without a colon in a mapping of the form {…}: most often the rest of a text with a comma."""


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping, in the order of the file."""

    span: Span
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    pruned: bool = False
    """An entry was taken out because nobody knows what it means: what seems to be missing may be in it."""

    def get(self, key: str) -> Node | None:
        """The value of `key`, or None if there is none."""
        entry = self.entries.get(key)
        return entry.value if entry else None


@dataclass(frozen=True, slots=True)
class BrokenNode:
    """Stands where a value was whose fault has been reported, so that nobody reports it again."""

    span: Span


Node = ScalarNode | ListNode | MapNode | BrokenNode


def plain(node: Node) -> Plain:
    """The value as dicts, lists and scalars."""
    if isinstance(node, MapNode):
        return {key: plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return node.value if isinstance(node, ScalarNode) else None


def entries(node: Node | None) -> Iterator[Entry]:
    """The entries of a mapping whose keys are names that the user chose. None has no entries."""
    if isinstance(node, MapNode):
        yield from node.entries.values()


def items(node: Node | None) -> Iterator[Node]:
    """The items of a sequence. None has no items."""
    if isinstance(node, ListNode):
        yield from node.items


def child(node: Node | None, key: str) -> Node | None:
    """The value of `key` in a mapping; None if there is none or `node` is no mapping."""
    return node.get(key) if isinstance(node, MapNode) else None


def text(node: Node | None, key: str) -> str | None:
    """The string under `key`, or None."""
    found = child(node, key)
    return found.value if isinstance(found, ScalarNode) and isinstance(found.value, str) else None


def flag(node: Node | None, key: str) -> bool:
    """Whether `true` stands under `key`."""
    found = child(node, key)
    return isinstance(found, ScalarNode) and found.value is True


# --- scalars -----------------------------------------------------------------------------------------------

_WORDS: dict[str, Atom] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_LONGEST_NUMBER = 400
"""Longer digits are a text: no bound or default needs them, and Python refuses to read the very long."""


def resolve_scalar(source: str) -> Atom:
    """The value of a plain scalar by YAML 1.2's core schema."""
    if source in _WORDS:
        return _WORDS[source]
    if len(source) > _LONGEST_NUMBER:
        return source
    if _INT.fullmatch(source):
        base = {"0o": 8, "0x": 16}.get(source[:2])
        return int(source[2:], base) if base else int(source)
    return float(source) if _FLOAT.fullmatch(source) else source
