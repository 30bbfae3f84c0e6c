"""How long to wait, as people write it in `?delay=`: `10s`, `1h 30m`, `1 minute`, `PT10S`.

Two notations are read: ISO 8601 durations, and the friendly one (numbers with units, largest unit first, the
last may have a fraction, a clock `HH:MM:SS` may end it). Days have 24 hours. Months and years are refused,
because nobody can say how long they are.
"""

from __future__ import annotations

import re
from fractions import Fraction

LONGEST_MS = 1000 * 366 * 24 * 60 * 60 * 1000
"""A thousand years: whoever wants more has a typing error."""

# Name of each unit, its length in nanoseconds, and all its spellings; the longest unit first.
_UNITS: tuple[tuple[int, str], ...] = (
    (7 * 86_400 * 10**9, "w wk wks week weeks"),
    (86_400 * 10**9, "d day days"),
    (3_600 * 10**9, "h hr hrs hour hours"),
    (60 * 10**9, "m min mins minute minutes"),
    (10**9, "s sec secs second seconds"),
    (10**6, "ms msec msecs milli millis millisecond milliseconds"),
    (10**3, "us µs μs usec usecs µsec µsecs μsec μsecs micro micros microsecond microseconds"),
    (1, "ns nsec nsecs nano nanos nanosecond nanoseconds"),
)
_LENGTHS = {spelling: length for length, spellings in _UNITS for spelling in spellings.split()}
_CALENDAR = frozenset(["y", "yr", "yrs", "year", "years", "mo", "mos", "month", "months"])
_HOUR = 3_600 * 10**9
_ISO_DATE = {"w": 7 * 86_400 * 10**9, "d": 86_400 * 10**9}
_ISO_TIME = {"h": _HOUR, "m": 60 * 10**9, "s": 10**9}

_PART = re.compile(r"\s*([0-9]+)(?:[.,]([0-9]+))?\s*([^\W\d_]+)(,(?=\s))?\s*")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?")
_ISO_PART = re.compile(r"([0-9]+)(?:[.,]([0-9]+))?([a-z])")


class BadDelay(ValueError):
    """A text that is no duration. The message says why."""


def parse_delay(text: str) -> int:
    """Whole milliseconds of a duration; a part of one counts as one.

    Raises:
        BadDelay: It is not a duration, is negative, or is longer than a thousand years.
    """
    body = text.strip()
    if body.startswith("-") or body.endswith("ago"):
        raise BadDelay(f"'{text}' is negative")
    body = body.removeprefix("+")
    nanoseconds = _iso(body.lower()[1:], text) if body[:1] in ("P", "p") else _friendly(body, text)
    milliseconds = -(-nanoseconds // 10**6)
    if milliseconds > LONGEST_MS:
        raise BadDelay(f"'{text}' is longer than 1000 years")
    return int(milliseconds)


def _friendly(body: str, text: str) -> Fraction:
    total, last, at = Fraction(0), None, 0
    while at < len(body):
        clock = _CLOCK.fullmatch(body, at)
        if clock and (last is None or last > _HOUR):
            return total + _clock(clock, text)
        part = _PART.match(body, at)
        if part is None:
            raise BadDelay(_expected(body[at:], text))
        whole, fraction, unit, comma = part.groups()
        length = _length(unit, text)
        if last is not None and length >= last:
            raise BadDelay(f"in '{text}' the unit '{unit}' stands after a smaller one, or twice")
        at = part.end()
        if comma and at == len(body):
            raise BadDelay(f"'{text}' ends with a comma")
        total += _amount(whole, fraction, length, at == len(body), text)
        last = length
    if last is None:
        raise BadDelay("it is empty")
    return total


def _clock(clock: re.Match[str], text: str) -> Fraction:
    hours, minutes, seconds = (int(clock[i]) for i in (1, 2, 3))
    if minutes > 59 or seconds > 59:
        raise BadDelay(f"'{text}' has no such minute or second")
    return _amount(str(hours * 3600 + minutes * 60 + seconds), clock[4], 10**9, True, text)


def _iso(body: str, text: str) -> Fraction:
    date, t, time = body.partition("t")
    if (t and not time) or not body:
        raise BadDelay(f"'{text}' ends too early")
    total = Fraction(0)
    for part, units, may_break in ((date, _ISO_DATE, False), (time, _ISO_TIME, True)):
        last, at = None, 0
        while at < len(part):
            found = _ISO_PART.match(part, at)
            length = units.get(found[3]) if found else None
            if found is None or length is None or (last is not None and length >= last):
                raise BadDelay(f"'{text}' is not an ISO 8601 duration of weeks, days, hours, minutes and seconds")
            at = found.end()
            total += _amount(found[1], found[2], length, may_break and at == len(part), text)
            last = length
    return total


def _length(unit: str, text: str) -> int:
    length = _LENGTHS.get(unit)
    if length is not None:
        return length
    if unit in _CALENDAR:
        raise BadDelay(f"'{text}' has a unit without a fixed length; weeks are the longest that has one")
    raise BadDelay(f"'{text}' has the unknown unit '{unit}'")


def _amount(whole: str, fraction: str | None, length: int, is_last: bool, text: str) -> Fraction:
    if fraction is None:
        return Fraction(int(whole[:40]) * length)
    if not is_last or length > _HOUR:
        raise BadDelay(f"'{text}' has a fraction that is not on its last unit, or on days or weeks")
    return Fraction(int(whole[:40] + fraction[:40]) * length, 10 ** len(fraction[:40]))


def _expected(rest: str, text: str) -> str:
    if rest.strip().isdigit():
        return f"'{text}' has no unit: write 10s, 5m, 1h30m or PT10S"
    return f"'{text}' is not a duration: write 10s, 5m, 1h30m or PT10S"
