"""Python literals and docstrings in the form the formatter leaves alone.

The law: `eval(string(text)) == text` for every text, and a docstring shows the text it was made from.
"""

from __future__ import annotations

import inspect
import re
from datetime import timedelta

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}
_UNSAFE = re.compile(r'"{3,}|\A"+')
_UNSAFE_IN_ONE_LINE = re.compile(r'"{3,}|\A"+|"+\Z')
"""Quotes that would end the docstring, or touch its ends: there the formatter would put a space between."""
_UNITS = (
    ("days", timedelta(days=1)),
    ("hours", timedelta(hours=1)),
    ("minutes", timedelta(minutes=1)),
    ("seconds", timedelta(seconds=1)),
    ("milliseconds", timedelta(milliseconds=1)),
    ("microseconds", timedelta(microseconds=1)),
)


def _escaped(character: str) -> str:
    """One character, visible and harmless in any string literal."""
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def string(text: str) -> str:
    """A string literal: double quotes, unless single ones save backslashes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    body = "".join("\\" + quote if character == quote else _escaped(character) for character in text)
    return f"{quote}{body}{quote}"


def pattern(text: str) -> str:
    """A literal for a regular expression: raw, if it can be."""
    quote = "'" if '"' in text else '"'
    if quote in text or not text.isprintable() or text.endswith("\\"):
        return string(text)
    return f"r{quote}{text}{quote}"


def binary(octets: bytes) -> str:
    """A bytes literal."""
    return "b" + string(octets.decode("latin-1")) if octets.isascii() else _high_bytes(octets)


def _high_bytes(octets: bytes) -> str:
    quote = b"'" if octets.count(b'"') > octets.count(b"'") else b'"'
    parts = [_byte(octet, quote) for octet in octets]
    return f"b{quote.decode()}{''.join(parts)}{quote.decode()}"


def _byte(octet: int, quote: bytes) -> str:
    if octet == quote[0]:
        return "\\" + chr(octet)
    return _escaped(chr(octet)) if octet < 0x80 else f"\\x{octet:02x}"


def timedelta_arguments(value: timedelta) -> str:
    """The arguments of `datetime.timedelta(...)`, in the largest unit that is exact."""
    if not value:
        return "0"
    unit, one = next((unit, one) for unit, one in _UNITS if value % one == timedelta(0))
    return f"{unit}={value // one}"


def docstring(text: str, indent: int) -> str:
    """A docstring at `indent`, its first line not indented; an empty string if there is nothing to say."""
    clean = inspect.cleandoc(text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = ["".join(map(_escaped, line)).rstrip() for line in clean.split("\n")]
    body = "\n".join(" " * indent + line if line else "" for line in lines).strip()
    if not body:
        return ""
    many = "\n" in body
    unsafe = _UNSAFE if many else _UNSAFE_IN_ONE_LINE
    body = unsafe.sub(lambda quotes: '\\"' * len(quotes[0]), body)
    return f'"""{body}\n{" " * indent}"""' if many else f'"""{body}"""'


def first_line(text: str) -> str:
    """The first line of a doc, for places that have room for one."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
