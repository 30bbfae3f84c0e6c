"""One server of each kind for the whole suite; each case uses keys of its own."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.contract.targets import Served, serve_perdure, serve_restate


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """perdure."""
    with serve_perdure(tmp_path_factory.mktemp("perdure")) as served:
        yield served


@pytest.fixture(scope="session")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    """Restate."""
    with serve_restate(tmp_path_factory.mktemp("restate")) as served:
        yield served
