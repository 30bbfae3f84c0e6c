"""The handlers of the contracts on each engine, and a caller who knows nothing but HTTP and JSON."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import pytest

from tests.restate.engines import WAIT_S, Embedded, Engine, Restate, ask, wait_until

HERE = Path(__file__).parent


class SuiteEngine(Engine, Protocol):
    """An engine whose operators also kill invocations."""

    def kill_invocation(self, id: str) -> None:
        """Kill an invocation, as an operator."""
        ...


class SuiteEmbedded(Embedded):
    """perdure's own engine."""

    def kill_invocation(self, id: str) -> None:
        ask("PATCH", f"{self.admin_url}/invocations/{id}/kill")


class SuiteRestate(Restate):
    """A Restate server."""

    def kill_invocation(self, id: str) -> None:
        ask("PATCH", f"{self._server.admin_url}/invocations/{id}/kill")


ENGINES: dict[str, type[SuiteEmbedded | SuiteRestate]] = {"embedded": SuiteEmbedded, "restate": SuiteRestate}


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Sent(NamedTuple):
    """An invocation that was accepted."""

    id: str
    status: str


class Ingress:
    """Calls by path. A path is `Service/handler` or `Object/key/handler`."""

    def __init__(self, engine: SuiteEngine) -> None:
        self._engine = engine

    def call(self, path: str, *body: object, **headers: str) -> Any:  # noqa: ANN401  whatever JSON can say
        """The result; a header `idempotency_key` is sent as `idempotency-key`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self._engine.url}/{path}", method="POST", headers=named)
        if body:
            request.data = json.dumps(body[0]).encode()
            request.add_header("content-type", "application/json")
        return self._answer(request)

    def send(self, path: str, *body: object, **headers: str) -> Sent:
        """Have it done without waiting."""
        service, _, query = path.partition("?")
        said = self.call(f"{service}/send?{query}".rstrip("?"), *body, **headers)
        return Sent(said["invocationId"], said["status"])

    def attach(self, path: str) -> Any:  # noqa: ANN401  whatever JSON can say
        """Wait for a result. A path is `invocation/{id}` or `workflow/{name}/{key}`."""
        return self._answer(urllib.request.Request(f"{self._engine.url}/restate/{path}/attach"))

    def output(self, path: str) -> Any:  # noqa: ANN401  whatever JSON can say
        """The same for who does not want to wait."""
        return self._answer(urllib.request.Request(f"{self._engine.url}/restate/{path}/output"))

    def wait(self, path: str, *body: object) -> None:
        """Wait until a handler answers with yes."""
        wait_until(lambda: self.call(path, *body) is True)

    def _answer(self, request: urllib.request.Request) -> Any:  # noqa: ANN401  whatever JSON can say
        try:
            with urllib.request.urlopen(request, timeout=WAIT_S) as response:
                said = response.read()
        except urllib.error.HTTPError as e:
            with e:
                raise Refused(e.code, e.read().decode()) from None
        return json.loads(said) if said else None


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user has after writing a spec, generating, and filling in handlers."""
    folder = tmp_path_factory.mktemp("sdk")
    shutil.copytree(HERE / "spec", folder / "specs")
    shutil.copy(HERE / "app.py", folder)
    command: list[str | Path] = [Path(sys.executable).parent / "perdure", "generate", "--out", "made"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session", params=list(ENGINES))
def engine(request: pytest.FixtureRequest, folder: Path) -> Generator[SuiteEngine]:
    """One of the engines."""
    running = ENGINES[cast("str", request.param)](folder)
    try:
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture
def ingress(engine: SuiteEngine) -> Ingress:
    """A caller of the engine."""
    return Ingress(engine)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key that no other test uses."""
    name = str(request.node.name).removeprefix("test_")
    return "".join(letter if letter.isalnum() else "-" for letter in name)
