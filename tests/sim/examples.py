"""The three canonical examples, as `examples/` has them, each with clients of its own."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import perdure
from examples.greeter import Greeter
from examples.signup import Signup
from examples.subscription import Subscriptions
from generated.greeter.v1 import GreeterObjectClient
from generated.signup.v1 import SignupWorkflowClient, User
from generated.subscription.v1 import SubscriptionServiceClient
from tests.sim.world import Callers, Life, World


def outbox() -> list[dict[str, str]]:
    """What the examples' effects have written."""
    file = Path(os.environ["EXAMPLES_OUTBOX"])
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class Example:
    """An example's effects are the lines of its outbox; the ids in them depend on chance."""

    name: str

    def effects(self, world: World) -> Counter[str]:
        """How often each effect began."""
        return Counter(f"{line['step']} {line.get('subscription', line.get('name', ''))}" for line in outbox())


class Subscribing(Example):
    """One service, effects one after the other."""

    name = "subscription"

    def services(self, life: Life) -> list[perdure.Handlers]:
        """What is served."""
        return [Subscriptions()]

    async def clients(self, callers: Callers) -> None:
        """One user takes three subscriptions."""
        client = SubscriptionServiceClient(callers.client).with_options(idempotency_key="add")
        await callers.once("add", lambda: client.add(user_id="u", credit_card="4242", subscriptions=["a", "b", "c"]))


class Greeting(Example):
    """One object, requests one after the other."""

    name = "greeter"

    def services(self, life: Life) -> list[perdure.Handlers]:
        """What is served."""
        return [Greeter()]

    async def clients(self, callers: Callers) -> None:
        """Greet three times, take one back, ask."""
        client = GreeterObjectClient(callers.client, "Mary")
        for turn in ("1", "2", "3"):
            again = client.with_options(idempotency_key=turn)
            await callers.once(f"greet {turn}", lambda again=again: again.greet("Hi"))  # type: ignore[misc]  # mypy does not infer it
        await callers.once("ungreet", client.with_options(idempotency_key="back").ungreet)
        await callers.once("count", client.get_greet_count)


class SigningUp(Example):
    """One workflow, which waits for a person in between."""

    name = "signup"

    def services(self, life: Life) -> list[perdure.Handlers]:
        """What is served."""
        return [Signup()]

    async def clients(self, callers: Callers) -> None:
        """Start; when the e-mail has come, click; wait for the end."""
        client = SignupWorkflowClient(callers.client, "ann")
        await callers.once("submit", lambda: self._submit(client))
        mail = await callers.until(lambda: next((line for line in outbox() if "secret" in line), None))
        await callers.once("click", lambda: client.with_options(idempotency_key="c").click(mail["secret"]))
        await callers.once("attach", client.attach)
        await callers.once("peek", client.peek)

    async def _submit(self, client: SignupWorkflowClient) -> str:
        """Told that the run exists, a client that was not answered before the crash knows that it was accepted."""
        try:
            await client.submit(User(name="Ann", email="ann@example.com"))
        except perdure.RequestRefused as e:
            if e.code != 409:
                raise
        return "submitted"
