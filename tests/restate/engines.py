"""The two engines that run the same handlers, as real processes: `perdure serve`, and a Restate server with
`perdure serve --engine restate`.

Law: a test knows of an engine only what callers and operators of either can do.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tests.support.restate_server import RestateServer

REPOSITORY = Path(__file__).parents[2]
SERVED = Path(__file__).parent / "served"
WAIT_S = 30.0


class Standing(NamedTuple):
    """How an invocation stands."""

    status: str
    failure: str


class Engine(Protocol):
    """What a test does with an engine."""

    url: str
    notes: Notes

    def start(self) -> None:
        """Start what executes the handlers, and wait until it does."""
        ...

    def kill(self) -> None:
        """SIGKILL to the process that executes the handlers."""
        ...

    def stop(self) -> int:
        """SIGTERM to it; returns its exit status."""
        ...

    def cancel(self, id: str) -> None:
        """Cancel an invocation, as an operator."""
        ...

    def standing(self, id: str) -> Standing:
        """How an invocation stands, for an operator."""
        ...


class Notes:
    """What the handlers did outside, a line for each."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.touch()

    def lines(self, start: str = "") -> list[str]:
        """Those that begin like this, in order."""
        return [line for line in self.file.read_text().splitlines() if line.startswith(start)]

    def wait(self, start: str, count: int = 1) -> list[str]:
        """Wait until there are so many."""
        wait_until(lambda: len(self.lines(start)) >= count)
        return self.lines(start)


def prepare(folder: Path) -> Any:  # noqa: ANN401  a module that is made now
    """Do what a user does: write specs, generate, fill in handlers. Returns the generated package of both.yaml."""
    shutil.copytree(SERVED / "specs", folder / "specs")
    shutil.copy(SERVED / "app.py", folder)
    command: list[str | Path] = [Path(sys.executable).parent / "perdure", "generate", "--out", "made"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("made.both.v1")
    finally:
        sys.path.remove(str(folder))


class Process:
    """`perdure serve` in a folder. `options` are those of its engine."""

    def __init__(self, folder: Path, name: str) -> None:
        self.notes = Notes(folder / f"{name}.notes")
        self._folder = folder
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start it, and wait until it says that it is ready."""
        assert self._process is None
        environment = {
            **os.environ,
            "NOTES": str(self.notes.file),
            "EXAMPLES_OUTBOX": str(self.notes.file),
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUNBUFFERED": "1",
        }
        command = [str(Path(sys.executable).parent / "perdure"), "serve", "app:app", *options]
        self._log.touch()
        before = self._log.stat().st_size
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._folder, env=environment, stdout=log, stderr=log)
        process = self._process
        wait_until(lambda: b"\nready\n" in self._log.read_bytes()[before:] or process.poll() is not None)
        assert process.poll() is None, self._log.read_text()

    def end(self, how: signal.Signals) -> int:
        """Send it a signal, and wait for its end."""
        assert self._process is not None
        process, self._process = self._process, None
        process.send_signal(how)
        return process.wait(WAIT_S)

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process is not None:
            self.end(signal.SIGKILL)


class Embedded:
    """perdure's own engine: one process, one folder."""

    def __init__(self, folder: Path) -> None:
        self._process = Process(folder, "embedded")
        self.notes = self._process.notes
        self._ports = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self._ports[0]}"
        self.admin_url = f"http://127.0.0.1:{self._ports[1]}"

    def start(self) -> None:
        ingress, admin = (f"127.0.0.1:{port}" for port in self._ports)
        self._process.start("--ingress", ingress, "--admin", admin, "--data", "data")

    def kill(self) -> None:
        self._process.end(signal.SIGKILL)

    def stop(self) -> int:
        return self._process.end(signal.SIGTERM)

    def close(self) -> None:
        """Leave nothing behind."""
        self._process.close()

    def cancel(self, id: str) -> None:
        ask("PATCH", f"{self.admin_url}/invocations/{id}/cancel")

    def standing(self, id: str) -> Standing:
        said = ask("GET", f"{self.admin_url}/invocations/{id}")
        return Standing(said["status"], str(said.get("last_failure") or said.get("completion_failure")))


class Restate:
    """A Restate server, and a process that executes the handlers for it."""

    def __init__(self, folder: Path) -> None:
        # Who waits for longer than this is suspended, and replayed by the next notification.
        self._server = RestateServer(folder / "restate", RESTATE_WORKER__INVOKER__INACTIVITY_TIMEOUT="30ms")
        self._server.start()
        self._process = Process(folder, "restate")
        self.notes = self._process.notes
        self._listen = f"127.0.0.1:{free_port()}"
        self.url = self._server.ingress_url

    def start(self) -> None:
        self._process.start("--engine", "restate", "--listen", self._listen, "--register", self._server.admin_url)

    def kill(self) -> None:
        self._process.end(signal.SIGKILL)

    def stop(self) -> int:
        return self._process.end(signal.SIGTERM)

    def close(self) -> None:
        """Leave nothing behind."""
        self._process.close()
        self._server.kill()

    def cancel(self, id: str) -> None:
        ask("PATCH", f"{self._server.admin_url}/invocations/{id}/cancel")

    def standing(self, id: str) -> Standing:
        rows = self._query(f"SELECT status, completion_failure FROM sys_invocation WHERE id = '{id}'")
        events = self._query(f"SELECT event_json FROM sys_journal_events WHERE id = '{id}' ORDER BY appended_at")
        failure = rows[0].get("completion_failure") or "".join(event["event_json"] for event in events[-1:])
        return Standing(rows[0]["status"], failure)

    def _query(self, sql: str) -> list[dict[str, str]]:
        rows: list[dict[str, str]] = ask("POST", f"{self._server.admin_url}/query", {"query": sql})["rows"]
        return rows


def ask(method: str, url: str, body: object = None) -> Any:  # noqa: ANN401  whatever JSON can say
    """One request to an operators' door."""
    headers = {"accept": "application/json", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=WAIT_S) as response:
        said = response.read()
    return json.loads(said) if said else None


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something that is about to happen."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
