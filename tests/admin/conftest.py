"""One server for all tests here; each uses names and keys of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.admin.operator import Operator
from tests.admin.served import app
from tests.ingress.node import Node


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator of a server that runs, on a folder of its own."""
    node = Node(app(), tmp_path_factory.mktemp("admin"))
    node.start()
    yield Operator(node)
    node.stop()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses."""
    return hashlib.sha256(request.node.name.encode()).hexdigest()[:16]
