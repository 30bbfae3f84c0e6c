"""What the meta-schema finds, in the words of the spec.

A table from JSON Schema keyword to the function that explains it. One fault gives one diagnostic: what
follows from another finding is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from perdure_codegen.diagnostic import Diagnostic, Note, Span, error
from perdure_codegen.suggest import nearest
from perdure_codegen.tree import BrokenNode, Entry, ListNode, MapNode, Node, Plain, ScalarNode

Path = tuple[str | int, ...]
Schema = Mapping[str, Any]

KINDS = ("fields", "enum", "union", "alias")
"""The keys of which a type has exactly one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation of the meta-schema."""

    keyword: str
    wanted: Any
    instance: Any
    schema: Schema
    path: Path
    about_name: bool
    """It is about the key `instance` of the mapping at `path`, not about the value there."""


class Findings:
    """Collects the findings of one file."""

    def __init__(self, tree: Node) -> None:
        self.broken: set[Path] = set()
        self.dropped: set[Path] = set()
        self._tree = tree
        self._found: dict[tuple[Path, str], Diagnostic] = {}
        self._meant: set[Path] = set()
        """Keys that an unknown key was probably meant to be: they are not missing too."""
        self._missing: list[tuple[Finding, MapNode]] = []

    def add(self, finding: Finding) -> None:
        """Explain one finding."""
        node = node_at(self._tree, finding.path)
        if isinstance(node, BrokenNode):
            return
        if finding.about_name:
            self._bad_name(finding, node)
        elif isinstance(node, MapNode) and (on_mapping := _ON_MAPPING.get(finding.keyword)):
            on_mapping(self, finding, node)
        elif finding.keyword != "pattern" or "x-deferred" not in finding.schema:
            self._bad_value(finding, node)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What there is to say about the file's structure."""
        for finding, node in self._missing:
            for key in () if node.pruned else _missing(finding, node):
                if (*finding.path, key) not in self._meant:
                    self._say_missing(finding, key)
        return tuple(found for at, found in self._found.items() if not self._follows(*at))

    def _follows(self, path: Path, code: str) -> bool:
        """Whether a finding follows from another: it lies inside of what is broken or dropped as a whole."""
        if code != "S004" and (path, "S004") in self._found:
            return True
        return any(path[:cut] in self.broken or path[:cut] in self.dropped for cut in range(len(path)))

    def _say(self, path: Path, found: Diagnostic) -> None:
        self._found.setdefault((path, found.code), found)

    # --- names and keys ------------------------------------------------------------------------------------

    def _bad_name(self, finding: Finding, node: Node) -> None:
        name = str(finding.instance)
        entry = node.entries[name] if isinstance(node, MapNode) else None
        if entry is None or not isinstance(node, MapNode):
            return
        if entry.orphan:
            self._comma(finding.path, node, entry)
            return
        found = error(
            finding.schema.get("x-code", "S008"),
            entry.span,
            f"`{name}` is not a valid name",
            help=explain(finding.schema),
        )
        self._say((*finding.path, name), found)

    def unknown_keys(self, finding: Finding, node: MapNode) -> None:
        """Keys that the language does not have here."""
        known = finding.schema.get("properties", {})
        refused = finding.schema.get("x-refused", {})
        for key, entry in node.entries.items():
            if key in known or key.startswith("x-"):
                continue
            path = (*finding.path, key)
            if entry.orphan:
                self._comma(finding.path, node, entry)
            elif key in refused:
                why = refused[key]
                self._say(
                    path,
                    error(why["code"], entry.span, f"{why['message']}: {where(finding.path)}", help=why["help"]),
                )
            else:
                self._unknown(finding.path, entry, known)
            self.dropped.add(path)

    def _unknown(self, path: Path, entry: Entry, known: Mapping[str, Any]) -> None:
        meant = nearest(entry.key, known)
        if meant:
            self._meant.add((*path, meant))
        advice = f"did you mean `{meant}`?" if meant else f"known keys: {', '.join(known)}"
        message = f"unknown key `{entry.key}` in {where(path)}"
        self._say((*path, entry.key), error("S003", entry.span, message, "not a known key", help=advice))

    def _comma(self, path: Path, node: MapNode, entry: Entry) -> None:
        """A key that is the rest of a text with a comma, and the key before it, whose text it cut short."""
        keys = list(node.entries)
        before = node.entries[keys[max(0, keys.index(entry.key) - 1)]]
        found = error(
            "S004",
            entry.span,
            f"`{entry.key}` became a key of its own: the text before it has a comma and no quotes",
            help=_quoted(before, entry),
        )
        self._say((*path, entry.key), found)
        self.dropped.add((*path, entry.key))
        if before is not entry:
            self.broken.add((*path, before.key))

    # --- mappings as a whole -------------------------------------------------------------------------------

    def missing_keys(self, finding: Finding, node: MapNode) -> None:
        """Keys that must be there; said at the end, when it is known what else was meant to be one."""
        self._missing.append((finding, node))

    def _say_missing(self, finding: Finding, key: str) -> None:
        span = key_span(self._tree, finding.path)
        if finding.keyword == "anyOf":
            message = f"{where(finding.path)} needs one of {_listed(KINDS)}"
            key = ""
        else:
            message = f"missing key `{key}` in {where(finding.path)}"
        described = finding.schema.get("properties", {}).get(key, {})
        self._say((*finding.path, key), error("S005", span, message, help=explain(described)))

    def exclusive_keys(self, finding: Finding, node: MapNode) -> None:
        """Two keys of which only one may be there."""
        first, second = sorted(finding.wanted["required"], key=list(node.entries).index)
        if any(node.get(kind) is not None for kind in KINDS) and first != _first(node, KINDS):
            return
        note = Note(node.entries[first].span, f"`{first}` is here")
        message = f"`{first}` and `{second}` exclude each other in {where(finding.path)}"
        self._say((*finding.path, second), error("S007", node.entries[second].span, message, note=note))
        self.broken.update(((*finding.path, first), (*finding.path, second)))

    def misplaced_keys(self, finding: Finding, node: MapNode) -> None:
        """Keys that mean something only beside another one."""
        kind = _first(node, KINDS)
        for key, needed in finding.wanted.items():
            if kind and key in node.entries and needed[0] not in node.entries:
                message = f"`{key}` does not apply to {_WITH_ARTICLE[kind]}"
                advice = f"it belongs beside `{needed[0]}`"
                self._say((*finding.path, key), error("S017", node.entries[key].span, message, help=advice))
                self.broken.add((*finding.path, key))

    # --- values --------------------------------------------------------------------------------------------

    def _bad_value(self, finding: Finding, node: Node) -> None:
        if finding.keyword == "uniqueItems":
            self._repeated(finding, node)
            return
        code, message = _REASONS.get(finding.keyword, _not_of_form)(finding, node)
        advice = explain(finding.schema)
        span = node.span if isinstance(node, ScalarNode) and node.text else key_span(self._tree, finding.path)
        self._say(finding.path, error(code, span, message, help=advice))
        self.broken.add(finding.path)

    def _repeated(self, finding: Finding, node: Node) -> None:
        seen: dict[object, Span] = {}
        for index, item in enumerate(node.items if isinstance(node, ListNode) else ()):
            value = item.value if isinstance(item, ScalarNode) else None
            if value is None:
                continue
            if first := seen.get(value):
                note = Note(first, "first here")
                found = error("S002", item.span, f"`{value}` is listed twice", "again here", note=note)
                self._say((*finding.path, index), found)
            seen.setdefault(value, item.span)


def _missing(finding: Finding, node: MapNode) -> Iterator[str]:
    if finding.keyword == "anyOf":
        yield KINDS[0]
    else:
        yield from (key for key in finding.wanted if key not in node.entries)


_ON_MAPPING: dict[str, Callable[[Findings, Finding, MapNode], None]] = {
    "additionalProperties": Findings.unknown_keys,
    "required": Findings.missing_keys,
    "anyOf": Findings.missing_keys,
    "not": Findings.exclusive_keys,
    "dependentRequired": Findings.misplaced_keys,
}


def _first(node: MapNode, keys: tuple[str, ...]) -> str | None:
    return next((key for key in node.entries if key in keys), None)


_WITH_ARTICLE = {"fields": "a struct", "enum": "an enum", "union": "a union", "alias": "an alias"}


# --- reasons -----------------------------------------------------------------------------------------------


def _not_of_type(finding: Finding, node: Node) -> tuple[str, str]:
    wanted = [finding.wanted] if isinstance(finding.wanted, str) else finding.wanted
    kinds = finding.schema.get("x-noun") or " or ".join(_KIND_OF[kind] for kind in wanted)
    if isinstance(node, ScalarNode) and node.value is None:
        return "S009", f"{where(finding.path)} has no value: it must be {kinds}"
    return "S009", f"{where(finding.path)} must be {kinds}, not {describe(node)}"


def _not_one_of(finding: Finding, node: Node) -> tuple[str, str]:
    allowed = finding.wanted if finding.keyword == "enum" else [finding.wanted]
    return "S006", f"{where(finding.path)} must be {_listed(allowed)}, not {describe(node)}"


def _out_of_range(finding: Finding, _: Node) -> tuple[str, str]:
    return "S009", f"{where(finding.path)} must be {_BOUNDS[finding.keyword]} {finding.wanted}"


def _empty(finding: Finding, _: Node) -> tuple[str, str]:
    return "S009", f"{where(finding.path)} is empty"


def _not_of_form(finding: Finding, node: Node) -> tuple[str, str]:
    if finding.keyword == "pattern" and "x-duration" not in finding.schema:
        return finding.schema.get("x-code", "S008"), f"{describe(node)} is not a valid name for {where(finding.path)}"
    return "S009", f"{where(finding.path)} cannot be {describe(node)}"


_REASONS: dict[str, Callable[[Finding, Node], tuple[str, str]]] = {
    "type": _not_of_type,
    "enum": _not_one_of,
    "const": _not_one_of,
    "minimum": _out_of_range,
    "maximum": _out_of_range,
    "exclusiveMinimum": _out_of_range,
    "minProperties": _empty,
    "minItems": _empty,
}
_BOUNDS = {"minimum": "at least", "maximum": "at most", "exclusiveMinimum": "greater than"}
_KIND_OF = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
}


# --- words -------------------------------------------------------------------------------------------------


def where(path: Path) -> str:
    """A path as people write it: ``services.Shop.handlers.buy``, or ``the file``."""
    out = ""
    for step in path:
        out += f"[{step}]" if isinstance(step, int) else f".{step}" if out else step
    return out or "the file"


def describe(node: Node) -> str:
    """What stands there, in a few words."""
    if isinstance(node, ScalarNode):
        return f"`{node.text}`" if len(node.text) <= 60 else f"`{node.text[:57]}...`"
    return "a mapping" if isinstance(node, MapNode) else "a list"


def explain(schema: Schema) -> str:
    """Description and examples of a part of the meta-schema, as advice."""
    said = str(schema.get("description", ""))
    examples = ", ".join(f"`{_example(value)}`" for value in schema.get("examples", ()))
    return f"{said} For example {examples}." if said and examples else said


def _example(value: Plain) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_example(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_example, value)) + "]"
    return str(value)


def _listed(values: tuple[str, ...] | list[Any]) -> str:
    *most, last = (f"`{value}`" for value in values)
    return f"{', '.join(most)} or {last}" if most else last


def _quoted(before: Entry, entry: Entry) -> str:
    if isinstance(before.value, ScalarNode) and before.value.text.startswith("map<"):
        return "a map has string keys and names only its values: `map<T>`"
    if before is entry or not isinstance(before.value, ScalarNode):
        return "quote a text that has a comma"
    return f'quote the text: `{before.key}: "{before.value.text}, {entry.key}"`'


# --- places ------------------------------------------------------------------------------------------------


def node_at(tree: Node, path: Path) -> Node:
    """The node that `path` leads to, or the last one on the way."""
    for step in path:
        if isinstance(tree, MapNode) and isinstance(step, str) and step in tree.entries:
            tree = tree.entries[step].value
        elif isinstance(tree, ListNode) and isinstance(step, int) and step < len(tree.items):
            tree = tree.items[step]
    return tree


def key_span(tree: Node, path: Path) -> Span:
    """The place of the key whose value is at `path`; of the item in a list; of the first key for the file."""
    parent = node_at(tree, path[:-1])
    if path and isinstance(parent, MapNode) and isinstance(path[-1], str):
        return parent.entries[path[-1]].span
    found = node_at(tree, path)
    if isinstance(found, MapNode) and found.entries:
        return next(iter(found.entries.values())).span
    return found.span
