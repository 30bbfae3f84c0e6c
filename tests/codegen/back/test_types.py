"""pyright and mypy, both strict, on generated code, on scaffolds, and on programs that are right or wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from perdure_codegen.scaffold import scaffold
from tests.codegen.back.output import ROOT, everything, put

CORPUS = ROOT / "tests" / "typing"
EXPECTED = re.compile(r"# error: (both|pyright|mypy)$")
SETTINGS = f"""\
[tool.mypy]
strict = true
mypy_path = "{ROOT / "runtime"}"
explicit_package_bases = true
enable_error_code = ["ignore-without-code", "truthy-bool", "mutable-override"]

[tool.pyright]
typeCheckingMode = "strict"
pythonVersion = "3.11"
extraPaths = ["{ROOT / "runtime"}"]
"""

Findings = Mapping[tuple[str, int], tuple[str, ...]]
"""Messages by file and line."""


@pytest.fixture(scope="module")
def program(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the generated code, a scaffold of each package, and the corpus."""
    folder = tmp_path_factory.mktemp("program")
    for root in ("made_rich", "hostile", "builtin"):
        shutil.copytree(generated / root, folder / root)
    model = everything()
    for package in model.packages:
        if package.services:
            name = f"scaffold_{package.name.replace('.', '_')}.py"
            put(folder, {name: scaffold(model, package.name, "made_rich")})
    for path in CORPUS.glob("*.py"):
        shutil.copy(path, folder)
    put(folder, {"pyproject.toml": SETTINGS})
    return folder


@pytest.fixture(scope="module")
def findings(program: Path) -> Mapping[str, Findings]:
    """What each checker says of the whole project. Both run at the same time: each takes a core for itself."""
    binaries = Path(sys.executable).parent
    commands: dict[str, list[str | Path]] = {
        "pyright": [binaries / "pyright", "--outputjson", "--pythonpath", sys.executable],
        "mypy": [binaries / "mypy", "--no-error-summary", "--hide-error-context", "."],
    }
    environment = os.environ | {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    running = {
        name: subprocess.Popen(
            command, cwd=program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for name, command in commands.items()
    }
    said = {name: process.communicate() for name, process in running.items()}
    return {"pyright": _pyright(program, *said["pyright"]), "mypy": _mypy(*said["mypy"])}


def _pyright(program: Path, out: str, err: str) -> Findings:
    assert out.startswith("{"), out + err
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    for each in json.loads(out)["generalDiagnostics"]:
        place = (str(Path(each["file"]).relative_to(program)), each["range"]["start"]["line"] + 1)
        found[place] = (*found.get(place, ()), f"{each['message']} ({each.get('rule')})")
    return found


def _mypy(out: str, err: str) -> Findings:
    assert not err, err
    found: dict[tuple[str, int], tuple[str, ...]] = {}
    for line in out.splitlines():
        matched = re.match(r"(.+?):(\d+): error: (.*)", line)
        if matched:
            place = (matched[1], int(matched[2]))
            found[place] = (*found.get(place, ()), matched[3])
    return found


def _expected(path: Path, checker: str) -> set[tuple[str, int]]:
    marks = [EXPECTED.search(line) for line in path.read_text().splitlines()]
    return {(path.name, at) for at, mark in enumerate(marks, 1) if mark and mark[1] in ("both", checker)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("checker", ["pyright", "mypy"])
def test_generated_code_and_scaffolds_are_clean(findings: Mapping[str, Findings], checker: str) -> None:
    """Not a single finding in what the generator writes, also where names hide others."""
    corpus = {path.name for path in CORPUS.glob("*.py")}
    assert {place: said for place, said in findings[checker].items() if place[0] not in corpus} == {}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("checker", ["pyright", "mypy"])
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.py")), ids=lambda path: path.stem)
def test_mistakes_are_found_where_they_are(findings: Mapping[str, Findings], checker: str, path: Path) -> None:
    """Each marked line has an error, and no other line has one."""
    found = {place: said for place, said in findings[checker].items() if place[0] == path.name}
    missing = _expected(path, checker) - set(found)
    surplus = {place: said for place, said in found.items() if place not in _expected(path, checker)}
    assert (missing, surplus) == (set(), {})
    assert bool(found) == path.stem.startswith("wrong")
