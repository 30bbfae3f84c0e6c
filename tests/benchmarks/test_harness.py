"""The harness of the benchmarks measures: a tiny round of perdure and of the ceiling, through all of it."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from benchmarks.__main__ import Results, main
from benchmarks.matrix import Cell, ratio
from benchmarks.plot import bars
from benchmarks.processes import Process, usage
from benchmarks.targets import ask, running
from benchmarks.workloads import STEADY

LITTLE = ["--targets", "perdure,ceiling", "--connections", "2", "--rounds", "1", "--seconds", "0.1", "--counts", "20"]


def test_every_workload_is_measured(tmp_path: Path) -> None:
    """Rates, W5, W6 and W8 of both, from one command; report, numbers and plot are written."""
    workloads = [*STEADY, "W5"]
    assert main(["run", *LITTLE, "--workloads", ",".join(workloads), "--results", str(tmp_path)]) == 0
    results = msgspec.json.decode((tmp_path / "results.json").read_bytes(), type=Results)
    assert [(cell.workload, cell.target) for cell in results.cells] == [
        (workload, target) for workload in STEADY for target in ("perdure", "ceiling")
    ]
    for cell in results.cells:
        assert cell.per_second > 0, cell
        assert 0 < cell.p50_ms <= cell.p99_ms, cell
        assert all(mb > 10 for mb in cell.rss_mb.values()), cell
    assert [figure.values["executed"] for figure in results.figures] == ["20", "20"]
    report = (tmp_path / "report.md").read_text()
    assert "### perdure by ceiling" in report
    assert "### W5: 20 sends" in report
    assert (tmp_path / "connections-2.svg").read_text().startswith("<svg")


@pytest.mark.parametrize("name", ["perdure", "ceiling"])
def test_all_answer_alike(name: str, tmp_path: Path) -> None:
    """A target that answered something else would have done other work."""
    with running(name, tmp_path) as target:
        assert ask(target.port, "/Greeter/greet", b'"Mary"') == b'"Hello Mary"'
        assert ask(target.port, "/Bench/relay", b'"Mary"') == b'"Hello Mary"'
        assert ask(target.port, "/Bench/steps") == b"10"
        assert [ask(target.port, "/Counter/hot/add", b"1") for _ in range(3)] == [b"1", b"2", b"3"]
        assert all(used.rss_bytes > 1 << 20 for used in target.usage().values())


def test_nothing_is_left_running(tmp_path: Path) -> None:
    """Not the server, and not what it has started."""
    process = Process(["sh", "-c", "sleep 60 & echo started $!; wait"], tmp_path)
    process.spawn()
    child = int(process.await_line(r"^started (\d+)"))
    assert usage(child).rss_bytes > 0
    process.kill()
    # Who is not yet fetched by init has no memory any more.
    assert usage(child).own_bytes == 0


def test_a_server_that_does_not_start_is_told(tmp_path: Path) -> None:
    """With what it said."""
    process = Process(["sh", "-c", "echo no such thing; exit 3"], tmp_path)
    process.spawn()
    with pytest.raises(RuntimeError, match="no such thing"):
        process.await_line(r"^(ready)")
    process.kill()


def _cell(target: str, rounds: list[float]) -> Cell:
    return Cell(
        target=target,
        workload="W1",
        connections=1,
        per_second=sorted(rounds)[len(rounds) // 2],
        p50_ms=1.0,
        p99_ms=2.0,
        cpu_us={"it": 10.0},
        rss_mb={"it": 20.0},
        load_busy=0.1,
        rounds=rounds,
    )


def test_ratios_are_of_rounds() -> None:
    """A round that was slow for both does not change them, as it would change a ratio of sums."""
    cells = [_cell("perdure", [50.0, 5.0, 60.0]), _cell("ceiling", [100.0, 10.0, 100.0])]
    assert ratio(cells, "perdure", "ceiling") == {("W1", 1): 0.5}
    assert ratio(cells, "perdure", "dbos") == {}


def test_the_plot_shows_each_target() -> None:
    """One bar each, the fastest first, and its length grows with the logarithm."""
    drawn = bars([_cell("perdure", [100.0]), _cell("ceiling", [10_000.0])], 1)
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height="16"', drawn)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.2)
