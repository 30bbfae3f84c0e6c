"""Each case on both servers: what the wire reference says comes back, and the same from both."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.contract import cases_input, cases_paths, cases_results, stories_invocations, stories_results
from tests.contract.compare import differences, flatten, report
from tests.contract.deviations import DEVIATIONS, declared
from tests.contract.door import Case, Door
from tests.contract.targets import Served

CASES: tuple[Case, ...] = (
    *cases_paths.CASES,
    *cases_input.CASES,
    *cases_results.CASES,
    *stories_invocations.CASES,
    *stories_results.CASES,
)
LEAST = 150


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_contract(case: Case, ours: Served, theirs: Served) -> None:
    """The same requests, the same answers, but for what is declared."""
    doors = Door(theirs, case.key), Door(ours, case.key)
    for door in doors:
        case.story(door)
    real, own = (flatten(door.seen) for door in doors)
    said = report(case.name, doors[0].seen, own, real)
    fields, statuses = declared(case.name)
    assert tuple(flat["status"] for flat in real) == case.statuses, said
    assert differences(own, real) == fields, said
    assert {one["status"] for one, other in zip(own, real, strict=True) if one["status"] != other["status"]} == statuses


def test_cases_are_apart() -> None:
    """Names are unique, and so are the keys that come from them; there are as many as were promised."""
    assert [name for name, count in Counter(case.name for case in CASES).items() if count > 1] == []
    assert [key for key, count in Counter(case.key for case in CASES).items() if count > 1] == []
    assert len(CASES) >= LEAST


def test_deviations_name_cases() -> None:
    """A deviation of a case that is not there could not be seen to be gone."""
    names = [case.name for case in CASES]
    for deviation in DEVIATIONS:
        assert deviation.reason
        assert deviation.fields
        for pattern in deviation.cases:
            alone = [name for name in names if type(deviation)("", (), (pattern,)).shows_in(name)]
            assert alone, f"no case is called {pattern}"
