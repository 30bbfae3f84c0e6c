"""Handlers that bring an invocation into each status and keep it there, and an object with state of declared types."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Annotated, Any

import msgspec

import perdure
from perdure.service import HandlerOptions, RetryPolicy
from tests.support.handlers import Method, cell, promise, serve

ENTERED: dict[str, int] = {}
"""How often a handler was entered, by the name that a caller gave."""
HOUR = timedelta(hours=1)


async def _echo(_: perdure.Context, value: Any) -> Any:  # noqa: ANN401  any JSON
    return value


async def _wait(ctx: perdure.Context, _: str) -> object:
    return await ctx.awakeable(object)


async def _sleep(ctx: perdure.Context, _: str) -> None:
    await ctx.sleep(HOUR)


async def _fail_first(ctx: perdure.Context, name: str) -> object:
    """Fails once and waits from then on."""
    ENTERED[name] = ENTERED.get(name, 0) + 1
    if ENTERED[name] == 1:
        raise ValueError("as told")
    return await ctx.awakeable(object)


async def _steps(ctx: perdure.Context, name: str) -> int:
    """A run, then a sleep: a journal with commands that were answered."""

    def enter() -> int:
        ENTERED[name] = ENTERED.get(name, 0) + 1
        return ENTERED[name]

    count: int = await ctx.run("enter", enter)
    await ctx.sleep(timedelta(milliseconds=1))
    return count


async def _mail(ctx: perdure.Context, name: str) -> int:
    """A run that fails once."""

    def send() -> int:
        ENTERED[name] = ENTERED.get(name, 0) + 1
        if ENTERED[name] == 1:
            raise ConnectionError("as told")
        return ENTERED[name]

    count: int = await ctx.run("mail", send)
    return count


async def _run(ctx: perdure.Context, name: str) -> str:
    ENTERED[name] = ENTERED.get(name, 0) + 1
    word: str = await promise(ctx, "word").value()
    return f"{word} {ENTERED[name]}"


async def _say(ctx: perdure.Context, word: str) -> None:
    await promise(ctx, "word").resolve(word)


async def _deposit(ctx: perdure.Context, amount: int) -> int:
    balance: int = (await cell(ctx, "balance").get() or 0) + amount
    cell(ctx, "balance").set(balance)
    return balance


async def _balance(ctx: perdure.Context) -> int:
    balance: int = await cell(ctx, "balance").get() or 0
    return balance


def app() -> perdure.App:
    """Everything that the tests bring about."""
    suspends = HandlerOptions(inactivity_timeout=timedelta(milliseconds=1))
    backs_off = HandlerOptions(retry=RetryPolicy(initial=HOUR, max_interval=HOUR))
    pauses = HandlerOptions(retry=RetryPolicy(max_attempts=1, on_exhausted="pause"))
    stages = serve(
        "Stages",
        Method("echo", _echo),
        Method("wait", _wait, input=str),
        Method("suspend", _sleep, input=str, options=suspends),
        Method("back_off", _fail_first, input=str, options=backs_off),
        Method("pause", _fail_first, input=str, options=pauses),
        Method("mail", _mail, input=str, output=int, options=backs_off),
        Method("steps", _steps, input=str, output=int),
    )
    account = serve(
        "Account",
        Method("deposit", _deposit, "exclusive", input=int, output=int),
        Method("hold", _wait, "exclusive", input=str),
        Method("balance", _balance, "shared", input=None, output=int),
        kind="object",
    )
    state = (("balance", Annotated[int, msgspec.Meta(ge=0)]), ("owner", str))
    type(account).__definition__ = dataclasses.replace(account.__definition__, state=state)
    flow = serve(
        "Flow",
        Method("run", _run, "run", input=str, output=str),
        Method("say", _say, "shared", input=str, output=None),
        kind="workflow",
    )
    return perdure.App([stages, account, flow])
