"""What a durable handler may not do is refused with advice, and what it may do is the same on each replay."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import perdure
from perdure import Json
from perdure.core.entry import Failure, Ok
from perdure.core.tables import Status
from perdure.engine.registry import Defaults, Registry
from perdure.errors import NonDurableOperation
from perdure.serde import decode
from tests.support.bench import NONE, Bench, Disturbance
from tests.support.handlers import Function, cell, ms, service, virtual_object
from tests.support.node import parse

TWICE = perdure.HandlerOptions(retry=perdure.RetryPolicy(initial=ms(1), max_attempts=2))


def bench_of(function: Function, disturbance: Disturbance = NONE) -> Bench:
    """A bench that serves one handler, of a service and of an object."""
    services = [service("Work", TWICE, work=function), virtual_object("Obj", TWICE, work=function, peek=function)]
    return Bench(Registry(services, Defaults()), disturbance)


def answer(function: Function, value: object = None, disturbance: Disturbance = NONE) -> Json:
    """What a handler answers."""
    bench = bench_of(function, disturbance)
    result = bench.result(parse("Obj/o/work"), value)
    bench.close()
    assert bench.problems == []
    assert isinstance(result, Ok), result
    return decode(result.value, Any)


def reason(function: Function, target: str = "Work/work") -> str:
    """Why a handler is paused, after all its attempts."""
    bench = bench_of(function)
    id = bench.submit(parse(target))
    bench.run()
    bench.close()
    row = bench.row(id)
    assert row is not None
    assert row.status is Status.PAUSED
    assert row.retry is not None
    assert row.retry.failures == 2
    return row.retry.last.message


# --- what is refused -------------------------------------------------------------------------------------------


async def _open_socket() -> None:
    await asyncio.open_connection("127.0.0.1", 9)


async def _serve() -> None:
    await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)


async def _datagrams() -> None:
    await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))


async def _resolve() -> None:
    await asyncio.get_running_loop().getaddrinfo("localhost", 80)


async def _thread() -> None:
    await asyncio.to_thread(print, "never")


async def _executor() -> None:
    await asyncio.get_running_loop().run_in_executor(None, print, "never")


async def _process() -> None:
    await asyncio.create_subprocess_exec(sys.executable, "-c", "")


async def _shell() -> None:
    await asyncio.create_subprocess_shell("true")


async def _pipe() -> None:
    await asyncio.get_running_loop().connect_read_pipe(asyncio.Protocol, sys.stdin)


async def _reader() -> None:
    with socket.socket() as sock:
        asyncio.get_running_loop().add_reader(sock, print)


async def _sock_recv() -> None:
    with socket.socket() as sock:
        await asyncio.get_running_loop().sock_recv(sock, 1)


async def _threadsafe() -> None:
    asyncio.get_running_loop().call_soon_threadsafe(print, "never")


async def _signal() -> None:
    asyncio.get_running_loop().add_signal_handler(10, print)


async def _http() -> None:
    async with aiohttp.ClientSession() as session, session.get("http://127.0.0.1:9/"):
        pass


async def _nested() -> None:
    loop = asyncio.get_running_loop()
    loop.run_until_complete(loop.create_future())


REFUSED: dict[Callable[[], Awaitable[None]], str] = {
    _open_socket: "create_connection",
    _serve: "create_server",
    _datagrams: "create_datagram_endpoint",
    _resolve: "getaddrinfo",
    _thread: "run_in_executor",
    _executor: "run_in_executor",
    _process: "subprocess_exec",
    _shell: "subprocess_shell",
    _pipe: "connect_read_pipe",
    _reader: "add_reader",
    _sock_recv: "sock_recv",
    _threadsafe: "call_soon_threadsafe",
    _signal: "add_signal_handler",
    _http: "",
    _nested: "run_until_complete",
}


@pytest.mark.parametrize("operation", REFUSED)
def test_operations_that_no_journal_can_repeat_are_refused(operation: Callable[[], Awaitable[None]]) -> None:
    """With the advice to put them into `ctx.run`; after the retries the invocation is paused, and says so."""

    async def work(ctx: perdure.Context, _: None) -> Json:
        await operation()

    told = reason(work)
    assert "Put it into a function and call that by `await ctx.run(" in told
    assert f"a durable handler cannot use {REFUSED[operation]}" in told


def test_a_task_that_does_io_does_not_spoil_the_rest() -> None:
    """It is an exception like any other: the handler may catch it, and the loop is as it was."""

    async def work(ctx: perdure.Context, _: None) -> Json:
        results = await asyncio.gather(_thread(), asyncio.sleep(0.01, "slept"), return_exceptions=True)
        return [type(results[0]).__name__, results[1]]

    assert answer(work) == ["NonDurableOperation", "slept"]


def test_the_context_is_not_for_effects() -> None:
    """Inside of the closure of a run, in a thread, and after the attempt it is refused; nothing is recorded."""
    seen: list[str] = []

    def use(ctx: perdure.Context) -> str:
        try:
            ctx.send("Work", "work", b"null")
        except NonDurableOperation as e:
            seen.append(str(e))
        return "used"

    async def use_later(ctx: perdure.Context) -> str:
        return use(ctx)

    kept: list[perdure.Context] = []

    async def work(ctx: perdure.Context, _: None) -> Json:
        kept.append(ctx)
        return [await ctx.run("plain", lambda: use(ctx)), await ctx.run("async", lambda: use_later(ctx), returns=str)]

    assert answer(work) == ["used", "used"]
    thread = threading.Thread(target=use, args=(kept[0],))
    thread.start()
    thread.join()
    use(kept[0])
    assert len(seen) == 4
    assert all("ctx can only be used by its own handler while it runs" in text for text in seen)


@pytest.mark.parametrize(
    "wait",
    [
        lambda: asyncio.Event().wait(),
        lambda: asyncio.Queue[int]().get(),
        lambda: asyncio.get_running_loop().create_future(),
        lambda: asyncio.shield(asyncio.get_running_loop().create_future()),
    ],
    ids=["event", "queue", "future", "shield"],
)
def test_waiting_for_what_nobody_will_ever_say_is_a_fault(wait: Callable[[], Awaitable[Any]]) -> None:
    """It would wait for ever, and a replay too; so it fails, is retried, and is paused with the reason."""

    async def work(ctx: perdure.Context, _: None) -> Json:
        await ctx.run("something", lambda: 1)
        await wait()

    assert "waits for something that no journal entry will wake" in reason(work)


def test_a_busy_loop_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop around `asyncio.sleep(0)` never becomes quiet; the node has other things to do."""
    monkeypatch.setattr("perdure.loop.CALLBACKS_PER_STEP", 1_000)

    async def work(ctx: perdure.Context, _: None) -> Json:
        while True:  # noqa: ASYNC110  the fault that is to be found
            await asyncio.sleep(0)

    assert "the handler is still busy after 1,000 callbacks" in reason(work)


def test_yielding_often_is_no_busy_loop() -> None:
    """Some thousand turns are nothing special."""

    async def work(ctx: perdure.Context, _: None) -> Json:
        for _turn in range(10_000):
            await asyncio.sleep(0)
        return "done"

    assert answer(work) == "done"


@pytest.mark.parametrize("target", ["Work/work", "Obj/o/peek"])
def test_only_who_is_alone_on_its_key_may_write_state(target: str) -> None:
    """A service has none, a shared handler reads."""

    async def work(ctx: perdure.Context, _: None) -> Json:
        cell(ctx, "n").set(1)

    assert "only the exclusive handlers of an object and the run of a workflow may write state" in reason(work, target)


def test_an_as_completed_that_was_imported_too_early_is_refused() -> None:
    """It would start coroutines in the order of their addresses; tasks it may have."""
    code = (
        "from asyncio import as_completed\n"
        "import asyncio, perdure\n"
        "from perdure.loop import DurableLoop\n"
        "async def one(): return 1\n"
        "async def work(make):\n"
        "    return [await each for each in as_completed([make(one()) for _ in range(3)])]\n"
        "for make in (asyncio.ensure_future, lambda coroutine: coroutine):\n"
        "    loop = DurableLoop(0)\n"
        "    task = loop.create_task(work(make))\n"
        "    loop.run_until_quiet()\n"
        "    print(task.exception() or task.result())\n"
        "    loop.close()\n"
    )
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    first, second = ran.stdout.splitlines()
    assert first == "[1, 1, 1]"
    assert "this as_completed was imported before perdure" in second


# --- what is the same on each replay ---------------------------------------------------------------------------


def test_time_and_chance_are_the_same_on_each_replay() -> None:
    """Drawn before and after a wait, in any mixture; another invocation has others."""
    draws: list[list[Json]] = []

    async def work(ctx: perdure.Context, _: None) -> Json:
        drawn: list[Json] = []
        for _turn in range(3):
            drawn += [str(ctx.uuid()), ctx.random().random(), ctx.time(), ctx.now().isoformat()]
            await ctx.sleep(ms(10))
        draws.append(drawn)
        return drawn

    first = answer(work, disturbance=Disturbance(drop=1.0))
    assert first == answer(work)
    assert uuid.UUID(first[0]).version == 4
    bench = bench_of(work)
    bench.result(parse("Work/work"))
    other = bench.result(parse("Work/work"))
    assert isinstance(other, Ok)
    assert decode(other.value, Any)[0] != first[0]


def test_a_handler_logs_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often it is replayed; with the invocation's id, and only what is new."""

    async def work(ctx: perdure.Context, _: None) -> Json:
        for turn in range(3):
            ctx.log.info("turn %s", turn)
            await ctx.sleep(ms(10))
        ctx.log.warning("end")

    with caplog.at_level(logging.INFO, "perdure.handler"):
        answer(work, disturbance=Disturbance(drop=1.0))
    lines = [record.getMessage() for record in caplog.records if record.name == "perdure.handler"]
    assert [line.partition("] ")[2] for line in lines] == ["turn 0", "turn 1", "turn 2", "end"]
    assert all(line.startswith("[inv_1") for line in lines)


def test_an_async_generator_that_is_left_is_closed_by_the_handlers_loop() -> None:
    """Its `finally` may wait for something durable, as on any loop of asyncio."""

    async def work(ctx: perdure.Context, _: None) -> Json:
        closed: list[str] = []

        async def numbers() -> AsyncIterator[int]:
            try:
                yield 1
                yield 2
            finally:
                closed.append(await ctx.run("close", lambda: "closed"))

        async for number in numbers():
            assert number == 1
            break
        await ctx.sleep(ms(10))
        return closed

    assert answer(work) == answer(work, disturbance=Disturbance(drop=1.0)) == ["closed"]


def test_an_attempt_that_is_dropped_runs_its_finally_blocks_without_effect() -> None:
    """Locks and files of a handler are released; what they would record is not recorded."""
    released: list[str] = []

    async def work(ctx: perdure.Context, _: None) -> Json:
        try:
            await ctx.sleep(ms(10))
        finally:
            released.append("released")
            cell(ctx, "n").set(1)
        return "done"

    assert answer(work, disturbance=Disturbance(drop=1.0)) == "done"
    assert released == ["released", "released"]


def test_the_loop_says_what_it_is() -> None:
    """Libraries ask such things before they do something."""

    async def work(ctx: perdure.Context, _: None) -> Json:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        loop.call_exception_handler({"message": "noted"})
        return [
            loop.is_running(),
            loop.is_closed(),
            loop.get_debug(),
            task in asyncio.all_tasks(),
            loop.get_task_factory(),
        ]

    assert answer(work) == [True, False, False, True, None]


def test_a_failure_of_the_handler_is_its_result(tmp_path: Path) -> None:
    """Terminal errors, also as all that a task group failed with."""

    async def work(ctx: perdure.Context, grouped: bool) -> Json:
        if not grouped:
            raise perdure.TerminalError("alone", code=411)
        async with asyncio.TaskGroup() as group:
            group.create_task(_refuse("in a group"))

    for grouped, message in ((False, "alone"), (True, "in a group")):
        bench = bench_of(work)
        result = bench.result(parse("Work/work"), grouped)
        assert isinstance(result, Failure)
        assert result.message == message


async def _refuse(message: str) -> None:
    raise perdure.TerminalError(message)
