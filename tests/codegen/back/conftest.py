"""Generated code of all fixtures, once a session, where it can be imported."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure_codegen.emit import emit
from tests.codegen.back.builtin_names import builtin_names
from tests.codegen.back.nasty import nasty
from tests.codegen.back.output import emitted, everything, put


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on `sys.path` with three packages.

    `made_rich` is made from specs and fixtures, `hostile` has names that hide others, `builtin` those of Python itself.
    """
    folder = tmp_path_factory.mktemp("generated")
    put(folder / "made_rich", emitted())
    put(folder / "hostile", emit(nasty(everything(), "everything.v1")))
    put(folder / "builtin", emit(builtin_names(tmp_path_factory.mktemp("builtin"))))
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield folder
    sys.path.remove(str(folder))
