"""One server for all tests here that do not stop it; each test uses keys of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.ingress.node import Node
from tests.ingress.served import app


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A server that runs."""
    node = Node(app(), tmp_path_factory.mktemp("ingress"))
    node.start()
    yield node
    node.stop()


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key that no other test uses, and that needs no encoding."""
    return hashlib.sha256(request.node.name.encode()).hexdigest()[:16]
