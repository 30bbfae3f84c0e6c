"""The whole way in a minute: generate, serve, call, kill with SIGKILL, start again, and find everything where it was.

Run it with ``make demo``. It works in a temporary folder, on free ports of this machine, and stops what it starts.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import perdure  # noqa: E402  the repository has to be on the path first
from generated.greeter.v1 import GreeterObjectSyncClient  # noqa: E402
from generated.signup.v1 import SignupWorkflowSyncClient, User  # noqa: E402
from generated.subscription.v1 import SubscriptionServiceSyncClient  # noqa: E402

WAIT_S = 20.0


def say(text: str = "") -> None:
    """Print a line of the story."""
    print(text, flush=True)


def step(number: int, title: str) -> None:
    """Print the headline of a step."""
    say(f"\n\033[1m{number}. {title}\033[0m" if sys.stdout.isatty() else f"\n{number}. {title}")


def shell(*command: str) -> None:
    """Show a command, run it, and show what it prints, indented."""
    say(f"   $ {' '.join(command)}")
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        check=False,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    for line in (done.stdout + done.stderr).splitlines():
        say(f"   {line}")
    if done.returncode:
        sys.exit(f"{command[0]} failed with {done.returncode}")


class Server:
    """`perdure serve` as a process of its own, which can be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.admin = free_port(), free_port()
        self.outbox = folder / "outbox.jsonl"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it on the same folder and wait until it says that it is ready."""
        command = [
            *(str(Path(sys.executable).parent / "perdure"), "serve", "examples.app:app"),
            *("--data", str(self.folder / "data")),
            *("--ingress", f"127.0.0.1:{self.port}", "--admin", f"127.0.0.1:{self.admin}"),
        ]
        say("   $ perdure serve examples.app:app")
        environment = {**os.environ, "EXAMPLES_OUTBOX": str(self.outbox), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            say(f"   | {line.rstrip()}")
            if line.startswith("ready"):
                return
        sys.exit("the server did not start")

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed, nothing is said."""
        assert self.process is not None
        say(f"   $ kill -9 {self.process.pid}")
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM: it drains."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(WAIT_S)

    def effects(self) -> list[dict[str, str]]:
        """What the steps did outside, in order."""
        if not self.outbox.exists():
            return []
        return [json.loads(line) for line in self.outbox.read_text().splitlines()]

    def await_effect(self, name: str) -> dict[str, str]:
        """Wait until a step has done its work."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            for effect in self.effects():
                if effect["step"] == name:
                    return effect
            time.sleep(0.02)
        sys.exit(f"nothing was seen of {name}")


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def before_the_crash(server: Server, client: perdure.SyncClient) -> str:
    """Call an object and a service, start a workflow; returns the secret from the e-mail."""
    step(3, "Call it through the generated, typed clients")
    mary = GreeterObjectSyncClient(client, "Mary")
    for _ in range(2):
        say(f'   GreeterObjectSyncClient(client, "Mary").greet("Hi")   -> {mary.greet("Hi")!r}')
    SubscriptionServiceSyncClient(client).add(
        user_id="mary", credit_card="4242424242424242", subscriptions=["news", "music"]
    )
    say("   SubscriptionServiceSyncClient(client).add(…)             -> three steps done outside:")
    for effect in server.effects():
        say(f"       {effect['step']:<26} payment {effect['id'][:8]}… {effect.get('subscription', '')}")

    step(4, "Start a workflow that waits for a person")
    signup = SignupWorkflowSyncClient(client, "mary")
    handle = signup.submit(User(name="Mary", email="mary@example.org"))
    say(f'   SignupWorkflowSyncClient(client, "mary").submit(…)      -> {handle.id}')
    secret = server.await_effect("send_email_with_link")["secret"]
    say(f"   the e-mail is out, its link holds the secret {secret[:8]}…; nobody has clicked it yet")
    say(f"   .peek()                                                -> {signup.peek()}")
    return secret


def after_the_crash(server: Server, client: perdure.SyncClient, secret: str) -> None:
    """Everything goes on from where it was."""
    step(7, "Everything goes on from where it was")
    signup = SignupWorkflowSyncClient(client, "mary")
    signup.click(secret)
    result = signup.attach()
    say(f"   .click(secret); .attach()                              -> {result}")
    greeting = GreeterObjectSyncClient(client, "Mary").greet("Hi")
    say(f'   .greet("Hi")                                           -> {greeting!r}')
    steps = [effect["step"] for effect in server.effects()]
    say(f"   effects in the outbox: {len(steps)}, e-mails sent: {steps.count('send_email_with_link')}")
    if result is not True or greeting != "Hi Mary, for the 3-th time" or steps.count("send_email_with_link") != 1:
        sys.exit("that is not what should have happened")


def main() -> None:
    """Tell the story."""
    with tempfile.TemporaryDirectory(prefix="perdure-demo-") as folder:
        server = Server(Path(folder))
        try:
            step(1, "From the spec to typed Python")
            for line in (REPOSITORY / "specs/greeter/greeter.yaml").read_text().splitlines()[4:]:
                say(f"   {line}")
            shell("perdure", "generate", "specs", "--out", f"{folder}/generated")
            step(2, "Serve the handlers: one process, one folder, no other server")
            server.start()
            with perdure.connect_sync(f"http://127.0.0.1:{server.port}") as client:
                secret = before_the_crash(server, client)
            step(5, "Kill it, between the e-mail and the click")
            server.kill()
            step(6, "Start it again on the same folder")
            server.start()
            with perdure.connect_sync(f"http://127.0.0.1:{server.port}") as client:
                after_the_crash(server, client, secret)
        finally:
            server.stop()
    say("\nNothing was lost, and nothing was done twice.")


if __name__ == "__main__":
    main()
