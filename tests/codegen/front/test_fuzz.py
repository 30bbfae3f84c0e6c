"""Whatever is in the files, loading them gives diagnostics or a model, and raises nothing."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure_codegen.codes import CODES
from perdure_codegen.diagnostic import render_github, render_json, render_text
from perdure_codegen.loading import Loaded, load
from perdure_codegen.metaschema import schema
from tests.codegen.front.loads import BAD, GOOD, HEAD, parts

SEEDS = [
    path.read_bytes()
    for folder in (GOOD, BAD)
    for path in sorted(folder.rglob("*.yaml"))
    if path.name != "S001-utf16.yaml"
]
# One folder for all examples of a test: each example writes its file anew.
once_for_all = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def check(loaded: Loaded) -> None:
    """What holds for every answer."""
    assert (loaded.model is None) == any(each.level == "error" for each in loaded.diagnostics)
    for each in loaded.diagnostics:
        assert each.code in CODES
        assert each.message
        for label in (each.primary, *each.secondary):
            lines = loaded.sources.get(label.file)
            assert 1 <= label.column <= label.end
            if lines is not None:
                assert 1 <= label.line <= len(lines)
                assert label.column <= len(lines[label.line - 1]) + 1
    assert (render_text(loaded.diagnostics, loaded.sources) == "") == (loaded.diagnostics == ())
    assert render_github(loaded.diagnostics).count("\n") == len(loaded.diagnostics)
    json.loads(render_json(loaded.diagnostics))


@given(content=st.binary(max_size=200))
@once_for_all
def test_random_bytes(content: bytes, tmp_path: Path) -> None:
    """Most are no UTF-8; none is a spec."""
    path = tmp_path / "random.yaml"
    path.write_bytes(content)

    loaded = load([path])

    check(loaded)
    assert loaded.model is None


@given(text=st.text(alphabet="abT:-?|>&*!%@`'\"#{}[],<> \n\t\\0123.~\x85\u2028ä\U0001f600", max_size=120))
@once_for_all
def test_random_yaml_punctuation(text: str, tmp_path: Path) -> None:
    """The characters that mean something in YAML, in all orders."""
    path = tmp_path / "random.yaml"
    path.write_bytes(text.encode())
    check(load([path]))
    path.write_bytes((HEAD + "types:\n  A:\n    " + text).encode())
    check(load([path]))


@given(seed=st.sampled_from(SEEDS), chance=st.randoms(use_true_random=False))
@once_for_all
def test_damaged_specs(seed: bytes, chance: random.Random, tmp_path: Path) -> None:
    """Specs from which a piece is cut, doubled, moved or overwritten."""
    content = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content) + 1)
        piece = content[start : start + chance.randint(1, 20)]
        what = chance.randrange(4)
        if what != 1:
            del content[start : start + len(piece)]
        if what == 1:
            content[start:start] = piece
        elif what == 2:
            there = chance.randrange(len(content) + 1)
            content[there:there] = piece
        elif what == 3:
            content[start:start] = bytes(chance.choice(b"{}[]:,-|&*!<> \n\tx0\xff") for _ in piece)
    path = tmp_path / "damaged.yaml"
    path.write_bytes(content)

    check(load([path]))


def words() -> list[str]:
    """Every key of the language and the words of its values."""
    found: set[str] = set()
    for _, part in parts(schema()):
        found |= set(part.get("properties", {})) | {str(word) for word in part.get("enum", ())}
    return sorted(found)


names = st.sampled_from(["A", "B", "a", "userId", "x-a", "run", "1st", "", "class", "Restate", "get-all"])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**60),
    st.floats(),
    st.sampled_from(
        ["A", "B", "string", "int", "list<A>", "A | null", "set<B>", "5m", "1s", "private", "test.v2", "no.yaml"]
    ),
    st.text(max_size=8),
)
structures = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | st.sampled_from(words()), inner, max_size=5),
    max_leaves=25,
)
sections = st.fixed_dictionaries(
    {"spec": st.just(1), "package": st.just("fuzz.v1")},
    optional={
        "types": st.dictionaries(
            names,
            st.dictionaries(
                st.sampled_from(["fields", "enum", "union", "alias", "ge", "pattern"]), structures, max_size=3
            ),
            max_size=3,
        ),
        "errors": structures,
        "services": st.dictionaries(
            names,
            st.dictionaries(st.sampled_from(["handlers", "uses", "retry", "name"]), structures, max_size=3),
            max_size=2,
        ),
        "objects": structures,
        "workflows": structures,
        "imports": structures,
        "defaults": structures,
    },
)


@given(structure=sections)
@once_for_all
def test_random_structures(structure: dict[str, object], tmp_path: Path) -> None:
    """JSON of known and unknown keys in all places; JSON is YAML, but for its infinities."""
    path = tmp_path / "structure.yaml"
    text = json.dumps(structure).replace("Infinity", ".inf").replace("NaN", ".nan")
    path.write_text(text, encoding="utf-8")

    check(load([path]))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\xff\xfe\x00",
        b"\xef\xbb\xbf",
        b"\x80" * 100,
        b"[" * 100_000,
        b"{a: " * 50_000,
        b"- " * 50_000,
        b"a:\n" + b" " * 10_000 + b"b: 1",
        b"spec: " + b"9" * 100_000,
        b"spec: 1\npackage: a.v1\ntypes: {A: {alias: string, pattern: '" + b"(" * 5_000 + b"'}}",
        b"spec: 1\npackage: a.v1\ntypes: {A: {alias: '" + b"list<" * 50_000 + b"'}}",
        b"spec: 1\npackage: a.v1\ntypes: {A: {alias: decimal, ge: 1e308, lt: 1e309}}",
        b"spec: 1\npackage: a.v1\ntypes: {A: {fields: {a: {type: decimal, ge: 0, default: 1e9999999}}}}",
        b"spec: 1\npackage: a.v1\ntypes: {A: {fields: {a: {type: float, multiple_of: 1e-300, default: 1e-301}}}}",
        b"&a [*a, *a]",
        b"a: &b {c: *b}",
        b"? ? ? a",
        b"--- |\n",
        b"!!python/object/apply:os.system ['true']",
        "spec: 1\u2028package: a.v1\u2029types: {A: x}\x85".encode(),
        b"spec: 1\rpackage: a.v1\rtypes: {A: x}\r",
    ],
    ids=range(22),
)
def test_hostile_files(content: bytes, tmp_path: Path) -> None:
    """Each of these has broken some reader of YAML."""
    path = tmp_path / "hostile.yaml"
    path.write_bytes(content)

    loaded = load([path])

    check(loaded)
    assert loaded.model is None


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    """Some editors write one."""
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode() + b"types: {A: {alias: x}}\n")

    loaded = load([path])

    assert [(each.code, each.primary.line, each.primary.column) for each in loaded.diagnostics] == [("S010", 3, 20)]


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    """A missing file, an empty folder, a pipe, a file that is too large, a name that no file can have."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "dir.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    with (tmp_path / "large.yaml").open("wb") as large:
        large.truncate(5 * 1024 * 1024)
    paths = [
        tmp_path / name
        for name in ("gone.yaml", "empty", "dir.yaml", "pipe.yaml", "large.yaml", "a\0b.yaml", "x" * 300)
    ]

    loaded = load(paths)

    check(loaded)
    assert [each.code for each in loaded.diagnostics].count("S020") == 6
    assert [each.code for each in loaded.diagnostics].count("S001") == 1


def test_imports_that_lead_nowhere(tmp_path: Path) -> None:
    """The same under `imports`: the fault is where the path stands."""
    path = tmp_path / "imports.yaml"
    path.write_text(HEAD + 'imports: [gone.yaml, ".", "a\\0b", "' + "x" * 300 + '", "", ../../../../../../../../etc]\n')

    loaded = load([path])

    check(loaded)
    assert [(each.code, each.primary.line) for each in loaded.diagnostics] == [("S020", 3)] * 6


def test_nothing_is_a_model_without_packages() -> None:
    """No path, no fault."""
    loaded = load([])

    assert loaded.diagnostics == ()
    assert loaded.model is not None
    assert loaded.model.packages == ()
