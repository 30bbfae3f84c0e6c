"""Nothing is written and nothing leaves the process but where a boundary is named, so that tests can crash there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import perdure

ROOT = Path(perdure.__file__).parent

Found = Callable[[ast.Call], bool]


def _method(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _is_closure(node: ast.expr) -> bool:
    return (isinstance(node, ast.Name) and node.id == "closure") or (
        isinstance(node, ast.Attribute) and node.attr == "closure"
    )


def commits(node: ast.Call) -> bool:
    """`store.commit(…)`."""
    return _method(node) == "commit"


def executes_a_closure(node: ast.Call) -> bool:
    """`closure()`, also in a thread."""
    in_thread = _method(node) == "run_in_executor" and any(_is_closure(argument) for argument in node.args)
    return _is_closure(node.func) or in_thread


def answers(node: ast.Call) -> bool:
    """`waiter.set_result(…)`, by which a caller outside is told."""
    return _method(node) == "set_result"


def calls(path: Path, found: Found) -> Iterator[int]:
    """Lines of a module on which there is such a call."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and found(node):
            yield node.lineno


def probes(path: Path) -> bool:
    """Whether a module tells of boundaries."""
    return any(True for _ in calls(path, lambda node: _method(node) == "_probe"))


@pytest.mark.parametrize(
    ("found", "folder", "at_least"), [(commits, "", 1), (executes_a_closure, "", 1), (answers, "engine", 2)]
)
def test_what_matters_in_a_crash_is_done_where_boundaries_are_named(found: Found, folder: str, at_least: int) -> None:
    """A commit, an effect or an answer in another module would be one that no test crashes beside."""
    modules = {path for path in (ROOT / folder).rglob("*.py") if any(True for _ in calls(path, found))}
    assert len(modules) >= at_least
    silent = sorted(str(path.relative_to(ROOT)) for path in modules if not probes(path))
    # These settle futures of handlers inside, where the order of the writer is enough.
    assert [path for path in silent if path not in ("engine/attempt.py",)] == []


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    """Planted ones, and nothing else."""
    module = tmp_path / "module.py"
    module.write_text(
        "store.commit(rows)\nclosure()\neffect.closure()\nloop.run_in_executor(None, closure)\n"
        "waiter.set_result(1)\nself._probe(1)\ncommit()\nloop.run_in_executor(None, other)\n"
    )
    assert list(calls(module, commits)) == [1]
    assert list(calls(module, executes_a_closure)) == [2, 3, 4]
    assert list(calls(module, answers)) == [5]
    assert probes(module)
