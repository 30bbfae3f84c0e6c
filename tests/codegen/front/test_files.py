"""Files and folders as they are on disks: what cannot be read is said, never passed over."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perdure_codegen.loading import load
from tests.codegen.front.loads import HEAD


def test_a_folder_that_cannot_be_looked_into_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Specs may be in it, and without them the code that was made from them would count as stale.

    Its path is too long to be opened, which stops everybody; a permission would not stop root.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(HEAD, encoding="utf-8")
    folder = os.open(".", os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=folder)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)

    loaded = load([Path()])

    assert loaded.model is None
    (found,) = loaded.diagnostics
    assert found.code == "S020"
    assert found.message.startswith("cannot read `ddd")
    assert found.primary.file.startswith("ddd")


def test_a_loop_of_links_and_a_folder_called_like_a_spec(tmp_path: Path) -> None:
    """A link to itself is a fault with its reason; a folder is looked into whatever its name, and only once."""
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "folder.yaml" / "a.yaml").write_text(HEAD, encoding="utf-8")
    (tmp_path / "folder.yaml" / "up").symlink_to("..")

    loaded = load([tmp_path])

    assert [each.code for each in loaded.diagnostics] == ["S020"]
    assert loaded.diagnostics[0].message == f"cannot read `{tmp_path}/loop.yaml`: Too many levels of symbolic links"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (HEAD.encode("utf-16"), "the file is UTF-16; spec files are UTF-8"),
        (HEAD.encode("utf-32"), "the file is UTF-32; spec files are UTF-8"),
        (HEAD.encode("latin-1") + b"doc: \xe9\n", "the file is not UTF-8: byte 0xE9"),
        (b"x" * (4 * 1024 * 1024 + 1), "the file is larger than 4 MB"),
    ],
    ids=["utf-16", "utf-32", "latin-1", "large"],
)
def test_what_is_no_utf_8_text_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    """With the byte or the size that is in the way."""
    path = tmp_path / "a.yaml"
    path.write_bytes(content)

    (found,) = load([path]).diagnostics

    assert (found.code, found.message) == ("S001", f"cannot read `{path}`: {said}")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a mark"])
def test_lines_may_end_in_any_way_and_the_file_start_with_a_mark(tmp_path: Path, ends: str, mark: bytes) -> None:
    """Places are the same."""
    path = tmp_path / "a.yaml"
    path.write_bytes(mark + f"{HEAD}types:\n  A: {{alias: nothing}}\n".replace("\n", ends).encode())

    (found,) = load([path]).diagnostics

    assert (found.code, found.primary.line, found.primary.column) == ("S010", 4, 14)
