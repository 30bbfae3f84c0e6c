"""How fast `greet` is, durably, beside a bare aiohttp echo that remembers nothing.

    python -m benchmarks.greet [--connections 64] [--rounds 5] [--seconds 4]

Each server is a process of its own, so is the load. Rounds are interleaved; medians are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

ECHO = """
import asyncio, uvloop
from aiohttp import web

async def echo(request):
    return web.Response(body=await request.read(), content_type="application/json")

async def main():
    runner = web.ServerRunner(web.Server(echo))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("ready", runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()

uvloop.run(main())
"""


@contextmanager
def server(command: list[str], folder: str) -> Generator[int]:
    """Run a server until the block ends; gives its port."""
    environment = {**os.environ, "EXAMPLES_OUTBOX": f"{folder}/outbox.jsonl", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield _port(process)
    finally:
        process.terminate()
        process.wait(20)


def _port(process: subprocess.Popen[str]) -> int:
    """The first port that a server names; the echo names it behind `ready`, perdure in a URL."""
    assert process.stdout is not None
    port = 0
    for line in process.stdout:
        for word in line.replace(":", " ").replace("/", " ").split():
            if word.isdigit() and int(word) > 1023 and not port:
                port = int(word)
        if line.startswith("ready"):
            return port
    raise SystemExit("a server did not start")


def measure(port: int, path: str, arguments: argparse.Namespace) -> dict[str, float]:
    """One round of load."""
    command = [sys.executable, "-m", "benchmarks.load", str(port), path, '"Hi"']
    command += [str(arguments.connections), str(arguments.seconds)]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    arguments = parser.parse_args()
    rounds: dict[str, list[dict[str, float]]] = {"bare aiohttp echo": [], "perdure greet": []}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        serve = [str(Path(sys.executable).parent / "perdure"), "serve", "examples.app:app", "--data", f"{folder}/data"]
        serve += ["--ingress", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
        targets = {
            "bare aiohttp echo": (stack.enter_context(server([sys.executable, "-c", ECHO], folder)), "/echo"),
            "perdure greet": (stack.enter_context(server(serve, folder)), "/GreeterObject/key{c}/greet"),
        }
        for _ in range(arguments.rounds):
            for name, (port, path) in targets.items():
                rounds[name].append(measure(port, path, arguments))
    print(f"{arguments.connections} connections, median of {arguments.rounds} interleaved rounds")
    for name, found in rounds.items():
        values = {key: statistics.median(one[key] for one in found) for key in found[0]}
        print(
            f"{name:<20} {values['per_second']:>8.0f}/s  p50 {values['p50_ms']:.2f} ms  p99 {values['p99_ms']:.2f} ms"
        )
    ratios = [
        durable["per_second"] / bare["per_second"]
        for bare, durable in zip(rounds["bare aiohttp echo"], rounds["perdure greet"], strict=True)
    ]
    print(f"ratio, round by round: {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
