"""Handlers of the suite that runs on both engines. What they do outside they note in the file named by NOTES."""

from __future__ import annotations

import asyncio
import datetime
import os
import time
from functools import partial
from pathlib import Path

from made.both.v1 import (
    Approval,
    ApprovalContext,
    ApprovalSharedContext,
    Checkout,
    CheckoutContext,
    Combinators,
    CombinatorsContext,
    Counter,
    CounterContext,
    CounterSharedContext,
    Numbered,
    NumberedContext,
    OutOfStock,
    PaymentDeclined,
    Payments,
    PaymentsContext,
    Steps,
    StepsContext,
    Stock,
    StockContext,
    StockSharedContext,
    Talk,
    TalkContext,
)

import perdure
from examples.greeter import Greeter
from examples.signup import Signup
from examples.subscription import Subscriptions

TWICE = perdure.RetryPolicy(initial=datetime.timedelta(milliseconds=20), max_attempts=3)
PATIENT = perdure.RetryPolicy(initial=datetime.timedelta(milliseconds=20), max_attempts=20)
AWAY_S = 0.1
"""Longer than the inactivity timeout: who sleeps so long is suspended, and replayed."""


def note(text: str) -> str:
    """Say that something has happened outside."""
    with Path(os.environ["NOTES"]).open("a") as file:
        file.write(f"{text}\n")
    return text


def notes() -> list[str]:
    return Path(os.environ["NOTES"]).read_text().splitlines()


class TheSteps(Steps):
    async def same(self, ctx: StepsContext) -> list[perdure.Json]:
        seen: list[perdure.Json] = [ctx.time(), str(ctx.uuid()), ctx.random().random()]
        await asyncio.sleep(AWAY_S)
        seen += [ctx.time(), str(ctx.uuid())]
        seen.append(await ctx.run("clock", partial(note, f"same {seen}")))
        await asyncio.sleep(AWAY_S)
        return [*seen[:5], seen[5] == f"same {seen[:5]}", ctx.time(), ctx.now().timestamp()]

    async def overlap(self, ctx: StepsContext, count: int) -> list[int]:
        async def coroutine(number: int) -> int:
            await asyncio.sleep(0.05)
            return number

        def plain(number: int) -> int:
            time.sleep(0.05)
            return number

        steps = [ctx.run("step", partial(coroutine if n % 2 else plain, n), returns=int) for n in range(count)]
        return list(await asyncio.gather(*steps))

    async def typed(self, ctx: StepsContext) -> str:
        day = datetime.date(2026, 2, 28)
        found = await ctx.run("day", lambda: day, returns=datetime.date)
        await asyncio.sleep(AWAY_S)
        return (found + datetime.timedelta(days=1)).isoformat()

    async def flaky(self, ctx: StepsContext, name: str, failures: int) -> str:
        def step() -> str:
            if notes().count(f"try {name}") < failures:
                note(f"try {name}")
                raise OSError("not yet")
            return f"after {failures}"

        note(f"attempt {name}")
        return await ctx.run("flaky", step, retry=PATIENT)

    async def exhausted(self, ctx: StepsContext) -> str:
        def step() -> None:
            raise OSError("never")

        try:
            await ctx.run("never", step, retry=TWICE)
        except perdure.TerminalError as e:
            return f"{e.code}: {e.message}"
        return "it succeeded"

    async def later(self, ctx: StepsContext, name: str) -> float:
        began = await ctx.run("begin", time.time)
        if f"later {name}" not in notes():
            note(f"later {name}")
            raise perdure.RetryableError("later", retry_after=datetime.timedelta(milliseconds=300))
        return await ctx.run("end", time.time) - began

    async def declined(self, ctx: StepsContext) -> None:
        def step() -> None:
            raise PaymentDeclined(reason="expired")

        await ctx.run("charge", step)

    async def outside(self, ctx: StepsContext, name: str) -> None:
        if f"outside {name}" not in notes():
            note(f"outside {name}")
            await asyncio.open_connection("127.0.0.1", 9)

    async def two_paths(self, ctx: StepsContext, name: str) -> None:
        again = f"path {name}" in notes()
        note(f"path {name}")
        await ctx.run("right" if again else "left", partial(note, f"step {name}"))
        await asyncio.sleep(AWAY_S)


class TheCombinators(Combinators):
    async def _nap(self, number: int, delay: int) -> int:
        await asyncio.sleep(delay / 1000)
        return number

    async def gather(self, ctx: CombinatorsContext, delays: list[int]) -> list[int]:
        return list(await asyncio.gather(*(self._nap(n, delay) for n, delay in enumerate(delays))))

    async def group(self, ctx: CombinatorsContext, delays: list[int]) -> list[int]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._nap(n, delay)) for n, delay in enumerate(delays)]
        return [task.result() for task in tasks]

    async def completed(self, ctx: CombinatorsContext, delays: list[int]) -> list[int]:
        order = asyncio.as_completed([self._nap(n, delay) for n, delay in enumerate(delays)])
        return [await nap for nap in order]

    async def first(self, ctx: CombinatorsContext, delays: list[int]) -> int:
        tasks = [asyncio.create_task(self._nap(n, delay)) for n, delay in enumerate(delays)]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return done.pop().result()

    async def expires(self, ctx: CombinatorsContext, limit: int, delay: int) -> str:
        try:
            async with asyncio.timeout(limit / 1000):
                await self._nap(0, delay)
        except TimeoutError:
            return "too late"
        return "in time"

    async def nested(self, ctx: CombinatorsContext) -> list[str]:
        async def both(name: str) -> str:
            counted, step, nap = await asyncio.gather(
                ctx.counter(name).add(amount=1), ctx.run("step", partial(note, f"nested {name}")), self._nap(7, 150)
            )
            return f"{name}: {counted} {step} {nap}"

        async def expires(name: str) -> str:
            try:
                async with asyncio.timeout(0.05):
                    await ctx.counter(name).add_slowly(amount=1, delay=5000)
            except TimeoutError:
                return f"{name}: too late"
            return f"{name}: in time"

        async with asyncio.TaskGroup() as group:
            names = [str(ctx.uuid()) for _ in range(3)]
            tasks = [group.create_task(both(names[0])), group.create_task(both(names[1]))]
            tasks.append(group.create_task(expires(names[2])))
        return [task.result().partition(": ")[2].replace(name, "it") for name, task in zip(names, tasks, strict=True)]

    async def calls_in_time(self, ctx: CombinatorsContext, key: str) -> str:
        slow = asyncio.create_task(self._wait_for(ctx, key))
        await asyncio.sleep(0.2)
        slow.cancel()
        # The call was cancelled with its task, and its key is free again.
        return f"{await ctx.counter(key).add(amount=1)}"

    async def _wait_for(self, ctx: CombinatorsContext, key: str) -> int:
        return await ctx.counter(key).add_slowly(amount=10, delay=60_000)

    async def many(self, ctx: CombinatorsContext, count: int) -> int:
        return sum(await asyncio.gather(*(self._nap(n, n % 7) for n in range(count))))


class TheTalk(Talk):
    async def by_name(self, ctx: TalkContext, key: str) -> str:
        first = await ctx.call("Counter", "add", b'{"amount": 2}', key=key)
        await ctx.call("Counter", "add", b'{"amount": 3}', key=key, idempotency_key="once", headers={"x-a": "b"})
        again = await ctx.call("Counter", "add", b'{"amount": 3}', key=key, idempotency_key="once")
        return f"{first.decode()} {again.decode()}"

    async def sends(self, ctx: TalkContext, key: str) -> list[str]:
        sent = [ctx.counter(key).send().add(amount=n) for n in range(3)]
        late = ctx.counter(key).send(delay=datetime.timedelta(milliseconds=300)).add(amount=100)
        ids = [one.invocation_id for one in [*sent, late]]
        await asyncio.sleep(AWAY_S)
        return [*ids, late.invocation_id]

    async def ids(self, ctx: TalkContext, key: str) -> list[str]:
        call = ctx.counter(key).add(amount=1)
        early = call.invocation_id
        await call
        await asyncio.sleep(AWAY_S)
        return [ctx.invocation_id, early, call.invocation_id]

    async def attaches(self, ctx: TalkContext, key: str) -> int:
        sent = ctx.counter(key).send().add_slowly(amount=5, delay=150)
        return await ctx.attach(sent.invocation_id, int)

    async def cancels(self, ctx: TalkContext, key: str) -> str:
        sent = ctx.counter(key).send().add_slowly(amount=5, delay=60_000)
        await asyncio.sleep(AWAY_S)
        ctx.cancel(sent.invocation_id)
        try:
            await ctx.attach(sent.invocation_id, int)
        except perdure.TerminalError as e:
            return f"{e.code}: {e.message}"
        return "it was not cancelled"

    async def headers(self, ctx: TalkContext, name: str) -> str | None:
        return ctx.headers.get(name)

    async def waits(self, ctx: TalkContext, name: str) -> str:
        awakeable = ctx.awakeable(str)
        await ctx.run("tell", partial(note, f"waits {name} {awakeable.id}"))
        try:
            return f"got {await awakeable}"
        except perdure.TerminalError as e:
            return f"{e.code}: {e.message}"

    async def resolves(self, ctx: TalkContext, id: str, value: str) -> None:
        ctx.resolve_awakeable(id, value)
        ctx.resolve_awakeable(id, "a second one, which does not count")

    async def rejects(self, ctx: TalkContext, id: str) -> None:
        ctx.reject_awakeable(id, "no", code=418)

    async def listens(self, ctx: TalkContext) -> str:
        first = await ctx.signal("word", str)
        await asyncio.sleep(AWAY_S)
        return f"{first} {await ctx.signal('word', str)}"

    async def signals(self, ctx: TalkContext, id: str, value: str) -> None:
        ctx.resolve_signal(id, "word", value)

    async def survives(self, ctx: TalkContext, name: str) -> str:
        heard = "nothing"
        try:
            await ctx.counter(name).add_slowly(amount=1, delay=60_000)
        except perdure.TerminalError as e:
            heard = f"{e.code}: {e.message}"
        # What it does after it has heard of it is done.
        await ctx.run("undo", partial(note, f"undo {name}"))
        await asyncio.sleep(AWAY_S)
        return f"{heard}; {await ctx.counter(name).add(amount=1)}"

    async def secret(self, ctx: TalkContext) -> str:
        return "a secret"

    async def shares_secret(self, ctx: TalkContext) -> str:
        return await ctx.talk().secret()


class ThePayments(Payments):
    async def charge(self, ctx: PaymentsContext, order: str, amount: int) -> str:
        if amount > 100:
            raise PaymentDeclined(reason=f"{amount} is too much")
        return await ctx.run("charge", partial(note, f"charge {order}"))

    async def refund(self, ctx: PaymentsContext, charge: str) -> None:
        await ctx.run("refund", partial(note, f"refund {charge}"))


class TheCheckout(Checkout):
    async def buy(self, ctx: CheckoutContext, order: str, skus: list[str], amount: int) -> str:
        async with perdure.Saga() as saga:
            for sku in skus:
                await ctx.stock(sku).reserve(order=order)
                saga.undo(partial(ctx.stock(sku).release, order=order))
            charge = await ctx.payments().charge(order=order, amount=amount)
            saga.undo(partial(ctx.payments().refund, charge=charge))
            if amount == 99:
                raise perdure.TerminalError("nobody ships this", code=418)
        return charge


class TheCounter(Counter):
    async def add(self, ctx: CounterContext, amount: int) -> int:
        count = await ctx.state.count.get() + amount
        ctx.state.count.set(count)
        return count

    async def add_slowly(self, ctx: CounterContext, amount: int, delay: int) -> int:
        before = await ctx.state.count.get()
        await asyncio.sleep(delay / 1000)
        ctx.state.count.set(before + amount)
        return before + amount

    async def get(self, ctx: CounterSharedContext) -> int:
        return await ctx.state.count.get()

    async def names(self, ctx: CounterSharedContext) -> list[str]:
        return list(await ctx.state.keys())

    async def remember(self, ctx: CounterContext, text: str) -> None:
        ctx.state.note.set(text)
        ctx.state.count.set(len(await ctx.state.note.get() or ""))

    async def forget(self, ctx: CounterContext) -> list[str]:
        ctx.state.note.clear()
        return list(await ctx.state.keys())

    async def forget_all(self, ctx: CounterContext) -> list[str]:
        before = await ctx.state.keys()
        await asyncio.sleep(AWAY_S)
        ctx.state.clear_all()
        return [*before, *await ctx.state.keys()]


class TheNumbered(Numbered):
    async def twice(self, ctx: NumberedContext) -> int:
        return 2 * ctx.key


class TheStock(Stock):
    async def reserve(self, ctx: StockContext, order: str) -> None:
        left = await ctx.state.left.get()
        if left == 0:
            raise OutOfStock(sku=ctx.key, available=left)
        ctx.state.left.set(left - 1)
        await ctx.run("reserve", partial(note, f"reserve {ctx.key} {order}"))

    async def release(self, ctx: StockContext, order: str) -> None:
        ctx.state.left.set(await ctx.state.left.get() + 1)
        await ctx.run("release", partial(note, f"release {ctx.key} {order}"))

    async def left(self, ctx: StockSharedContext) -> int:
        return await ctx.state.left.get()


class TheApproval(Approval):
    async def run(self, ctx: ApprovalContext, amount: int) -> str:
        ctx.state.stage.set("asked")
        await ctx.run("ask", partial(note, f"ask {ctx.key}"))
        try:
            approved = await ctx.promises.decision.value()
        except perdure.TerminalError as e:
            return f"{e.code}: {e.message}"
        ctx.state.stage.set("decided")
        return f"{amount}: {'yes' if approved else 'no'}"

    async def decide(self, ctx: ApprovalSharedContext, yes: bool) -> None:
        await ctx.promises.decision.resolve(yes)

    async def refuse(self, ctx: ApprovalSharedContext, why: str) -> None:
        await ctx.promises.decision.reject(why, code=403)

    async def glance(self, ctx: ApprovalSharedContext) -> bool | None:
        return await ctx.promises.decision.peek()

    async def stage(self, ctx: ApprovalSharedContext) -> str:
        return await ctx.state.stage.get()


app = perdure.App(
    [
        *(Greeter(), Signup(), Subscriptions()),
        *(TheSteps(), TheCombinators(), TheTalk(), ThePayments(), TheCheckout()),
        *(TheCounter(), TheNumbered(), TheStock(), TheApproval()),
    ],
    # So short that whoever waits is soon suspended, and replayed when it goes on.
    inactivity_timeout=datetime.timedelta(milliseconds=30),
    retry=perdure.RetryPolicy(initial=datetime.timedelta(milliseconds=50)),
)
