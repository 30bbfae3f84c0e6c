"""The repository keeps the tidy rules, and each rule is seen to fail on a planted violation."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.tidy import Finding, check_hosts, check_python, check_template

ROOT = Path(__file__).parents[1]
FOLDERS = ("runtime", "codegen", "templates", "tests", "examples", "benchmarks")
# Not written by hand, or wrong on purpose.
NOT_OURS = ("tests/typing/", "tests/codegen/golden/")

IN_RUNTIME = "runtime/perdure/engine/runner.py"
IN_TESTS = "tests/test_it.py"

PLANTED = [
    (IN_RUNTIME, "import time\nnow = time.time()", "time.time: time is passed in"),
    (IN_RUNTIME, "from time import time_ns as now\nnow()", "time.time_ns: time is passed in"),
    (IN_RUNTIME, "import datetime\ndatetime.datetime.now()", "datetime.datetime.now: time"),
    (IN_RUNTIME, "from datetime import datetime\ndatetime.now()", "datetime.datetime.now: time"),
    (IN_RUNTIME, "from uuid import uuid4\nuuid4()", "uuid.uuid4: chance is passed in"),
    (IN_RUNTIME, "import random\nrandom.randint(1, 2)", "random.randint: chance is passed in"),
    (IN_RUNTIME, "print('hello')", "print: a library does not write to stdout"),
    ("codegen/perdure_codegen/emit.py", "print('hello')", "print: a library does not write to stdout"),
    (
        IN_TESTS,
        "import pytest\n@pytest.mark.skip\ndef f(): ...",
        "pytest.mark.skip: a test that",
    ),
    (
        IN_TESTS,
        "import pytest\n@pytest.mark.xfail(strict=True)\ndef f(): ...",
        "pytest.mark.xfail: a test that",
    ),
    (IN_TESTS, "import pytest\npytest.skip('later')", "pytest.skip: a test that does not run"),
    (IN_TESTS, "def test_x(): ...", "test_x has no docstring"),
    (IN_TESTS, "class TestX:\n    async def test_x(self): ...", "test_x has no docstring"),
    (IN_RUNTIME, "try:\n    f()\nexcept Exception:\n    pass", "swallows every error"),
    (IN_RUNTIME, "try:\n    f()\nexcept:\n    ...", "swallows every error"),
    (IN_RUNTIME, "from os import *", "wildcard import"),
    (IN_RUNTIME, "x = 1  # TO" + "DO: two", "TODO: do it"),
    (IN_RUNTIME, 'def f():\n    """FIX' + 'ME later."""', "FIXME: do it"),
    (IN_RUNTIME, "x = 1  # type: ignore", "`type: ignore` without a code"),
    (IN_RUNTIME, "x = 1  # type: ignore[misc]", "without a reason"),
    (IN_RUNTIME, "x = 1  # pyright: ignore  because", "`pyright: ignore` without a code"),
    (IN_RUNTIME, "x = 1  # pyright: ignore[reportAny]", "without a reason"),
    (IN_RUNTIME, "x = 1  # type: ignore[misc]  # pyright: ignore[reportAny]", "without a reason"),
    (IN_RUNTIME, "x = 1  # noqa", "`noqa` without a code"),
    (IN_RUNTIME, "# mypy: ignore-errors", "for a whole file"),
    (IN_RUNTIME, "# pyright: reportPrivateUsage=false", "for a whole file"),
    (IN_RUNTIME, "x = 1\n" * 400, "401 lines; a file has at most 400"),
    (IN_RUNTIME, "def f():\n" + "    x = 1\n" * 50, "f has 51 lines"),
    (IN_RUNTIME, "def f(a, b, c, *, d, e, f, g): ...", "f has 7 parameters"),
    (IN_RUNTIME, "class C:\n" + "".join(f"    def m{i}(self): ...\n" for i in range(26)), "C has 26 methods"),
]
ALLOWED = [
    ("runtime/perdure/engine/clock.py", "import time\ntime.time()"),
    ("runtime/perdure/cli/check.py", "print('fine')"),
    (IN_RUNTIME, "import random\nchance = random.Random(7)\nchance.random()"),
    (IN_RUNTIME, "import time\ntime.monotonic()"),
    (IN_RUNTIME, "x = 1  # type: ignore[misc]  # pyright: ignore[reportAny]  the stub is wrong"),
    (IN_RUNTIME, "import x  # noqa: F401  re-exported"),
    (IN_RUNTIME, "def f(self, a, b, c, d, e, f): ..."),
    (IN_RUNTIME, "try:\n    f()\nexcept Exception:\n    log()"),
    (IN_RUNTIME, "try:\n    f()\nexcept KeyError:\n    pass"),
    (IN_TESTS, "import time\ntime.time()"),
    (IN_TESTS, "def test_x():\n    'Tells a story.'"),
]


def _tracked() -> list[str]:
    """Files that are in the repository or about to be; not what git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(path for path in listed.split("\0") if path and (ROOT / path).is_file())


def _ours(suffix: str) -> list[str]:
    return [
        path
        for path in _tracked()
        if path.endswith(suffix) and path.split("/")[0] in FOLDERS and not path.startswith(NOT_OURS)
    ]


def _text(path: str) -> str:
    return (ROOT / path).read_text("utf-8", "replace")


def _report(findings: list[Finding]) -> str:
    return "\n".join(str(finding) for finding in findings)


def test_every_python_file_is_tidy() -> None:
    """Size, bans, docstrings and silenced checkers, in all code that is written by hand."""
    paths = _ours(".py")
    assert len(paths) > 20
    findings = [finding for path in paths for finding in check_python(path, _text(path))]
    assert not findings, _report(findings)


def test_every_template_is_short() -> None:
    """Templates only place text."""
    paths = _ours(".jinja")
    assert paths
    findings = [finding for path in paths for finding in check_template(path, _text(path))]
    assert not findings, _report(findings)


def test_no_file_names_a_package_index() -> None:
    """Where packages come from is the machine's business."""
    findings = [finding for path in _tracked() for finding in check_hosts(path, _text(path))]
    assert not findings, _report(findings)


@pytest.mark.parametrize(("path", "code", "message"), PLANTED)
def test_a_planted_violation_is_found(path: str, code: str, message: str) -> None:
    """Every rule can fail: each of these breaks exactly one."""
    findings = check_python(path, f'"""A module."""\n{code}')
    assert len(findings) == 1, _report(findings)
    assert message in findings[0].message


@pytest.mark.parametrize(("path", "code"), ALLOWED)
def test_what_is_allowed_passes(path: str, code: str) -> None:
    """The rules are not stricter than they say."""
    assert check_python(path, f'"""A module."""\n{code}') == []


def test_a_module_without_a_docstring_is_found() -> None:
    """Even an empty one: a reader opens it and wants to know why it is there."""
    assert [finding.message[:19] for finding in check_python(IN_RUNTIME, "")] == ["no module docstring"]


def test_a_long_template_is_found() -> None:
    """Eighty lines are one too many."""
    assert check_template("t.jinja", "x\n" * 79) == []
    assert len(check_template("t.jinja", "x\n" * 80)) == 1


def test_a_package_index_is_found() -> None:
    """In any text, at its line."""
    host = "gro.detsohnohtyp.selif"[::-1]
    assert [str(finding)[:10] for finding in check_hosts("lock", f"a\nsee {host}\n")] == ["lock:2: na"]
