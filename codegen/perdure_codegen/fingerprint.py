"""The fingerprint of a package: the same for the same meaning, whatever the file looks like.

It is taken from the resolved model, so comments, layout and the choice between short and long forms do not
count. Parts that have their default value are left out: a later version of the model, with more in it, gives
the same fingerprint to a spec that does not use what is new.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, cast

from perdure_codegen.model import Package

_NOT_MEANING = {"file", "fingerprint"}


def fingerprint(package: Package, imported: Iterable[str]) -> str:
    """16 hex digits over `package` and the fingerprints of what it imports."""
    meaning = [_plain(package), sorted(imported)]
    text = json.dumps(meaning, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(part: object) -> Any:  # noqa: ANN401  what json.dumps takes
    if dataclasses.is_dataclass(part):
        said: dict[str, Any] = {"is": type(part).__name__}
        for each in dataclasses.fields(part):
            value: object = getattr(part, each.name)
            if each.name not in _NOT_MEANING and value != each.default:
                said[each.name] = _plain(value)
        return said
    if isinstance(part, timedelta):
        return f"{part // timedelta(microseconds=1)}us"
    if isinstance(part, tuple | list):
        return [_plain(item) for item in cast("Sequence[object]", part)]
    return part
