"""A real Restate server: one node on loopback, on free ports, in a folder of the test.

Law: its telemetry is off, it is stopped by its process id, and nothing of it is left. At its start it asks the network
whether there is a newer release; nothing turns that off, and it does not wait for an answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import cast

from tests.support.npm import node_modules

START_S = 60.0
STOP_S = 20.0
LISTENS = re.compile(r'server_name=(http-ingress|admin-api)-server server\.address="([\d.]+)" server\.port=(\d+)')
MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
QUIET = {
    "DO_NOT_TRACK": "1",
    "RESTATE_DISABLE_TELEMETRY": "true",
    "RESTATE_LOG_FORMAT": "compact",
    "RESTATE_LOG_DISABLE_ANSI_CODES": "true",
    # A test needs little of either, and the machine has other things to do.
    "RESTATE_DEFAULT_NUM_PARTITIONS": "4",
    "RESTATE_ROCKSDB_TOTAL_MEMORY_SIZE": "256MB",
}


class RestateServer:
    """A server and its folder. After a stop it can be started again, on the same ports with the same invocations."""

    def __init__(self, folder: Path, **settings: str) -> None:
        """`settings` are environment variables of the server, such as `RESTATE_WORKER__INVOKER__ABORT_TIMEOUT`."""
        self.folder = folder
        self.ingress_url = ""
        self.admin_url = ""
        self._environment = {**os.environ, **QUIET, **settings}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What the server writes."""
        return self.folder / "restate.log"

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, and return when requests are answered."""
        assert self._process is None
        self.folder.mkdir(parents=True, exist_ok=True)
        command: list[str | Path] = [_binary(), "--no-logo", "--base-dir", self.folder / "restate-data"]
        command += [
            "--node-name",
            "test",
            "--listen-mode",
            "tcp",
            "--bind-ip",
            "127.0.0.1",
            "--use-random-ports",
            "true",
        ]
        ports: dict[str, str] = {}
        if self.ingress_url:
            ports["RESTATE_INGRESS__BIND_PORT"] = self.ingress_url.rpartition(":")[2]
            ports["RESTATE_ADMIN__BIND_PORT"] = self.admin_url.rpartition(":")[2]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**self._environment, **ports}
            )
        self._await_ready()

    def stop(self) -> None:
        """SIGTERM: it goes in good order."""
        self._end(kill=False)

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more."""
        self._end(kill=True)

    def admin(self, method: str, path: str, body: object = None) -> tuple[int, object]:
        """Ask the operators' door. Returns status and JSON body; None for an empty one, text for what is no JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"accept": "application/json", "content-type": "application/json"}
        request = urllib.request.Request(self.admin_url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=START_S) as response:
                return response.status, _read(response.read())
        except urllib.error.HTTPError as e:
            with e:
                return e.code, _read(e.read())

    def register(self, uri: str) -> str:
        """Make a deployment known, by the address of its handlers. Returns the id of the deployment."""
        status, said = self.admin("POST", "/deployments", {"uri": uri, "force": True})
        assert status in (200, 201), f"the deployment {uri} was refused: {said}"
        return str(cast("dict[str, object]", said)["id"])

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            doors = {door: f"http://{host}:{port}" for door, host, port in LISTENS.findall(self.log.read_text())}
            if len(doors) == 2:
                self.ingress_url, self.admin_url = doors["http-ingress"], doors["admin-api"]
                if self._is_healthy():
                    return
            time.sleep(0.05)
        said = self.log.read_text()
        self.kill()
        raise AssertionError(f"the server did not start:\n{said}")

    def _is_healthy(self) -> bool:
        try:
            status, _ = self.admin("GET", "/health")
        except OSError:
            return False
        return status == 200

    def _end(self, *, kill: bool) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)


@contextlib.contextmanager
def restate_server(folder: Path, **settings: str) -> Generator[RestateServer]:
    """Run a server for as long as the context lasts."""
    server = RestateServer(folder, **settings)
    server.start()
    try:
        yield server
    finally:
        # What it has is thrown away, so it need not be put in order.
        server.kill()


def _binary() -> Path:
    """The program itself: the script of the package would only start it, and would be in the way of signals."""
    machine = MACHINES[platform.machine().lower()]
    package = f"restate-server-{platform.system().lower()}-{machine}"
    return node_modules() / "@restatedev" / package / "bin" / "restate-server"


def _read(body: bytes) -> object:
    if not body:
        return None
    try:
        said: object = json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
    return said
