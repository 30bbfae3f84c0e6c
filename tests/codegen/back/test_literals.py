"""Literals and docstrings: they mean what they were made from, and the formatter leaves them alone."""

from __future__ import annotations

import ast
import inspect
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from perdure_codegen import literals
from perdure_codegen.layout import width
from tests.codegen.back.random_models import docs, texts


def _value(source: str) -> object:
    return ast.literal_eval(source)


@given(st.text())
def test_a_string_means_itself(text: str) -> None:
    """Quotes, backslashes, controls, surrogate-free planes: all come back."""
    source = literals.string(text)
    assert _value(source) == text
    assert source.isprintable()


@given(st.text() | texts)
def test_a_pattern_means_itself(text: str) -> None:
    """Raw where that is possible."""
    assert _value(literals.pattern(text)) == text


def test_a_pattern_is_raw_if_it_can_be() -> None:
    """That is how people write regular expressions."""
    assert literals.pattern(r"^\d+$") == r'r"^\d+$"'
    assert literals.pattern('"') == "r'\"'"
    assert literals.pattern("""'\"""") == r'''"'\""'''
    assert literals.pattern("a\\") == r'"a\\"'


@given(st.binary())
def test_bytes_mean_themselves(octets: bytes) -> None:
    """All 256 of them."""
    assert _value(literals.binary(octets)) == octets


@given(st.text() | docs, st.sampled_from([0, 4, 8]))
def test_a_docstring_says_what_the_doc_says(text: str, indent: int) -> None:
    """Apart from spaces at the ends of lines, and from indentation that all lines share."""
    source = literals.docstring(text, indent)
    clean = inspect.cleandoc(text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [line.rstrip(" ") for line in clean.split("\n")]
    wanted = "\n".join(lines).strip()
    assert inspect.cleandoc(str(_value(source or '""'))).strip() == inspect.cleandoc(wanted).strip()


@given(st.timedeltas())
def test_a_duration_means_itself(span: timedelta) -> None:
    """In the largest unit that is exact."""
    arguments = literals.timedelta_arguments(span)
    name, _, number = arguments.partition("=")
    assert (timedelta(**{name: int(number)}) if number else timedelta(int(arguments))) == span


def test_durations_are_read_easily() -> None:
    """Ninety minutes are not 5,400,000 milliseconds."""
    spans = (timedelta(days=7), timedelta(minutes=90), timedelta(milliseconds=1500), timedelta(0))
    assert [literals.timedelta_arguments(span) for span in spans] == [
        "days=7",
        "minutes=90",
        "milliseconds=1500",
        "0",
    ]


def test_columns_are_counted_as_the_formatter_counts_them() -> None:
    """Wide characters take two, combining ones none."""
    assert [width(text) for text in ("abc", "漢字", "e\u0301", "é")] == [3, 4, 1, 1]
