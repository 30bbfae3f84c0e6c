"""Imports go one way. The contracts stand in pyproject.toml; each is seen to fail on a planted violation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE_ROOTS = ("codegen", "runtime", "templates")

# contract -> a module, and the import that it must not have
PLANTED = [
    ("the runtime is layered", "runtime/perdure/core/planted.py", "import perdure.store.lmdb"),
    ("the runtime is layered", "runtime/perdure/engine/planted.py", "import perdure.http.ingress"),
    ("the runtime is layered", "runtime/perdure/unplaced.py", "import json"),
    ("the core does no I/O", "runtime/perdure/core/planted.py", "import asyncio"),
    ("the core does no I/O", "runtime/perdure/core/planted.py", "from time import time"),
    ("codegen and runtime do not know each other", "runtime/perdure/app.py", "import perdure_codegen.model"),
    (
        "codegen and runtime do not know each other",
        "codegen/perdure_codegen/planted.py",
        "import perdure.errors",
    ),
    ("templates know nobody", "templates/perdure_templates/planted.py", "import perdure_codegen"),
    ("only http knows aiohttp", "runtime/perdure/engine/planted.py", "import aiohttp"),
    ("only the LMDB adapter knows LMDB", "runtime/perdure/engine/planted.py", "import lmdb"),
    ("only restate knows Restate's SDK and what it needs", "runtime/perdure/engine/planted.py", "import restate"),
    ("the generator is pure but for its rim", "codegen/perdure_codegen/model.py", "import pathlib"),
]


def _contracts(root: Path) -> list[str]:
    settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    return [contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]]


def _verdicts(root: Path) -> tuple[int, dict[str, str], str]:
    """The linter on a checkout: its exit status, the verdict of each contract, and its whole output."""
    paths = os.pathsep.join(str(root / source) for source in SOURCE_ROOTS)
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": paths, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    lines = output.splitlines()
    verdicts = {
        name: verdict
        for name in _contracts(root)
        for verdict in ("KEPT", "BROKEN")
        if any(line.startswith(f"{name} {verdict}") for line in lines)
    }
    return done.returncode, verdicts, output


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source roots, to plant violations in."""
    copy = tmp_path_factory.mktemp("layers")
    for source in SOURCE_ROOTS:
        shutil.copytree(ROOT / source, copy / source, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def test_all_contracts_are_kept() -> None:
    """As `make layers` sees it."""
    status, verdicts, output = _verdicts(ROOT)
    assert verdicts == dict.fromkeys(_contracts(ROOT), "KEPT"), output
    assert status == 0, output


@pytest.mark.parametrize(("contract", "module", "line"), PLANTED)
def test_a_planted_import_breaks_its_contract(checkout: Path, contract: str, module: str, line: str) -> None:
    """A contract that cannot fail protects nothing."""
    path = checkout / module
    before = path.read_text("utf-8") if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n", "utf-8")
    try:
        status, verdicts, output = _verdicts(checkout)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before, "utf-8")
    assert verdicts.get(contract) == "BROKEN", output
    assert status == 1


def test_every_contract_has_a_planted_violation() -> None:
    """A new contract comes with its proof."""
    assert sorted({contract for contract, _, _ in PLANTED}) == sorted(_contracts(ROOT))
