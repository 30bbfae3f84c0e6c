"""Generated code of all fixtures, once a session, where it can be imported."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure_codegen.emit import emit
from tests.codegen.back.nasty import nasty
from tests.codegen.back.output import emitted, everything, put


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on `sys.path` with the packages `rich` (specs and fixtures) and `hostile` (names that hide others)."""
    folder = tmp_path_factory.mktemp("generated")
    put(folder / "rich", emitted())
    put(folder / "hostile", emit(nasty(everything(), "everything.v1")))
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield folder
    sys.path.remove(str(folder))
