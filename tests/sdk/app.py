"""Handlers of the service contracts. What they do outside they note in the file named by NOTES."""

from __future__ import annotations

import asyncio
import datetime
import os
import time
from collections import Counter as Tally
from functools import partial
from pathlib import Path

from made.sdk import v1

import perdure

AWAY_S = 0.1
"""Longer than the inactivity timeout: who sleeps so long is suspended, and replayed."""

Programmed = v1.VirtualObjectCommandInterpreterContext
Peeking = v1.VirtualObjectCommandInterpreterSharedContext

tries: Tally[str] = Tally()
"""How often something was tried by this process."""


def note(text: str) -> None:
    with Path(os.environ["NOTES"]).open("a") as file:
        file.write(f"{text}\n")


def tried(what: str) -> int:
    tries[what] += 1
    return tries[what]


def fail(message: str) -> None:
    raise perdure.TerminalError(message)


class TheCounter(v1.Counter):
    async def reset(self, ctx: v1.CounterContext) -> None:
        ctx.state.counter.clear()

    async def get(self, ctx: v1.CounterContext) -> int:
        return await ctx.state.counter.get()

    async def add(self, ctx: v1.CounterContext, value: int) -> v1.CounterUpdate:
        old = await ctx.state.counter.get()
        ctx.state.counter.set(old + value)
        return v1.CounterUpdate(old_value=old, new_value=old + value)

    async def add_then_fail(self, ctx: v1.CounterContext, value: int) -> None:
        ctx.state.counter.set(await ctx.state.counter.get() + value)
        raise perdure.TerminalError(ctx.key)


class TheList(v1.ListObject):
    async def append(self, ctx: v1.ListObjectContext, value: str) -> None:
        ctx.state.list.set([*await ctx.state.list.get(), value])

    async def get(self, ctx: v1.ListObjectContext) -> list[str]:
        return await ctx.state.list.get()

    async def clear(self, ctx: v1.ListObjectContext) -> list[str]:
        values = await ctx.state.list.get()
        ctx.state.list.clear()
        return values


class TheMap(v1.MapObject):
    async def set(self, ctx: v1.MapObjectContext, entry: v1.Entry) -> None:
        ctx.state.entries.set({**await ctx.state.entries.get(), entry.key: entry.value})

    async def get(self, ctx: v1.MapObjectContext, name: str) -> str:
        return (await ctx.state.entries.get()).get(name, "")

    async def clear_all(self, ctx: v1.MapObjectContext) -> list[v1.Entry]:
        entries = await ctx.state.entries.get()
        ctx.state.clear_all()
        return [v1.Entry(key=key, value=value) for key, value in entries.items()]


class TheHolder(v1.AwakeableHolder):
    async def hold(self, ctx: v1.AwakeableHolderContext, id: str) -> None:
        ctx.state.id.set(id)

    async def has_awakeable(self, ctx: v1.AwakeableHolderContext) -> bool:
        return await ctx.state.id.get() is not None

    async def unlock(self, ctx: v1.AwakeableHolderContext, payload: str) -> None:
        held = await ctx.state.id.get()
        if held is None:
            raise perdure.TerminalError("no awakeable is held", code=404)
        ctx.resolve_awakeable(held, payload)
        ctx.state.id.clear()


class TheFailing(v1.Failing):
    async def terminally_failing_call(self, ctx: v1.FailingContext, message: str) -> None:
        raise perdure.TerminalError(message)

    async def call_terminally_failing_call(self, ctx: v1.FailingContext, message: str) -> str:
        await ctx.failing().terminally_failing_call(message)
        return "it did not fail"

    async def failing_call_with_eventual_success(self, ctx: v1.FailingContext, name: str) -> int:
        attempt = tried(f"eventual {name}")
        if attempt < 4:
            raise ValueError(f"attempt {attempt} fails")
        return attempt

    async def terminally_failing_side_effect(self, ctx: v1.FailingContext, message: str) -> None:
        await ctx.run("fail", partial(fail, message))

    async def side_effect_succeeds_after_given_attempts(
        self, ctx: v1.FailingContext, name: str, minimum_attempts: int
    ) -> int:
        def step() -> int:
            attempt = tried(f"succeeds {name}")
            if attempt < minimum_attempts:
                raise ValueError(f"attempt {attempt} fails")
            return attempt

        return await ctx.run("step", step, retry=self._policy(minimum_attempts + 1))

    async def side_effect_fails_after_given_attempts(
        self, ctx: v1.FailingContext, name: str, maximum_attempts: int
    ) -> int:
        def step() -> None:
            raise ValueError(f"attempt {tried(f'fails {name}')} fails")

        try:
            await ctx.run("step", step, retry=self._policy(maximum_attempts))
        except perdure.TerminalError:
            return await ctx.run("count", lambda: tries[f"fails {name}"], returns=int)
        raise perdure.TerminalError("it did not fail")

    def _policy(self, attempts: int) -> perdure.RetryPolicy:
        return perdure.RetryPolicy(initial=datetime.timedelta(milliseconds=10), factor=1, max_attempts=attempts)


class TheProxy(v1.Proxy):
    async def call(self, ctx: v1.ProxyContext, request: v1.ProxyRequest) -> bytes:
        return await self._call(ctx, request)

    async def one_way_call(self, ctx: v1.ProxyContext, request: v1.ProxyRequest) -> str:
        return self._send(ctx, request).invocation_id

    async def many_calls(self, ctx: v1.ProxyContext, requests: list[v1.ManyCallRequest]) -> None:
        calls = []
        for each in requests:
            if each.one_way_call:
                self._send(ctx, each.proxy_request)
                continue
            call = self._call(ctx, each.proxy_request)
            if each.await_at_the_end:
                calls.append(call)
        await asyncio.gather(*calls)

    def _call(self, ctx: v1.ProxyContext, request: v1.ProxyRequest) -> perdure.CallFuture[bytes]:
        key, once = request.virtual_object_key, request.idempotency_key
        return ctx.call(request.service_name, request.handler_name, request.message, key=key, idempotency_key=once)

    def _send(self, ctx: v1.ProxyContext, request: v1.ProxyRequest) -> perdure.SentInvocation[bytes]:
        to, key, once = request.service_name, request.virtual_object_key, request.idempotency_key
        delay = datetime.timedelta(milliseconds=request.delay_millis or 0)
        return ctx.send(to, request.handler_name, request.message, key=key, delay=delay, idempotency_key=once)


class TheUtils(v1.TestUtilsService):
    async def echo(self, ctx: v1.TestUtilsServiceContext, request: str) -> str:
        return request

    async def uppercase_echo(self, ctx: v1.TestUtilsServiceContext, request: str) -> str:
        return request.upper()

    async def echo_headers(self, ctx: v1.TestUtilsServiceContext) -> dict[str, str]:
        return dict(ctx.headers)

    async def sleep_concurrently(self, ctx: v1.TestUtilsServiceContext, millis: list[int]) -> None:
        await asyncio.gather(*(asyncio.sleep(each / 1000) for each in millis))

    async def sleep_with_failures(self, ctx: v1.TestUtilsServiceContext, name: str, sleeps: int, millis: int) -> None:
        for number in range(sleeps):
            await asyncio.sleep(millis / 1000)
            if tried(f"{name} {number}") == 1:
                note(f"fails {name}")
                raise ValueError("between two sleeps")

    async def count_executed_side_effects(self, ctx: v1.TestUtilsServiceContext, increments: int) -> int:
        for _ in range(increments):
            await ctx.run("count", partial(tried, ctx.invocation_id))
            await asyncio.sleep(AWAY_S)
        return tries[ctx.invocation_id]

    async def slow_step(self, ctx: v1.TestUtilsServiceContext, name: str, millis: int) -> None:
        def step() -> None:
            note(f"begin {name}")
            time.sleep(millis / 1000)
            note(f"end {name}")

        await ctx.run("slow", step)

    async def cancel_invocation(self, ctx: v1.TestUtilsServiceContext, id: str) -> None:
        ctx.cancel(id)


class TheCancelRunner(v1.CancelTestRunner):
    async def start_test(self, ctx: v1.CancelTestRunnerContext, operation: v1.BlockingOperation) -> None:
        try:
            await ctx.cancel_test_blocking_service(ctx.key).block(operation)
        except perdure.TerminalError as e:
            if e.code != 409:
                raise
            ctx.state.canceled.set(True)

    async def verify_test(self, ctx: v1.CancelTestRunnerContext) -> bool:
        return await ctx.state.canceled.get()


class TheBlocking(v1.CancelTestBlockingService):
    async def block(self, ctx: v1.CancelTestBlockingServiceContext, operation: v1.BlockingOperation) -> None:
        awakeable = ctx.awakeable(str)
        await ctx.awakeable_holder(ctx.key).hold(awakeable.id)
        await awakeable
        await ctx.run("note", partial(note, f"blocks {ctx.key}"))
        match operation:
            case v1.BlockingOperation.CALL:
                await ctx.cancel_test_blocking_service(ctx.key).block(operation)
            case v1.BlockingOperation.SLEEP:
                await ctx.sleep(datetime.timedelta(days=1024))
            case v1.BlockingOperation.AWAKEABLE:
                await ctx.awakeable(str)

    async def is_unlocked(self, ctx: v1.CancelTestBlockingServiceContext) -> None:
        return


class TheKillRunner(v1.KillTestRunner):
    async def start_call_tree(self, ctx: v1.KillTestRunnerContext) -> None:
        await ctx.kill_test_singleton(ctx.key).recursive_call()


class TheKillSingleton(v1.KillTestSingleton):
    async def recursive_call(self, ctx: v1.KillTestSingletonContext) -> None:
        awakeable = ctx.awakeable(str)
        await ctx.awakeable_holder(ctx.key).hold(awakeable.id)
        await awakeable
        await ctx.run("note", partial(note, f"recurs {ctx.key}"))
        await ctx.kill_test_singleton(ctx.key).recursive_call()

    async def is_unlocked(self, ctx: v1.KillTestSingletonContext) -> None:
        return


class TheNonDeterministic(v1.NonDeterministic):
    def _is_first(self, ctx: v1.NonDeterministicContext) -> bool:
        return tried(ctx.invocation_id) == 1

    async def either_sleep_or_call(self, ctx: v1.NonDeterministicContext) -> None:
        if self._is_first(ctx):
            await asyncio.sleep(AWAY_S)
        else:
            await ctx.counter(ctx.key).get()
        await self._go_on(ctx)

    async def call_different_method(self, ctx: v1.NonDeterministicContext) -> None:
        counter = ctx.counter(ctx.key)
        await (counter.get() if self._is_first(ctx) else counter.reset())
        await self._go_on(ctx)

    async def background_invoke_with_different_targets(self, ctx: v1.NonDeterministicContext) -> None:
        counter = ctx.counter(f"{ctx.key} other").send()
        if self._is_first(ctx):
            counter.get()
        else:
            counter.reset()
        await self._go_on(ctx)

    async def set_different_key(self, ctx: v1.NonDeterministicContext) -> None:
        (ctx.state.a if self._is_first(ctx) else ctx.state.b).set("set")
        await self._go_on(ctx)

    async def _go_on(self, ctx: v1.NonDeterministicContext) -> None:
        await asyncio.sleep(AWAY_S)
        await ctx.counter(ctx.key).add(1)


class TheInterpreter(v1.VirtualObjectCommandInterpreter):
    async def interpret_commands(self, ctx: Programmed, commands: list[v1.Command]) -> str:
        result = ""
        for command in commands:
            result = await self._interpret(ctx, command)
            ctx.state.results.set([*await ctx.state.results.get(), result])
        return result

    async def _interpret(self, ctx: Programmed, command: v1.Command) -> str:
        match command:
            case v1.AwaitOne():
                return await self._await(ctx, command.command)
            case v1.AwaitAny():
                return await self._any(ctx, command.commands)
            case v1.AwaitAll():
                return "|".join(await asyncio.gather(*(self._await(ctx, each) for each in command.commands)))
            case v1.AwaitAwakeableOrTimeout():
                try:
                    async with asyncio.timeout(command.timeout_millis / 1000):
                        return await self._await(ctx, v1.CreateAwakeable(awakeable_key=command.awakeable_key))
                except TimeoutError:
                    raise perdure.TerminalError("await-timeout") from None
            case v1.ResolveAwakeable() | v1.RejectAwakeable():
                await self._complete(ctx, command)
                return ""
            case v1.SetState():
                ctx.state.values.set({**await ctx.state.values.get(), command.key: command.value})
                return ""
            case v1.GetState():
                return (await ctx.state.values.get()).get(command.key, "")

    async def _any(self, ctx: Programmed, commands: list[v1.Awaitable]) -> str:
        tasks = [asyncio.create_task(self._await(ctx, each)) for each in commands]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return next(task for task in tasks if task in done).result()

    async def _await(self, ctx: Programmed, awaitable: v1.Awaitable) -> str:
        match awaitable:
            case v1.CreateAwakeable():
                awakeable = ctx.awakeable(str)
                ids = await ctx.state.awakeables.get()
                ctx.state.awakeables.set({**ids, awaitable.awakeable_key: awakeable.id})
                return await awakeable
            case v1.Sleep():
                await asyncio.sleep(awaitable.timeout_millis / 1000)
                return "sleep"
            case v1.RunThrow():
                await ctx.run("throw", partial(fail, awaitable.reason))
                return "it did not throw"

    async def _complete(self, ctx: Programmed | Peeking, completion: v1.ResolveAwakeable | v1.RejectAwakeable) -> None:
        id = (await ctx.state.awakeables.get()).get(completion.awakeable_key)
        if id is None:
            raise perdure.TerminalError("there is no such awakeable", code=404)
        if isinstance(completion, v1.ResolveAwakeable):
            ctx.resolve_awakeable(id, completion.value)
        else:
            ctx.reject_awakeable(id, completion.reason)

    async def resolve_awakeable(self, ctx: Peeking, completion: v1.ResolveAwakeable) -> None:
        await self._complete(ctx, completion)

    async def reject_awakeable(self, ctx: Peeking, completion: v1.RejectAwakeable) -> None:
        await self._complete(ctx, completion)

    async def has_awakeable(self, ctx: Peeking, awakeable_key: str) -> bool:
        return awakeable_key in await ctx.state.awakeables.get()

    async def get_results(self, ctx: Peeking) -> list[str]:
        return await ctx.state.results.get()


class TheWorkflow(v1.BlockAndWaitWorkflow):
    async def run(self, ctx: v1.BlockAndWaitWorkflowContext, request: str) -> str:
        ctx.state.my_state.set(request)
        promise = ctx.promises.durable_promise
        if await promise.peek() is not None:
            raise perdure.TerminalError("the promise has a value too early")
        output = await promise.value()
        if await promise.peek() != output:
            raise perdure.TerminalError("the promise has another value than was awaited")
        return output

    async def unblock(self, ctx: v1.BlockAndWaitWorkflowSharedContext, output: str) -> None:
        await ctx.promises.durable_promise.resolve(output)

    async def get_state(self, ctx: v1.BlockAndWaitWorkflowSharedContext) -> str | None:
        return await ctx.state.my_state.get()


app = perdure.App(
    [
        *(TheCounter(), TheList(), TheMap(), TheHolder(), TheFailing(), TheProxy(), TheUtils()),
        *(TheCancelRunner(), TheBlocking(), TheKillRunner(), TheKillSingleton(), TheNonDeterministic()),
        *(TheInterpreter(), TheWorkflow()),
    ],
    inactivity_timeout=datetime.timedelta(milliseconds=30),
    retry=perdure.RetryPolicy(initial=datetime.timedelta(milliseconds=50)),
)
