"""The page about the language leaves nothing out, and its examples are sound."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perdure_codegen.codes import CODES
from perdure_codegen.loading import load
from perdure_codegen.metaschema import schema
from perdure_codegen.resolve_values import SCALARS
from tests.codegen.front.loads import HEAD, parts
from tests.docs.markdown import Block, blocks

PAGE = (Path(__file__).parents[3] / "docs/spec-language.md").read_text(encoding="utf-8")
SPECS = [block for block in blocks(PAGE) if block.language == "yaml" and not block.not_run]
FRAGMENTS = [block for block in blocks(PAGE) if block.not_run == "a fragment"]


def named(block: Block) -> str:
    return f"line-{block.line}"


@pytest.mark.parametrize("block", [block for block in SPECS if "bad" not in block.file], ids=named)
def test_whole_specs_load(block: Block, tmp_path: Path) -> None:
    """As they stand there."""
    path = tmp_path / "example.yaml"
    path.write_text(block.text, encoding="utf-8")

    assert load([path]).diagnostics == ()


@pytest.mark.parametrize("block", FRAGMENTS, ids=named)
def test_fragments_load_with_a_head(block: Block, tmp_path: Path) -> None:
    """A fragment is a section of a file; the two lines that every file has are put before it."""
    path = tmp_path / "fragment.yaml"
    path.write_text(HEAD + block.text, encoding="utf-8")

    assert load([path]).diagnostics == ()


def test_there_are_examples() -> None:
    """The lists above are not empty by a wrong mark."""
    assert len(SPECS) >= 3
    assert len(FRAGMENTS) >= 2


def test_every_key_of_the_language_is_on_the_page() -> None:
    """In code type, in a table or an example."""
    keys = {
        key for path, node in parts(schema()) if not path.endswith("/properties") for key in node.get("properties", {})
    }
    words = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`[^`\n]+`|^ +[\w{].*:.*$|^\w+:", PAGE, re.MULTILINE))))

    assert keys - words == set()
    assert SCALARS - words == set()


def test_every_code_is_on_the_page() -> None:
    """With its title, in order."""
    rows = re.findall(r"^\| `(S\d{3})` \| (.*) \|$", PAGE, re.MULTILINE)

    assert rows == [(code, title) for code, (title, _) in CODES.items()]
