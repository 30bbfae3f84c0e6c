"""Names that Python sees: each must be one, be free, and be there once.

A name that is taken is an error with the fix in it, never quietly changed: generated names that depend on
what stands beside them would change when something is added.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection

from perdure_codegen.diagnostic import Diagnostic, Note, Span, error
from perdure_codegen.naming import is_identifier
from perdure_codegen.tree import Entry

_WIRE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*", re.ASCII)


class PythonNames:
    """The names of one scope: the fields of a struct, the handlers of a service."""

    def __init__(self, faults: list[Diagnostic], noun: str, taken: Collection[str] = ()) -> None:
        self._faults = faults
        self._noun = noun
        self._taken = taken
        self._seen: dict[str, tuple[str, Span]] = {}

    def claim(self, py_name: str, entry: Entry, *, free: bool = False) -> None:
        """Take `py_name` for the thing declared by `entry`. `free`: its name in the spec may be any text."""
        if not free and not _WIRE_NAME.fullmatch(entry.key):
            return
        self.claim_at(py_name, entry.key, entry.span)

    def claim_at(self, py_name: str, name: str, span: Span, advice: str = "") -> None:
        """Take `py_name` for what the spec calls `name`. `advice` says what to do if it cannot be had."""
        advice = advice or f"set `py_name`, for example `py_name: {_another(py_name)}`"
        if not is_identifier(py_name) or py_name.startswith("_"):
            self._faults.append(error("S012", span, self._unusable(py_name, name), help=advice))
        elif py_name in self._taken:
            message = f"{self._noun} `{name}`: the name `{py_name}` is taken in the generated code"
            self._faults.append(error("S012", span, message, help=advice))
        elif first := self._seen.get(py_name):
            message = f"`{first[0]}` and `{name}` are both `{py_name}` in Python"
            note = Note(first[1], "the other one")
            self._faults.append(error("S012", span, message, help=advice, note=note))
        else:
            self._seen[py_name] = (name, span)

    def _unusable(self, py_name: str, name: str) -> str:
        if keyword.iskeyword(py_name):
            return f"{self._noun} `{name}`: `{py_name}` is a keyword of Python"
        if not py_name:
            return f"{self._noun} `{name}` has no letters or digits to make a name in Python of"
        return f"{self._noun} `{name}`: `{py_name}` cannot be a name in Python"


def _another(py_name: str) -> str:
    """A name near to one that cannot be used."""
    stem = py_name.strip("_")
    if not stem:
        return "other"
    if stem[0].isdigit():
        return f"N{stem}" if stem.isupper() else f"n{stem}"
    return f"{stem}_" if py_name == stem else stem
