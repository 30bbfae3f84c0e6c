"""The handlers that the tests of the ingress call."""

from __future__ import annotations

import asyncio
import queue
import uuid
from typing import Annotated, Any

import msgspec

import perdure
from perdure.service import HandlerOptions
from tests.support.handlers import Method, cell, ms, promise, serve

AWAKEABLES: dict[str, queue.SimpleQueue[str]] = {}
"""Ids of awakeables, by the name that a caller gave."""
STARTED: dict[str, int] = {}
"""How often a handler was entered by a caller's name."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An input with names, limits and a default."""

    user_id: int = msgspec.field(name="userId")
    items: list[Annotated[str, msgspec.Meta(min_length=1)]]
    note: str | None = None


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """An error to end with."""

    code: int
    message: str = "as told"
    metadata: dict[str, str] = {}


def awakeables(name: str) -> queue.SimpleQueue[str]:
    """Where the ids of awakeables arrive that `wait` and `hold` make for this name."""
    return AWAKEABLES.setdefault(name, queue.SimpleQueue())


async def _echo(_: perdure.Context, value: Any) -> Any:  # noqa: ANN401  any JSON
    return value


async def _order(_: perdure.Context, order: Order) -> int:
    return order.user_id


async def _nothing(_: perdure.Context) -> None:
    return None


async def _fail(_: perdure.Context, trouble: Trouble) -> None:
    raise perdure.TerminalError(trouble.message, code=trouble.code, metadata=trouble.metadata)


async def _headers(ctx: perdure.Context) -> list[tuple[str, str]]:
    return list(ctx._journal.input.headers)


async def _size(_: perdure.Context, count: int) -> str:
    return "x" * count


async def _length(_: perdure.Context, value: str) -> int:
    return len(value)


async def _wait(ctx: perdure.Context, name: str) -> object:
    """Wait for an awakeable whose id goes to the test."""
    STARTED[name] = STARTED.get(name, 0) + 1
    awakeable = ctx.awakeable(object)
    awakeables(name).put(awakeable.id)
    return await awakeable


async def _sleep(ctx: perdure.Context, milliseconds: int) -> str:
    await ctx.sleep(ms(milliseconds))
    return "slept"


async def _once(ctx: perdure.Context, order: Order) -> str:
    return ctx.invocation_id


async def _add(ctx: perdure.Context, amount: int) -> int:
    total: int = (await cell(ctx, "total").get() or 0) + amount
    cell(ctx, "total").set(total)
    return total


async def _append(ctx: perdure.Context, item: int) -> list[int]:
    await asyncio.sleep(0)
    items: list[int] = await cell(ctx, "items").get() or []
    items.append(item)
    cell(ctx, "items").set(items)
    return items


async def _peek(ctx: perdure.Context) -> int:
    total: int = await cell(ctx, "total").get() or 0
    return total


async def _key(ctx: perdure.ObjectContext[Any]) -> str:
    return f"{type(ctx.key).__name__} {ctx.key}"


async def _run(ctx: perdure.Context, name: str) -> str:
    word = await promise(ctx, "word").value()
    return f"{name} {word}"


async def _say(ctx: perdure.Context, word: str) -> None:
    await promise(ctx, "word").resolve(word)


def app() -> perdure.App:
    """Everything that the tests call."""
    tools = serve(
        "Tools",
        Method("echo", _echo),
        Method("order", _order, input=Order, output=int),
        Method("nothing", _nothing, input=None, output=None),
        Method("fail", _fail, input=Trouble, output=None),
        Method("headers", _headers, input=None, output=list[tuple[str, str]]),
        Method("size", _size, input=int, output=str),
        Method("length", _length, input=str, output=int),
        Method("wait", _wait, input=str),
        Method("sleep", _sleep, input=int, output=str),
        Method("hidden", _echo, options=HandlerOptions(private=True)),
        Method("once", _once, input=Order, output=str, options=HandlerOptions(idempotency_key="userId")),
        Method("strict", _echo, options=HandlerOptions(idempotency_required=True)),
    )
    counter = serve(
        "Counter",
        Method("add", _add, "exclusive", input=int, output=int),
        Method("append", _append, "exclusive", input=int, output=list[int]),
        Method("hold", _wait, "exclusive", input=str),
        Method("peek", _peek, "shared", input=None, output=int),
        Method("key", _key, "shared", input=None, output=str),
        kind="object",
    )
    numbered = serve("Numbered", Method("key", _key, "shared", input=None, output=str), kind="object", key=int)
    named = serve("Named", Method("key", _key, "shared", input=None, output=str), kind="object", key=uuid.UUID)
    flow = serve(
        "Flow",
        Method("run", _run, "run", input=str, output=str),
        Method("say", _say, "shared", input=str, output=None),
        kind="workflow",
    )
    return perdure.App([tools, counter, numbered, named, flow])
