"""Each engine runs once for all tests; a test has keys of its own."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pytest

import perdure
from tests.restate.engines import Embedded, Engine, Restate, prepare

ENGINES: dict[str, type[Embedded | Restate]] = {"embedded": Embedded, "restate": Restate}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A user's folder, and what is generated in it."""
    folder = tmp_path_factory.mktemp("same")
    return folder, prepare(folder)


@pytest.fixture(scope="session")
def made(project: tuple[Path, Any]) -> Any:  # noqa: ANN401  a module that is made now
    """The generated package of both.yaml."""
    return project[1]


@pytest.fixture(scope="session", params=list(ENGINES))
def engine(request: pytest.FixtureRequest, project: tuple[Path, Any]) -> Generator[Engine]:
    """One of the engines."""
    running = ENGINES[cast("str", request.param)](project[0])
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture
def client(engine: Engine) -> Generator[perdure.SyncClient]:
    """A client of its ingress."""
    with perdure.connect_sync(engine.url) as client:
        yield client


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key that no other test uses."""
    return str(request.node.name).partition("[")[0].removeprefix("test_")
