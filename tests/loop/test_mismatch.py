"""Code that was changed under a running invocation: both sides are shown, nothing wrong is returned, it ends paused.

The order of a journal's commands is what counts. Each case runs an old handler until it waits, then replays its
journal with a new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import perdure
from perdure import Json
from perdure.core.event import Resumed
from perdure.core.ids import format_awakeable
from perdure.core.tables import Status
from perdure.engine.attempt import MISMATCH_CODE
from perdure.engine.registry import Defaults, Registry
from perdure.serde import encode
from tests.support.bench import Bench
from tests.support.handlers import cell, ms, promise, service, virtual_object, workflow
from tests.support.node import parse

Step = Callable[[perdure.Context], Awaitable[Any] | None]
OTHER_ID = "inv_1" + "0" * 33
AWAKEABLE = format_awakeable(bytes(24), 17)


async def _count(ctx: perdure.Context, key: str) -> None:
    await cell(ctx, key).get()


def call(value: object = 1, handler: str = "work", key: str = "k", idempotency_key: str | None = None) -> Step:
    """A call of the other object; nobody waits for it here."""

    def step(ctx: perdure.Context) -> None:
        ctx.call("Other", handler, encode(value), key=key, idempotency_key=idempotency_key)

    return step


def send(value: object = 1, delay_ms: float = 0) -> Step:
    """A send to the other object."""

    def step(ctx: perdure.Context) -> None:
        ctx.send("Other", "work", encode(value), key="k", delay=ms(delay_ms))

    return step


def attach(ctx: perdure.Context) -> None:
    """Attach to an invocation, and do not wait for it."""
    ctx.attach(OTHER_ID, int)


def nothing(ctx: perdure.Context) -> None:
    """No step at all."""


def run(name: str) -> Step:
    """A run."""
    return lambda ctx: ctx.run(name, lambda: 1)


def put(key: str, value: object) -> Step:
    """A write of the state."""
    return lambda ctx: cell(ctx, key).set(value)


def complete(name: str, value: object) -> Step:
    """Completes a promise."""
    return lambda ctx: promise(ctx, name).resolve(value)


CASES: dict[str, tuple[Step, Step, tuple[str, ...]]] = {
    "kind": (run("pay"), send(), ("recorded: Run(name 'pay')", "now:      Send(target 'Other/k/work', input 1,")),
    "run name": (
        run("pay"),
        run("charge"),
        ("Run(name 'pay')", "Run(name 'charge')", "differs in name: 'pay' -> 'charge'"),
    ),
    "state key": (put("a", 1), put("b", 1), ("differs in key: 'a' -> 'b'",)),
    "state value": (put("a", 1), put("a", 2), ("SetState(key 'a', value 1)", "differs in value: 1 -> 2")),
    "read": (
        lambda ctx: _count(ctx, "a"),
        lambda ctx: _count(ctx, "b"),
        ("GetState(key 'a')", "differs in key: 'a' -> 'b'"),
    ),
    "clear": (lambda ctx: cell(ctx, "a").clear(), lambda ctx: cell(ctx, "b").clear(), ("ClearState(key 'a')",)),
    "call target": (call(), call(key="l"), ("differs in target: 'Other/k/work' -> 'Other/l/work'",)),
    "call handler": (call(), call(handler="rest"), ("differs in target: 'Other/k/work' -> 'Other/k/rest'",)),
    "call argument": (call(1), call([1]), ("differs in input: 1 -> [1]",)),
    "call identity": (call(), call(idempotency_key="x"), ("differs in idempotency key: None -> 'x'",)),
    "send argument": (send(1), send(2), ("differs in input: 1 -> 2",)),
    "send delay": (send(), send(delay_ms=5), ("differs in delay (ms): 0 -> 5",)),
    "promise": (
        lambda ctx: promise(ctx, "p").peek(),
        lambda ctx: promise(ctx, "q").peek(),
        ("differs in name: 'p' -> 'q'",),
    ),
    "promise kind": (
        lambda ctx: promise(ctx, "p").peek(),
        complete("p", 1),
        ("PeekPromise(name 'p')", "CompletePromise("),
    ),
    "promise value": (complete("p", 1), complete("p", 2), ("differs in result",)),
    "awakeable": (
        lambda ctx: ctx.resolve_awakeable(AWAKEABLE, 1),
        lambda ctx: ctx.resolve_awakeable(AWAKEABLE, 2),
        ("CompleteAwakeable(", "differs in result"),
    ),
    "signal": (
        lambda ctx: ctx.resolve_signal(OTHER_ID, "s", 1),
        lambda ctx: ctx.resolve_signal(OTHER_ID, "t", 1),
        ("SendSignal(", "differs in name: 's' -> 't'"),
    ),
    "attach": (
        attach,
        lambda ctx: ctx.cancel(OTHER_ID),
        ("recorded: Attach(invocation", "now:      Cancel(invocation"),
    ),
    "missing tail": (run("pay"), lambda ctx: asyncio.sleep(0), ("recorded: Run(name 'pay')", "now:      Sleep()")),
}


async def idle(ctx: perdure.Context, _: Json) -> Json:
    """Another handler that can be called."""
    await asyncio.sleep(3600)


class Changing:
    """A handler whose code changes."""

    def __init__(self, code: Step, waits_ms: float = 60_000) -> None:
        self.code = code
        self._waits_ms = waits_ms

    async def run(self, ctx: perdure.Context, _: None) -> Json:
        """The step, and then a wait."""
        step = self.code(ctx)
        if step is not None:
            await step
        if self._waits_ms:
            await ctx.sleep(ms(self._waits_ms))
        return "the end"


ONCE = perdure.HandlerOptions(retry=perdure.RetryPolicy(initial=ms(1), max_attempts=2))


def replayed_with(changing: Changing, new: Step) -> tuple[Bench, bytes]:
    """Run the old code until it waits, then replay with the new one."""
    services = [workflow("Flow", ONCE, run=changing.run), virtual_object("Other", work=idle, rest=idle)]
    bench = Bench(Registry(services, Defaults()))
    id = bench.submit(parse("Flow/f/run"))
    bench.run(lambda: bench.now_ms > 1_700_000_000_000 + 1000, at_most=100)
    changing.code = new
    bench.drop(id)
    bench.run(lambda: bench.row(id) is None or bench.row(id).status in (Status.PAUSED, Status.COMPLETED))  # type: ignore[union-attr]  # just asked
    return bench, id


@pytest.mark.parametrize("case", CASES)
def test_another_path_is_shown_with_both_sides(case: str) -> None:
    """What was recorded, what came instead, and in what they differ; the invocation waits for an operator."""
    old, new, told = CASES[case]
    bench, id = replayed_with(Changing(old), new)
    row = bench.row(id)
    assert row is not None
    assert row.status is Status.PAUSED
    assert row.retry is not None
    failure = row.retry.last
    assert failure.code == MISMATCH_CODE
    assert failure.message.startswith(
        "the handler took another path than the recorded one, at command 1 of its journal\n  recorded: "
    )
    for part in told:
        assert part in failure.message
    bench.close()


@pytest.mark.parametrize("case", ["run name", "call argument", "state value"])
def test_the_old_code_goes_on_where_it_was(case: str) -> None:
    """Nothing of the wrong path was recorded: with the old code back, the invocation comes to its end."""
    old, new, _ = CASES[case]
    changing = Changing(old)
    bench, id = replayed_with(changing, new)
    journal = bench.journal(id)
    changing.code = old
    bench.apply(Resumed(id))
    bench.run(lambda: id in bench.results)
    assert bench.results[id].value == encode("the end")  # type: ignore[union-attr]  # it has not failed
    assert bench.journal(id)[: len(journal)] == journal
    bench.close()


def test_returning_early_is_another_path() -> None:
    """A result that skips recorded commands is not given out."""
    changing = Changing(run("pay"))
    services = [service("Work", ONCE, work=changing.run)]
    bench = Bench(Registry(services, Defaults()))
    id = bench.submit(parse("Work/work"))
    bench.run(lambda: bench.now_ms > 1_700_000_000_000 + 1000, at_most=100)
    changing._waits_ms = 0
    changing.code = nothing
    bench.drop(id)
    bench.run()
    row = bench.row(id)
    assert row is not None
    assert row.retry is not None
    assert id not in bench.results
    assert "recorded: Run(name 'pay')\n  now:      the handler returned" in row.retry.last.message


def test_failing_early_is_another_path() -> None:
    """An error before the recorded commands says so, too."""

    def fail(ctx: perdure.Context) -> None:
        raise perdure.TerminalError("changed my mind")

    bench, id = replayed_with(Changing(run("pay")), fail)
    row = bench.row(id)
    assert row is not None
    assert row.retry is not None
    assert id not in bench.results
    assert "now:      the handler failed: TerminalError: changed my mind" in row.retry.last.message
    bench.close()


def test_a_mismatch_cannot_be_caught_away() -> None:
    """Code that swallows every exception gets no further than code that does not."""
    old, new, _ = CASES["run name"]

    async def swallow(ctx: perdure.Context) -> None:
        try:
            step = new(ctx)
            assert step is not None
            await step
        except Exception as e:
            assert isinstance(e, perdure.JournalMismatch)  # noqa: PT017  inside a handler

    bench, id = replayed_with(Changing(old), swallow)
    row = bench.row(id)
    assert row is not None
    assert row.status is Status.PAUSED
    assert row.retry is not None
    assert row.retry.last.code == MISMATCH_CODE
    bench.close()


def test_code_that_asks_for_more_at_the_end_is_no_mismatch() -> None:
    """What is behind the recorded part is free to change."""
    changing = Changing(run("pay"))

    async def more(ctx: perdure.Context) -> None:
        await ctx.run("pay", lambda: 1)

    bench, id = replayed_with(changing, more)
    assert bench.results[id].value == encode("the end")  # type: ignore[union-attr]  # it has not failed
    bench.close()
