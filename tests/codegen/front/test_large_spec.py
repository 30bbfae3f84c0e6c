"""A spec of thousands of lines."""

from __future__ import annotations

from pathlib import Path

from perdure_codegen.loading import load
from perdure_codegen.model import Struct
from tests.codegen.front.loads import HEAD, package_of, service, type_of

TYPES = 400
SERVICES = 100


def large_spec() -> str:
    """400 types that refer to each other, and 100 services with four handlers each."""
    lines = [HEAD + "types:"]
    for index in range(TYPES):
        lines += [f"  Type{index}:", f"    doc: The type number {index}.", "    fields:", "      id: uuid"]
        lines += ["      name: {type: string, min_length: 1, max_length: 80}"]
        lines += [f"      next: Type{(index + 1) % TYPES} | null", "      amounts: list<decimal>"]
    lines.append("services:")
    for index in range(SERVICES):
        lines += [f"  Service{index}:", "    handlers:"]
        for number in range(4):
            lines += [f"      handler{number}:", "        doc: Does something."]
            lines += [f"        params: {{a: Type{index}, b: {{type: int, default: {number}}}}}"]
            lines += [f"        output: Type{index + 1}"]
    return "\n".join(lines) + "\n"


def test_a_large_spec_is_read_whole(tmp_path: Path) -> None:
    """4,600 lines; about 0.4 s on a slow core, of which the structural check is half."""
    path = tmp_path / "large.yaml"
    path.write_text(large_spec(), encoding="utf-8")

    package = package_of(load([path]))

    assert len(package.types) == TYPES
    assert len(package.services) == SERVICES
    last = type_of(package, f"Type{TYPES - 1}")
    assert isinstance(last, Struct)
    assert [field.name for field in last.fields] == ["id", "name", "next", "amounts"]
    assert [each.name for each in service(package, "Service99").handlers] == [f"handler{i}" for i in range(4)]


def test_a_spec_may_have_more_faults_than_anybody_reads(tmp_path: Path) -> None:
    """4,000 types, each with an unknown one: all are said, without looking for what was meant in so many."""
    path = tmp_path / "faulty.yaml"
    text = "".join(f"  Type{index}: {{alias: Typo{index}}}\n" for index in range(4000))
    path.write_text(f"{HEAD}types:\n{text}", encoding="utf-8")

    loaded = load([path])

    assert [(each.code, each.help) for each in loaded.diagnostics] == [("S010", "")] * 4000


def test_a_large_spec_full_of_faults_is_read_whole_too(tmp_path: Path) -> None:
    """Each of its types is misspelled once: one diagnostic for each, with a suggestion."""
    path = tmp_path / "large.yaml"
    path.write_text(large_spec().replace(" | null", "x | null"), encoding="utf-8")

    loaded = load([path])

    assert [each.code for each in loaded.diagnostics] == ["S010"] * TYPES
    assert all(each.help.startswith("did you mean `Type") for each in loaded.diagnostics)
