"""Servers as processes of their own: started, asked for CPU time and memory, and stopped by process id.

Law: whatever happens, nothing that was started here is left running. Figures come from /proc, so this needs Linux.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
START_S = 120.0
STOP_S = 20.0

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """Of a process and all below it."""

    cpu_s: float
    rss_bytes: int
    """Resident, with the pages of files that are mapped, such as the journal."""
    own_bytes: int
    """Resident and its own: what is not in a file."""


class Process:
    """A server: a command, a log, and the line by which it says that it is ready."""

    def __init__(
        self, command: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self._command = [str(word) for word in command]
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONUNBUFFERED": "1"} | dict(
            environment or {}
        )
        self._log = folder / f"{Path(self._command[0]).name}-{id(self):x}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id."""
        assert self._process is not None
        return self._process.pid

    def spawn(self, pass_fds: Sequence[int] = ()) -> None:
        """Start it, and do not wait."""
        assert self._process is None
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=pass_fds,
                start_new_session=True,  # so that what it starts itself is stopped with it
            )

    def await_line(self, pattern: str) -> str:
        """Wait until its log has something, and return the first group.

        Raises:
            RuntimeError: It ended, or it took too long.
        """
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            found = re.search(pattern, self._log.read_text("utf-8", "replace"), re.MULTILINE)
            if found:
                return found[1]
            if self._process is None or self._process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError(f"{self._command} did not start:\n{self._log.read_text('utf-8', 'replace')[-4000:]}")

    def kill(self) -> None:
        """SIGKILL to it and to what it started."""
        if self._process is None:
            return
        process, self._process = self._process, None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_S)


def usage(pid: int) -> Usage:
    """What a process and those below it have used."""
    found = [_usage(each) for each in _tree(pid)]
    return Usage(
        sum(each.cpu_s for each in found),
        sum(each.rss_bytes for each in found),
        sum(each.own_bytes for each in found),
    )


def _tree(pid: int) -> list[int]:
    pids = [pid]
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                pids += _tree(int(child))
    return pids


def _usage(pid: int) -> Usage:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return Usage(0.0, 0, 0)
    memory = {name: int(value) << 10 for name, value in re.findall(r"^(VmRSS|RssAnon):\s+(\d+) kB", status, re.M)}
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS_PER_S, memory.get("VmRSS", 0), memory.get("RssAnon", 0))


@contextlib.contextmanager
def stopping_on_sigterm() -> Generator[None]:
    """SIGTERM ends the run as Ctrl-C does, with everything stopped."""

    def stop(*_: object) -> None:
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
