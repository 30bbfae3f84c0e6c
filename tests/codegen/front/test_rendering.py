"""How diagnostics are shown: as text, as JSON, as annotations of a pull request."""

from __future__ import annotations

import json

from perdure_codegen.diagnostic import (
    Diagnostic,
    Label,
    Note,
    Span,
    error,
    in_order,
    render_github,
    render_json,
    render_text,
)

LINES = {"a.yaml": ["spec: 1", "x: ä\tb", "last"], "b.yaml": ["first"]}


def test_a_mark_lies_under_what_it_marks() -> None:
    """Tabs and letters that need two bytes count as one column."""
    found = error("S010", Span("a.yaml", 2, 6, 7), "unknown type `b`", "here")

    assert render_text([found], LINES) == (
        "error[S010]: unknown type `b`\n --> a.yaml:2:6\n  |\n2 | x: ä b\n  |      ^ here\n\n1 error in 1 file\n"
    )


def test_the_second_place_may_be_in_another_file() -> None:
    """Then it has its file and line; help of several lines is indented."""
    found = error("S022", Span("a.yaml", 1, 1, 5), "twice", note=Note(Span("b.yaml", 1, 1, 6), "also"), help="do\nthis")

    assert render_text([found], LINES) == (
        "error[S022]: twice\n"
        " --> a.yaml:1:1\n"
        "  |\n"
        "1 | spec: 1\n"
        "  | ^^^^\n"
        " ::: b.yaml:1:1\n"
        "  |\n"
        "1 | first\n"
        "  | ----- also\n"
        "  |\n"
        "  = help: do\n"
        "          this\n"
        "\n"
        "1 error in 1 file\n"
    )


def test_of_a_long_line_only_what_is_around_the_mark_is_shown() -> None:
    """A spec on one line with a thousand faults is not printed a thousand times. Columns count from its start."""
    line = "".join(f"{number:<10}" for number in range(0, 1000, 10))
    found = [error("S010", Span("a.yaml", 1, at, end), "no") for at, end in ((11, 13), (501, 504), (991, 1500))]

    shown = [block.splitlines() for block in render_text(found, {"a.yaml": [line]}).split("\n\n")[:3]]

    assert [block[1] for block in shown] == [" --> a.yaml:1:11", " --> a.yaml:1:501", " --> a.yaml:1:991"]
    assert [block[3] for block in shown] == [
        f"1 | {line[:159]}…",
        f"1 | …{line[441:599]}…",
        f"1 | …{line[841:].rstrip()}",
    ]
    marked = [[letter for letter, mark in zip(block[3], block[4], strict=False) if mark == "^"] for block in shown]
    assert ["".join(letters) for letters in marked] == ["10", "500", "990"]


def test_a_long_text_is_cut() -> None:
    """Also for programs: a type of a hundred thousand letters is not repeated in a message."""
    found = error("S010", Span("a.yaml"), "x" * 401, help="y" * 400)

    assert (found.message, found.help) == ("x" * 399 + "…", "y" * 400)


def test_a_place_that_nobody_can_show_is_named_only() -> None:
    """A file that is not there has no lines; a mark past the end of a line is one character wide."""
    missing = error("S020", Span("gone.yaml"), "no such file", note=Note(Span("also-gone.yaml"), "nor this"))
    past = error("S001", Span("a.yaml", 3, 5, 99), "it ends")

    assert render_text([missing, past], LINES) == (
        "error[S020]: no such file\n"
        " --> gone.yaml\n"
        " ::: also-gone.yaml nor this\n"
        "\n"
        "error[S001]: it ends\n"
        " --> a.yaml:3:5\n"
        "  |\n"
        "3 | last\n"
        "  |     ^\n"
        "\n"
        "2 errors in 2 files\n"
    )


def test_nothing_to_say_is_no_text() -> None:
    """An empty list is the good case."""
    assert render_text([], {}) == ""
    assert render_github([]) == ""
    assert json.loads(render_json([])) == {"diagnostics": [], "errors": 0, "warnings": 0}


def test_a_message_cannot_write_to_the_terminal() -> None:
    """What the spec says is shown, but not obeyed: an escape sequence becomes a visible character."""
    found = error("S008", Span("c.yaml", 1, 1, 9), "`\x1b[31m` is not a name", help="\x07")

    text = render_text([found], {"c.yaml": ["\x1b[31mred: 1"]})

    assert "\x1b" not in text
    assert "\x07" not in text


def test_warnings_are_counted_by_themselves() -> None:
    """The summary has both counts."""
    label = Label("a.yaml", 1, 1, 2)
    found = [Diagnostic("S001", "bad", label), Diagnostic("S099", "hm", label, level="warning")]

    assert render_text(found, {}).endswith("1 error, 1 warning in 1 file\n")
    assert json.loads(render_json(found))["warnings"] == 1
    assert render_github(found).splitlines()[1].startswith("::warning file=a.yaml,line=1,")


def test_annotations_escape_what_has_a_meaning_there() -> None:
    """Percent signs and line breaks in a message; commas and colons in a property too."""
    found = error("S001", Span("a,b:c.yaml", 2, 3, 4), "100%: bad", help="one\ntwo")

    assert render_github([found]) == (
        "::error file=a%2Cb%3Ac.yaml,line=2,col=3,endColumn=4,title=S001::100%25: bad%0Ahelp: one%0Atwo\n"
    )


def test_json_has_all_there_is() -> None:
    """For programs: the place, the second place and the advice."""
    found = error(
        "S002",
        Span("a.yaml", 2, 3, 4),
        "twice",
        "again",
        note=Note(Span("a.yaml", 1, 3, 4), "first"),
        help="x",
    )

    assert json.loads(render_json([found]))["diagnostics"] == [
        {
            "code": "S002",
            "level": "error",
            "message": "twice",
            "help": "x",
            "file": "a.yaml",
            "line": 2,
            "column": 3,
            "end_column": 4,
            "label": "again",
            "related": [{"file": "a.yaml", "line": 1, "column": 3, "end_column": 4, "label": "first"}],
        }
    ]


def test_diagnostics_are_in_the_order_of_the_files() -> None:
    """By file, line and column, whatever the order in which they were found; each once."""
    spans = [
        Span("b.yaml", 1, 1, 2),
        Span("a.yaml", 10, 1, 2),
        Span("a.yaml", 9, 5, 6),
        Span("a.yaml", 9, 1, 2),
    ]
    found = [error("S001", span, "bad") for span in spans]

    ordered = in_order([*found, *found])

    assert [(each.primary.file, each.primary.line, each.primary.column) for each in ordered] == [
        ("a.yaml", 9, 1),
        ("a.yaml", 9, 5),
        ("a.yaml", 10, 1),
        ("b.yaml", 1, 1),
    ]
