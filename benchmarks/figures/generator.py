"""The generator on a large spec: 400 types and 100 services, by a process that starts from nothing."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Ask
from benchmarks.report import Figure
from benchmarks.targets import BIN

TIMES = 3
TYPES_FOR_A_SERVICE = 4


def spec(types: int) -> str:
    """A spec with so many types, and a service for each four of them."""
    return "\n".join(_lines(types)) + "\n"


def _lines(types: int) -> Iterator[str]:
    yield from ("spec: 1", "package: large.v1", "doc: Made to be large.", "", "types:")
    for n in range(types):
        yield from (f"  Type{n}:", f"    doc: The type number {n}.", "    fields:", "      id: uuid")
        yield "      name: {type: string, min_length: 1, doc: What it is called.}"
        yield "      amount: {type: decimal, ge: 0}"
        yield f"      others: list<{f'Type{n - 1}' if n else 'string'}>"
        yield "      note: string | null"
    yield from ("", "services:")
    for n in range(types // TYPES_FOR_A_SERVICE):
        first = n * TYPES_FOR_A_SERVICE
        yield from (f"  Service{n}:", f"    doc: The service number {n}.", "    handlers:")
        for each in range(first, first + 2):
            yield from (f"      make{each}:", "        doc: Make one of another.", f"        input: Type{each}")
            yield f"        output: Type{each + 2}"


def measure(ask: Ask) -> list[Figure]:
    """Median of some runs, each into an empty folder."""
    found: list[Figure] = []
    for types in ask.counts:
        text = spec(types)
        took: list[float] = []
        lines = 0
        for _ in range(TIMES):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                (folder / "specs").mkdir()
                (folder / "specs" / "large.yaml").write_text(text)
                start = time.perf_counter()
                subprocess.run([BIN / "perdure", "generate"], cwd=folder, check=True, capture_output=True, timeout=120)
                took.append(time.perf_counter() - start)
                lines = sum(len(file.read_text().splitlines()) for file in (folder / "generated").rglob("*.py"))
        values = {
            "lines of spec": f"{len(text.splitlines()):,}",
            "lines of Python": f"{lines:,}",
            "s": f"{statistics.median(took):.2f}",
        }
        label = f"{types} types, {types // TYPES_FOR_A_SERVICE} services"
        found.append(Figure(name="The generator", target=label, values=values))
    return found
