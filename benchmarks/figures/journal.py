"""How long a long journal takes: to write, step by step, and to replay.

An entry is a command or what came of it; a step of `ctx.run` is two.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.figures import Ask, await_seen, seen
from benchmarks.report import Figure
from benchmarks.targets import Forgetful, Target, ask

TIMES = 3
FORGOTTEN_S = 1.5
"""After this time of waiting, an attempt of `Forgetful` is surely out of memory."""
PATIENCE_S = 30.0
STEP_S = 0.1


def measure(asked: Ask) -> list[Figure]:
    """Workflows with n entries that then wait: written, dropped from memory, woken and so replayed."""
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        target = Forgetful(Path(folder) / "perdure")
        try:
            target.start()
            # Waking one that has no journal is what the others are compared with.
            base, _ = _replay(target, 0)
            for entries in asked.counts:
                replay_s, write_s = _replay(target, entries // 2)
                values = {
                    "entries written/s": f"{entries / write_s:,.0f}",
                    "µs a step": f"{write_s / (entries // 2) * 1e6:,.0f}",
                    "replayed in ms": f"{(replay_s - base) * 1000:.1f}",
                    "entries replayed/s": f"{entries / max(1e-6, replay_s - base):,.0f}",
                }
                found.append(Figure(name="Long journals", target=f"{entries:,} entries", values=values))
        finally:
            target.kill()
    return found


def _replay(target: Target, steps: int) -> tuple[float, float]:
    """Seconds from waking to the result, and seconds of writing; medians."""
    replays: list[float] = []
    writes: list[float] = []
    for number in range(TIMES):
        id = f"{steps}-{number}"
        ticks = int(seen(target)["ticks"])
        start = time.time()
        # Each has another number of steps, because that is the tick by which it says that it has done them.
        ask(target.port, f"/Approval/{id}/run/send", b"%d" % (steps + number))
        writes.append(await_seen(target, "ticks", ticks + 1, PATIENCE_S + steps * STEP_S)["last"] - start)
        time.sleep(FORGOTTEN_S)
        start = time.perf_counter()
        ask(target.port, f"/Approval/{id}/decide", b"true")
        attach = f"http://127.0.0.1:{target.port}/restate/workflow/Approval/{id}/attach"
        with urllib.request.urlopen(attach, timeout=60) as response:
            response.read()
        replays.append(time.perf_counter() - start)
    return statistics.median(replays), statistics.median(writes)
