"""The handlers of the contract, on Restate's own SDK. What they do is what served/app.py does, line by line.

`served/contract.yaml` has the types: the SDK is not told them, because it would not check them either.
"""

from __future__ import annotations

import datetime
from typing import Any

import restate

TWICE = restate.InvocationRetryPolicy(
    initial_interval=datetime.timedelta(milliseconds=10),
    exponentiation_factor=1.0,
    max_attempts=2,
    on_max_attempts="kill",
)

tools = restate.Service("Tools")
hidden_service = restate.Service("Hidden", ingress_private=True)
counter = restate.VirtualObject("Counter")
box = restate.VirtualObject("Box")
flow = restate.Workflow("Flow")
quick = restate.Workflow("Quick")


# --- Tools, Hidden -----------------------------------------------------------------------------------------


@tools.handler()
async def echo(_: restate.Context, value: dict[str, Any]) -> dict[str, Any]:
    return value


@tools.handler()
async def nothing(_: restate.Context) -> None:
    return None


@tools.handler()
async def swallow(_: restate.Context, value: dict[str, Any]) -> None:
    del value


@tools.handler()
async def fail(_: restate.Context, trouble: dict[str, Any]) -> None:
    raise restate.TerminalError(trouble.get("message", "as told"), trouble["code"], trouble.get("metadata"))


@tools.handler(invocation_retry_policy=TWICE)
async def flaky(_: restate.Context, message: str) -> None:
    raise ValueError(message)


@tools.handler()
async def headers(ctx: restate.Context) -> dict[str, str]:
    return ctx.request().headers


@tools.handler()
async def headers_of(ctx: restate.Context, value: dict[str, Any]) -> dict[str, str]:
    del value
    return ctx.request().headers


@tools.handler()
async def length(_: restate.Context, text: str) -> int:
    return len(text)


@tools.handler()
async def size(_: restate.Context, count: int) -> str:
    return "x" * count


@tools.handler(name="id")
async def invocation_id(ctx: restate.Context) -> str:
    return ctx.request().id


@tools.handler()
async def wait(ctx: restate.Context, name: str) -> dict[str, Any]:
    return await _wait(ctx, name)


@tools.handler()
async def sleep(ctx: restate.Context, milliseconds: int) -> str:
    await ctx.sleep(datetime.timedelta(milliseconds=milliseconds))
    return "slept"


@tools.handler(ingress_private=True)
async def hidden(_: restate.Context, value: dict[str, Any]) -> dict[str, Any]:
    return value


@hidden_service.handler(name="echo")
async def hidden_echo(_: restate.Context, value: dict[str, Any]) -> dict[str, Any]:
    return value


async def _wait(ctx: restate.Context, name: str) -> dict[str, Any]:
    id, awakeable = ctx.awakeable(type_hint=dict[str, Any])
    ctx.object_send(put, name, id)
    return await awakeable


# --- Counter, Box ------------------------------------------------------------------------------------------


@counter.handler()
async def add(ctx: restate.ObjectContext, amount: int) -> int:
    total: int = (await ctx.get("total", type_hint=int) or 0) + amount
    ctx.set("total", total)
    return total


@counter.handler()
async def append(ctx: restate.ObjectContext, item: int) -> list[int]:
    items: list[int] = [*(await ctx.get("items", type_hint=list[int]) or []), item]
    await ctx.sleep(datetime.timedelta(milliseconds=5))
    ctx.set("items", items)
    return items


@counter.handler()
async def hold(ctx: restate.ObjectContext, name: str) -> dict[str, Any]:
    return await _wait(ctx, name)


@counter.handler(kind="shared", name="get")
async def total_of(ctx: restate.ObjectSharedContext) -> int:
    return await ctx.get("total", type_hint=int) or 0


@counter.handler(kind="shared", name="items")
async def items_of(ctx: restate.ObjectSharedContext) -> list[int]:
    return await ctx.get("items", type_hint=list[int]) or []


@counter.handler(kind="shared")
async def key(ctx: restate.ObjectSharedContext) -> str:
    return ctx.key()


@box.handler()
async def put(ctx: restate.ObjectContext, content: str) -> None:
    ctx.set("content", content)


@box.handler(kind="shared", name="get")
async def content_of(ctx: restate.ObjectSharedContext) -> dict[str, str]:
    return {"content": await ctx.get("content", type_hint=str) or ""}


# --- Flow, Quick -------------------------------------------------------------------------------------------


@flow.main()
async def run(ctx: restate.WorkflowContext, name: str) -> str:
    ctx.set("step", "waits")
    word = await ctx.promise("word", type_hint=str).value()
    ctx.set("step", "done")
    return f"{name} {word}"


@flow.handler()
async def say(ctx: restate.WorkflowSharedContext, word: str) -> None:
    await ctx.promise("word", type_hint=str).resolve(word)


@flow.handler()
async def refuse(ctx: restate.WorkflowSharedContext, message: str) -> None:
    await ctx.promise("word", type_hint=str).reject(message)


@flow.handler()
async def said(ctx: restate.WorkflowSharedContext) -> dict[str, str]:
    return {"word": await ctx.promise("word", type_hint=str).peek() or ""}


@flow.handler()
async def step(ctx: restate.WorkflowSharedContext) -> str:
    return await ctx.get("step", type_hint=str) or "nothing"


@quick.main(name="run")
async def quick_run(_: restate.WorkflowContext, trouble: dict[str, Any]) -> int:
    code: int = trouble["code"]
    if code >= 400:
        raise restate.TerminalError(trouble.get("message", "as told"), code)
    return code


app = restate.app([tools, hidden_service, counter, box, flow, quick])
