"""Two records of one case, side by side.

Law: what may differ between two runs of one server is given a common name, in the order in which it first appears, so
that the same id twice is still the same id twice. Everything else is compared as it came.
"""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import dataclass, field
from typing import Any, cast

from tests.contract.deviations import OWN_WORDS
from tests.contract.door import Seen

ID = re.compile(r"inv_1[0-9A-Za-z]{33}")
AWAKEABLE = re.compile(r"sign_1[0-9A-Za-z_-]{38}")
EXPIRES = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00")
EXECUTION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
NEAR_S = 0.75
COMPARED = frozenset(
    (
        "content-type",
        "vary",
        "allow",
        "idempotency-expires",
        "x-restate-id",
        "x-restate-error-source",
        "access-control-allow-origin",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-allow-credentials",
        "access-control-expose-headers",
        "access-control-max-age",
    )
)
"""Not compared: date, connection and the like, which say something about the connection, not about the answer."""

Flat = dict[str, object]


class Near:
    """A time from now, in seconds. Two of them are the same if they are about the same."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Near) and abs(self.seconds - other.seconds) < NEAR_S

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return f"<in {self.seconds:.1f} s>"


@dataclass
class _Names:
    """Common names for what is different each time."""

    given: dict[str, str] = field(default_factory=dict[str, str])

    def of(self, kind: str, text: str) -> str:
        count = sum(name.startswith(f"<{kind} ") for name in self.given.values())
        return self.given.setdefault(text, f"<{kind} {count + 1}>")

    def within(self, text: str) -> str:
        text = ID.sub(lambda match: self.of("invocation", match[0]), text)
        return AWAKEABLE.sub(lambda match: self.of("awakeable", match[0]), text)


def flatten(record: list[Seen]) -> list[Flat]:
    """What was seen, as fields with names, one mapping for each request."""
    names = _Names()
    return [_flat(seen, names) for seen in record]


def _flat(seen: Seen, names: _Names) -> Flat:
    reply = seen.reply
    flat: Flat = {"status": reply.status}
    for name in sorted(COMPARED & set(reply.headers)):
        value = reply.headers[name]
        if name == "idempotency-expires" and EXPIRES.fullmatch(value):
            value = "<a time>"
        flat[f"header {name}"] = names.within(value)
    body = _body(reply.body)
    if isinstance(body, dict) and ("source" in body or "invocationId" in body or "services" in body):
        for name, value in cast("dict[str, Any]", body).items():
            flat[f"body {name}"] = _own(name, value, seen, names)
    else:
        flat["body"] = json.loads(names.within(json.dumps(body)))
    return flat


def _body(body: bytes) -> object:
    try:
        said: object = json.loads(body)
    except ValueError:
        return body.decode("latin-1")
    return said


def _own(name: str, value: Any, seen: Seen, names: _Names) -> object:  # noqa: ANN401  any JSON
    """A field of what a server says itself."""
    if name == "executionTime" and EXECUTION.fullmatch(value):
        at = datetime.datetime.fromisoformat(value[:26] + "+00:00").timestamp()
        return Near(at - seen.at)
    if name == "services":
        return sorted(value)
    if name == "message":
        for start in OWN_WORDS:
            if value.startswith(start):
                return f"{start}…"
    return names.within(value) if isinstance(value, str) else value


def differences(ours: list[Flat], theirs: list[Flat]) -> set[str]:
    """Names of the fields that differ. If it is the status, all else is another answer, and is not named."""
    found: set[str] = set()
    if len(ours) != len(theirs):
        found.add("count")
    for one, other in zip(ours, theirs, strict=False):
        differ = {name for name in (*one, *other) if one.get(name) != other.get(name)}
        found |= {"status"} if "status" in differ else differ
    return found


def report(name: str, asked: list[Seen], ours: list[Flat], theirs: list[Flat]) -> str:
    """Both records, request by request; lines that differ are marked."""
    lines = [f"{name}: the servers differ"]
    for number, seen in enumerate(asked):
        lines.append(f"\n{seen.ask.method} {seen.ask.path}".rstrip())
        one = ours[number] if number < len(ours) else {}
        other = theirs[number] if number < len(theirs) else {}
        for field_name in dict.fromkeys((*one, *other)):
            left, right = one.get(field_name), other.get(field_name)
            if left == right:
                lines.append(f"    {field_name}: {left!r}")
            else:
                lines += [f"  - {field_name}: {left!r}  (perdure)", f"  + {field_name}: {right!r}  (Restate)"]
    return "\n".join(lines)
