"""A process is killed with SIGKILL while something is under way, started again, and everything completes once."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import perdure
from perdure.core.entry import Target
from perdure.service import HandlerDef
from tests.e2e.server import Process, prepare, wait_until

NAP = HandlerDef[str](service="Naps", name="nap", attr="nap", kind="service", input=dict, output=str)
WORK = HandlerDef[str](service="Naps", name="work", attr="work", kind="service", input=dict, output=str)
BOOK = HandlerDef[int](service="Ledger", name="book", attr="book", kind="exclusive", input=dict, output=int)
ENTRIES = HandlerDef[list[int]](
    service="Ledger", name="entries", attr="entries", kind="shared", input=None, output=list[int]
)
RUN = HandlerDef[str](service="Approval", name="run", attr="run", kind="run", input=None, output=str)
DECIDE = HandlerDef[None](service="Approval", name="decide", attr="decide", kind="shared", input=dict, output=None)


class Naps(perdure.ServiceSyncClient):
    """The generated client would say the same; these tests check the wire under it."""

    def send(self, handler: HandlerDef[str], **params: object) -> perdure.SyncInvocationHandle[str]:
        """Start it and do not wait."""
        return self._send(handler, params, perdure.SendOptions())


class Ledger(perdure.ObjectSyncClient[str]):
    """Of one account."""

    def book(self, amount: int) -> int:
        """Append an amount."""
        return self.with_options(idempotency_key=f"book {amount}")._call(BOOK, {"amount": amount})

    def send(self, amount: int) -> perdure.SyncInvocationHandle[int]:
        """Append an amount and do not wait."""
        return self._send(BOOK, {"amount": amount}, perdure.SendOptions(None, f"book {amount}"))

    def entries(self) -> list[int]:
        """All amounts."""
        return self._call(ENTRIES)


class Approval(perdure.WorkflowSyncClient[str]):
    """Of one request."""

    def submit(self) -> perdure.SyncInvocationHandle[str]:
        """Start the run."""
        return self._submit(RUN)

    def decide(self, yes: bool) -> None:
        """Complete the promise."""
        self._call(DECIDE, {"yes": yes})

    def attach(self) -> str:
        """The result of the run."""
        return self._attach(RUN)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """A server that runs, in a folder of its own."""
    prepare(tmp_path)
    process = Process(tmp_path)
    process.start()
    yield process
    process.close()


def connect(process: Process) -> perdure.SyncClient:
    """A client of the server as it is now."""
    return perdure.connect_sync(process.url)


def settle(client: perdure.SyncClient) -> None:
    """Let the result of a step that has just done its work get to the disk.

    A crash before that may do the step again. What is acknowledged later has everything before it on the disk.
    """
    time.sleep(0.1)
    Ledger(client, "settled").entries()


def test_killed_while_sleeping(process: Process) -> None:
    """A handler sleeps when the process dies; it wakes at its time, and the step before is not done again."""
    with connect(process) as client:
        handle = Naps(client).send(NAP, name="a", seconds=1.0)
        began = time.monotonic()
        process.await_note("end before a")
        settle(client)
    process.kill()
    process.start()
    with connect(process) as client:
        assert client.invocation(handle.id, NAP).result() == "after a"
    assert time.monotonic() - began >= 1.0
    assert process.notes() == ["begin before a", "end before a", "begin after a", "end after a"]


def test_killed_inside_a_run(process: Process) -> None:
    """An effect is under way when the process dies: it is done again, and its result counts once."""
    with connect(process) as client:
        handle = Naps(client).send(WORK, name="w", seconds=0.4)
        process.await_note("begin w")
    process.kill()
    assert "end w" not in process.notes()
    process.start()
    with connect(process) as client:
        assert client.invocation(handle.id, WORK).result() == "w"
    assert process.notes() == ["begin w", "begin w", "end w"]


def test_killed_with_queued_exclusive_calls(process: Process) -> None:
    """Twenty calls wait for one key when the process dies: each is done once, in the order of acceptance."""
    with connect(process) as client:
        handles = [Ledger(client, "x").send(amount) for amount in range(20)]
        process.await_note("end book 4")
    process.kill()
    process.start()
    with connect(process) as client:
        lengths = [client.invocation(handle.id, BOOK).result() for handle in handles]
        assert list(range(1, 21)) == lengths
        assert list(range(20)) == Ledger(client, "x").entries()
    began = Counter(line for line in process.notes() if line.startswith("begin"))
    assert {f"begin book {n}" for n in range(20)} == set(began)
    # Only the one that was under way can have been done twice.
    assert sum(began.values()) <= 21


def test_killed_while_awaiting_a_promise(process: Process) -> None:
    """A workflow waits for a person when the process dies; the answer afterwards reaches it."""
    with connect(process) as client:
        Approval(client, "r1").submit()
        process.await_note("end ask r1")
        settle(client)
    process.kill()
    process.start()
    with connect(process) as client:
        approval = Approval(client, "r1")
        with pytest.raises(perdure.RequestRefused) as refused:
            approval.submit()
        assert refused.value.code == 409
        approval.decide(yes=True)
        assert approval.attach() == "yes"
    assert process.notes() == ["begin ask r1", "end ask r1"]


def test_killed_again_and_again(process: Process) -> None:
    """Callers book amounts with idempotency keys and repeat what was not answered; the process dies five times."""
    amounts = list(range(60))
    answers: dict[int, int] = {}
    stop = threading.Event()

    def book(amount: int) -> None:
        while not stop.is_set():
            try:
                with perdure.connect_sync(process.url) as client:
                    answers[amount] = Ledger(client, f"k{amount % 6}").book(amount)
                    return
            except perdure.ServerUnreachable:
                time.sleep(0.05)

    chance = random.Random(7)
    with ThreadPoolExecutor(12) as pool:
        futures = [pool.submit(book, amount) for amount in amounts]
        for _ in range(5):
            time.sleep(0.2 + chance.random() * 0.3)
            process.kill()
            process.start()
        try:
            for future in futures:
                future.result(60)
        finally:
            stop.set()
    with connect(process) as client:
        for key in range(6):
            entries = Ledger(client, f"k{key}").entries()
            assert sorted(entries) == [n for n in amounts if n % 6 == key]
            assert [answers[n] for n in entries] == list(range(1, 11))


def test_sigterm_drains(process: Process) -> None:
    """SIGTERM lets a step that runs come to its end and records it; the next process does not do it again."""
    with connect(process) as client:
        handle = Naps(client).send(WORK, name="d", seconds=0.5)
        process.await_note("begin d")
    assert process.stop() == 0
    assert process.notes() == ["begin d", "end d"]
    process.start()
    with connect(process) as client:
        assert client.invocation(handle.id, WORK).result() == "d"
    assert process.notes() == ["begin d", "end d"]


def test_start_says_what_goes_on(process: Process) -> None:
    """The start-up summary names what is served and counts what was recovered."""
    with connect(process) as client:
        Naps(client).send(NAP, name="s", seconds=60.0)
        process.await_note("end before s")
        settle(client)
    process.kill()
    process.start()
    text = "\n".join(process.said)
    for name in ("Naps", "Ledger", "Approval"):
        assert name in text
    assert "1 " in text
    wait_until(lambda: process.notes() == ["begin before s", "end before s"])


def test_target_is_written_as_it_is_addressed() -> None:
    """Names in messages are paths that can be called."""
    assert str(Target("Ledger", "x", "book")) == "Ledger/x/book"
