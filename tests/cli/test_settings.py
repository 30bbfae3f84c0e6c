"""Where the specs are and where the code goes, as a project says."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure.cli.console import UserError
from perdure.cli.settings import Settings, read_settings


def test_without_a_file_the_defaults_hold(folder: Path) -> None:
    """specs/ in, generated/ out."""
    assert list(folder.iterdir()) == []
    assert read_settings() == Settings((Path("specs"),), Path("generated"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("perdure.toml", 'specs = ["a", "b/c.yaml"]\nout = "gen"\n'),
        ("pyproject.toml", '[tool.other]\nx = 1\n[tool.perdure]\nspecs = ["a", "b/c.yaml"]\nout = "gen"\n'),
    ],
)
def test_both_files_say_the_same(folder: Path, name: str, text: str) -> None:
    """A project picks one of them."""
    (folder / name).write_text(text)
    assert read_settings() == Settings((Path("a"), Path("b/c.yaml")), Path("gen"))


def test_a_pyproject_of_something_else_says_nothing(folder: Path) -> None:
    """Beside it, perdure.toml counts."""
    (folder / "pyproject.toml").write_text('[project]\nname = "x"\n')
    (folder / "perdure.toml").write_text('specs = "api"\n')
    assert read_settings() == Settings((Path("api"),), Path("generated"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('spec = "x"', r"perdure\.toml: .*unknown field `spec`"),
        ("out = 3", r"perdure\.toml: .*`\$\.out`"),
        ("specs = []", r"perdure\.toml: .*`\$\.specs`"),
        ('specs = ["a", 1]', r"perdure\.toml: .*`\$\.specs\[1\]`"),
        ('out = ""', r"perdure\.toml: .*`\$\.out`"),
        ("out = ", r"perdure\.toml is not TOML: "),
        ("\udcff", r"perdure\.toml is not TOML: "),
    ],
)
def test_a_file_that_cannot_be_understood_is_an_error(folder: Path, text: str, message: str) -> None:
    """It names the file and the place in it."""
    (folder / "perdure.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=message):
        read_settings()


def test_two_files_are_one_too_many(folder: Path) -> None:
    """Nobody has to know which one wins."""
    (folder / "perdure.toml").write_text('out = "a"\n')
    (folder / "pyproject.toml").write_text('[tool.perdure]\nout = "b"\n')
    with pytest.raises(UserError, match="settings in both") as raised:
        read_settings()
    assert raised.value.hint == "keep one of the two"
