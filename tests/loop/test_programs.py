"""Random programs of asyncio primitives do the same when they are dropped and replayed, at any notification."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import perdure
from perdure import Json
from perdure.core.entry import Entry, Failure, Ok, Target
from perdure.core.event import Ended, Signalled
from perdure.core.ids import CANCEL_SIGNAL
from perdure.core.lifecycle import CANCELLED
from perdure.engine.attempt import Attempt
from perdure.engine.registry import Defaults, Registry
from tests.loop.performance import Performance, answer
from tests.loop.programs import PROGRAMS, Node
from tests.support import figures
from tests.support.bench import NONE, Bench, Disturbance
from tests.support.handlers import service, virtual_object

EXAMPLES = int(os.environ.get("PERDURE_PROGRAMS", "600"))
"""So many programs in one run of the test; a night may do with more."""

ROOT = Target("Program", "p", "perform")


def perform(node: Node, disturbance: Disturbance, cancel_ms: int | None = None) -> tuple[Bench, bytes]:
    """Run a program to its end; somebody may cancel it on the way."""
    made: list[Bench] = []

    async def run_program(ctx: perdure.Context, _: None) -> Json:
        return await Performance(ctx, made[0]).whole(node)

    registry = Registry([virtual_object("Program", perform=run_program), service("Callee", answer=answer)], Defaults())
    bench = Bench(registry, disturbance)
    bench.latency_ms = lambda name: int(name.split()[1])
    made.append(bench)
    id = bench.submit(ROOT)
    if cancel_ms is not None:
        bench.at(bench.now_ms + cancel_ms, lambda: bench.apply(Signalled(id, CANCEL_SIGNAL, CANCELLED)))
    bench.run(lambda: id in bench.results)
    bench.close()
    figures.count("random programs run")
    figures.count("attempts of random programs dropped and replayed", bench.dropped)
    return bench, id


def finished(bench: Bench, id: bytes) -> tuple[Ok | Failure, list[Entry]]:
    """Result and journal of a program; that it has both, and that every commit left the store in order."""
    assert bench.problems == []
    assert id in bench.results, f"nothing more happens, and there is no result: {bench.row(id)}"
    result = bench.results[id]
    assert isinstance(result, Ok) or result == CANCELLED, result
    return bench.results[id], bench.journal(id)


def replayed(bench: Bench, id: bytes) -> Ok | Failure:
    """What a last attempt makes of the whole journal."""
    bound = bench.registry.handlers[ROOT.service, ROOT.handler]
    attempt = Attempt(id, ROOT, bench.journal(id), bound, bench)
    event = attempt.advance()
    attempt.close()
    assert event is not None
    assert event.commands == ()
    assert isinstance(event.end, Ended), event.end
    return event.end.result


PROFILE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
)
SEEDS = st.integers(0, 2**32)
CANCELS = st.none() | st.integers(0, 30)


@PROFILE
@given(PROGRAMS, SEEDS, CANCELS)
def test_a_program_does_the_same_however_often_it_is_dropped(node: Node, seed: int, cancel_ms: int | None) -> None:
    """One program, undisturbed, then dropped before each notification, at random ones, and suspended at each wait."""
    bench, id = perform(node, NONE, cancel_ms)
    result, journal = finished(bench, id)
    for disturbance in (Disturbance(drop=1.0), Disturbance(drop=0.5, seed=seed), Disturbance(suspend=1.0)):
        other, other_id = perform(node, disturbance, cancel_ms)
        result_again, journal_again = finished(other, other_id)
        if disturbance.suspend and (cancel_ms is not None or max(bench.executed.values(), default=0) > 1):
            # In the millisecond in which a run is tried again, a suspended one has yet to begin: the order may differ.
            assert replayed(other, other_id) == result_again
            continue
        assert result_again == result
        assert journal_again == journal
        assert other.executed == bench.executed
    assert replayed(bench, id) == result


@PROFILE
@given(PROGRAMS, SEEDS, CANCELS)
def test_a_journal_replays_to_its_result_whatever_befell_the_attempts(
    node: Node, seed: int, cancel_ms: int | None
) -> None:
    """Told late and several things at a time, failing, dropped, suspended: what the journal holds is what happened."""
    bench, id = perform(
        node, Disturbance(drop=0.2, suspend=0.3, fail=0.15, lag_ms=6 if seed % 2 else 200, seed=seed), cancel_ms
    )
    result, _ = finished(bench, id)
    assert replayed(bench, id) == result
