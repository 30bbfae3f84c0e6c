"""YAML text to a tree: the only module that knows PyYAML.

It reads parser events and builds the tree without recursion, so neither depth nor a cycle of aliases can
harm it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

import yaml

from perdure_codegen.diagnostic import Diagnostic, Note, Span, error
from perdure_codegen.tree import BrokenNode, Entry, ListNode, MapNode, Node, ScalarNode, resolve_scalar

DEPTH_MAX = 60
"""Deepest nesting that is read; a spec needs about ten."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufeff\ufeff-\ufffd\U00010000-\U0010ffff]")
# The scanner's words for the faults that people make most, and ours. Its two versions differ in theirs.
_PROBLEMS = (
    ("mapping values are not allowed", "a `:` is not expected here", "quote a text that has a `: ` in it"),
    (
        "cannot start any token",
        "a character is not expected here",
        "indent with spaces; quote special characters",
    ),
    ("unexpected end of stream", "the file ends inside of a quoted text", "close the quote"),
    ("expected ',' or", "a `,` or a closing bracket is missing", "close the bracket, or quote the text"),
    ("find expected ':'", "a `:` is missing after a key", "write `key: value`"),
    ("node content", "a value is missing", "close the bracket, or write the value"),
    ("expected '-'", "a `- ` is missing", "check the indentation of this line"),
    ("expected key", "a key is missing", "check the indentation of this line"),
    ("expected <block end>", "a key is missing", "check the indentation of this line"),
)


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    span: Span
    mapping: bool
    flow: bool = False
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    items: list[Node] = field(default_factory=list[Node])
    key: tuple[str, Span] | None = None
    pruned: bool = False


def split_lines(source: str) -> list[str]:
    """The lines of a YAML text, where YAML breaks them."""
    return _LINE_BREAK.split(source)


def parse(source: str, file: str) -> tuple[Node | None, list[Diagnostic]]:
    """The tree of the only document in `source` and what is wrong with it; None if there is no tree."""
    lines = split_lines(source)
    for number, line in enumerate(lines, 1):
        if bad := _FORBIDDEN.search(line):
            span = Span(file, number, bad.start() + 1, bad.end() + 1)
            return None, [error("S001", span, f"character U+{ord(bad[0]):04X} is not allowed in YAML")]
    builder = _Builder(file, lines)
    try:
        for event in _events(source):
            if not builder.take(event):
                return None, builder.faults
    except yaml.MarkedYAMLError as fault:
        return None, [*builder.faults, _syntax(fault, builder)]
    if builder.root is None and not builder.faults:
        span = Span(file, 1, 1, 1)
        builder.faults.append(error("S001", span, "the file is empty", help="a spec starts with `spec: 1`"))
    return builder.root, builder.faults


def _events(source: str) -> Iterator[yaml.Event]:
    return iter(yaml.parse(source, Loader=_LOADER))


def _syntax(fault: yaml.MarkedYAMLError, builder: _Builder) -> Diagnostic:
    mark = fault.problem_mark or fault.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    said = " ".join(str(fault.problem or fault.context or "cannot be read").split())
    problem, advice = next((ours for words, *ours in _PROBLEMS if words in said), (said, ""))
    return error("S001", builder.point(line, column), f"invalid YAML: {problem}", help=advice)


class _Mark(Protocol):
    """A place, counted from 0."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


def _marks(event: yaml.Event) -> tuple[_Mark, _Mark]:
    """Where an event starts and ends; the parser always says so, its types do not."""
    return cast("_Mark", event.start_mark), cast("_Mark", event.end_mark)


class _Builder:
    """Takes events, keeps the tree so far and the faults."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self.file = file
        self.lines = lines
        self.root: Node | None = None
        self.faults: list[Diagnostic] = []
        self._stack: list[_Open] = []
        self._documents = 0

    def point(self, line: int, column: int) -> Span:
        """The place of a mark of the scanner, moved back onto the last line of text if it is past it."""
        if line >= len(self.lines):
            line, column = len(self.lines) - 1, len(self.lines[-1])
        while line > 0 and not self.lines[line].strip():
            line, column = line - 1, len(self.lines[line - 1])
        column = min(column, len(self.lines[line]))
        return Span(self.file, line + 1, column + 1, column + 2)

    def take(self, event: yaml.Event) -> bool:
        """Go one event further; False if it makes no sense to go on."""
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._fault(event, "a spec file holds one document", "remove the `---`, or split the file")
                return False
        elif isinstance(event, yaml.AliasEvent):
            self._fault(
                event,
                f"`*{event.anchor}` is an alias: specs have none",
                "write the value out, or declare a type",
            )
            self._add(BrokenNode(self._span(event)))
        elif isinstance(event, yaml.NodeEvent):
            self._check_properties(event)
            return self._node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(event)
        return True

    def _node(self, event: yaml.NodeEvent) -> bool:
        span = self._span(event)
        if isinstance(event, yaml.ScalarEvent):
            self._add(self._scalar(event, span), empty=span.column == span.end)
            return True
        if len(self._stack) >= DEPTH_MAX:
            self._fault(event, f"nested deeper than {DEPTH_MAX} levels", "")
            return False
        mapping = isinstance(event, yaml.MappingStartEvent)
        flow = isinstance(event, yaml.CollectionStartEvent) and bool(event.flow_style)
        self._stack.append(_Open(span, mapping, flow))
        return True

    def _scalar(self, event: yaml.ScalarEvent, span: Span) -> ScalarNode:
        is_plain = bool(event.implicit[0])
        offset = None
        start, end = _marks(event)
        if start.line == end.line:
            raw = self.lines[span.line - 1][start.column : end.column]
            offset = {raw: span.column, raw[1:-1]: span.column + 1}.get(event.value)
        value = resolve_scalar(event.value) if is_plain else event.value
        return ScalarNode(span, value, event.value, offset)

    def _check_properties(self, event: yaml.NodeEvent) -> None:
        if event.anchor is not None:
            self._fault(event, f"`&{event.anchor}` is an anchor: specs have none", "remove it")
        tag = str(getattr(event, "tag", None) or "").replace("tag:yaml.org,2002:", "!!")
        if tag:
            self._fault(event, f"`{tag}` is a tag: specs have none", "remove it; quote a text to make it a string")

    def _fault(self, event: yaml.Event, message: str, advice: str) -> None:
        self.faults.append(error("S001", self._span(event), message, help=advice))

    def _add(self, node: Node, *, empty: bool = False) -> None:
        if not self._stack:
            self.root = node
            return
        top = self._stack[-1]
        if not top.mapping:
            top.items.append(node)
        elif top.key is None:
            top.key = self._key(node)
        else:
            key, span = top.key
            top.key = None
            orphan = top.flow and empty and node.span.line == span.line and node.span.column == span.end
            self._enter(top, Entry(key, span, node, orphan))

    def _key(self, node: Node) -> tuple[str, Span]:
        if isinstance(node, ScalarNode):
            return node.text, node.span
        self.faults.append(error("S001", node.span, "a key is a plain text", help="is this a list or mapping?"))
        # A name that no key can have, so that it is neither known nor twice the same.
        return f"\0{len(self.faults)}", node.span

    def _enter(self, top: _Open, entry: Entry) -> None:
        if entry.key == "<<":
            help_ = "write the keys out"
            self.faults.append(error("S001", entry.span, "`<<` is a merge key: specs have none", help=help_))
            top.pruned = True
        elif entry.key.startswith("\0"):
            top.pruned = True
        elif first := top.entries.get(entry.key):
            note = Note(first.span, "first used here")
            self.faults.append(error("S002", entry.span, f"duplicate key `{entry.key}`", "again here", note=note))
        else:
            top.entries[entry.key] = entry

    def _close(self, event: yaml.Event) -> None:
        top = self._stack.pop()
        _, end = _marks(event)
        # A collection in brackets ends with its bracket; the end of one in lines is wherever the next starts.
        if top.flow and end.line == top.span.line - 1:
            top.span = replace(top.span, end=end.column + 1)
        if top.mapping:
            self._add(MapNode(top.span, top.entries, top.pruned))
        else:
            self._add(ListNode(top.span, tuple(top.items)))

    def _span(self, event: yaml.Event) -> Span:
        """The place of an event, cut at the end of its first line."""
        start, end = _marks(event)
        line = min(start.line, len(self.lines) - 1)
        last = end.column if end.line == start.line else len(self.lines[line])
        return Span(self.file, line + 1, start.column + 1, max(last, start.column) + 1)
