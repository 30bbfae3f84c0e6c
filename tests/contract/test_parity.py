"""docs/restate-parity.md has every row of the feature table, and every test that it names exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.contract.test_contract import CASES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "restate-parity.md"
VERDICTS = {"works", "differs", "not here", "later"}
SECTIONS = {"A": 10, "B": 36, "C": 5, "D": 11, "E": 14, "F": 9, "G": 6, "H": 6, "I": 7, "J": 7, "K": 6}
TEST = re.compile(r"`(tests/[^:`]+)::(\w+)(?:\[([^`]+)\])?`")
ROW = re.compile(r"\| ([A-K]\d+(?: to [A-K]\d+)?) \| (.+?) \| (.+?) \| (.*?) ?\| (.*?) ?\|")


class Row(NamedTuple):
    """A line of the page."""

    number: str
    feature: str
    verdict: str
    how: str
    tests: str


def rows() -> list[Row]:
    """All lines of the tables."""
    found: list[Row] = []
    for line in PAGE.read_text().splitlines():
        if line.startswith("| ") and line[2] in SECTIONS:
            match = ROW.fullmatch(line)
            assert match, f"no row: {line}"
            found.append(Row(*match.groups()))
    return found


def numbers(row: Row) -> Iterator[str]:
    """A row may stand for several that are next to each other."""
    first, _, last = row.number.partition(" to ")
    for number in range(int(first[1:]), int((last or first)[1:]) + 1):
        yield f"{row.number[0]}{number}"


def functions(path: Path) -> set[str]:
    """Names of the functions of a file."""
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_feature_has_its_row() -> None:
    """None is left out, and none is there twice."""
    wanted = [f"{letter}{number}" for letter, count in SECTIONS.items() for number in range(1, count + 1)]
    assert [number for row in rows() for number in numbers(row)] == wanted


def test_every_row_has_a_verdict_and_what_goes_with_it() -> None:
    """What works or differs is shown by a test; what differs or is not here has its reason."""
    for row in rows():
        assert row.verdict in VERDICTS, row
        if row.verdict in ("works", "differs"):
            assert TEST.search(row.tests), f"{row.number} names no test"
        if row.verdict in ("differs", "not here"):
            assert row.how, f"{row.number} says no reason"


def test_every_test_that_is_named_exists() -> None:
    """A test that was renamed, or a case of the contract, would be missed here."""
    cases = {case.name for case in CASES}
    for row in rows():
        assert TEST.sub("", row.tests).strip() == "", f"{row.number}: not a test: {row.tests}"
        for path, name, case in TEST.findall(row.tests):
            assert (ROOT / path).is_file(), f"{row.number} names {path}"
            assert name in functions(ROOT / path), f"{row.number} names {path}::{name}"
            assert not case or case in cases, f"{row.number} names the case {case}"
