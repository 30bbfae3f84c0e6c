"""Callers: each result has the type that the spec gives it."""

from __future__ import annotations

import datetime
from typing import assert_type
from uuid import UUID

import perdure
from made_rich.everything.v1 import (
    CounterClient,
    CounterContext,
    CounterReadState,
    CounterState,
    Level,
    PlainestClient,
    PlainestProxy,
    Point,
    ProcessClient,
    ProcessProxy,
    Shape,
    StatelessClient,
)
from made_rich.greeter.v1 import GreeterObjectClient, GreeterObjectProxy, GreeterObjectSyncClient
from made_rich.shop.checkout.v1 import CheckoutClient, CheckoutContext, CheckoutProxy, Order, OrderStatus, Receipt
from made_rich.signup.v1 import SignupWorkflowSyncClient, User


async def outside(client: perdure.Client) -> None:
    mary = GreeterObjectClient(client, "Mary")
    assert_type(await mary.greet("Hi"), str)
    other = mary.with_options(idempotency_key="order-7", timeout=datetime.timedelta(seconds=5))
    assert_type(other, GreeterObjectClient)
    handle = await mary.send(delay=datetime.timedelta(hours=1)).get_greet_count()
    assert_type(handle, perdure.InvocationHandle[int])
    assert_type(await handle.result(timeout=datetime.timedelta(minutes=1)), int)
    assert_type(await handle.peek(), int | None)
    assert_type(await CounterClient(client, 7).add(), int)
    assert_type(await CounterClient(client, 7).add(by=2), int)
    await StatelessClient(client, UUID(int=0)).touch()


async def workflows(client: perdure.Client, order: Order) -> None:
    checkout = CheckoutClient(client, order.order_id)
    assert_type(await checkout.submit(order), perdure.InvocationHandle[Receipt])
    assert_type(await checkout.attach(), Receipt)
    assert_type(await checkout.peek(), Receipt | None)
    assert_type(await checkout.status(), OrderStatus)
    await checkout.approve(by="me")
    handle = await ProcessClient(client, "p").submit(shape=order_shape(), times=2)
    assert_type(handle, perdure.InvocationHandle[list[Shape]])


def order_shape() -> Shape:
    raise NotImplementedError


def blocking(client: perdure.SyncClient) -> None:
    mary = GreeterObjectSyncClient(client, "Mary")
    assert_type(mary.greet("Hi"), str)
    assert_type(mary.send(idempotency_key="k").ungreet(), perdure.SyncInvocationHandle[str])
    assert_type(mary.send().ungreet().result(), str)
    signup = SignupWorkflowSyncClient(client, "u")
    assert_type(signup.submit(User(name="Ada", email="ada@example.org")).result(), bool)
    assert_type(signup.peek(), bool | None)


async def inside(ctx: CheckoutContext, order: Order) -> None:
    call = GreeterObjectProxy(ctx, "Mary").greet("Hi")
    assert_type(call, perdure.CallFuture[str])
    assert_type(await call, str)
    sent = GreeterObjectProxy(ctx, "Mary").send(delay=datetime.timedelta(days=1)).greet("later")
    assert_type(sent, perdure.SentInvocation[str])
    assert_type(await CheckoutProxy(ctx, order.order_id).run(order), Receipt)
    assert_type(ctx.key, UUID)
    assert_type(await ctx.state.status.get(), OrderStatus)
    assert_type(await ctx.inventory("sku").stock(), int)
    CheckoutProxy(ctx, order.order_id).send().run(order)
    ProcessProxy(ctx, "p").send().run(shape=order_shape())


async def state(ctx: CounterContext) -> None:
    assert_type(ctx.state, CounterState)
    assert_type(await ctx.state.total.get(), int)
    assert_type(await ctx.state.note.get(), str | None)
    assert_type(await ctx.state.tags.get(), list[str])
    assert_type(await ctx.state.point.get(), Point)
    assert_type(CounterReadState.total, perdure.ReadStateKey[int])
    ctx.state.note.set(None)
    ctx.state.seen.set({1})
    ctx.state.clear_all()
    assert_type(await ctx.plainest().nullable(None), int | None)
    assert_type(await PlainestProxy(ctx).limited("a"), list[str])


async def defaults(client: perdure.Client) -> None:
    plainest = PlainestClient(client)
    assert_type(await plainest.all(required="a", last=1), dict[str, Shape])
    await plainest.all(required="a", last=1, maybe=Level.LOW, labels={"a": Point(y=1.0)}, none=set())
    await plainest.nullable()
