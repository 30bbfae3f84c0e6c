"""`perdure serve` as a person runs it: a process, its output, its signals, and its words for mistakes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ingress.raw import JSON, Connection, request

PERDURE = Path(sys.executable).with_name("perdure")
PATIENCE_S = 30

APP = """
import asyncio
import perdure
from tests.support.handlers import service, virtual_object, workflow


async def echo(ctx, value):
    return value


async def sleep(ctx, seconds):
    await asyncio.sleep(seconds)
    return "slept"


async def work(ctx, seconds):
    await ctx.run("work", lambda: asyncio.sleep(seconds))
    return "worked"


app = perdure.App([
    service("Tools", echo=echo, sleep=sleep, work=work),
    virtual_object("Counter", add=echo, peek=echo),
    workflow("Flow", run=echo),
])
number = 7
"""


class Server:
    """A process that serves, until the test ends."""

    def __init__(self, folder: Path, *arguments: str, **variables: str) -> None:
        self.started = ""
        self._process = subprocess.Popen(
            [PERDURE, "serve", *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "NO_COLOR": "1"} | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Read what it prints until it says that it is ready."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.started += line
            if line == "ready\n":
                return
        raise AssertionError(f"it ended: {self.started}{self.end()}")

    def address(self, door: str) -> tuple[str, int]:
        """Where a door is, as the summary says it."""
        line = next(line for line in self.started.splitlines() if line.strip().startswith(door))
        host, port = line.split("http://")[1].split(":")
        return host, int(port)

    def signal(self, number: int) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self, *, traceback: bool = False) -> tuple[int, str, str]:
        """Wait for its end: status, what it printed after the start, and its complaints."""
        out, err = self._process.communicate(timeout=PATIENCE_S)
        assert traceback or "Traceback" not in err, err
        return self._process.returncode, out, err

    def kill(self) -> None:
        """Have it gone."""
        self._process.kill()
        self._process.communicate()


Serve = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """`serve(*arguments, **variables)` starts a server in a folder that has `shop.py`, on free ports."""
    (tmp_path / "shop.py").write_text(APP)
    servers: list[Server] = []

    def start(*arguments: str, **variables: str) -> Server:
        free = {"PERDURE_INGRESS": "127.0.0.1:0", "PERDURE_ADMIN": "127.0.0.1:0"}
        servers.append(Server(tmp_path, *arguments, **(free | variables)))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def test_the_start(serve: Serve, tmp_path: Path) -> None:
    """It says what is served and where, `ready` comes last, and by then both doors answer."""
    server = serve("shop:app")
    server.wait_until_ready()
    ingress, admin = server.address("ingress"), server.address("admin")
    lines = server.started.splitlines()
    assert lines[0].startswith("perdure ")
    assert lines[0].endswith(" serves shop:app")
    assert lines[1:] == [
        "  Tools    service   echo, sleep, work",
        "  Counter  object    add, peek",
        "  Flow     workflow  run",
        f"  ingress  http://127.0.0.1:{ingress[1]}",
        f"  admin    http://127.0.0.1:{admin[1]}",
        "  data     perdure-data: nothing to recover",
        "ready",
    ]
    with Connection(ingress) as connection:
        assert connection.ask("POST", "/Tools/echo", b"1", JSON).body == b"1"
    with Connection(admin) as connection:
        assert connection.ask("GET", "/health").status == 200
    assert (tmp_path / "perdure-data" / "data.mdb").exists()


def test_what_was_recovered(serve: Serve) -> None:
    """After a SIGKILL it says what goes on, and when the next timer is due."""
    server = serve("shop:app")
    server.wait_until_ready()
    with Connection(server.address("ingress")) as connection:
        connection.ask("POST", "/Tools/work/send", b"0.1", JSON)
        connection.ask("POST", "/Tools/work/send", b"60", JSON)
        connection.ask("POST", "/Tools/echo/send?delay=1h", b"1", JSON)
        assert connection.ask("POST", "/Tools/work", b"0.2", JSON).json == "worked"
    server.kill()
    again = serve("shop:app")
    again.wait_until_ready()
    line = next(line for line in again.started.splitlines() if "data" in line)
    assert "perdure-data: 1 invocation under way goes on; the next timer is due at 20" in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(serve: Serve, number: int) -> None:
    """A call under way gets its answer, and the status is 0."""
    server = serve("shop:app")
    server.wait_until_ready()
    with Connection(server.address("ingress")) as connection:
        connection.send(request("POST", "/Tools/sleep", b"0.5", JSON))
        time.sleep(0.2)
        server.signal(number)
        assert connection.reply().json == "slept"
    status, out, _ = server.end()
    assert (status, out) == (0, "stopping: what is under way comes to an end\nstopped\n")


def test_a_second_signal_does_not_wait(serve: Serve) -> None:
    """Whoever is in a hurry says it twice; nothing is lost by it."""
    server = serve("shop:app")
    server.wait_until_ready()
    with Connection(server.address("ingress")) as connection:
        connection.send(request("POST", "/Tools/sleep", b"60", JSON))
        time.sleep(0.2)
        server.signal(signal.SIGTERM)
        time.sleep(0.3)
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        status, _, _ = server.end()
    assert status == 1
    assert time.monotonic() - began < 3


def test_one_process_a_folder(serve: Serve) -> None:
    """The second is told who has it, and does not listen."""
    first = serve("shop:app")
    first.wait_until_ready()
    status, out, err = serve("shop:app").end()
    assert (status, out) == (1, "")
    assert err.startswith(f"error: perdure-data is in use by process {first.pid} (perdure serve shop:app).")


def test_a_port_that_is_taken(serve: Serve) -> None:
    """It is said which one, and nothing was executed: the folder was not touched."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        for door in ("--ingress", "--admin"):
            status, out, err = serve("shop:app", door, address).end()
            assert (status, out) == (1, "")
            assert err == (
                f"error: cannot listen on {address}: Address already in use\n"
                "  hint: is another `perdure serve` running? Stop it, or choose other ports: --ingress, --admin\n"
            )


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["shop"], 2, "error: `shop` is not MODULE:APP\n  hint: perdure serve shop:app\n"),
        (["a/b.py"], 2, "error: `a/b.py` is not MODULE:APP\n  hint: perdure serve a.b:app\n"),
        (["nope:app"], 2, "error: there is no module nope\n  hint: modules are looked for in "),
        (["shop.inner:app"], 2, "error: there is no module shop.inner\n"),
        (["shop:ap"], 2, "error: module shop has no `ap`\n  hint: did you mean `shop:app`?\n"),
        (["shop:zzz"], 2, "error: module shop has no `zzz`\n  hint: zzz = perdure.App([…])\n"),
        (["shop:number"], 2, "error: shop:number is a int, not a perdure.App\n  hint: app = perdure.App([…])\n"),
        (["shop:app", "--ingress", "8080"], 2, "error: argument --ingress: '8080' is no HOST:PORT"),
        (["shop:app", "--admin", "host:99999"], 2, "error: argument --admin: 'host:99999' is no HOST:PORT"),
        (["shop:app", "--ingress", "nobody.invalid:0"], 1, "error: cannot listen on nobody.invalid:0: "),
        (["shop:app", "--data", "shop.py"], 1, "error: cannot use shop.py as data folder: "),
        (["shop:app", "--in-flight", "ignore"], 2, "error: argument --in-flight: invalid choice: 'ignore'"),
        ([], 2, "error: the following arguments are required: MODULE:APP"),
    ],
)
def test_mistakes(serve: Serve, arguments: list[str], status: int, message: str) -> None:
    """Each is one line and a hint, without a traceback."""
    ended, out, err = serve(*arguments).end()
    assert (ended, out) == (status, "")
    assert err.startswith(message), err


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import missing_thing", "ModuleNotFoundError: No module named 'missing_thing'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError: invalid syntax"),
        ("raise SystemExit('enough')", "SystemExit: enough"),
        ("import perdure\napp = perdure.App([perdure.App])", "TypeError: "),
    ],
)
def test_a_module_that_fails(serve: Serve, tmp_path: Path, code: str, message: str) -> None:
    """Its own traceback is shown, without the frames that led to it, and what was being imported."""
    (tmp_path / "broken.py").write_text(f"{code}\n")
    status, out, err = serve("broken:app").end(traceback=True)
    assert (status, out) == (1, "")
    assert f"importing broken failed: {message}" in err
    assert "broken.py" in err
    assert "importlib" not in err
    assert "loading.py" not in err


def test_another_deployment(serve: Serve, tmp_path: Path) -> None:
    """Invocations that began under another version are not run with new code unless somebody says so."""
    server = serve("shop:app")
    server.wait_until_ready()
    with Connection(server.address("ingress")) as connection:
        connection.ask("POST", "/Tools/sleep/send", b"60", JSON)
        time.sleep(0.2)
    server.signal(signal.SIGTERM)
    assert server.end()[0] == 0
    (tmp_path / "shop.py").write_text(APP.replace("\n])", '\n], version="2")'))
    status, out, err = serve("shop:app").end()
    assert (status, out) == (1, "")
    assert err.startswith("error: 1 invocation")
    assert "did not begin under what is to be served" in err
    assert "--in-flight accept" in err
    serve("shop:app", "--in-flight", "accept").wait_until_ready()


def test_a_disk_that_fails(serve: Serve, tmp_path: Path) -> None:
    """A store that cannot be written ends the process, which says so."""
    (tmp_path / "failing.py").write_text(
        "import errno\n"
        "from shop import app\n"
        "from perdure.store.lmdb import LmdbStore\n"
        "def fail(self, records):\n"
        "    raise OSError(errno.EIO, 'Input/output error')\n"
        "LmdbStore.commit = fail\n"
    )
    server = serve("failing:app")
    server.wait_until_ready()
    with Connection(server.address("ingress")) as connection:
        assert connection.ask("POST", "/Tools/echo", b"1", JSON).status == 503
    status, out, err = server.end()
    assert (status, out) == (1, "stopping\n")
    assert "error: committing failed" in err
