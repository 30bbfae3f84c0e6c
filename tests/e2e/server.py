"""`perdure serve` as a real process that a test can kill."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

BIN = Path(sys.executable).parent
TRIAL = Path(__file__).parent / "trial"
WAIT_S = 30.0


def prepare(folder: Path) -> None:
    """What a user does: write a spec, generate, fill in handlers."""
    (folder / "specs").mkdir()
    shutil.copy(TRIAL / "trial.yaml", folder / "specs")
    shutil.copy(TRIAL / "app.py", folder)
    subprocess.run([BIN / "perdure", "generate"], cwd=folder, check=True, capture_output=True)


class Process:
    """A server on the data folder of a test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "trial.log"
        self.url = ""
        self.said: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> None:
        """Start it, and wait until it says that it is ready."""
        command: list[str | Path] = [
            BIN / "perdure",
            "serve",
            "app:app",
            "--ingress",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            *options,
        ]
        environment = {**os.environ, "TRIAL_LOG": str(self.log), "PYTHONUNBUFFERED": "1"}
        self._process = subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        self.said = []
        for line in self._process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("ready"):
                break
        else:
            raise AssertionError("\n".join(self.said))
        self.url = next(url for line in self.said for url in re.findall(r"http://\S+:\d+", line))

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM: it drains; returns its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        status = self._process.wait(WAIT_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
        return status

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process is not None:
            self.kill()

    def notes(self) -> list[str]:
        """What the steps wrote, in order."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def await_note(self, text: str) -> None:
        """Wait until a step has written a line."""
        wait_until(lambda: text in self.notes())


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something that is about to happen."""
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
