"""Everything that is measured, from one command.

    python -m benchmarks [COMMAND] [OPTIONS]

Results go to benchmarks/results/: a report in Markdown, the numbers in JSON, and plots in SVG.
"""

from __future__ import annotations

import argparse
import datetime
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks import matrix, plot, report
from benchmarks.figures import Ask, Measure, generator, journal, large, queued, sends, sleepers
from benchmarks.processes import stopping_on_sigterm
from benchmarks.targets import KINDS
from benchmarks.workloads import STEADY

RESULTS = Path(__file__).parent / "results"
QUICK_SECONDS = 0.5
COMPARED = ("perdure", "ceiling", "restate", "restate-tuned", "dbos")


@dataclass(frozen=True, slots=True)
class Command:
    """A figure, and how much of it is measured unless something else is asked for."""

    about: str
    measure: Measure
    counts: tuple[int, ...]
    quick: tuple[int, ...]
    targets: tuple[str, ...] = ("perdure",)
    workload: str = ""


COMMANDS = {
    "sends": Command("W5: accept and drain one-way sends", sends.measure, (10_000,), (200,), COMPARED, "W5"),
    "sleepers": Command("W6: many sleepers", sleepers.asleep, (10_000, 100_000), (200,), COMPARED, "W6"),
    "restart": Command("W8: many suspended, SIGKILL", sleepers.killed, (10_000, 100_000), (200,), COMPARED, "W8"),
    "journal": Command("write and replay long journals", journal.measure, (2_500, 5_000, 10_000), (200,)),
    "queued": Command("a long queue on one key", queued.measure, (100_000,), (200,)),
    "large": Command("large values and bodies", large.measure, (1,), (1,)),
    "generator": Command("the generator on a large spec", generator.measure, (400,), (40,)),
}
"""All but `run`, the matrix of rates, and `all`."""


class Results(msgspec.Struct, kw_only=True):
    """What is written as JSON."""

    command: str
    machine: str
    versions: str
    cells: list[matrix.Cell]
    figures: list[report.Figure]


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print the report, and write it."""
    arguments = _parser().parse_args(words)
    given = list(sys.argv[1:] if words is None else words)
    with stopping_on_sigterm():
        cells = _cells(arguments)
        figures = _figures(arguments)
    results = Results(
        command=shlex.join(["python", "-m", "benchmarks", *given]),
        machine=report.machine(),
        versions=report.versions(),
        cells=cells,
        figures=figures,
    )
    _write(results, arguments.results)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = [*COMMANDS, "run", "all"]
    about = "; ".join(f"{name}: {command.about}" for name, command in COMMANDS.items())
    parser.add_argument("command", nargs="?", default="all", choices=commands, help=f"run: rates; {about}")
    workloads = [*STEADY, *(command.workload for command in COMMANDS.values() if command.workload)]
    parser.add_argument("--targets", type=_names(KINDS), help=f"some of {','.join(KINDS)}")
    parser.add_argument("--workloads", type=_names(workloads), help=f"some of {','.join(workloads)}")
    parser.add_argument("--connections", type=_numbers, default=[1, 16, 64, 256], help="default: 1,16,64,256")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each round; default: %(default)s")
    parser.add_argument("--counts", type=_numbers, help="how many, for the commands that count something")
    parser.add_argument(
        "--quick", action="store_true", help="a round of half a second, and small counts: does it work?"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to write; default: benchmarks/results")
    return parser


def _names(known: Iterable[str]) -> Callable[[str], list[str]]:
    names = list(known)

    def names_of(text: str) -> list[str]:
        for word in text.split(","):
            if word not in names:
                raise argparse.ArgumentTypeError(f"'{word}' is none of {', '.join(names)}")
        return text.split(",")

    return names_of


def _numbers(text: str) -> list[int]:
    numbers = [int(word) for word in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError("these have to be positive")
    return numbers


def _cells(arguments: argparse.Namespace) -> list[matrix.Cell]:
    """The matrix, if any of its workloads is wanted."""
    workloads = [name for name in arguments.workloads or STEADY if name in STEADY]
    if arguments.command not in ("run", "all") or not workloads:
        return []
    options = matrix.Options(
        targets=arguments.targets or list(KINDS),
        workloads=workloads,
        connections=arguments.connections,
        rounds=1 if arguments.quick else arguments.rounds,
        seconds=QUICK_SECONDS if arguments.quick else arguments.seconds,
    )
    return matrix.measure(options, _say)


def _figures(arguments: argparse.Namespace) -> list[report.Figure]:
    """The figures of a command, of the workloads that were named, or all."""
    found: list[report.Figure] = []
    for name, command in COMMANDS.items():
        if not _wanted(name, command, arguments):
            continue
        counts = tuple(arguments.counts or (command.quick if arguments.quick else command.counts))
        targets = tuple(each for each in command.targets if each in (arguments.targets or command.targets))
        if not targets:
            continue
        _say(f"{name}: {command.about}")
        found += command.measure(Ask(targets=targets, counts=counts))
    return found


def _wanted(name: str, command: Command, arguments: argparse.Namespace) -> bool:
    if arguments.command not in ("run", "all"):
        return bool(arguments.command == name)
    if arguments.workloads:
        return command.workload in arguments.workloads
    return bool(arguments.command == "all")


def _write(results: Results, folder: Path) -> None:
    """A report, its numbers and its plots; the report is printed as well."""
    folder.mkdir(parents=True, exist_ok=True)
    day = datetime.datetime.now(datetime.UTC).date()
    parts = [f"`{results.command}`, {day}: {results.machine}. {results.versions}.\n"]
    if results.cells:
        parts.append(report.matrix(results.cells))
    if results.figures:
        parts.append(report.figures(results.figures))
    text = "\n".join(parts)
    (folder / "report.md").write_text(text)
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(results)))
    for connections in {cell.connections for cell in results.cells}:
        (folder / f"connections-{connections}.svg").write_text(plot.bars(results.cells, connections))
    print(text)
    _say(f"written to {folder}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
