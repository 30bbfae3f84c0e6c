"""The same handlers, called in the same way, do the same on perdure's own engine and on a Restate server.

Both suspend whoever waits for longer than some milliseconds, so that nearly every wait here is also a replay.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest

import perdure
from generated.greeter.v1 import GreeterObjectSyncClient
from generated.signup.v1 import SignupWorkflowSyncClient, User
from generated.subscription.v1 import SubscriptionServiceSyncClient
from tests.restate.engines import Engine, wait_until

Made = Any


# --- the examples


def test_greeter(client: perdure.SyncClient, key: str) -> None:
    """A virtual object counts, for each key by itself."""
    mary = GreeterObjectSyncClient(client, key)
    assert [mary.greet("Hi") for _ in range(3)] == [f"Hi {key}, for the {n}-th time" for n in (1, 2, 3)]
    assert mary.ungreet() == f"Dear {key}, taking one greeting back: 3"
    assert mary.get_greet_count() == 2
    assert GreeterObjectSyncClient(client, f"{key}/another one").get_greet_count() == 0


def test_subscription(client: perdure.SyncClient, engine: Engine) -> None:
    """A service does its steps in order, each once."""
    before = len(engine.notes.lines('{"step"'))
    SubscriptionServiceSyncClient(client).add(
        user_id="mary", credit_card="4242424242424242", subscriptions=["news", "music"]
    )
    steps = [line.split('"')[3] for line in engine.notes.lines('{"step"')[before:]]
    assert steps == ["create_recurring_payment", "create_subscription", "create_subscription"]


def test_signup(client: perdure.SyncClient, engine: Engine, key: str) -> None:
    """A workflow waits for a person, is started once, and its result is kept."""
    signup = SignupWorkflowSyncClient(client, key)
    handle = signup.submit(User(name="Mary", email="mary@example.org"))
    mail = engine.notes.wait(f'{{"step": "send_email_with_link", "id": "{key}"')[0]
    assert signup.peek() is None
    with pytest.raises(perdure.RequestRefused, match="already invoked") as again:
        signup.submit(User(name="Mary", email="mary@example.org"))
    assert again.value.code == 409
    signup.click(mail.split('"secret": "')[1].rstrip('"}'))
    assert signup.attach() is True
    assert signup.peek() is True
    assert handle.result() is True


# --- effects, time and chance


def test_same(made: Made, client: perdure.SyncClient) -> None:
    """Time and chance are what they were, when the handler is executed again; and time goes on."""
    first, uuid, chance, second, another, recorded, third, now = made.StepsSyncClient(client).same()
    assert 0 <= chance < 1
    assert uuid != another
    assert recorded is True
    assert first + 0.1 <= second <= third - 0.1
    assert now == pytest.approx(third, abs=0.001)
    assert abs(datetime.datetime.now(datetime.UTC).timestamp() - third) < 5


def test_overlap(made: Made, client: perdure.SyncClient) -> None:
    """Steps run beside each other: plain functions in threads, coroutines on the process's loop."""
    assert made.StepsSyncClient(client).overlap(count=6) == list(range(6))


def test_typed(made: Made, client: perdure.SyncClient) -> None:
    """A step's result comes back as what it was, also from the journal."""
    assert made.StepsSyncClient(client).typed() == "2026-03-01"


def test_flaky(made: Made, client: perdure.SyncClient, engine: Engine, key: str) -> None:
    """A step that fails is executed again, until it succeeds."""
    assert made.StepsSyncClient(client).flaky(name=key, failures=3) == "after 3"
    assert engine.notes.lines(f"try {key}") == [f"try {key}"] * 3


def test_exhausted(made: Made, client: perdure.SyncClient) -> None:
    """A step with three tries has failed after them, and the handler can go on."""
    assert made.StepsSyncClient(client).exhausted() == "500: OSError: never"


def test_later(made: Made, client: perdure.SyncClient, key: str) -> None:
    """A failed attempt says itself when it wants to be tried again."""
    assert 0.3 <= made.StepsSyncClient(client).later(name=key) < 3


def test_declined(made: Made, client: perdure.SyncClient) -> None:
    """A declared error of a step ends the handler, and the caller gets the class with its fields."""
    with pytest.raises(made.PaymentDeclined) as declined:
        made.StepsSyncClient(client).declined()
    assert (declined.value.code, declined.value.reason) == (402, "expired")


def test_outside(made: Made, client: perdure.SyncClient, key: str) -> None:
    """Opening a socket in a handler is refused; what was asked for before it is not done, and the next try is."""
    assert made.StepsSyncClient(client).outside(name=key) is None


def test_two_paths(made: Made, client: perdure.SyncClient, engine: Engine, key: str) -> None:
    """A handler that takes another path is told so, and paused after its tries; nothing of the other path is done."""
    sent = made.StepsSyncClient(client).send().two_paths(name=key)
    engine.notes.wait(f"path {key}", 3)
    wait_until(lambda: engine.standing(sent.id).status == "paused")
    failure = engine.standing(sent.id).failure
    assert "left" in failure
    assert "right" in failure
    assert engine.notes.lines(f"step {key}") == [f"step {key}"]


# --- combinators


@pytest.mark.parametrize("delays", [[0, 0, 0], [300, 100, 200], [100, 100, 5]], ids=str)
def test_gather(made: Made, client: perdure.SyncClient, delays: list[int]) -> None:
    """`gather` and `TaskGroup` give the results in the order of what was given."""
    combinators = made.CombinatorsSyncClient(client)
    assert combinators.gather(delays=delays) == [0, 1, 2]
    assert combinators.group(delays=delays) == [0, 1, 2]


def test_completed(made: Made, client: perdure.SyncClient) -> None:
    """`as_completed` gives them in the order of the timers; `wait` the first of them."""
    combinators = made.CombinatorsSyncClient(client)
    assert combinators.completed(delays=[300, 100, 200]) == [1, 2, 0]
    assert combinators.first(delays=[300, 100, 200]) == 1


def test_expires(made: Made, client: perdure.SyncClient) -> None:
    """`timeout` is a durable timer."""
    combinators = made.CombinatorsSyncClient(client)
    assert combinators.expires(limit=100, delay=60_000) == "too late"
    assert combinators.expires(limit=60_000, delay=100) == "in time"


def test_nested(made: Made, client: perdure.SyncClient) -> None:
    """Groups in groups, of calls, steps, sleeps and timeouts."""
    assert made.CombinatorsSyncClient(client).nested() == ["1 nested it 7", "1 nested it 7", "too late"]


def test_calls_in_time(made: Made, client: perdure.SyncClient, key: str) -> None:
    """A call whose task is cancelled is cancelled too, and gives its key free."""
    assert made.CombinatorsSyncClient(client).calls_in_time(key=key) == "1"


def test_many(made: Made, client: perdure.SyncClient) -> None:
    """Two hundred tasks that sleep at the same time."""
    assert made.CombinatorsSyncClient(client).many(count=200) == sum(range(200))


# --- other handlers


def test_by_name(made: Made, client: perdure.SyncClient, key: str) -> None:
    """Calls by name carry bytes; two with the same idempotency key are one."""
    assert made.TalkSyncClient(client).by_name(key=key) == "2 5"


def test_sends(made: Made, client: perdure.SyncClient, key: str) -> None:
    """What is sent has an id at once, is done in order, and later if it is said so."""
    counter = made.CounterSyncClient(client, key)
    ids = made.TalkSyncClient(client).sends(key=key)
    assert len(set(ids)) == 4
    assert ids[3] == ids[4]
    assert all(id.startswith("inv_1") for id in ids)
    assert counter.get() == 3
    assert client.invocation(ids[3], made._wire.COUNTER_ADD).result() == 103


def test_ids(made: Made, client: perdure.SyncClient, key: str) -> None:
    """A handler knows its own id and its callee's, before and after the callee has ended."""
    own, early, late = made.TalkSyncClient(client).ids(key=key)
    assert own != early == late


def test_attaches(made: Made, client: perdure.SyncClient, key: str) -> None:
    """A handler waits for the result of what it has sent."""
    assert made.TalkSyncClient(client).attaches(key=key) == 5


def test_cancels(made: Made, client: perdure.SyncClient, key: str) -> None:
    """A handler cancels what it has sent."""
    assert made.TalkSyncClient(client).cancels(key=key) == "409: cancelled"
    assert made.CounterSyncClient(client, key).get() == 0


def test_headers(made: Made, client: perdure.SyncClient) -> None:
    """A handler sees the headers of the request, in lower case."""
    talk = made.TalkSyncClient(client).with_options(headers={"X-Trace": "abc"})
    assert talk.headers(name="x-trace") == "abc"
    assert talk.headers(name="x-other") is None


def test_awakeable(made: Made, client: perdure.SyncClient, engine: Engine, key: str) -> None:
    """Somebody outside, or another handler, completes what a handler waits for; the first time counts."""
    talk = made.TalkSyncClient(client)
    ways: list[tuple[str, Callable[[str], object], str]] = [
        ("http", lambda told: client.resolve_awakeable(told, "a letter"), "got a letter"),
        ("http2", lambda told: client.reject_awakeable(told, "no letter"), "500: no letter"),
        ("handler", lambda told: talk.resolves(id=told, value="a call"), "got a call"),
        ("handler2", lambda told: talk.rejects(id=told), "418: no"),
    ]
    for name, complete, expected in ways:
        sent = talk.send().waits(name=f"{key}-{name}")
        id = engine.notes.wait(f"waits {key}-{name} ")[0].split()[-1]
        complete(id)
        assert sent.result() == expected


def test_signals(made: Made, client: perdure.SyncClient, key: str) -> None:
    """Signals have a name, and wait for the handler that awaits them."""
    talk = made.TalkSyncClient(client)
    sent = talk.send().listens()
    for word in ("hello", "world"):
        talk.signals(id=sent.id, value=word)
    assert sent.result() == "hello world"


def test_private(made: Made, client: perdure.SyncClient) -> None:
    """A private handler is for other handlers alone."""
    talk = made.TalkSyncClient(client)
    assert talk.shares_secret() == "a secret"
    with pytest.raises(perdure.RequestRefused, match="not public"):
        talk.secret()


# --- cancellation, sagas


def test_survives(made: Made, client: perdure.SyncClient, engine: Engine, key: str) -> None:
    """A cancelled handler hears of it where it waits, and so does what it called; then it goes on as it likes."""
    talk = made.TalkSyncClient(client)
    sent = talk.send().survives(name=key)
    counter = made.CounterSyncClient(client, key)
    wait_until(lambda: engine.standing(sent.id).status == "suspended")
    engine.cancel(sent.id)
    assert sent.result() == "409: cancelled; 1"
    assert engine.notes.lines(f"undo {key}") == [f"undo {key}"]
    assert counter.get() == 1


def test_checkout(made: Made, client: perdure.SyncClient, engine: Engine, key: str) -> None:
    """A purchase that succeeds."""
    skus = [f"{key}-a", f"{key}-b"]
    assert made.CheckoutSyncClient(client).buy(order=key, skus=skus, amount=50) == f"charge {key}"
    assert [made.StockSyncClient(client, sku).left() for sku in skus] == [2, 2]


def test_checkout_declined(made: Made, client: perdure.SyncClient, engine: Engine, key: str) -> None:
    """The card is declined: the reservations are undone, the last one first."""
    skus = [f"{key}-a", f"{key}-b"]
    with pytest.raises(made.PaymentDeclined, match="500 is too much"):
        made.CheckoutSyncClient(client).buy(order=key, skus=skus, amount=500)
    assert [made.StockSyncClient(client, sku).left() for sku in skus] == [3, 3]
    assert [line.split()[:2] for line in engine.notes.lines() if line.endswith(f" {key}")] == [
        ["reserve", skus[0]],
        ["reserve", skus[1]],
        ["release", skus[1]],
        ["release", skus[0]],
    ]


def test_checkout_late_failure(made: Made, client: perdure.SyncClient, engine: Engine, key: str) -> None:
    """It fails after the card was charged: the money goes back before the goods do."""
    with pytest.raises(perdure.TerminalError, match="nobody ships this") as refused:
        made.CheckoutSyncClient(client).buy(order=key, skus=[f"{key}-a"], amount=99)
    assert refused.value.code == 418
    done = [line.split()[0] for line in engine.notes.lines() if line.endswith(key)]
    assert done == ["reserve", "charge", "refund", "release"]


def test_checkout_out_of_stock(made: Made, client: perdure.SyncClient, key: str) -> None:
    """A typed error goes from the object through the service to the caller, with its fields."""
    checkout = made.CheckoutSyncClient(client)
    for number in range(3):
        checkout.buy(order=f"{key}-{number}", skus=[key], amount=1)
    with pytest.raises(made.OutOfStock) as out:
        checkout.buy(order=f"{key}-last", skus=[key], amount=1)
    assert (out.value.code, out.value.sku, out.value.available) == (409, key, 0)


# --- state and workflows


def test_state(made: Made, client: perdure.SyncClient, key: str) -> None:
    """State is read, written, listed, cleared in parts and as a whole."""
    counter = made.CounterSyncClient(client, key)
    assert counter.names() == []
    assert counter.add(amount=5) == 5
    counter.remember(text="four")
    assert (counter.get(), counter.names()) == (4, ["count", "note"])
    assert counter.forget() == counter.names() == ["count"]
    assert counter.forget_all() == ["count"]
    assert (counter.get(), counter.names()) == (0, [])


def test_one_writer(made: Made, client: perdure.SyncClient, key: str) -> None:
    """Exclusive handlers of a key queue up, in order; shared ones do not."""
    counter = made.CounterSyncClient(client, key)
    sent = [counter.send().add_slowly(amount=1, delay=100) for _ in range(3)]
    assert counter.get() == 0
    assert [one.result() for one in sent] == [1, 2, 3]


def test_typed_key(made: Made, client: perdure.SyncClient) -> None:
    """A key has a type, and another one is refused with 400."""
    assert made.NumberedSyncClient(client, 21).twice() == 42
    # perdure's ingress refuses it; Restate's does not know types, so there the handler does.
    with pytest.raises((perdure.RequestRefused, perdure.TerminalError), match="bad key 'x'") as refused:
        made.NumberedSyncClient(client, "x").twice()
    error = refused.value
    assert isinstance(error, perdure.RequestRefused | perdure.TerminalError)
    assert error.code == 400


def test_approval(made: Made, client: perdure.SyncClient, engine: Engine, key: str) -> None:
    """A workflow runs once for an id; its promise is peeked at, resolved once, and its state is read meanwhile."""
    approval = made.ApprovalSyncClient(client, key)
    handle = approval.submit(amount=7)
    engine.notes.wait(f"ask {key}")
    assert (approval.glance(), approval.stage()) == (None, "asked")
    approval.decide(yes=True)
    assert handle.result() == approval.attach() == "7: yes"
    with pytest.raises(perdure.TerminalError) as again:
        approval.decide(yes=False)
    assert again.value.code == 409
    assert (approval.glance(), approval.stage()) == (True, "decided")
    assert engine.notes.lines(f"ask {key}") == [f"ask {key}"]


def test_approval_refused(made: Made, client: perdure.SyncClient, key: str) -> None:
    """A promise that is rejected raises where it is awaited."""
    approval = made.ApprovalSyncClient(client, key)
    handle = approval.submit(amount=7)
    approval.refuse(why="too much")
    assert handle.result() == "403: too much"


# --- crashes


def test_crash(made: Made, client: perdure.SyncClient, engine: Engine, key: str) -> None:
    """The process is killed while handlers sleep, wait for a person and hold a key; then everything goes on."""
    approval = made.ApprovalSyncClient(client, key)
    handle = approval.submit(amount=9)
    engine.notes.wait(f"ask {key}")
    counter = made.CounterSyncClient(client, key)
    sent = [counter.send().add_slowly(amount=1, delay=600) for _ in range(2)]
    nap = made.CombinatorsSyncClient(client).send().gather(delays=[900, 1000])
    engine.kill()
    engine.start()
    approval.decide(yes=True)
    assert handle.result() == "9: yes"
    assert [one.result() for one in sent] == [1, 2]
    assert nap.result() == [0, 1]
    assert engine.notes.lines(f"ask {key}") == [f"ask {key}"]


def test_drain(made: Made, client: perdure.SyncClient, engine: Engine) -> None:
    """A process that is told to stop ends well, and the next one goes on with what waited."""
    nap = made.CombinatorsSyncClient(client).send().gather(delays=[600, 700])
    assert engine.stop() == 0
    engine.start()
    assert nap.result() == [0, 1]
