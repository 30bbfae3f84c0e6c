"""What is wrong with a spec, where, and what to do about it; and how that is shown.

A `Diagnostic` is plain data: whoever finds a fault returns one, nobody raises. The renderers never fail, also
when the source that a label points at is not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]

_TEXT_MAX = 400
"""Characters of a message or an advice. A spec may have names of any length; what is said of them may not."""

_EXCERPT_MAX, _BEFORE = 160, 60
"""Columns that are shown of a line, and how many of them before the mark if the line is longer."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one line of a file. Lines and columns count from 1; `end` is the column after it."""

    file: str
    line: int = 1
    column: int = 1
    end: int = 1


@dataclass(frozen=True, slots=True)
class Label:
    """A place and what there is to say about it."""

    file: str
    line: int
    column: int
    end: int
    text: str = ""

    @classmethod
    def at(cls, span: Span, text: str = "") -> Label:
        """A label on `span`."""
        return cls(span.file, span.line, span.column, span.end, text)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault. `code` is stable and has an entry in `perdure_codegen.codes`."""

    code: str
    message: str
    primary: Label
    secondary: tuple[Label, ...] = ()
    help: str = ""
    level: Level = "error"


@dataclass(frozen=True, slots=True)
class Note:
    """A second place that belongs to a fault."""

    span: Span
    text: str


def error(
    code: str, span: Span, message: str, label: str = "", *, help: str = "", note: Note | None = None
) -> Diagnostic:
    """An error at `span`. `help` says what to do; `note` adds a second place."""
    second = (Label.at(note.span, note.text),) if note else ()
    return Diagnostic(code, _short(message), Label.at(span, label), second, _short(help))


def _short(text: str) -> str:
    return text if len(text) <= _TEXT_MAX else f"{text[: _TEXT_MAX - 1]}…"


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics by file, line and column, each once."""
    return tuple(
        sorted(
            dict.fromkeys(diagnostics),
            key=lambda d: (d.primary.file, d.primary.line, d.primary.column, d.code, d.message),
        )
    )


# --- text --------------------------------------------------------------------------------------------------


def render_text(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Sequence[str]]) -> str:
    """The diagnostics for people: each with the lines it is about, and a summary at the end.

    `sources` maps a file, named as in the labels, to its lines. Empty if there is nothing to say.
    """
    if not diagnostics:
        return ""
    return "\n".join([*(_block(d, sources) for d in diagnostics), summary(diagnostics), ""])


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """``2 errors in 1 file``."""
    counts = [
        _count(sum(d.level == level for d in diagnostics), level)
        for level in ("error", "warning")
        if any(d.level == level for d in diagnostics)
    ]
    return f"{', '.join(counts)} in {_count(len({d.primary.file for d in diagnostics}), 'file')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _block(diagnostic: Diagnostic, sources: Mapping[str, Sequence[str]]) -> str:
    labels = (diagnostic.primary, *diagnostic.secondary)
    shown = [label for label in labels if _line(label, sources) is not None]
    width = max((len(str(label.line)) for label in shown), default=1)
    out = [f"{diagnostic.level}[{diagnostic.code}]: {_printable(diagnostic.message)}"]
    for number, label in enumerate(labels):
        line = _line(label, sources)
        out += _opening(label, labels[0], number, width, known=line is not None)
        if line is not None:
            out += _excerpt(label, line, width, "^" if number == 0 else "-")
    if diagnostic.help:
        first, *rest = _printable(diagnostic.help, keep="\n").split("\n")
        out += [f"{' ' * width} |"] if shown else []
        out += [
            f"{' ' * width} = help: {first}",
            *(f"{' ' * width}         {line}".rstrip() for line in rest),
        ]
    return "\n".join([*out, ""])


def _opening(label: Label, primary: Label, number: int, width: int, *, known: bool) -> list[str]:
    """The line that says where an excerpt is from; dots stand for the same file."""
    place = f"{label.file}:{label.line}:{label.column}" if known else label.file
    if number == 0:
        return [f"{' ' * width}--> {place}"]
    if label.file == primary.file and known:
        return [f"{' ' * width}..."]
    return [f"{' ' * width}::: {place}" + ("" if known else f" {label.text}")]


def _excerpt(label: Label, line: str, width: int, mark: str) -> list[str]:
    # A tab would shift the marks by an amount that only the terminal knows.
    text, start = _window(line, label.column - 1)
    end = min(label.end - 1 - start, len(text))
    at = label.column - 1 - start
    return [
        f"{' ' * width} |",
        f"{label.line:>{width}} | {_printable(text)}".rstrip(),
        f"{' ' * width} | {' ' * at}{mark * max(1, end - at)} {label.text}".rstrip(),
    ]


def _window(line: str, at: int) -> tuple[str, int]:
    """The part of a line around `at` that is shown, and the column that it starts at; dots for what is left out."""
    if len(line) <= _EXCERPT_MAX:
        return line, 0
    start = max(0, min(at - _BEFORE, len(line) - _EXCERPT_MAX))
    cut = line[start : start + _EXCERPT_MAX]
    first = "…" if start else ""
    last = "…" if start + _EXCERPT_MAX < len(line) else ""
    return first + cut[len(first) : len(cut) - len(last)] + last, start


def _line(label: Label, sources: Mapping[str, Sequence[str]]) -> str | None:
    lines = sources.get(label.file, ())
    return lines[label.line - 1] if 0 < label.line <= len(lines) else None


def _printable(text: str, keep: str = "") -> str:
    """`text` with one harmless character in place of each that could move the cursor."""
    return "".join(c if c.isprintable() or c in keep else ("\N{REPLACEMENT CHARACTER}", " ")[c.isspace()] for c in text)


# --- for programs ------------------------------------------------------------------------------------------


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    """The diagnostics as one JSON document."""
    return json.dumps(
        {
            "diagnostics": [
                {
                    "code": d.code,
                    "level": d.level,
                    "message": d.message,
                    "help": d.help,
                    **_place(d.primary),
                    "related": [_place(label) for label in d.secondary],
                }
                for d in diagnostics
            ],
            "errors": sum(d.level == "error" for d in diagnostics),
            "warnings": sum(d.level == "warning" for d in diagnostics),
        },
        indent=2,
    )


def _place(label: Label) -> dict[str, str | int]:
    return {
        "file": label.file,
        "line": label.line,
        "column": label.column,
        "end_column": label.end,
        "label": label.text,
    }


def render_github(diagnostics: Sequence[Diagnostic]) -> str:
    """The diagnostics as workflow commands, one a line: they become annotations on the changed files."""
    return "".join(
        f"::{d.level} file={_property(d.primary.file)},line={d.primary.line},col={d.primary.column},"
        f"endColumn={d.primary.end},title={_property(d.code)}::{_message(_whole_message(d))}\n"
        for d in diagnostics
    )


def _whole_message(diagnostic: Diagnostic) -> str:
    return diagnostic.message + (f"\nhelp: {diagnostic.help}" if diagnostic.help else "")


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
