"""The tidy rules: what the linters do not know about this project.

Everything here is a function from a path and a text to findings, so that the tests can plant violations
without touching a file. A rule that bans something says why, and what to use instead.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
PARAMETERS_MAX = 6
METHODS_MAX = 25
TEMPLATE_LINES_MAX = 79


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that breaks one rule."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Ban:
    """Calls that are not wanted, where, and what to do instead."""

    names: tuple[str, ...]
    """Full dotted names, as after resolving imports. A trailing `.*` means every function of the module."""
    why: str
    folders: tuple[str, ...]
    unless: tuple[str, ...] = ()
    """Path prefixes where it is allowed; `random.Random` style classes go into `but`."""
    but: tuple[str, ...] = ()


OURS = ("runtime/", "codegen/", "templates/")
CLOCK = ("runtime/perdure/engine/clock.py",)
BANS = (
    Ban(
        (
            "time.time",
            "time.time_ns",
            "datetime.datetime.now",
            "datetime.datetime.utcnow",
            "datetime.date.today",
        ),
        "time is passed in, so that a replay does not see the wall clock: take it from engine/clock.py",
        OURS,
        unless=CLOCK,
    ),
    Ban(
        ("uuid.uuid1", "uuid.uuid4", "random.*", "secrets.*", "os.urandom"),
        "chance is passed in; a replay must draw the same: take it from engine/clock.py",
        OURS,
        unless=CLOCK,
        but=("random.Random",),
    ),
    Ban(
        ("print",),
        "a library does not write to stdout: log, or return the text to perdure.cli",
        OURS,
        unless=("runtime/perdure/cli/",),
    ),
    Ban(
        ("pytest.skip", "pytest.xfail", "pytest.mark.skip", "pytest.mark.xfail"),
        "a test that does not run proves nothing: make it pass or delete it",
        ("tests/",),
    ),
)
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# Comments that silence a checker. Each needs its code, and after all of them a reason in words.
SILENCER = re.compile(
    r"#\s*(?P<kind>type: ignore|pyright: ignore|noqa)\b(?:(?:\[|:\s*)(?P<codes>[\w\-, ]+?\b)\]?(?=\s|$|#))?"
)
FILE_WIDE = re.compile(r"#\s*(pyright: (basic|strict|standard|report)|mypy: |ruff: noqa|flake8: noqa)")


def check_python(path: str, text: str) -> list[Finding]:
    """All findings in one Python file. `path` is relative to the root of the repository, with slashes."""
    tree = ast.parse(text)
    findings = [*_size(path, text, tree), *_bans(path, tree), *_forms(path, tree), *_comments(path, text)]
    if path.startswith("tests/"):
        findings += _tests(path, tree)
    return sorted(set(findings), key=lambda finding: (finding.line, finding.message))


def check_template(path: str, text: str) -> list[Finding]:
    """A template that grows long has begun to decide things."""
    lines = len(text.splitlines())
    if lines <= TEMPLATE_LINES_MAX:
        return []
    return [Finding(path, 1, f"{lines} lines; a template has at most {TEMPLATE_LINES_MAX}: decide in emit, not here")]


# Backwards, so that this file does not name them itself.
_HOSTS = ["gro.ipyp", "gro.detsohnohtyp", "gro.sjmpn", "moc.sjmpn", "moc.gkpnray"]
REGISTRY_HOSTS = re.compile("|".join(re.escape(host[::-1]) for host in _HOSTS))


def check_hosts(path: str, text: str) -> list[Finding]:
    """A file that names a package index makes one machine's choice everybody's."""
    return [
        Finding(path, number, f"names the package index {match[0]}: say the package's name only")
        for number, line in enumerate(text.splitlines(), 1)
        if (match := REGISTRY_HOSTS.search(line))
    ]


def _size(path: str, text: str, tree: ast.Module) -> Iterator[Finding]:
    lines = len(text.splitlines())
    if lines > FILE_LINES_MAX:
        yield Finding(path, 1, f"{lines} lines; a file has at most {FILE_LINES_MAX}: split it by subject")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function_size(path, node)
        elif isinstance(node, ast.ClassDef):
            methods = sum(isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) for child in node.body)
            if methods > METHODS_MAX:
                yield Finding(path, node.lineno, f"{node.name} has {methods} methods; at most {METHODS_MAX}")


def _function_size(path: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Finding]:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if lines > FUNCTION_LINES_MAX:
        message = f"{node.name} has {lines} lines; a function has at most {FUNCTION_LINES_MAX}"
        yield Finding(path, node.lineno, message)
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    count = len([argument for argument in arguments if argument.arg not in ("self", "cls")])
    if count > PARAMETERS_MAX:
        message = f"{node.name} has {count} parameters; at most {PARAMETERS_MAX}: make a value object of them"
        yield Finding(path, node.lineno, message)


def _bans(path: str, tree: ast.Module) -> Iterator[Finding]:
    names = _imported_names(tree)
    for ban in BANS:
        if not path.startswith(ban.folders) or path.startswith(ban.unless or "\0"):
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call | ast.Attribute):
                continue
            target = node.func if isinstance(node, ast.Call) else node
            name = _dotted(target, names)
            # An attribute counts without a call only where it is a decorator's: pytest.mark.skip.
            if isinstance(node, ast.Attribute) and not name.startswith("pytest.mark."):
                continue
            if name not in ban.but and any(_matches(name, banned) for banned in ban.names):
                yield Finding(path, node.lineno, f"{name}: {ban.why}")


def _imported_names(tree: ast.Module) -> dict[str, str]:
    """What each imported name stands for, so that `from time import time as now` is not a way out."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([names.get(node.id, node.id), *reversed(parts)])


def _matches(name: str, banned: str) -> bool:
    return name.startswith(banned.removesuffix("*")) if banned.endswith(".*") else name == banned


def _forms(path: str, tree: ast.Module) -> Iterator[Finding]:
    if not ast.get_docstring(tree):
        yield Finding(path, 1, "no module docstring: say what it is and the one law that it keeps")
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield Finding(path, node.lineno, "wildcard import: name what you take")
        elif isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and _does_nothing(node.body):
            yield Finding(path, node.lineno, "swallows every error: catch the one you expect")
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _leftover(path, node.lineno, ast.get_docstring(node) or "")
    yield from _leftover(path, 1, ast.get_docstring(tree) or "")


def _leftover(path: str, line: int, text: str) -> Iterator[Finding]:
    if match := LEFTOVER.search(text):
        yield Finding(path, line, f"{match[0]}: do it, or file it where people look for work")


def _is_broad(caught: ast.expr | None) -> bool:
    return caught is None or (isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException"))


def _does_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(statement, ast.Pass)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in body
    )


def _comments(path: str, text: str) -> Iterator[Finding]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, comment = token.start[0], token.string
        yield from _leftover(path, line, comment)
        if FILE_WIDE.match(comment):
            yield Finding(path, line, "silences a checker for a whole file: silence one line, and say why")
        yield from _silencers(path, line, comment)


def _silencers(path: str, line: int, comment: str) -> Iterator[Finding]:
    found = list(SILENCER.finditer(comment))
    for match in found:
        if not match["codes"]:
            yield Finding(path, line, f"`{match['kind']}` without a code: name what it silences")
    silences_types = any(match["kind"] != "noqa" and match["codes"] for match in found)
    if silences_types and not re.search(r"[A-Za-z]{2,}", SILENCER.sub("", comment)):
        yield Finding(path, line, "silences a type checker without a reason: say why in the same line")


def _tests(path: str, tree: ast.Module) -> Iterator[Finding]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        if not ast.get_docstring(node):
            yield Finding(path, node.lineno, f"{node.name} has no docstring: tell what it proves")
