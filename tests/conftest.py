"""At the end of a run, the tests say how much they have proven."""

from __future__ import annotations

import pytest

from tests.support import figures


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Figures, if there are any."""
    lines = figures.lines()
    if lines:
        terminalreporter.section("proven")
        for line in lines:
            terminalreporter.write_line(line)
