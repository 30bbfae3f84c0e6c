"""What is measured: servers that answer the same requests, each in processes and a folder of its own.

Law: each runs with its default durability. What differs from the defaults otherwise is said in `about`.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks.processes import Process, Usage, usage
from benchmarks.workloads import STEADY
from tests.support.restate_server import RestateServer

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
REGISTER_S = 60.0


class Target(ABC):
    """A server. It can be killed and started again, with the same folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.port = 0

    @abstractmethod
    def start(self) -> None:
        """Start, and return when requests are answered."""

    @abstractmethod
    def kill(self) -> None:
        """SIGKILL to all of its processes."""

    @abstractmethod
    def pids(self) -> dict[str, int]:
        """Its processes by name."""

    def usage(self) -> dict[str, Usage]:
        """What each process has used."""
        return {name: usage(pid) for name, pid in self.pids().items()}


class _Single(Target):
    """A server that is one process."""

    name = ""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._process = self.make()

    @abstractmethod
    def make(self) -> Process: ...

    def start(self) -> None:
        self._process.spawn()
        self.port = int(self._process.await_line(r"^ready (\d+)"))

    def kill(self) -> None:
        self._process.kill()

    def pids(self) -> dict[str, int]:
        return {self.name: self._process.pid}


class Ceiling(_Single):
    """benchmarks/ceiling.py."""

    name = "handler"

    def make(self) -> Process:
        return Process([sys.executable, "-m", "benchmarks.ceiling", self.folder / "data"], self.folder)


class Echo(_Single):
    """A bare aiohttp echo."""

    name = "echo"

    def make(self) -> Process:
        return Process([sys.executable, "-m", "benchmarks.ceiling"], self.folder)


class Dbos(_Single):
    """benchmarks/served/dbos_app.py."""

    name = "app"

    def make(self) -> Process:
        return Process([sys.executable, HERE / "served" / "dbos_app.py", self.folder], self.folder)


class Perdure(_Single):
    """`perdure serve`, on code that is generated from specs/bench.yaml."""

    name = "perdure"
    environment: ClassVar[Mapping[str, str]] = {}

    def make(self) -> Process:
        (self.folder / "specs").mkdir()
        shutil.copy(HERE / "specs" / "bench.yaml", self.folder / "specs")
        shutil.copy(HERE / "served" / "perdure_app.py", self.folder)
        subprocess.run([BIN / "perdure", "generate"], cwd=self.folder, check=True, capture_output=True)
        command: list[str | Path] = [BIN / "perdure", "serve", "perdure_app:app", "--data", self.folder / "data"]
        return Process([*command, "--ingress", "127.0.0.1:0", "--admin", "127.0.0.1:0"], self.folder, self.environment)

    def start(self) -> None:
        self._process.spawn()
        self._process.await_line(r"^(ready)$")
        self.port = int(self._process.await_line(r"ingress +http://127\.0\.0\.1:(\d+)"))


class Forgetful(Perdure):
    """It drops attempts from memory that have waited for half a second."""

    environment: ClassVar[Mapping[str, str]] = {"BENCH_INACTIVITY_MS": "500"}


class Restate(Target):
    """The real server, and its SDK for Python under Hypercorn; both as they come."""

    settings: ClassVar[Mapping[str, str]] = {
        # What the server has by default; the one of the tests is made small.
        "RESTATE_DEFAULT_NUM_PARTITIONS": "24",
        "RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE": "2GB",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server = RestateServer(folder / "server", **self.settings)
        self._sdk_port = 0
        self._sdk: Process | None = None

    def sdk_command(self, port: int) -> list[str | Path]:
        """Serves the handlers over HTTP/2."""
        return [BIN / "hypercorn", "benchmarks.served.restate_app:app", "--bind", f"127.0.0.1:{port}"]

    def start(self) -> None:
        first = not self._sdk_port
        if first:
            with socket.create_server(("127.0.0.1", 0)) as free:
                self._sdk_port = free.getsockname()[1]
        self._sdk = Process(self.sdk_command(self._sdk_port), self.folder)
        self._sdk.spawn()
        self._server.start()
        self.port = int(self._server.ingress_url.rpartition(":")[2])
        _await_open(self._sdk_port)
        if first:
            self._server.register(f"http://127.0.0.1:{self._sdk_port}")
        await_served(self.port)

    def kill(self) -> None:
        self._server.kill()
        if self._sdk is not None:
            self._sdk.kill()

    def pids(self) -> dict[str, int]:
        assert self._sdk is not None
        return {"server": self._server.pid, "sdk": self._sdk.pid}


class RestateTuned(Restate):
    """Granian instead of Hypercorn, one partition, and no log lines below warnings but those of the start."""

    settings: ClassVar[Mapping[str, str]] = {
        **Restate.settings,
        "RESTATE_DEFAULT_NUM_PARTITIONS": "1",
        "RESTATE_LOG_FILTER": "warn,restate_core::network::net_util=info,restate_ingress_http::server=info",
    }

    def sdk_command(self, port: int) -> list[str | Path]:
        command: list[str | Path] = [BIN / "granian", "benchmarks.served.restate_app:app", "--interface", "asgi"]
        command += ["--http", "2", "--loop", "uvloop", "--no-ws", "--log-level", "warning", "--no-access-log"]
        return [*command, "--host", "127.0.0.1", "--port", str(port)]


@dataclass(frozen=True, slots=True)
class Kind:
    """A row of the tables."""

    about: str
    make: type[Target]
    sends_per_s: int
    """What it accepts at the least on a slow machine; a plan that needs time to accept all reckons with it."""
    workloads: tuple[str, ...] = STEADY


KINDS = {
    "perdure": Kind("perdure serve", Perdure, 1500),
    "ceiling": Kind("aiohttp + LMDB group commit, no engine", Ceiling, 3000),
    "echo": Kind("aiohttp, an echo that remembers nothing", Echo, 0, ("W1",)),
    "restate": Kind("Restate + Python SDK (Hypercorn)", Restate, 500),
    "restate-tuned": Kind("Restate + Python SDK (Granian, 1 partition, quiet)", RestateTuned, 500),
    "dbos": Kind("DBOS + SQLite behind aiohttp", Dbos, 50),
}
"""All targets by name."""


@contextlib.contextmanager
def running(name: str, folder: Path) -> Generator[Target]:
    """Run a target for as long as the context lasts; its folder stays."""
    target = KINDS[name].make(folder / name)
    try:
        target.start()
        yield target
    finally:
        target.kill()


def ask(port: int, path: str, body: bytes | None = None, timeout_s: float = 60.0) -> bytes:
    """One request; returns the body of the answer.

    Raises:
        OSError: Nobody listens, or the answer is an error.
    """
    headers = {"content-type": "application/json"} if body is not None else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=timeout_s) as response:
        answer: bytes = response.read()
    return answer


def await_served(port: int) -> None:
    """Wait until a call gets its result."""
    _await(lambda: ask(port, "/Greeter/greet", b'"Mary"'))


def _await_open(port: int) -> None:
    _await(lambda: socket.create_connection(("127.0.0.1", port), 1).close())


def _await(attempt: Callable[[], object]) -> None:
    deadline = time.monotonic() + REGISTER_S
    while True:
        try:
            attempt()
        except (OSError, urllib.error.HTTPError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
