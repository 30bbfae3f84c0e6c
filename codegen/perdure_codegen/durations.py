"""Durations as a spec writes them: ``100ms``, ``5m``, ``1h30m``, ``7d``.

The one reader of that notation. What it accepts it turns into an exact number of microseconds; what it does
not accept is None, never an exception.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

_UNITS = {"d": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1_000}
_PART = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,18})?)(ms|s|m|h|d)", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)


def parse(text: str) -> timedelta | None:
    """The duration that `text` denotes, or None if it denotes none (or one that is out of range).

    Units go from the large to the small and each occurs once, so that a duration has one reading.
    """
    if not _WHOLE.fullmatch(text):
        return None
    order = list(_UNITS)
    last = -1
    micros = Decimal(0)
    for number, unit in _PART.findall(text):
        if order.index(unit) <= last:
            return None
        last = order.index(unit)
        micros += Decimal(number) * _UNITS[unit]
    try:
        return timedelta(microseconds=int(micros))
    except OverflowError:
        return None
