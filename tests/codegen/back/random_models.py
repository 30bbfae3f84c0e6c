"""Strategies that draw whole models: what no spec of ours has, the emitters must still write well."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from perdure_codegen import model as m

STEMS = re.findall(r"\w+", "list str int dict set datetime msgspec perdure abc functools uuid self ctx key delay")
TAKEN = re.findall(
    r"\w+",
    "code name message metadata fields args add_note with_traceback keys clear_all "
    "send with_options submit attach peek run state promises",
)

texts = st.text(
    st.one_of(st.sampled_from("\"'\\\n\t {}%#é-"), st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))),
    max_size=40,
)
docs = st.one_of(
    st.just(""),
    st.sampled_from(['Say "hi"', '"', "a\n\n   b\n c", 'x """ y', "back\\", 'ends: \\"', "A line. " * 12]),
    texts,
)
words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=14)
py_names = st.one_of(st.sampled_from(STEMS), st.lists(words, min_size=1, max_size=4).map("_".join)).filter(
    lambda name: not keyword.iskeyword(name) and name not in TAKEN
)
wire_names = st.text("abcXYZ019-_", min_size=0, max_size=30).map("w".__add__)
class_names = (
    st.lists(words.map(str.capitalize), min_size=1, max_size=4)
    .map("".join)
    .filter(lambda name: not keyword.iskeyword(name))
)
spans = st.integers(0, 10**9).map(lambda ms: timedelta(milliseconds=ms))


def distinct(names: st.SearchStrategy[str], count: int) -> st.SearchStrategy[list[str]]:
    """So many different names."""
    return st.lists(names, min_size=count, max_size=count, unique_by=lambda name: name.lower().replace("_", ""))


def types(refs: list[m.Ref]) -> st.SearchStrategy[m.Type]:
    """A type expression over the declared types."""
    scalars: list[m.Type] = [m.Scalar(name) for name in SCALARS]
    leaves = st.sampled_from([*scalars, *refs, *refs])

    def deeper(inner: st.SearchStrategy[m.Type]) -> st.SearchStrategy[m.Type]:
        plain = inner.filter(lambda type_: not isinstance(type_, m.Nullable))
        return st.one_of(st.builds(m.ListOf, inner), st.builds(m.MapOf, inner), st.builds(m.Nullable, plain))

    return st.recursive(leaves, deeper, max_leaves=3)


DEFAULTS: dict[m.ScalarName, st.SearchStrategy[object]] = {
    "string": texts,
    "bool": st.booleans(),
    "int": st.integers(-(2**53), 2**53),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False).map(str),
    "bytes": st.sampled_from(["", "AP8iJw==", "aGVsbG8="]),
    "uuid": st.uuids().map(str),
    "datetime": st.datetimes().map(lambda at: at.isoformat() + "+02:00"),
    "date": st.dates().map(str),
    "time": st.times().map(str),
    "duration": st.integers(0, 10**10).map(lambda ms: f"{ms}ms"),
    "json": st.recursive(
        st.none() | texts | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=5
    ),
}
SCALARS = tuple(DEFAULTS)


def defaults(type_: m.Type) -> st.SearchStrategy[object] | None:
    """Defaults of a type without declared types in it; None if there are none."""
    match type_:
        case m.Scalar(name):
            return DEFAULTS[name]
        case m.ListOf(item):
            inner = defaults(item)
            return None if inner is None else st.lists(inner, max_size=3)
        case m.MapOf(item):
            inner = defaults(item)
            return None if inner is None else st.dictionaries(texts, inner, max_size=3)
        case m.Nullable(item):
            inner = defaults(item)
            return None if inner is None else st.none() | inner
        case _:
            return None


LIMITS: dict[str, dict[str, Any]] = {
    "int": {"ge": -5, "le": 10, "multiple_of": 2},
    "float": {"gt": 0.5, "lt": 1e9},
    "string": {"min_length": 1, "max_length": 99, "pattern": "^[a-z\"'\\\\]+$"},
    "bytes": {"max_length": 5},
    "decimal": {"ge": 0, "lt": 0.25, "max_digits": 9, "decimal_places": 2},
}


@st.composite
def values(draw: st.DrawFn, refs: list[m.Ref], py_name: str) -> m.Value:
    """A typed place."""
    type_ = draw(types(refs))
    inner = type_.item if isinstance(type_, m.Nullable) else type_
    limits: dict[str, Any] = {}
    if isinstance(inner, m.Scalar):
        limits = LIMITS.get(inner.name, {})
    elif isinstance(inner, (m.ListOf, m.MapOf)):
        limits = {"min_items": 1, "max_items": 100}
    chosen: dict[str, Any] = {name: limit for name, limit in limits.items() if draw(st.booleans())}
    given = defaults(type_)
    has_default = given is not None and draw(st.booleans())
    return m.Value(
        name=draw(st.just(py_name) | wire_names),
        py_name=py_name,
        type=type_,
        constraints=m.Constraints(**chosen),
        has_default=has_default,
        default=draw(given) if has_default and given is not None else None,
        doc=draw(docs),
        deprecated=draw(st.none() | docs),
        sensitive=draw(st.booleans()),
    )


@st.composite
def places(draw: st.DrawFn, refs: list[m.Ref], most: int = 4) -> tuple[m.Value, ...]:
    """Several typed places with different names."""
    names = draw(distinct(py_names, draw(st.integers(0, most))))
    return tuple(draw(values(refs, name)) for name in names)


@st.composite
def options(draw: st.DrawFn) -> m.Options:
    """Some of the options."""
    maybe = st.none() | spans
    retry = m.Retry(
        initial=draw(maybe), factor=draw(st.none() | st.just(1.5)), max_attempts=draw(st.none() | st.just(3))
    )
    return m.Options(
        retry=draw(st.none() | st.just(retry)),
        abort_timeout=draw(maybe),
        completed_retention=draw(maybe),
        private=draw(st.booleans()),
        idempotency_required=draw(st.booleans()),
    )


@st.composite
def handlers(draw: st.DrawFn, refs: list[m.Ref], errors: list[m.Ref], kind: m.HandlerKind, py_name: str) -> m.Handler:
    """One handler, with parameters, an input, or nothing."""
    params = input_ = output = None
    match draw(st.sampled_from(["params", "input", "nothing"])):
        case "params":
            params = draw(places(refs))
        case "input":
            input_ = draw(values(refs, draw(py_names)))
        case _:
            pass
    if draw(st.booleans()):
        output = m.Value(name="output", py_name="output", type=draw(types(refs)))
    return m.Handler(
        name=draw(st.sampled_from([py_name, f"{py_name}-w"])),
        py_name=py_name,
        kind=kind,
        doc=draw(docs),
        params=params,
        input=input_,
        output=output,
        errors=tuple(draw(st.lists(st.sampled_from(errors), unique=True, max_size=2)) if errors else ()),
        options=draw(options()),
    )


@st.composite
def services(draw: st.DrawFn, refs: list[m.Ref], errors: list[m.Ref], py_name: str) -> m.Service:
    """One service of any kind."""
    kind: m.ServiceKind = draw(st.sampled_from(["service", "object", "workflow"]))
    kinds: dict[str, m.HandlerKind] = {"service": "service", "object": "exclusive", "workflow": "shared"}
    names = draw(distinct(py_names, draw(st.integers(1, 3))))
    made = [draw(handlers(refs, errors, kinds[kind], name)) for name in names]
    if kind == "workflow":
        made = [draw(handlers(refs, errors, "run", "run")), *(made if draw(st.booleans()) else [])]
    keyed = kind != "service"
    key_type = m.Scalar(draw(st.sampled_from(["string", "int", "uuid"])))
    return m.Service(
        name=py_name,
        py_name=py_name,
        kind=kind,
        doc=draw(docs),
        key=m.Value(name="key", py_name="key", type=key_type, doc=draw(docs)) if keyed else None,
        state=draw(places(refs, 3)) if keyed else (),
        promises=draw(places(refs, 2)) if kind == "workflow" else (),
        handlers=tuple(made),
    )


Declared = tuple[list[m.TypeDef], list[m.ErrorDef], list[m.Service]]


@st.composite
def declarations(draw: st.DrawFn, package: str, foreign: list[m.Ref]) -> Declared:
    """Types, errors and services of one package."""
    names = draw(distinct(class_names, 10))
    refs = [*foreign, *(m.Ref(package, name) for name in names[:5])]
    enum_values = draw(distinct(py_names.map(str.upper), 3))
    items = tuple(m.EnumValue(name=draw(texts) + value, py_name=value, doc=draw(docs)) for value in enum_values)
    tag = draw(wire_names)
    tagged = draw(st.booleans())
    tags = [(tag, f"t{number}") if tagged else None for number in range(2)]
    declared: list[m.TypeDef] = [
        m.Struct(name=names[0], doc=draw(docs), fields=draw(places(refs, 6)), tag=tags[0]),
        m.Struct(name=names[1], fields=draw(places(refs)), tag=tags[1], strict=draw(st.booleans())),
        m.Enum(name=names[2], doc=draw(docs), values=items, open=draw(st.booleans())),
        m.Alias(name=names[3], type=draw(types(refs[:-2])), doc=draw(docs)),
    ]
    variants = tuple((f"t{number}", m.Ref(package, names[number])) for number in range(2 if tagged else 1))
    declared.append(m.Union(name=names[4], tag_field=tag, variants=variants, deprecated=draw(st.none() | docs)))
    errors = [m.ErrorDef(name=name, code=400, doc=draw(docs), fields=draw(places(refs, 3))) for name in names[5:7]]
    error_refs = [m.Ref(package, error.name) for error in errors]
    made = [draw(services(refs, error_refs, name)) for name in names[7 : draw(st.integers(7, 10))]]
    return declared, errors, made


@st.composite
def models(draw: st.DrawFn) -> m.Model:
    """Two packages; the second may use what the first declares."""
    packages: list[m.Package] = []
    types_: dict[m.Ref, m.TypeDef] = {}
    errors: dict[m.Ref, m.ErrorDef] = {}
    made: dict[m.Ref, m.Service] = {}
    for number, name in enumerate(("base.v1", draw(st.sampled_from(["v1", "a.b.c.d.v1", "base.v2"])))):
        own, own_errors, own_services = draw(declarations(name, list(types_)))
        uses = tuple(draw(st.lists(st.sampled_from(list(made)), unique=True))) if made else ()
        own_services = [_using(service, uses) for service in own_services]
        types_ |= {m.Ref(name, each.name): each for each in own}
        errors |= {m.Ref(name, each.name): each for each in own_errors}
        made |= {m.Ref(name, each.py_name): each for each in own_services}
        packages.append(
            m.Package(
                name=name,
                doc=draw(docs),
                file=f"file{number}.yaml",
                fingerprint="0123456789abcdef",
                types=tuple(own),
                errors=tuple(own_errors),
                services=tuple(own_services),
            )
        )
    return m.Model(packages=tuple(packages), types=types_, errors=errors, services=made)


def _using(service: m.Service, uses: tuple[m.Ref, ...]) -> m.Service:
    changes: dict[str, Any] = {"uses": uses}
    make: Callable[..., m.Service] = type(service)
    return make(**{name: getattr(service, name) for name in _SERVICE_FIELDS} | changes)


_SERVICE_FIELDS = ("name", "py_name", "kind", "doc", "deprecated", "key", "state", "promises", "handlers")
