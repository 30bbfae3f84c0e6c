"""One fault, one diagnostic: what follows from a fault that has been reported is not reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure_codegen.loading import load
from tests.codegen.front.loads import HEAD, load_text

CASES = {
    "a type that cannot be read is not also unknown": (
        "S011",
        "types:\n  A: {fields: {a: {type: list<Itm, ge: 1, default: x}}}\n",
    ),
    "an unknown type takes any constraint and default": (
        "S010",
        "types:\n  A: {fields: {a: {type: Itm, ge: 1, max_items: 2, default: {x: 1}}}}\n",
    ),
    "a struct with an unreadable field may have it in a default": (
        "S010",
        "types:\n  A: {fields: {a: Itm}}\n  B: {fields: {b: {type: A, default: {a: 1}}}}\n",
    ),
    "a broken type is declared all the same": (
        "S009",
        "types:\n  A: [x]\n  B: {fields: {a: A, b: {type: A, default: 1}}}\n",
    ),
    "a misspelled section has what is not found elsewhere": (
        "S003",
        "tpyes:\n  A: {fields: {a: int}}\nservices:\n  S: {handlers: {s: {input: A}}}\n",
    ),
    "a misspelled key is not missing too": (
        "S003",
        "types:\n  A: {feilds: {a: int}}\n",
    ),
    "nor is a handler without its parameters": (
        "S003",
        "services:\n  S: {handlers: {s: {parms: {id: uuid}, idempotency: {key: id}}}}\n",
    ),
    "a text cut by a comma is not checked as a type": (
        "S004",
        "types:\n  A: {fields: {a: {type: map<string, Item>}}}\n",
    ),
    "keys that exclude each other are not looked into": (
        "S007",
        "services:\n  S: {handlers: {s: {input: Nope, params: {a: Nope}, idempotency: {key: b}}}}\n",
    ),
    "a type with a bad name can be used": (
        "S008",
        "types:\n  item: {fields: {a: int}}\n  B: {fields: {b: item}}\n",
    ),
    "a bad name is not made into a name in Python": (
        "S008",
        "types:\n  A: {fields: {1st-class: int}}\n",
    ),
    "a file that is not there may have anything": (
        "S020",
        "imports: [gone.yaml, {path: gone.yaml, as: g}]\ntypes:\n  A: {fields: {a: Nope, b: g.Nope}}\n",
    ),
    "constraints that do not fit are not used on the default": (
        "S017",
        "types:\n  A: {fields: {a: {type: string, pattern: '(', default: x}}}\n",
    ),
    "a default has one fault": (
        "S016",
        "types:\n  A: {fields: {a: {type: list<int>, min_items: 9, default: [x, y, z]}}}\n",
    ),
    "a struct that cannot be is not also wrong where it is used": (
        "S018",
        "types:\n  A: {fields: {a: A}}\n  B: {fields: {b: {type: A, default: {}}}}\n  C: {fields: {b: B}}\n",
    ),
    "an alias that cannot be null is not null twice": (
        "S027",
        "types:\n  A: {alias: string | null}\n  B: {fields: {b: A | null}}\n",
    ),
    "a duplicate key is only that": (
        "S002",
        "types:\n  A: {fields: {a: int}}\n  A: {fields: {b: Nope}}\n",
    ),
    "an alias in YAML stands for something": (
        "S001",
        "types:\n  A: {fields: {a: *a}}\n",
    ),
    "an error of the name of a type is one fault": (
        "S012",
        "types:\n  A: {alias: int}\nerrors:\n  A: {}\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_fault_is_one_diagnostic(case: str, tmp_path: Path) -> None:
    """Each case has one fault, and much that would be wrong because of it."""
    code, text = CASES[case]

    found = [diagnostic.code for diagnostic in load_text(tmp_path, text).diagnostics]

    assert set(found) == {code}
    assert len(found) == (2 if code == "S020" else 1)


def test_a_file_that_cannot_be_read_may_declare_anything(tmp_path: Path) -> None:
    """Its own fault is enough; files that import it are not full of unknown names."""
    (tmp_path / "broken.yaml").write_text("types: {A: [\n")
    (tmp_path / "user.yaml").write_text(HEAD + "imports: [broken.yaml]\ntypes:\n  B: {fields: {a: A, b: Itm}}\n")

    loaded = load([tmp_path])

    assert [(each.code, Path(each.primary.file).name) for each in loaded.diagnostics] == [("S001", "broken.yaml")]


def test_several_faults_in_one_file_are_all_there(tmp_path: Path) -> None:
    """YAML, structure, names, types and services: nothing waits for something else to be repaired."""
    loaded = load_text(
        tmp_path,
        "types:\n  A: {fields: {a: Nope, a: int}}\n  B: {fields: {b: string?}, colour: red}\n"
        "errors:\n  E: {code: 1}\nservices:\n  S:\n    uses: [T]\n"
        "    handlers: {s: {output: A, errors: [F], idempotency: {key: k}}, class: {}}\n",
    )

    assert [diagnostic.code for diagnostic in loaded.diagnostics] == [
        "S010",
        "S002",
        "S011",
        "S003",
        "S009",
        "S015",
        "S023",
        "S014",
        "S012",
    ]
