"""The plot: bars of throughput, one panel for each workload, in SVG, on a logarithmic scale.

Written with the standard library: an SVG of bars is a few dozen elements, and a reader of the results needs no
plotting package.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from benchmarks.matrix import Cell
from benchmarks.targets import KINDS
from benchmarks.workloads import WORKLOADS

COLOURS = {
    "ceiling": "#b8bcc4",
    "echo": "#dfe2e7",
    "perdure": "#c8452d",
    "restate-tuned": "#3c6e9e",
    "restate": "#7fa3c7",
    "dbos": "#8a9a5b",
}
WIDTH, LABEL, BAR, GAP, HEAD = 900, 330, 16, 4, 30
DECADES = 6


def bars(cells: Sequence[Cell], connections: int) -> str:
    """An SVG of one number of connections."""
    here = [cell for cell in cells if cell.connections == connections]
    workloads = list(dict.fromkeys(cell.workload for cell in here))
    height = HEAD + sum(HEAD + (BAR + GAP) * sum(cell.workload == each for cell in here) for each in workloads) + GAP
    size = {"width": str(WIDTH), "height": str(height), "viewBox": f"0 0 {WIDTH} {height}"}
    root = Xml.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "font-family": "sans-serif"})
    Xml.SubElement(root, "rect", {"width": str(WIDTH), "height": str(height), "fill": "white"})
    title = f"Operations per second at {connections} connections (logarithmic)"
    _text(root, (10, 20), title, {"font-size": "15", "font-weight": "bold"})
    y = HEAD
    for workload in workloads:
        _text(root, (10, y + 20), f"{workload}: {WORKLOADS[workload].about}", {"font-size": "13"})
        y += HEAD
        for cell in sorted((cell for cell in here if cell.workload == workload), key=lambda cell: -cell.per_second):
            _bar(root, y, cell)
            y += BAR + GAP
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode") + "\n"


def _bar(root: Xml.Element, y: int, cell: Cell) -> None:
    room = WIDTH - LABEL - 80
    width = max(1.0, room * math.log10(max(1.0, cell.per_second)) / DECADES)
    place = {"x": str(LABEL), "y": str(y), "width": f"{width:.1f}", "height": str(BAR)}
    Xml.SubElement(root, "rect", {**place, "fill": COLOURS.get(cell.target, "#999999")})
    small = {"font-size": "11"}
    _text(root, (LABEL - 6, y + 12), KINDS[cell.target].about, {**small, "text-anchor": "end"})
    _text(root, (LABEL + width + 5, y + 12), f"{cell.per_second:,.0f}", small)


def _text(root: Xml.Element, at: tuple[float, float], text: str, style: dict[str, str]) -> None:
    element = Xml.SubElement(root, "text", {"x": f"{at[0]:.1f}", "y": f"{at[1]:.1f}", "fill": "#222222", **style})
    element.text = text
