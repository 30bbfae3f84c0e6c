"""The two servers of the contract, each a process of its own with a folder of its own."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.server import BIN, Process
from tests.support.restate_server import restate_server

SERVED = Path(__file__).parent / "served"
ROOT = Path(__file__).parents[2]
START_S = 30.0


@dataclass(frozen=True)
class Served:
    """A server that runs, by its two addresses."""

    ingress_url: str
    admin_url: str

    @property
    def ingress(self) -> tuple[str, int]:
        """Where callers come."""
        host, _, port = self.ingress_url.removeprefix("http://").partition(":")
        return host, int(port)

    def admin(self, method: str, path: str) -> int:
        """Ask the operators' door; returns the status."""
        request = urllib.request.Request(self.admin_url + path, method=method)
        try:
            with urllib.request.urlopen(request, timeout=START_S) as response:
                status: int = response.status
                return status
        except urllib.error.HTTPError as e:
            with e:
                return e.code


@contextlib.contextmanager
def serve_perdure(folder: Path) -> Generator[Served]:
    """`perdure serve`, with the handlers of served/app.py."""
    (folder / "specs").mkdir()
    shutil.copy(SERVED / "contract.yaml", folder / "specs")
    shutil.copy(SERVED / "app.py", folder)
    subprocess.run([BIN / "perdure", "generate"], cwd=folder, check=True, capture_output=True)
    process = Process(folder)
    process.start()
    try:
        urls = [url for line in process.said for url in re.findall(r"http://\S+:\d+", line)]
        yield Served(urls[0], urls[1])
    finally:
        process.close()


@contextlib.contextmanager
def serve_restate(folder: Path) -> Generator[Served]:
    """A Restate server, with the handlers of restate_handlers.py behind it."""
    with restate_server(folder) as server, _handlers(folder) as uri:
        server.register(uri)
        yield Served(server.ingress_url, server.admin_url)


@contextlib.contextmanager
def _handlers(folder: Path) -> Generator[str]:
    """Restate's SDK under Hypercorn, which speaks the HTTP/2 without TLS that the server wants."""
    with socket.create_server(("127.0.0.1", 0)) as door, (folder / "handlers.log").open("wb") as log:
        port: int = door.getsockname()[1]
        command = [sys.executable, "-m", "hypercorn", "tests.contract.restate_handlers:app"]
        process = subprocess.Popen(
            [*command, "--bind", f"fd://{door.fileno()}"], cwd=ROOT, pass_fds=[door.fileno()], stdout=log, stderr=log
        )
        try:
            _await_port(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


def _await_port(port: int) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("the handlers did not start, see handlers.log")
