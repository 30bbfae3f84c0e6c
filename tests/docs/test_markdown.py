"""The rules by which pages are run, each seen to hold and to fail."""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path

import pytest

from tests.docs.markdown import Block, PageError, Step, blocks, matches, runs_in_repository, steps
from tests.docs.page import Page

FENCE = "```"


def fenced(language: str, text: str, before: str = "") -> str:
    """A page of one block."""
    return f"# Title\n\nWords.\n\n{before}\n{FENCE}{language}\n{text}\n{FENCE}\n"


def run(page: str, folder: Path) -> int:
    """How many blocks of the page were run."""
    with Page(folder) as running:
        return running.run(page)


def test_blocks_are_found_with_their_lines() -> None:
    """An indented block, as in a list, loses its indentation."""
    page = f"{FENCE}text\na\n{FENCE}\n\n1. so:\n\n   {FENCE}python\n   x = 1\n   {FENCE}\n"
    assert list(blocks(page)) == [Block(1, "text", "a\n"), Block(7, "python", "x = 1\n")]


def test_a_block_that_is_not_run_says_why(tmp_path: Path) -> None:
    """The mark stands in the line above; without a reason it is an error."""
    assert run(fenced("python", "raise SystemExit(1)", "<!-- not run: needs a cluster -->"), tmp_path) == 0
    with pytest.raises(PageError, match="line 6: a block that is not run says why"):
        run(fenced("python", "raise SystemExit(1)", "<!-- not run: -->"), tmp_path)


def test_a_language_that_nobody_runs_is_an_error() -> None:
    """Or `sh` in place of `console` would hide a command from the tests."""
    with pytest.raises(PageError, match="line 6: `sh` is neither run"):
        list(blocks(fenced("sh", "rm -rf /")))


def test_a_fence_that_stays_open_is_an_error() -> None:
    """Else the rest of the page would be one block."""
    with pytest.raises(PageError, match="line 1: the fence is never closed"):
        list(blocks(f"{FENCE}text\na\n"))


def test_commands_and_their_output() -> None:
    """A command goes on after a backslash; its status may stand behind it."""
    block = Block(10, "console", "$ echo a \\\n>   b\na b\n$ false  # exit 1\n$ true\n")
    assert steps(block) == [
        Step(11, "echo a \\\n  b", "a b"),
        Step(14, "false", "", 1),
        Step(15, "true", ""),
    ]


@pytest.mark.parametrize(
    ("expected", "actual", "result"),
    [
        ("a", "a\n", True),
        ("a", "b\n", False),
        ("a", "a\nb\n", False),
        ("id …", "id inv_1\n", True),
        ("a … c", "a b\nc\n", False),
        ("a\n…\nd", "a\nb\nc\nd\n", True),
        ("a\n…", "a\n", True),
        ("…", "", True),
        ("a.c", "abc\n", False),
    ],
)
def test_the_wildcard(expected: str, actual: str, result: bool) -> None:
    """`…` is anything in a line, and alone any number of lines; everything else is literal."""
    assert matches(expected, actual) is result


def test_commands_share_a_folder_and_where_it_stands(tmp_path: Path) -> None:
    """`cd` holds until the next one, also in the next block."""
    page = fenced("console", "$ mkdir sub && cd sub\n$ touch here") + fenced("console", "$ ls\nhere")
    assert run(page, tmp_path) == 2


def test_wrong_output_and_wrong_status_are_errors(tmp_path: Path) -> None:
    """The message shows both sides, and the line in the page."""
    with pytest.raises(PageError, match=r"line 7: \$ echo b\n--- expected, exit 0\na\n--- got, exit 0\nb"):
        run(fenced("console", "$ echo b\na"), tmp_path)
    with pytest.raises(PageError, match="got, exit 3"):
        run(fenced("console", "$ exit 3"), tmp_path)
    with pytest.raises(PageError, match="expected, exit 3"):
        run(fenced("console", "$ true  # exit 3"), tmp_path)


def test_a_block_can_be_a_file(tmp_path: Path) -> None:
    """Its first line names it; the line is a comment in all three languages."""
    page = fenced("python", "# pkg/hello.py\nprint('hi')") + fenced("console", "$ python pkg/hello.py\nhi")
    assert run(page, tmp_path) == 2


def test_a_program_that_fails_is_an_error(tmp_path: Path) -> None:
    """With its traceback."""
    assert run(fenced("python", "assert 1 + 1 == 2"), tmp_path) == 1
    with pytest.raises(PageError, match=r"line 6: the block fails\n(?s:.*)AssertionError"):
        run(fenced("python", "assert 1 + 1 == 3"), tmp_path)


def test_yaml_is_a_file_or_a_whole_spec_or_marked(tmp_path: Path) -> None:
    """A whole spec is checked as a user would check it."""
    good = "spec: 1\npackage: a.v1\nservices:\n  A:\n    handlers:\n      go: {output: string}"
    assert run(fenced("yaml", good), tmp_path) == 1
    with pytest.raises(PageError, match=r"line 6: the spec is bad\n(?s:.*)strin"):
        run(fenced("yaml", good.replace("string", "strin")), tmp_path)
    with pytest.raises(PageError, match="line 6: neither a file"):
        run(fenced("yaml", "handlers: {}"), tmp_path)


def test_servers_are_started_and_stopped(tmp_path: Path) -> None:
    """A command that ends with `&` runs to the end of the page, on a port that was free."""
    serve = "$ python -m http.server 8080 --bind 127.0.0.1 &\nServing HTTP on 127.0.0.1 port 8080 …"
    with Page(tmp_path) as page:
        page.run(fenced("console", serve) + fenced("console", "$ curl -s http://127.0.0.1:8080/\n<…\n…"))
        url = page.local("http://127.0.0.1:8080/")
        (server, _), before = page.servers[0], time.monotonic()
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.status == 200
    assert server.poll() is not None
    assert time.monotonic() - before < 10


def test_a_server_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    """At once, not after a minute."""
    with pytest.raises(PageError, match=r"--- got, running False\n(?s:.*)No module named no_such"):
        run(fenced("console", "$ python -m no_such &\nready"), tmp_path)


def test_a_page_can_ask_for_the_repository(tmp_path: Path) -> None:
    """Its specs and examples are copied, so that a page cannot harm them."""
    page = "<!-- runs in the repository -->\n" + fenced("console", "$ rm -r specs")
    assert runs_in_repository(page)
    assert run(page, tmp_path) == 1
    assert (Path(__file__).parents[2] / "specs").exists()
