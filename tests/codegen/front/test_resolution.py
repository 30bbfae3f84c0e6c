"""What the semantic pass decides, in specs of a few lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure_codegen.loading import load
from perdure_codegen.model import Nullable, Ref, Scalar, Struct
from tests.codegen.front.loads import HEAD, briefs, handler, load_text, model_of, package_of, service, type_of, value


def test_types_may_be_used_before_they_are_declared(tmp_path: Path) -> None:
    """The order in a file is for readers."""
    package = package_of(load_text(tmp_path, "types:\n  A: {fields: {b: B}}\n  B: {alias: C}\n  C: {enum: [x]}\n"))
    struct = type_of(package, "A")

    assert isinstance(struct, Struct)
    assert value(struct.fields, "b").type == Ref("test.v1", "B")


def test_own_names_come_before_imported_ones(tmp_path: Path) -> None:
    """Otherwise a new type in a shared file could change the meaning of those that import it."""
    (tmp_path / "common.yaml").write_text("spec: 1\npackage: common.v1\ntypes:\n  Id: {alias: int}\n")
    loaded = load_text(tmp_path, "imports: [common.yaml]\ntypes:\n  Id: {alias: uuid}\n  A: {fields: {id: Id}}\n")
    struct = model_of(loaded).types[Ref("test.v1", "A")]

    assert isinstance(struct, Struct)
    assert struct.fields[0].type == Ref("test.v1", "Id")


def test_imports_are_not_passed_on(tmp_path: Path) -> None:
    """A file uses what it imports itself; the message says which file that is."""
    (tmp_path / "deep.yaml").write_text("spec: 1\npackage: deep.v1\ntypes:\n  Id: {alias: int}\n")
    (tmp_path / "mid.yaml").write_text("spec: 1\npackage: mid.v1\nimports: [deep.yaml]\n")

    loaded = load_text(tmp_path, "imports: [mid.yaml]\ntypes:\n  A: {fields: {id: Id}}\n")

    assert briefs(loaded) == ["S010 3:20 unknown type `Id`"]
    assert loaded.diagnostics[0].help == "`deep.v1` declares it: add `deep.yaml` to `imports`"


def test_imports_may_lie_in_other_folders(tmp_path: Path) -> None:
    """Paths are relative to the file that has them, and one file is read once by whatever way."""
    (tmp_path / "common").mkdir()
    (tmp_path / "shop").mkdir()
    (tmp_path / "common/ids.yaml").write_text("spec: 1\npackage: common.v1\ntypes:\n  Id: {alias: int}\n")

    loaded = load_text(tmp_path / "shop", "imports: [../common/ids.yaml]\ntypes:\n  A: {fields: {id: Id}}\n")

    assert [package.name for package in model_of(loaded).packages] == ["common.v1", "test.v1"]


def test_constraints_of_an_alias_and_of_its_use_both_hold(tmp_path: Path) -> None:
    """A default must satisfy all on the way down to the built-in type."""
    types = "types:\n  Percent: {alias: int, ge: 0, le: 100}\n  Half: {alias: Percent, le: 50}\n"

    good = load_text(tmp_path, types + "  A: {fields: {a: {type: Half, ge: 10, default: 10}}}\n")
    low = load_text(tmp_path, types + "  A: {fields: {a: {type: Half, ge: 10, default: 9}}}\n")
    high = load_text(tmp_path, types + "  A: {fields: {a: {type: Half, ge: 10, default: 51}}}\n")
    lowest = load_text(tmp_path, types + "  A: {fields: {a: {type: Half, default: -1}}}\n")

    assert good.diagnostics == ()
    assert briefs(low) == ["S016 4:49 `9` does not satisfy `ge: 10`"]
    assert briefs(high) == ["S016 4:49 `51` does not satisfy `le: 50`"]
    assert briefs(lowest) == ["S016 4:41 `-1` does not satisfy `ge: 0`"]


@pytest.mark.parametrize(
    "field",
    [
        "{type: decimal, ge: 0.1, default: 0.1}",
        "{type: decimal, max_digits: 4, decimal_places: 2, default: '12.34'}",
        "{type: float, multiple_of: 0.1, default: 0.3}",
        "{type: int, gt: -1, default: 0}",
        "{type: string, pattern: 'b', default: abc}",
        "{type: bytes, max_length: 2, default: AQI=}",
        "{type: string | null, min_length: 3, default: null}",
        "{type: json, default: null}",
        "{type: map<list<int>>, default: {a: [1]}}",
        "{type: string, default: ''}",
    ],
)
def test_defaults_that_fit(field: str, tmp_path: Path) -> None:
    """Bounds are compared exactly, so 0.3 is a multiple of 0.1."""
    assert load_text(tmp_path, f"types:\n  A: {{fields: {{a: {field}}}}}\n").diagnostics == ()


@pytest.mark.parametrize(
    "field",
    [
        "{type: decimal, gt: 0.1, default: 0.1}",
        "{type: decimal, max_digits: 3, default: '12.34'}",
        "{type: decimal, default: .inf}",
        "{type: decimal, default: NaN}",
        "{type: decimal, default: true}",
        "{type: int, default: 1.0}",
        "{type: int, default: true}",
        "{type: float, default: .nan}",
        "{type: bytes, min_length: 3, default: AQI=}",
        "{type: date, default: '20260131'}",
        "{type: time, default: '9'}",
        "{type: uuid, default: 123e4567e89b12d3a456426614174000}",
        "{type: duration, default: PT1H}",
        "{type: list<int>, default: {}}",
        "{type: list<int>, default: [1, x]}",
        "{type: map<int>, default: {a: null}}",
        "{type: string, default: [a]}",
    ],
)
def test_defaults_that_do_not_fit(field: str, tmp_path: Path) -> None:
    """One diagnostic for one default."""
    loaded = load_text(tmp_path, f"types:\n  A: {{fields: {{a: {field}}}}}\n")

    assert [diagnostic.code for diagnostic in loaded.diagnostics] == ["S016"]


def test_a_struct_in_two_unions_has_one_tag(tmp_path: Path) -> None:
    """The same one twice is fine."""
    types = "types:\n  A: {fields: {a: int}}\n  U: {union: {of: {a: A}}}\n  V: {union: {of: {a: A}}}\n"

    struct = type_of(package_of(load_text(tmp_path, types)), "A")

    assert isinstance(struct, Struct)
    assert struct.tag == ("type", "a")


@pytest.mark.parametrize(
    "types",
    [
        "A: {fields: {a: A | null}}",
        "A: {fields: {a: list<A>}}",
        "A: {fields: {a: map<A>}}",
        "A: {fields: {b: B}}\n  B: {alias: list<A>}",
        "A: {fields: {u: U}}\n  B: {fields: {b: int}}\n  U: {union: {of: {a: A, b: B}}}",
    ],
)
def test_recursive_types_with_a_way_out(types: str, tmp_path: Path) -> None:
    """Null, an empty collection, another variant: somewhere it ends."""
    assert load_text(tmp_path, f"types:\n  {types}\n").diagnostics == ()


@pytest.mark.parametrize(
    ("types", "cycle"),
    [
        ("A: {fields: {a: A}}", "`A` -> `A`"),
        ("A: {fields: {b: B}}\n  B: {fields: {c: C}}\n  C: {alias: A}", "`A` -> `B` -> `C` -> `A`"),
        ("A: {fields: {u: U}}\n  U: {union: {of: {a: A}}}", "`A` -> `U` -> `A`"),
        ("A: {alias: A}", "`A` -> `A`"),
        ("A: {alias: list<B>}\n  B: {alias: map<A>}", "`A` -> `B` -> `A`"),
    ],
)
def test_types_without_a_way_out(types: str, cycle: str, tmp_path: Path) -> None:
    """One diagnostic a cycle, with the way around it."""
    loaded = load_text(tmp_path, f"types:\n  {types}\n")

    assert [diagnostic.code for diagnostic in loaded.diagnostics] == ["S018"]
    assert loaded.diagnostics[0].message.endswith(f": {cycle}")


def test_a_long_chain_of_types_is_followed(tmp_path: Path) -> None:
    """Thousands of steps, without reaching the end of Python's stack."""
    chain = "".join(f"  A{i}: {{alias: A{i + 1}}}\n  B{i}: {{fields: {{b: B{i + 1}}}}}\n" for i in range(1200))

    loaded = load_text(tmp_path, f"types:\n{chain}  A1200: {{alias: int}}\n  B1200: {{enum: [x]}}\n")

    assert loaded.diagnostics == ()


def test_handlers_and_services_have_the_words_that_they_are_given(tmp_path: Path) -> None:
    """The name on the wire is as written, the name in Python is derived, and both can be set."""
    package = package_of(
        load_text(
            tmp_path, "services:\n  Shop:\n    name: shop.v1\n    handlers: {buyAll: {}, list: {py_name: list_all}}\n"
        )
    )

    assert service(package, "Shop").name == "shop.v1"
    assert handler(package, "Shop.buyAll").py_name == "buy_all"
    assert handler(package, "Shop.list").py_name == "list_all"


def test_an_object_without_a_word_about_its_key_has_a_string(tmp_path: Path) -> None:
    """`key` and `id` may be left out, or be a type, or an alias of one."""
    body = "types:\n  Sku: {alias: string, min_length: 3}\nobjects:\n  A: {handlers: {a: {}}}\n"
    body += "  B: {key: uuid, handlers: {a: {}}}\n  C: {key: {type: Sku}, handlers: {a: {}}}\n"
    package = package_of(load_text(tmp_path, body))

    keys = [each.key.type for each in package.services if each.key]

    assert keys == [Scalar("string"), Scalar("uuid"), Ref("test.v1", "Sku")]


def test_only_workflows_keep_their_client_methods(tmp_path: Path) -> None:
    """`attach` and `submit` are methods of the clients of workflows, and free elsewhere."""
    free = load_text(tmp_path, "services:\n  A: {handlers: {attach: {}, submit: {}, peek: {}, run: {}}}\n")
    taken = load_text(tmp_path, "workflows:\n  A: {run: {}, handlers: {attach: {}, submit: {}, peek: {}}}\n")

    assert free.diagnostics == ()
    assert [diagnostic.code for diagnostic in taken.diagnostics] == ["S012"] * 3


def test_names_that_are_put_together_can_meet(tmp_path: Path) -> None:
    """`Ab.c_d` and `AbC.d` would both be AB_C_D among the generated constants."""
    loaded = load_text(tmp_path, "services:\n  Ab: {handlers: {c_d: {}}}\n  AbC: {handlers: {d: {}}}\n")

    assert briefs(loaded) == ["S012 3:3 `AbC` and `Ab` both make the name `AB_C_D` in Python"]


def test_a_nullable_output_and_an_input_without_a_name(tmp_path: Path) -> None:
    """The short forms of both."""
    package = package_of(load_text(tmp_path, "services:\n  A: {handlers: {a: {input: int, output: string | null}}}\n"))
    found = handler(package, "A.a")

    assert found.input is not None
    assert found.output is not None
    assert (found.input.name, found.input.py_name) == ("request", "request")
    assert found.output.type == Nullable(Scalar("string"))


def test_x_keys_are_free_where_the_language_names_the_keys(tmp_path: Path) -> None:
    """And where the user names them, `x-id` is a name like any other."""
    package = package_of(
        load_text(tmp_path, "x-a: {b: [1]}\ntypes:\n  A:\n    x-b: ~\n    fields: {x-id: {type: int, x-c: .nan}}\n")
    )
    struct = type_of(package, "A")

    assert isinstance(struct, Struct)
    assert [(field.name, field.py_name) for field in struct.fields] == [("x-id", "x_id")]


def test_two_paths_to_one_file_are_one_file(tmp_path: Path) -> None:
    """Through a link, through `..`, or by naming it twice."""
    path = tmp_path / "a.yaml"
    path.write_text(HEAD)
    (tmp_path / "link.yaml").symlink_to(path)
    (tmp_path / "sub").mkdir()

    loaded = load([path, tmp_path / "link.yaml", tmp_path / "sub/../a.yaml", tmp_path])

    assert [package.file for package in model_of(loaded).packages] == ["a.yaml"]


def test_names_of_python_that_are_no_keywords_are_free(tmp_path: Path) -> None:
    """The generated code finds its way around them; `list` is too good a name for a handler to forbid it."""
    loaded = load_text(
        tmp_path,
        "types:\n  Decimal: {fields: {str: string, list: list<int>, datetime: datetime}}\n  UUID: {alias: uuid}\n"
        "objects:\n  Set:\n    state: {dict: map<int>}\n    uses: [Set]\n"
        "    handlers: {list: {params: {object: Decimal, set: UUID}}, match: {}, type: {}}\n",
    )

    # `set` is a method of contexts, so `uses` cannot add one.
    assert briefs(loaded) == ["S012 7:12 service `Set`: the name `set` is taken in the generated code"]
