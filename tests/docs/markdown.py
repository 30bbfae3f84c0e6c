"""The fenced blocks of a Markdown page, and what is to be done with each.

The law: a block is run, or says why not. A language that is neither run nor known as plain text is an error,
so that no example goes unchecked by a spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

RUN = ("console", "python", "yaml", "toml")
PLAIN = ("", "text", "json", "http", "diff", "mermaid", "typescript")

_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+|~~~+) *(?P<language>[\w+-]*)\s*$")
_NOT_RUN = re.compile(r"^\s*<!-- not run: *(?P<reason>.*?) *-->\s*$")
_FILE = re.compile(r"^# (?P<path>[\w./-]+\.(?:py|yaml|yml|toml))$")
_IN_REPOSITORY = re.compile(r"^\s*<!-- runs in the repository -->\s*$")


class PageError(AssertionError):
    """A page that cannot be run as it is written."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. `line` is the one of its opening fence."""

    line: int
    language: str
    text: str
    not_run: str = ""

    @property
    def file(self) -> str:
        """The file that the block is the content of, from its first line (`# app.py`), or nothing."""
        match = _FILE.match(self.text.partition("\n")[0])
        return match["path"] if match else ""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a console block, with what it prints and how it ends."""

    line: int
    command: str
    output: str
    status: int = 0


def blocks(page: str) -> Iterator[Block]:
    """All fenced blocks of a page, in order."""
    lines = page.splitlines()
    at = 0
    while at < len(lines):
        opening = _FENCE.match(lines[at])
        if not opening:
            at += 1
            continue
        start = at
        at += 1
        while at < len(lines) and lines[at].strip() != opening["fence"]:
            at += 1
        if at == len(lines):
            raise PageError(f"line {start + 1}: the fence is never closed")
        indent = len(opening["indent"])
        text = "".join(line[indent:] + "\n" for line in lines[start + 1 : at])
        yield _block(start + 1, opening["language"], text, lines[start - 1] if start else "")
        at += 1


def _block(line: int, language: str, text: str, before: str) -> Block:
    if language not in RUN + PLAIN:
        raise PageError(f"line {line}: `{language}` is neither run {RUN} nor plain {PLAIN}")
    mark = _NOT_RUN.match(before)
    if mark and not mark["reason"]:
        raise PageError(f"line {line}: a block that is not run says why: <!-- not run: REASON -->")
    return Block(line, language, text, mark["reason"] if mark else "")


def runs_in_repository(page: str) -> bool:
    """Whether the page asks for the specs and examples of the repository around it."""
    return any(_IN_REPOSITORY.match(line) for line in page.splitlines())


def steps(block: Block) -> list[Step]:
    """The commands of a console block: `$ command`, going on after a backslash, then its output."""
    found: list[Step] = []
    lines = block.text.splitlines()
    at = 0
    while at < len(lines):
        line = block.line + 1 + at
        if not lines[at].startswith("$ "):
            raise PageError(f"line {line}: a console block begins with `$ command`, not {lines[at]!r}")
        command = lines[at][2:]
        at += 1
        while command.endswith("\\") and at < len(lines):
            command = f"{command}\n{lines[at].removeprefix('> ')}"
            at += 1
        output: list[str] = []
        while at < len(lines) and not lines[at].startswith("$ "):
            output.append(lines[at])
            at += 1
        found.append(_step(line, command, "\n".join(output).strip("\n")))
    return found


def _step(line: int, command: str, output: str) -> Step:
    """A trailing `# exit 1` is the status that is expected; without it, 0."""
    expected = re.search(r"\s+# exit (\d+)$", command)
    if not expected:
        return Step(line, command, output)
    return Step(line, command[: expected.start()], output, int(expected[1]))


def matches(expected: str, actual: str) -> bool:
    """Whether output is as expected; `…` stands for anything in a line, and alone for any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line.rstrip()).replace("…", ".*") + r"[ \t]*\n"
        for line in expected.splitlines()
    )
    return re.fullmatch(pattern, actual.strip("\n") + "\n" if actual.strip("\n") else "") is not None
