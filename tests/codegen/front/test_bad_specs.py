"""Each code has bad specs beside this file, and what is said about them, to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure_codegen.codes import CODES
from perdure_codegen.diagnostic import render_text
from perdure_codegen.loading import load
from tests.codegen.front.loads import BAD

CASES = sorted(path.with_suffix("").name for path in BAD.glob("*.txt"))


@pytest.mark.parametrize("case", CASES)
def test_a_bad_spec_gives_exactly_the_text_beside_it(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes, places, messages, marks and advice of all faults of the file or folder, in order."""
    monkeypatch.chdir(BAD)
    path = Path(case) if Path(case).is_dir() else Path(f"{case}.yaml")

    loaded = load([path])

    assert loaded.model is None
    assert render_text(loaded.diagnostics, loaded.sources) == Path(f"{case}.txt").read_text(encoding="utf-8")


def test_every_code_has_a_bad_spec() -> None:
    """A code that no spec can trigger would be a promise that nobody keeps."""
    triggered = {case.partition("-")[0] for case in CASES}

    assert triggered == set(CODES)


@pytest.mark.parametrize("case", CASES)
def test_a_bad_spec_is_about_its_code(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The faults of a case are those of its code; what else is in it is named here with the reason."""
    monkeypatch.chdir(BAD)
    also = {
        # A name behind a prefix that is not there is reported as what was looked for.
        "S015-uses": {"S015"},
        # The same file under two names is a repeated entry.
        "S024-ambiguous": {"S024", "S002"},
    }
    code = case.partition("-")[0]
    path = Path(case) if Path(case).is_dir() else Path(f"{case}.yaml")

    found = {diagnostic.code for diagnostic in load([path]).diagnostics}

    assert found == also.get(case, {code})


def test_all_bad_specs_at_once_give_all_that_each_gives_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One fault does not hide another, here or in another file; only advice may differ."""
    monkeypatch.chdir(BAD)
    paths = [path for case in CASES if (path := Path(f"{case}.yaml")).exists()]
    alone = [diagnostic for path in paths for diagnostic in load([path]).diagnostics]

    together = load(paths)

    found = {(each.code, each.message, each.primary) for each in together.diagnostics}
    assert {(each.code, each.message, each.primary) for each in alone} - found == set()


def test_the_table_of_codes_can_be_printed() -> None:
    """A title is a short line without a full stop; a paragraph is whole sentences."""
    for code, (title, paragraph) in CODES.items():
        assert code.startswith("S")
        assert len(title) < 60
        assert not title.endswith(".")
        assert paragraph.endswith(".")
