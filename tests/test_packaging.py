"""What a user installs: the wheel has all that it needs and nothing else, and works away from the checkout.

The environments here are real but share the dependencies of the one that runs the tests, by a `.pth` line;
so nothing is fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"perdure": "runtime", "perdure_codegen": "codegen", "perdure_templates": "templates"}


def _run(*command: str | Path, cwd: Path) -> str:
    """What a command prints. It must succeed, away from the checkout and its path."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        command, cwd=cwd, env=clean, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def _pip(*arguments: str | Path, cwd: Path) -> str:
    return _run(sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments, cwd=cwd)


def _environment(folder: Path) -> Path:
    """A fresh virtual environment that finds the dependencies, but not our own packages, elsewhere."""
    _run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    base = {"base": str(folder), "platbase": str(folder)}
    packages = Path(sysconfig.get_path("purelib", vars=base))
    (packages / "shared_dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is needed to build, as after a clone."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in PACKAGES.values():
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that `pip install .` makes."""
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, checkout, cwd=folder)
    (path,) = folder.glob("perdure-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment in which the wheel is installed."""
    programs = _environment(tmp_path_factory.mktemp("installed") / "venv")
    python = programs / "python"
    _pip("--python", python, "install", "--quiet", "--no-deps", "--ignore-installed", wheel, cwd=wheel.parent)
    return programs


def test_the_wheel_has_three_packages_and_nothing_else(wheel: Path) -> None:
    """Nothing generic reaches site-packages: no `codegen`, no `tests`, no `generated`."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert len(tops) == len(PACKAGES) + 1
    assert [name for name in names if name.endswith(".pyc")] == []


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    """Modules, templates, the meta-schema and the markers for type checkers."""
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        str(path.relative_to(ROOT / root))
        for package, root in PACKAGES.items()
        for path in (ROOT / root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - names == set()
    assert {f"{package}/py.typed" for package in PACKAGES} <= names
    assert "perdure_codegen/perdure-spec-v1.schema.json" in names
    assert any(name.endswith(".jinja") for name in names)


def test_the_wheel_carries_its_licence(wheel: Path) -> None:
    """Whoever gets it knows what is allowed."""
    archive = zipfile.ZipFile(wheel)
    (licence,) = [name for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
    assert "Apache License" in archive.read(licence).decode()


def test_the_installed_wheel_runs_in_a_neutral_folder(installed: Path, tmp_path: Path) -> None:
    """From nothing to generated code, with the templates and the schema of the wheel."""
    where = _run(installed / "python", "-c", "import perdure, perdure_codegen; print(perdure.__file__)", cwd=tmp_path)
    assert str(installed.parent) in where
    assert "generate" in _run(installed / "perdure", "--help", cwd=tmp_path)
    _run(installed / "perdure", "init", "hello", cwd=tmp_path)
    project = tmp_path / "hello"
    shutil.rmtree(project / "generated")
    _run(installed / "perdure", "generate", cwd=project)
    _run(installed / "perdure", "generate", "--check", cwd=project)
    assert '"$schema"' in _run(installed / "perdure", "schema", cwd=tmp_path)
    _run(installed / "python", "-c", "import app", cwd=project)


def test_an_editable_install_follows_the_checkout(checkout: Path, tmp_path: Path) -> None:
    """Templates are found, and a module that is added later is seen without installing again."""
    programs = _environment(tmp_path / "venv")
    python = programs / "python"
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--ignore-installed")
    _pip("--python", python, "install", *options, "--editable", checkout, cwd=tmp_path)
    _run(programs / "perdure", "init", "hello", cwd=tmp_path)
    _run(programs / "perdure", "generate", "--check", cwd=tmp_path / "hello")
    later = checkout / "runtime" / "perdure" / "added_later.py"
    later.write_text("WHERE = __file__\n")
    try:
        found = _run(python, "-c", "from perdure.added_later import WHERE; print(WHERE)", cwd=tmp_path)
    finally:
        later.unlink()
    assert found.strip() == str(later)
