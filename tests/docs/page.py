"""Runs the blocks of one page, in order, in one temporary folder.

The law: what stays behind is nothing. Servers that a page starts are stopped when it ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from tests.docs.markdown import Block, PageError, Step, blocks, matches, runs_in_repository, steps

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 60
# The ports that pages speak of. Each page gets free ones in their place.
INGRESS, ADMIN = 8080, 9070


class Page(AbstractContextManager["Page"]):
    """A folder, a shell's working directory and the servers that the page has started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.at = folder
        self.ports = {INGRESS: free_port(), ADMIN: free_port()}
        self.servers: list[tuple[subprocess.Popen[bytes], Path]] = []

    def __exit__(self, *_: object) -> None:
        for server, _output in self.servers:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
        for server, _output in self.servers:
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()

    def run(self, text: str) -> int:
        """Run all blocks of the page; returns how many. Raises PageError at the first that does not hold."""
        if runs_in_repository(text):
            for name in ("specs", "generated", "examples"):
                shutil.copytree(ROOT / name, self.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            shutil.copy(ROOT / "pyproject.toml", self.folder)
        count = 0
        for block in blocks(text):
            if block.not_run or block.language not in _RUNNERS:
                continue
            _RUNNERS[block.language](self, block)
            count += 1
        return count

    def console(self, block: Block) -> None:
        """Run each command and compare what it prints, and its exit status."""
        for step in steps(block):
            if step.command.endswith(" &"):
                self.start(step)
                continue
            status, output = self.shell(step.command)
            wrong_status = status != step.status
            if wrong_status or (step.output and not matches(self.local(step.output), output)):
                raise PageError(_difference(step, f"exit {status}", output))

    def shell(self, command: str) -> tuple[int, str]:
        """Run one command where the last `cd` led; returns its status and all that it printed."""
        after = self.folder / ".cwd"
        script = f"{self.local(command)}\nstatus=$?\npwd > '{after}'\nexit $status"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.at,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS_MAX,
            check=False,
        )
        if after.exists():
            self.at = Path(after.read_text().strip())
            after.unlink()
        return done.returncode, done.stdout.decode()

    def start(self, step: Step) -> None:
        """Start a server and wait until it has printed what the page shows."""
        path = self.folder / f".server-{len(self.servers)}"
        with path.open("wb") as output:
            server = self.spawn(step.command.removesuffix("&"), output)
        self.servers.append((server, path))
        deadline = time.monotonic() + SECONDS_MAX
        while not matches(self.local(step.output) + "\n…", path.read_text()):
            if server.poll() is not None or time.monotonic() > deadline:
                raise PageError(_difference(step, f"running {server.poll() is None}", path.read_text()))
            time.sleep(0.02)

    def spawn(self, command: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """A command in a process group of its own, so that it can be stopped with its children."""
        return subprocess.Popen(
            ["bash", "-c", f"exec {self.local(command)}"],
            cwd=self.at,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def python(self, block: Block) -> None:
        """Write the block to its file, or run it as a program of its own."""
        if self.write(block):
            return
        script = self.folder / ".block.py"
        script.write_text(self.local(block.text))
        status, output = self.shell(f"python '{script}'")
        if status:
            raise PageError(f"line {block.line}: the block fails\n{output}")

    def yaml(self, block: Block) -> None:
        """Write the block to its file; a whole spec without a file is checked."""
        if self.write(block):
            return
        if not block.text.startswith("spec:"):
            raise PageError(
                f"line {block.line}: neither a file (`# specs/name.yaml`) nor a whole spec (`spec: 1`);"
                " mark a fragment with <!-- not run: a fragment -->"
            )
        spec = self.folder / f"line-{block.line}.yaml"
        spec.write_text(block.text)
        status, output = self.shell(f"perdure check '{spec}'")
        spec.unlink()
        if status:
            raise PageError(f"line {block.line}: the spec is bad\n{output}")

    def toml(self, block: Block) -> None:
        """Write the block to its file."""
        if not self.write(block):
            raise PageError(f"line {block.line}: begins with the name of its file: # perdure.toml")

    def write(self, block: Block) -> bool:
        """Write the block to the file that its first line names, if it names one."""
        if not block.file:
            return False
        path = self.at / block.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.local(block.text))
        return True

    def local(self, text: str) -> str:
        """The text with the page's ports in place of the well-known ones."""
        for known, port in self.ports.items():
            text = text.replace(str(known), str(port))
        return text

    def environment(self) -> Mapping[str, str]:
        """The environment of a user with perdure installed, on ports of the page's own."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return os.environ | {
            "PATH": path,
            "PERDURE_INGRESS": f"127.0.0.1:{self.ports[INGRESS]}",
            "PERDURE_ADMIN": f"127.0.0.1:{self.ports[ADMIN]}",
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
        }


_RUNNERS = {"console": Page.console, "python": Page.python, "yaml": Page.yaml, "toml": Page.toml}


def _difference(step: Step, ended: str, output: str) -> str:
    return (
        f"line {step.line}: $ {step.command}\n--- expected, exit {step.status}\n{step.output}\n"
        f"--- got, {ended}\n{output}"
    )


def free_port() -> int:
    """A port on the loopback address that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
