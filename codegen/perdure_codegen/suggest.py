"""Did you mean …? The nearest of the names that would have been right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MANY = 1000
"""Names among which nothing is looked for: something is always like the word, and finding it takes long."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that is most like `word`, or None if nothing is like it."""
    given = list(known)
    if len(given) > _MANY:
        return None
    names = sorted(set(given))
    lowered = {name.lower(): name for name in reversed(names)}
    if word.lower() in lowered:
        return lowered[word.lower()]
    # Beyond this length a resemblance is chance, and the comparison is quadratic.
    if len(word) > 80:
        return None
    found = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean `x`?``, or an empty text."""
    found = nearest(word, known)
    return f"did you mean `{found}`?" if found else ""
