"""Tables in Markdown: of the matrix, and of the other figures."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from benchmarks.matrix import Cell, ratio
from benchmarks.targets import KINDS
from benchmarks.workloads import WORKLOADS

PACKAGES = ("perdure", "aiohttp", "lmdb", "uvloop", "restate-sdk", "hypercorn", "granian", "dbos")
BUSY = 0.9


class Figure(msgspec.Struct, kw_only=True):
    """A number that is not a cell of the matrix."""

    name: str
    """What it is the figure of: `W5, 10,000 sends`."""
    target: str
    values: dict[str, str]
    """By heading, written as they are shown."""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column is text, the others are numbers."""
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join(['---'] + ['--:'] * (len(heads) - 1))}|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


def machine() -> str:
    """Where it was measured, in a line."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    busy = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({model}), Linux {platform.release()}, load average {busy:.1f} at the end"


def versions() -> str:
    """Of what took part."""
    found: list[str] = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def matrix(cells: Sequence[Cell]) -> str:
    """Everything about the cells: one table for each number of connections, ratios, p50 at the fewest, memory."""
    parts: list[str] = []
    for connections in sorted({cell.connections for cell in cells}):
        here = [cell for cell in cells if cell.connections == connections]
        parts.append(f"### {connections} connection{'s' if connections > 1 else ''}\n")
        parts.append("Operations/s · p50 ms · p99 ms · CPU µs for an operation, of all processes.\n")
        parts.append(_cells(here) + "\n")
    for other in dict.fromkeys(cell.target for cell in cells if cell.target not in ("perdure", "echo")):
        ratios = ratio(cells, "perdure", other)
        if ratios:
            parts.append(f"### perdure by {other}\n")
            parts.append("Throughput, the median of the ratios of the rounds.\n")
            parts.append(_ratios(ratios) + "\n")
    most = max(cell.connections for cell in cells)
    parts.append("### Processes\n")
    parts.append(f"CPU µs for an operation at {most} connections, and the most MB that each had resident.\n")
    parts.append(_processes(cells, most) + "\n")
    busy = [f"{cell.target} {cell.workload}" for cell in cells if cell.load_busy > BUSY]
    if busy:
        parts.append(f"The load took a whole core itself in: {', '.join(busy)}. Those may be faster than shown.\n")
    return "\n".join(parts)


def figures(found: Sequence[Figure]) -> str:
    """A table for each name."""
    parts: list[str] = []
    for name in dict.fromkeys(figure.name for figure in found):
        here = [figure for figure in found if figure.name == name]
        heads = list(dict.fromkeys(head for figure in here for head in figure.values))
        rows = [[figure.target, *(figure.values.get(head, "-") for head in heads)] for figure in here]
        parts.append(f"### {name}\n\n{table(['', *heads], rows)}\n")
    return "\n".join(parts)


def _cells(cells: Sequence[Cell]) -> str:
    workloads = list(dict.fromkeys(cell.workload for cell in cells))
    by = {(cell.target, cell.workload): cell for cell in cells}
    rows: list[list[str]] = []
    for target in dict.fromkeys(cell.target for cell in cells):
        row = [KINDS[target].about]
        for workload in workloads:
            cell = by.get((target, workload))
            row.append("-" if cell is None else _shown(cell))
        rows.append(row)
    return table(["", *(f"{name}: {WORKLOADS[name].about}" for name in workloads)], rows)


def _shown(cell: Cell) -> str:
    return f"{cell.per_second:,.0f} · {number(cell.p50_ms)} · {number(cell.p99_ms)} · {sum(cell.cpu_us.values()):,.0f}"


def _ratios(ratios: dict[tuple[str, int], float]) -> str:
    workloads = list(dict.fromkeys(workload for workload, _ in ratios))
    rows = [
        [str(connections), *(f"{ratios[workload, connections]:.2f}" for workload in workloads)]
        for connections in sorted({connections for _, connections in ratios})
    ]
    return table(["connections", *workloads], rows)


def _processes(cells: Sequence[Cell], connections: int) -> str:
    workloads = list(dict.fromkeys(cell.workload for cell in cells))
    rows: list[list[str]] = []
    for target, process in dict.fromkeys((cell.target, process) for cell in cells for process in cell.rss_mb):
        mine = [cell for cell in cells if cell.target == target]
        here = {cell.workload: cell.cpu_us[process] for cell in mine if cell.connections == connections}
        cpu = [f"{here[workload]:,.0f}" if workload in here else "-" for workload in workloads]
        rows.append([KINDS[target].about, process, f"{max(cell.rss_mb[process] for cell in mine):,.0f}", *cpu])
    return table(["", "process", "MB", *workloads], rows)


def number(value: float) -> str:
    """With as many digits as mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
