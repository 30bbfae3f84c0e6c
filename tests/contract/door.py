"""What a case does: it asks at an ingress, byte for byte, and everything that comes back is written down.

Law: a case never knows which of the two servers it talks to.
"""

from __future__ import annotations

import base64
import json
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.ingress.raw import Connection, Reply

PATIENCE_S = 20.0
HEARD_S = 0.1
"""Nothing says that a server has heard of somebody who waits, so there is nothing to wait for but time."""
JSON = "application/json"
NOBODY = "inv_1" + "0" * 33
"""Id of an invocation that never was."""
NOBODYS_AWAKEABLE = "sign_1" + base64.urlsafe_b64encode(bytes(24) + (17).to_bytes(4, "big")).decode().rstrip("=")
"""Id of its first awakeable."""
Headers = tuple[tuple[str, str], ...]


class Target(Protocol):
    """A server with the handlers of the contract."""

    @property
    def ingress(self) -> tuple[str, int]:
        """Where callers come."""
        ...

    def admin(self, method: str, path: str) -> int:
        """Ask the operators' door; returns the status."""
        ...


@dataclass(frozen=True)
class Ask:
    """A request. `<key>` in it stands for a key that only this case uses."""

    method: str
    path: str
    body: bytes | None = None
    headers: Headers = ()

    def filled(self, key: str) -> Ask:
        """With the key in its places."""
        body = None if self.body is None else self.body.replace(b"<key>", key.encode())
        headers = tuple((name, value.replace("<key>", key)) for name, value in self.headers)
        return Ask(self.method, self.path.replace("<key>", key), body, headers)

    def bytes(self) -> bytes:
        """As it goes over the wire. Characters above 255 cannot be said; those below are bytes."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "host: contract"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body is not None:
            lines.append(f"content-length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (self.body or b"")


def get(path: str, *headers: tuple[str, str]) -> Ask:
    """GET."""
    return Ask("GET", path, None, headers)


def post(path: str, value: object = None, *headers: tuple[str, str]) -> Ask:
    """POST a value as JSON; without one, nothing at all."""
    if value is None:
        return Ask("POST", path, None, headers)
    return Ask("POST", path, json.dumps(value).encode(), (("content-type", JSON), *headers))


def send_bytes(path: str, body: bytes, *headers: tuple[str, str]) -> Ask:
    """POST bytes, with no other headers than these."""
    return Ask("POST", path, body, headers)


@dataclass(frozen=True)
class Seen:
    """What came back of one request, and when it was sent."""

    ask: Ask
    reply: Reply
    at: float


@dataclass
class Door:
    """The ingress of a server, for one case."""

    target: Target
    key: str
    seen: list[Seen] = field(default_factory=list[Seen])

    def ask(self, ask: Ask) -> Reply:
        """Ask, and write down what comes back."""
        found = self._see(ask)
        self.seen.append(found)
        return found.reply

    def quietly(self, ask: Ask) -> Reply:
        """Ask, and do not write it down: it is no part of what the case is about."""
        return self._see(ask).reply

    def at_once(self, asks: Iterable[Ask], *, quietly: bool = False) -> list[Reply]:
        """Ask all at the same time.

        Who comes first is chance: they are written down in the order of their bodies, and without a word about how
        long a result is kept, which only those are told who came after the end.
        """
        every = list(asks)
        with ThreadPoolExecutor(len(every)) as pool:
            found = sorted(pool.map(self._see, every), key=lambda seen: (seen.reply.status, seen.reply.body))
        for seen in found:
            seen.reply.headers.pop("idempotency-expires", None)
        if not quietly:
            self.seen += found
        return [seen.reply for seen in found]

    def meanwhile(self, ask: Ask) -> Callable[[], Reply]:
        """Ask, and go on when the server had time to hear of it. The answer is written down when it is wanted."""
        pool = ThreadPoolExecutor(1)
        sent = threading.Event()
        future: Future[Seen] = pool.submit(self._see, ask, sent)
        pool.shutdown(wait=False)
        assert sent.wait(PATIENCE_S)
        time.sleep(HEARD_S)

        def wanted() -> Reply:
            found = future.result(PATIENCE_S)
            self.seen.append(found)
            return found.reply

        return wanted

    def leave(self, ask: Ask, until: Callable[[], bool]) -> None:
        """Ask, and close the connection when something has happened, before the answer."""
        with Connection(self.target.ingress) as connection:
            connection.send(ask.filled(self.key).bytes())
            self.wait_until(until)

    def raw(self, *parts: bytes) -> list[Reply]:
        """Send bytes that are no usual request, on one connection; write down the answer to each part."""
        replies: list[Reply] = []
        with Connection(self.target.ingress) as connection:
            for part in parts:
                began = time.time()
                connection.send(part.replace(b"<key>", self.key.encode()))
                replies.append(connection.reply())
                self.seen.append(Seen(Ask("RAW", ""), replies[-1], began))
        return replies

    def awakeable(self) -> str:
        """Id of the awakeable that a handler makes for this case."""
        found: list[str] = []

        def is_there() -> bool:
            reply = self.quietly(get("/Box/<key>/get"))
            found[:] = [reply.json["content"]] if reply.status == 200 else []
            return bool(found and found[0])

        self.wait_until(is_there)
        return found[0]

    def wait_for(self, ask: Ask, status: int) -> Reply:
        """Ask until the answer has this status, and write down the last one only."""
        found: list[Seen] = []

        def is_there() -> bool:
            found[:] = [self._see(ask)]
            return found[0].reply.status == status

        self.wait_until(is_there)
        self.seen += found
        return found[0].reply

    def until_ready(self, output: Ask) -> None:
        """Wait until an invocation has come to its end. Nothing is written down."""
        self.wait_until(lambda: self.quietly(output).status not in (404, 470))

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Wait for something that is about to happen."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"it did not happen; so far: {self.seen}"
            time.sleep(0.02)

    def note(self, value: object) -> None:
        """Write down something that the case found out by itself."""
        body = json.dumps(value).encode()
        self.seen.append(Seen(Ask("NOTE", ""), Reply(0, {}, body), 0.0))

    def operate(self, verb: str, id: str) -> None:
        """An operator does something to an invocation: cancel, kill, purge. What he is told is not compared here."""
        status = self.target.admin("PATCH", f"/invocations/{id}/{verb}")
        assert status in (200, 202), f"{verb} was answered with {status}"

    def _see(self, ask: Ask, sent: threading.Event | None = None) -> Seen:
        began = time.time()
        with Connection(self.target.ingress) as connection:
            connection.send(ask.filled(self.key).bytes())
            if sent is not None:
                sent.set()
            return Seen(ask, connection.reply(ask.method), began)


Story = Callable[[Door], Any]


@dataclass(frozen=True)
class Case:
    """What is done, and the statuses that the wire reference says come back. A note counts as status 0."""

    name: str
    story: Story
    statuses: tuple[int, ...]

    @property
    def key(self) -> str:
        """A key of its own, which needs no encoding."""
        return f"k{zlib.crc32(self.name.encode()):08x}"


def case(name: str, ask: Ask, status: int) -> Case:
    """One request."""
    return Case(name, lambda door: door.ask(ask), (status,))


def cases(topic: str, status: int, asks: dict[str, Ask]) -> tuple[Case, ...]:
    """Requests, one a case, that are all answered with the same status."""
    return tuple(case(f"{topic}: {name}", ask, status) for name, ask in asks.items())
