"""What the tests of the front end share: loading a text as if it were a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from perdure_codegen.diagnostic import Diagnostic
from perdure_codegen.loading import Loaded, load
from perdure_codegen.model import Handler, Model, Package, Service, TypeDef, Value

HERE = Path(__file__).parent
BAD = HERE / "bad"
GOOD = HERE / "good"
HEAD = "spec: 1\npackage: test.v1\n"


def load_text(folder: Path, text: str, *, name: str = "test.yaml") -> Loaded:
    """Load `text`, with the two lines that every spec starts with before it."""
    path = folder / name
    path.write_text(HEAD + text, encoding="utf-8")
    return load([path])


def model_of(loaded: Loaded) -> Model:
    """The model of specs that must be sound."""
    assert loaded.diagnostics == ()
    assert loaded.model is not None
    return loaded.model


def package_of(loaded: Loaded) -> Package:
    """The only package of specs that must be sound."""
    (package,) = model_of(loaded).packages
    return package


def brief(diagnostic: Diagnostic) -> str:
    """`S010 6:31 unknown type …`: code, place (the two lines of `HEAD` not counted) and message."""
    place = diagnostic.primary
    return f"{diagnostic.code} {place.line - HEAD.count(chr(10))}:{place.column} {diagnostic.message}"


def briefs(loaded: Loaded) -> list[str]:
    """All diagnostics, briefly."""
    return [brief(diagnostic) for diagnostic in loaded.diagnostics]


def service(package: Package, name: str) -> Service:
    """A service by its name in Python."""
    return next(each for each in package.services if each.py_name == name)


def handler(package: Package, name: str) -> Handler:
    """The handler of `Service.handler`."""
    owner, _, handler_name = name.partition(".")
    return next(each for each in service(package, owner).handlers if each.name == handler_name)


def type_of(package: Package, name: str) -> TypeDef:
    """A declared type."""
    return next(each for each in package.types if each.name == name)


def value(values: tuple[Value, ...] | None, name: str) -> Value:
    """A field, parameter or state key by its wire name."""
    return next(each for each in values or () if each.name == name)


def parts(node: object, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping in a JSON document, with its path."""
    if isinstance(node, dict):
        mapping = cast("dict[str, Any]", node)
        yield path, mapping
        for key, inner in mapping.items():
            yield from parts(inner, f"{path}/{key}")
    elif isinstance(node, list):
        for index, inner in enumerate(cast("Sequence[object]", node)):
            yield from parts(inner, f"{path}/{index}")
