"""Tables, times and sizes as people read them.

The law: a table is aligned, has no colours but on a terminal, and is cut nowhere.
"""

from __future__ import annotations

import datetime
import sys
from collections.abc import Sequence

from perdure.cli.console import BOLD, paint
from perdure.engine.clock import SystemClock

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_SIZES = ("bytes", "KiB", "MiB", "GiB", "TiB")


def now_ms() -> int:
    """The time of this machine."""
    return SystemClock().now_ms()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows in columns, under a head."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    ]
    return "\n".join([paint(lines[0], BOLD, sys.stdout), *lines[1:]])


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Names and what they are, in two columns."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:<{width}}  {value}".rstrip() for name, value in rows)


def span(ms: int) -> str:
    """A span of time in its two largest units: `2 h 10 min`."""
    seconds = max(0, ms) // 1000
    if seconds == 0:
        return f"{max(0, ms)} ms"
    for position, (unit, length) in enumerate(_UNITS):
        if seconds >= length:
            count, rest = divmod(seconds, length)
            smaller, size = _UNITS[min(position + 1, len(_UNITS) - 1)]
            second = rest // size if position + 1 < len(_UNITS) else 0
            return f"{count} {unit} {second} {smaller}" if second else f"{count} {unit}"
    raise AssertionError("the last unit is one second")


def when(at_ms: int) -> str:
    """A time, seen from now: `3 min ago`, `in 2 h`."""
    distance = at_ms - now_ms()
    return f"in {span(distance)}" if distance > 0 else f"{span(-distance)} ago"


def milliseconds(text: str) -> int:
    """Milliseconds since the epoch of a time as servers say it."""
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1000)


def stamp(at_ms: int) -> str:
    """A time in UTC, to the second."""
    return datetime.datetime.fromtimestamp(at_ms // 1000, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def size(count: int) -> str:
    """A number of bytes: `1.5 MiB`."""
    amount, unit = float(count), 0
    while amount >= 1024 and unit < len(_SIZES) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.0f} {_SIZES[unit]}" if unit == 0 else f"{amount:.1f} {_SIZES[unit]}"
