"""How much was proven: counts that a run of the tests prints at its end."""

from __future__ import annotations

from collections import Counter

_COUNTS: Counter[str] = Counter()


def count(what: str, more: int = 1) -> None:
    """So many more of it."""
    _COUNTS[what] += more


def lines() -> list[str]:
    """All counts, a line each."""
    return [f"{number:>9,} {what}" for what, number in sorted(_COUNTS.items())]
