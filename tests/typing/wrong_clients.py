"""Mistakes of callers. The comment says which type checker has to see it: both, pyright, or mypy."""

from __future__ import annotations

from decimal import Decimal

import perdure
from made_rich.everything.v1 import CounterClient, Level, PlainestClient, Point
from made_rich.greeter.v1 import GreeterObjectClient, GreeterObjectContext, GreeterObjectProxy, GreeterObjectSyncClient
from made_rich.shop.checkout.v1 import CheckoutClient, Order, OrderStatus
from made_rich.shop.common.v1 import Money
from made_rich.shop.payments.v1 import Card, Invoice, PaymentMethod
from made_rich.signup.v1 import SignupWorkflowClient, SignupWorkflowSyncClient, User
from made_rich.subscription.v1 import SubscriptionServiceClient


async def arguments(client: perdure.Client) -> None:
    subscriptions = SubscriptionServiceClient(client)
    await subscriptions.add("u", "c", ["s"])  # error: both
    await subscriptions.add(user_id="u", credit_card="c")  # error: both
    await subscriptions.add(user_id="u", credit_card="c", subscriptions="s")  # error: both
    await subscriptions.add(user_id=1, credit_card="c", subscriptions=["s"])  # error: both
    await subscriptions.add(userId="u", credit_card="c", subscriptions=["s"])  # error: both
    await PlainestClient(client).all(required="a", last=1, labels={"a": 1})  # error: both
    await PlainestClient(client).all(required="a", last=1, maybe="low")  # error: both
    await PlainestClient(client).all(required="a")  # error: both


async def keys(client: perdure.Client, sync: perdure.SyncClient, ctx: GreeterObjectContext) -> None:
    GreeterObjectClient(client)  # error: both
    GreeterObjectClient(client, 7)  # error: both
    CounterClient(client, "7")  # error: both
    CheckoutClient(client, "order")  # error: both
    SubscriptionServiceClient(client, "key")  # error: both
    GreeterObjectClient(sync, "Mary")  # error: both
    GreeterObjectSyncClient(client, "Mary")  # error: both
    GreeterObjectProxy(client, "Mary")  # error: both
    GreeterObjectClient(ctx, "Mary")  # error: both


async def results(client: perdure.Client, sync: perdure.SyncClient) -> None:
    mary = GreeterObjectClient(client, "Mary")
    text: str = mary.ungreet()  # error: both
    count: int = await mary.ungreet()  # error: both
    mary.ungreet()  # error: both
    handle: perdure.InvocationHandle[int] = await mary.send().ungreet()  # error: both
    await GreeterObjectSyncClient(sync, "Mary").ungreet()  # error: both
    await mary.gret("Hi")  # error: both
    mary.send(60)  # error: both
    mary.send(delay=60)  # error: both
    mary.with_options(idempotencyKey="k")  # error: both
    print(text, count, handle)


async def workflows(client: perdure.Client, sync: perdure.SyncClient, user: User) -> None:
    signup = SignupWorkflowClient(client, "u")
    await signup.run(user)  # error: both
    await signup.submit("Ada")  # error: both
    await signup.submit()  # error: both
    await signup.send().run(user)  # error: both
    done: bool = await signup.peek()  # error: both
    answer: str = SignupWorkflowSyncClient(sync, "u").attach()  # error: both
    print(done, answer)


def values(order: Order, method: PaymentMethod) -> None:
    Money(amount=1.5)  # error: both
    Money(Decimal(1))  # error: both
    User(name="Ada")  # error: both
    User(name="Ada", mail="ada@example.org")  # error: both
    Point(y="1")  # error: both
    order.note = "changed"  # error: both
    order.customerId  # error: both
    print(method.token)  # error: both
    if isinstance(method, Card):
        print(method.vat_id)  # error: both
    elif isinstance(method, Invoice):
        print(method.vat_id)
    status: OrderStatus = "paid"  # error: both
    print(status)
    print(Level.MIDDLE)  # error: both
