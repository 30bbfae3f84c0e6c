"""Spec files to a model: the one way in.

Reads the files and what they import, and returns the model or everything that is wrong. It raises nothing,
whatever is in the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from perdure_codegen import source, yamlparse
from perdure_codegen.diagnostic import Diagnostic, Note, Span, error, in_order
from perdure_codegen.document import Document, Import
from perdure_codegen.metaschema import check
from perdure_codegen.model import Model
from perdure_codegen.resolve import resolve
from perdure_codegen.source import SpecFile, Unread
from perdure_codegen.tree import BrokenNode, MapNode, Node, ScalarNode, child, items, text


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of some spec files. `model` is None if there is an error among the diagnostics."""

    model: Model | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """The lines of each file that was read, by the name that the diagnostics use."""


def load(paths: Sequence[Path]) -> Loaded:
    """Read the spec files at `paths`, and those that they import.

    A folder stands for all `*.yaml` and `*.yml` files below it.
    """
    loader = _Loader()
    for found in source.expand(paths):
        if isinstance(found, SpecFile):
            loader.enqueue(found)
        else:
            file, why = found
            loader.faults.append(error("S020", Span(file.name), f"cannot read `{file.name}`: {why.why}"))
    loader.run()
    order = _order(loader.documents, loader.faults)
    model, faults = resolve(loader.documents, order)
    diagnostics = in_order([*loader.faults, *faults])
    failed = any(each.level == "error" for each in diagnostics)
    return Loaded(None if failed else model, diagnostics, loader.lines)


class _Loader:
    """Reads files until there is none left that is imported and not read."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        self.lines: dict[str, Sequence[str]] = {}
        self.faults: list[Diagnostic] = []
        self._names: dict[str, str] = {}
        """The name of each file by its identity: two paths to one file are one file."""
        self._queue: list[SpecFile] = []
        self._texts: dict[str, str | Unread] = {}

    def enqueue(self, file: SpecFile) -> str:
        """Have a file read; returns the name that it has in this run."""
        if file.identity not in self._names:
            self._names[file.identity] = file.name
            self._queue.append(file)
        return self._names[file.identity]

    def run(self) -> None:
        """Read all that is waiting."""
        while self._queue:
            file = self._queue.pop(0)
            self.documents[file.name] = self._read(file)

    def _text(self, file: SpecFile) -> str | Unread:
        if file.identity not in self._texts:
            self._texts[file.identity] = source.read(file)
        return self._texts[file.identity]

    def _read(self, file: SpecFile) -> Document:
        found = self._text(file)
        if isinstance(found, Unread):
            code = "S020" if found.missing else "S001"
            before = yamlparse.split_lines(found.readable)
            span = Span(file.name, len(before), len(before[-1]) + 1, len(before[-1]) + 2)
            message = f"cannot read `{file.name}`: {found.why}"
            if found.text:
                self.lines[file.name] = yamlparse.split_lines(found.text)
            self.faults.append(error(code, span, message))
            return Document(file.name, None)
        self.lines[file.name] = yamlparse.split_lines(found)
        tree, faults = yamlparse.parse(found, file.name)
        self.faults += faults
        if tree is None:
            return Document(file.name, None)
        if not _is_spec(tree):
            message = f"`{file.name}` is not a spec file"
            advice = "a spec file is a mapping that starts with `spec: 1` and `package: …`"
            self.faults.append(error("S005", _start(tree), message, help=advice))
            return Document(file.name, None)
        checked = check(tree)
        self.faults += checked.faults
        return Document(file.name, checked.tree, tuple(self._imports(file, checked.tree)))

    # --- imports -------------------------------------------------------------------------------------------

    def _imports(self, file: SpecFile, tree: Node) -> Iterator[Import]:
        seen: dict[str, Span] = {}
        prefixes: dict[str, Span] = {}
        for node in items(child(tree, "imports")):
            path_node = child(node, "path") if isinstance(node, MapNode) else node
            if not isinstance(path_node, ScalarNode) or not isinstance(path_node.value, str):
                # Its fault has been reported; names that are not found may be in it.
                yield Import(node.span, "", None, None)
                continue
            prefix, span = text(node, "as"), path_node.span
            found = self._import(file, path_node.value, span)
            if found and (first := seen.get(found)):
                message = f"`{path_node.value}` is imported twice"
                self.faults.append(error("S002", span, message, "again here", note=Note(first, "first here")))
                continue
            if found:
                seen[found] = span
            if prefix and (first := prefixes.get(prefix)):
                message = f"two imports are called `{prefix}`"
                self.faults.append(error("S024", span, message, note=Note(first, "the other one")))
            prefixes.setdefault(prefix or "", span)
            broken = isinstance(child(node, "as"), BrokenNode)
            yield Import(span, path_node.value, prefix, None if broken else found)

    def _import(self, file: SpecFile, path: str, span: Span) -> str | None:
        """The name of the imported file; None if there is none, which has then been reported."""
        if PurePath(path).is_absolute():
            message, advice = (
                f"`{path}` is an absolute path",
                "imports are relative to the file that has them",
            )
            self.faults.append(error("S020", span, message, help=advice))
            return None
        target = source.imported(file, path)
        found = self._text(target)
        if isinstance(found, Unread) and found.missing:
            message = f"no spec file `{path}`: {found.why}"
            advice = f"looked for `{target.name}`"
            self.faults.append(error("S020", span, message, help=advice))
            return None
        return self.enqueue(target)


def _is_spec(tree: Node) -> bool:
    """Whether a file was meant as a spec. If not, one sentence about it is enough."""
    return isinstance(tree, MapNode) and bool({"spec", "package"} & tree.entries.keys())


def _start(tree: Node) -> Span:
    if isinstance(tree, MapNode) and tree.entries:
        return next(iter(tree.entries.values())).span
    return tree.span


def _order(documents: Mapping[str, Document], faults: list[Diagnostic]) -> list[str]:
    """The files, imported ones before those that import them. Cycles are reported and cut."""
    done: dict[str, None] = {}
    for start in documents:
        path: dict[str, Iterator[Import]] = {} if start in done else {start: iter(documents[start].imports)}
        while path:
            file, following = next(reversed(path.items()))
            step = next(following, None)
            if step is None:
                done[file] = None
                del path[file]
            elif step.target in path:
                way = list(path)
                names = " -> ".join(f"`{each}`" for each in [*way[way.index(step.target) :], step.target])
                message = (
                    f"these files import each other: {names}" if step.target != file else "the file imports itself"
                )
                advice = "move what they share to a file that both import" if step.target != file else ""
                faults.append(error("S021", step.span, message, help=advice))
            elif step.target and step.target not in done:
                path[step.target] = iter(documents[step.target].imports)
    return list(done)
