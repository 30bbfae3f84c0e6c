"""What the operators' commands are tried on: inputs of every kind, and invocations that stay where they are."""

from __future__ import annotations

import dataclasses
import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

import perdure
from perdure.serde import decode, encode
from perdure.service import HandlerOptions, RetryPolicy
from tests.support.handlers import Method, cell, promise, serve

HOUR = datetime.timedelta(hours=1)
Note = Annotated[str, msgspec.Meta(description="For the cook.")]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An input with fields of many types."""

    user_id: int = msgspec.field(name="userId")
    items: list[str]
    size: Literal["small", "large"] = "small"
    express: bool = False
    price: Decimal | None = None
    weights: list[float] = []
    extra: dict[str, int] = {}
    note: Note = ""


async def _order(_: perdure.Context, order: Order) -> Order:
    return order


async def _echo(_: perdure.Context, word: str) -> str:
    return word


async def _nothing(_: perdure.Context) -> None:
    return None


async def _fail(_: perdure.Context, code: int) -> None:
    raise perdure.TerminalError("sold out", code=code)


async def _wait(ctx: perdure.Context, _: str) -> object:
    return await ctx.awakeable(object)


async def _break(_: perdure.Context, word: str) -> None:
    raise ValueError(word)


async def _chain(ctx: perdure.Context, key: str) -> object:
    """Calls `middle`, which calls the object."""
    return decode(await ctx.call("Shop", "middle", encode(key)), Any)


async def _middle(ctx: perdure.Context, key: str) -> object:
    return decode(await ctx.call("Till", "hold", encode("x"), key=key), Any)


async def _add(ctx: perdure.Context, amount: int) -> int:
    total: int = (await cell(ctx, "total").get() or 0) + amount
    cell(ctx, "total").set(total)
    return total


async def _run(ctx: perdure.Context, name: str) -> str:
    word: str = await promise(ctx, "word").value()
    return f"{name} {word}"


async def _say(ctx: perdure.Context, word: str) -> None:
    await promise(ctx, "word").resolve(word)


def app() -> perdure.App:
    """A shop, its tills, and a workflow."""
    pauses = HandlerOptions(retry=RetryPolicy(max_attempts=1, on_exhausted="pause"))
    backs_off = HandlerOptions(retry=RetryPolicy(initial=HOUR, max_interval=HOUR))
    shop = serve(
        "Shop",
        Method("order", _order, input=Order, output=Order),
        Method("echo", _echo, input=str, output=str),
        Method("nothing", _nothing, input=None, output=None),
        Method("fail", _fail, input=int, output=None),
        Method("pause", _break, input=str, output=None, options=pauses),
        Method("backOff", _break, input=str, output=None, options=backs_off),
        Method("chain", _chain, input=str),
        Method("middle", _middle, input=str),
        Method("any", _echo, input=Any),
    )
    till = serve(
        "Till",
        Method("add", _add, "exclusive", input=int, output=int),
        Method("hold", _wait, "exclusive", input=str),
        kind="object",
    )
    state: tuple[tuple[str, Any], ...] = (("total", Annotated[int, msgspec.Meta(ge=0)]), ("owner", str))
    type(till).__definition__ = dataclasses.replace(till.__definition__, state=state)
    flow = serve(
        "Flow",
        Method("run", _run, "run", input=str, output=str),
        Method("say", _say, "shared", input=str, output=None),
        kind="workflow",
    )
    return perdure.App([shop, till, flow])
