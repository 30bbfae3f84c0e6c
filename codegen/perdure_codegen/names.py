"""What a name in a spec file refers to, and what to say if it refers to nothing."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from perdure_codegen.diagnostic import Diagnostic, Span, error
from perdure_codegen.document import Declared, Document, Realm
from perdure_codegen.model import Ref
from perdure_codegen.suggest import did_you_mean

_UNKNOWN: dict[Realm, tuple[str, str]] = {
    "types": ("S010", "type"),
    "errors": ("S023", "error"),
    "services": ("S015", "service"),
}


@dataclass(slots=True)
class Names:
    """The names that one file can use: its own, and those of what it imports."""

    document: Document
    documents: Mapping[str, Document]
    """All files of the run."""
    faults: list[Diagnostic]
    builtin: frozenset[str] = frozenset()
    """Names of types that need no declaration."""

    def find(self, realm: Realm, name: str, span: Span) -> Ref | None:
        """What `name` refers to. None if to nothing, which has then been reported."""
        prefix, dot, rest = name.rpartition(".")
        if dot:
            return self._behind_prefix(realm, (prefix, rest), span)
        own = self.document.declared(realm).get(name)
        if own:
            return own.ref
        found = [
            (file, declared)
            for file, document in self._imported(None)
            if document and (declared := document.declared(realm).get(name))
        ]
        if len(found) > 1:
            self._ambiguous(name, span, [file for file, _ in found])
            return None
        if found:
            return found[0][1].ref
        if self._may_be_elsewhere(realm, self._imported(None)) or not self.document.is_whole(realm):
            return None
        self._unknown(realm, name, span, self._in_scope(realm))
        return None

    def _behind_prefix(self, realm: Realm, name: tuple[str, str], span: Span) -> Ref | None:
        prefix, rest = name
        imported = list(self._imported(prefix))
        if not imported:
            readable = all(each.prefix or each.target for each in self.document.imports)
            if readable and self.document.is_whole("types"):
                code, _ = _UNKNOWN[realm]
                prefixes = [each.prefix for each in self.document.imports if each.prefix]
                advice = did_you_mean(prefix, prefixes) or f"imports: - {{path: …, as: {prefix}}}"
                self.faults.append(error(code, span, f"no import is called `{prefix}`", help=advice))
            return None
        for _, document in imported:
            if document and (declared := document.declared(realm).get(rest)):
                return declared.ref
        if not self._may_be_elsewhere(realm, imported):
            known = [f"{prefix}.{each}" for _, document in imported if document for each in document.declared(realm)]
            self._unknown(realm, f"{prefix}.{rest}", span, known)
        return None

    def _imported(self, prefix: str | None) -> Iterator[tuple[str, Document | None]]:
        for each in self.document.imports:
            if each.prefix == prefix:
                yield each.target or "", self.documents.get(each.target or "")

    @staticmethod
    def _may_be_elsewhere(realm: Realm, imported: Iterable[tuple[str, Document | None]]) -> bool:
        return any(document is None or not document.is_whole(realm) for _, document in imported)

    def _in_scope(self, realm: Realm) -> list[str]:
        known = [*self.document.declared(realm), *(self.builtin if realm == "types" else ())]
        for each in self.document.imports:
            document = self.documents.get(each.target or "")
            known += [
                f"{each.prefix}.{name}" if each.prefix else name
                for name in (document.declared(realm) if document else ())
            ]
        return known

    def _ambiguous(self, name: str, span: Span, files: list[str]) -> None:
        listed = " and ".join(f"`{self._relative(file)}`" for file in files)
        advice = "import one of them with `as`"
        self.faults.append(error("S024", span, f"`{name}` is declared in {listed}", help=advice))

    def _unknown(self, realm: Realm, name: str, span: Span, known: list[str]) -> None:
        code, noun = _UNKNOWN[realm]
        advice = self._elsewhere(realm, name) or did_you_mean(name, known) or self._other_realm(realm, name)
        self.faults.append(error(code, span, f"unknown {noun} `{name}`", help=advice))

    def _elsewhere(self, realm: Realm, name: str) -> str:
        """Advice if another file of the run declares exactly this name."""
        for each in self.document.imports:
            document = self.documents.get(each.target or "")
            if each.prefix and document and name in document.declared(realm):
                return f"write `{each.prefix}.{name}`"
        for file, document in sorted(self.documents.items()):
            if document is not self.document and name in document.declared(realm):
                return f"`{document.package}` declares it: add `{self._relative(file)}` to `imports`"
        return ""

    def _other_realm(self, realm: Realm, name: str) -> str:
        others: tuple[Realm, ...] = ("types", "errors", "services")
        for other in others:
            if other != realm and name in self.document.declared(other):
                return f"`{name}` is declared under `{self.document.declared(other)[name].section}`"
        return ""

    def _relative(self, file: str) -> str:
        return posixpath.relpath(file, posixpath.dirname(self.document.file) or ".")


def declared_in(documents: Iterable[Document], realm: Realm) -> Iterator[tuple[Document, Declared]]:
    """All that the files declare in one realm."""
    for document in documents:
        for declared in document.declared(realm).values():
            yield document, declared
