"""Documents to a model, or to all that is wrong with them.

One pass over all files of a run for types, then one for what uses them, so that a name means the same
whatever the order of the files. A part with a fault becomes UNKNOWN and is not complained about again.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from perdure_codegen.diagnostic import Diagnostic, Note, error
from perdure_codegen.document import Declared, Document
from perdure_codegen.fingerprint import fingerprint
from perdure_codegen.model import ErrorDef, Model, Package, Ref, Service, TypeDef
from perdure_codegen.module_names import MODULES, check_modules
from perdure_codegen.names import Names, declared_in
from perdure_codegen.resolve_services import Services, wire_name, wire_name_span
from perdure_codegen.resolve_types import Types
from perdure_codegen.resolve_values import SCALARS, documentation
from perdure_codegen.shapes import Shapes
from perdure_codegen.tree import text
from perdure_codegen.world import World


def resolve(documents: Mapping[str, Document], order: Sequence[str]) -> tuple[Model, list[Diagnostic]]:
    """The model of `documents` and the faults in them; with faults, the model is not to be used.

    `order` names the documents, imported ones before those that import them.
    """
    documents = _distinct(documents)
    world = World(documents)
    ordered = [documents[file] for file in order]
    for document in ordered:
        world.names[document.file] = Names(document, documents, world.faults, frozenset(SCALARS))
    _resolve_types(world, ordered)
    _check_packages(world, ordered)
    _check_wire_names(world, ordered)
    packages: list[Package] = []
    errors: dict[Ref, ErrorDef] = {}
    services: dict[Ref, Service] = {}
    for document in ordered:
        package = _package(world, document)
        done = {each.name: each.fingerprint for each in packages}
        marks = [done[name] for name in package.imports if name in done]
        packages.append(replace(package, fingerprint=fingerprint(package, marks)))
        errors |= {Ref(package.name, each.name): each for each in package.errors}
        services |= {Ref(package.name, each.py_name): each for each in package.services}
    model = Model(packages=tuple(packages), types=dict(world.types), errors=errors, services=services)
    return model, world.faults


def _distinct(documents: Mapping[str, Document]) -> dict[str, Document]:
    """The documents, with those marked whose package another file has already."""
    seen: set[str] = set()
    found: dict[str, Document] = {}
    for document in _by_file(documents.values()):
        name = document.package_name
        found[document.file] = replace(document, is_duplicate=True) if name and name in seen else document
        seen.add(name)
    return found


def _resolve_types(world: World, documents: Sequence[Document]) -> None:
    """All types of the run, in two steps: what they are, then what needs the others to be known."""
    pending: list[tuple[Types, Declared]] = []
    for document, declared in declared_in(documents, "types"):
        types = Types(world, world.names[document.file])
        found = types.read(declared)
        if found and declared.ref not in world.types:
            world.types[declared.ref] = found
            pending.append((types, declared))
    Shapes(world).check()
    finished: dict[Ref, TypeDef] = {}
    for types, declared in pending:
        finished[declared.ref] = types.finish(declared, world.types[declared.ref])
    world.types.update(finished)


def _package(world: World, document: Document) -> Package:
    names = world.names[document.file]
    services = Services(world, document, names)
    types = Types(world, names)
    package = Package(
        name=document.package,
        doc=documentation(document.tree),
        file=document.file.rpartition("/")[2],
        fingerprint="",
        imports=tuple(dict.fromkeys(_imported_packages(world, document))),
        types=tuple(world.types[each.ref] for each in document.declared("types").values() if each.ref in world.types),
        errors=tuple(types.error(each) for each in document.declared("errors").values()),
        services=tuple(services.read(each) for each in document.declared("services").values()),
    )
    check_modules(world.faults, document, package)
    return package


def _imported_packages(world: World, document: Document) -> Iterator[str]:
    for each in document.imports:
        target = world.documents.get(each.target or "")
        if target and text(target.tree, "package"):
            yield target.package


def _check_packages(world: World, documents: Sequence[Document]) -> None:
    """A package is one file: two of the same name would write the same generated files."""
    seen: dict[str, Document] = {}
    for document in _by_file(documents):
        for part in document.package_name.split("."):
            if keyword.iskeyword(part):
                message = f"package `{document.package_name}`: `{part}` is a keyword of Python"
                world.faults.append(error("S008", document.package_span, message, help="choose another word"))
        first = seen.setdefault(document.package_name, document)
        if document.is_duplicate:
            note = Note(first.package_span, "the other one")
            message = f"package `{document.package_name}` is declared twice"
            world.faults.append(error("S022", document.package_span, message, note=note))
    for name, document in seen.items():
        for module in MODULES:
            if any(other.startswith(f"{name}.{module}.") for other in seen):
                message = f"`{name}` has a module `{module}`: no package can start with `{name}.{module}`"
                world.faults.append(error("S012", document.package_span, message))


def _check_wire_names(world: World, documents: Sequence[Document]) -> None:
    """Names on the wire carry no package, so they must differ over all files of a run."""
    seen: dict[str, Declared] = {}
    for document in _by_file(documents):
        for declared in document.services:
            own = document.declared("services")[declared.entry.key]
            if own is not declared:
                _twice(world, own, declared)
                continue
            # Two files of one package are one fault, whatever is in them.
            first = declared if document.is_duplicate else seen.setdefault(wire_name(declared), declared)
            if first is not declared:
                span, note = wire_name_span(declared), Note(wire_name_span(first), "the other one")
                message = f"two services are called `{wire_name(declared)}` on the wire"
                advice = "give one of them another name with `name:`"
                world.faults.append(error("S022", span, message, note=note, help=advice))


def _twice(world: World, first: Declared, second: Declared) -> None:
    note = Note(first.entry.span, "the other one")
    message = f"`{second.entry.key}` is declared under `{first.section}` and `{second.section}`"
    advice = "give one of them another name"
    world.faults.append(error("S022", second.entry.span, message, note=note, help=advice))


def _by_file(documents: Iterable[Document]) -> list[Document]:
    return sorted(documents, key=lambda each: each.file)
