"""Mistakes in handlers. The comment says which type checker has to see it: both, pyright, or mypy.

mypy does not mind a parameter with another name; the runtime does, when the class is made.
"""

from __future__ import annotations

from uuid import UUID

import perdure
from made_rich.greeter.v1 import GreeterObject, GreeterObjectContext, GreeterObjectSharedContext
from made_rich.shop.checkout.v1 import (
    Approval,
    CheckoutContext,
    CheckoutReminder,
    CheckoutReminderContext,
    CheckoutSharedContext,
    OutOfStock,
)


class Incomplete(GreeterObject):
    async def greet(self, ctx: GreeterObjectContext, greeting: str) -> str:
        return greeting


Incomplete()  # error: both


class WrongTypes(GreeterObject):
    async def greet(self, ctx: GreeterObjectContext, greeting: int) -> str:  # error: both
        return str(greeting)

    async def ungreet(self, ctx: GreeterObjectContext) -> int:  # error: both
        return 1

    async def get_greet_count(self, ctx: GreeterObjectContext) -> int:  # error: both
        return 1


class Forgotten(GreeterObject):
    def greet(self, ctx: GreeterObjectContext, greeting: str) -> str:  # error: both
        return greeting

    async def ungreet(self, ctx: GreeterObjectContext, why: str) -> str:  # error: both
        return why

    async def get_greet_count(self, ctx: GreeterObjectSharedContext) -> int:
        return "many"  # error: both


class Renamed(CheckoutReminder):
    async def remind(self, ctx: CheckoutReminderContext, order: UUID, attempt: int = 1) -> None:  # error: pyright
        pass


class WithoutDefault(CheckoutReminder):
    async def remind(self, ctx: CheckoutReminderContext, order_id: UUID, attempt: int) -> None:  # error: both
        pass


async def shared_writes(ctx: GreeterObjectSharedContext) -> None:
    ctx.state.greet_count.set(1)  # error: both
    ctx.state.greet_count.clear()  # error: both
    ctx.state.clear_all()  # error: both


async def state(ctx: GreeterObjectContext) -> None:
    ctx.state.greet_count.set("1")  # error: both
    ctx.state.greet_cuont.set(1)  # error: both
    count: int = ctx.state.greet_count.get()  # error: both
    text: str = await ctx.state.greet_count.get()  # error: both
    ctx.state.greet_count = 1  # error: both
    ctx.promises.link_clicked.peek()  # error: both
    print(count, text)


async def promises(ctx: CheckoutContext, shared: CheckoutSharedContext) -> None:
    await ctx.promises.approval.resolve("yes")  # error: both
    await shared.promises.approval.resolve(Approval(by=1))  # error: both
    name: str = await ctx.promises.approval.value()  # error: both
    ctx.promises.aproval.peek()  # error: both
    shared.state.status.set("paid")  # error: both
    print(name)


async def proxies(ctx: CheckoutContext) -> None:
    await ctx.inventory(7).stock()  # error: both
    await ctx.inventory()  # error: both
    await ctx.payment_service("key").refund(charge_id=ctx.key, reason=None)  # error: both
    count: int = ctx.inventory("sku").stock()  # error: both
    await ctx.inventory("sku").reserve(ctx.key, 1)  # error: both
    await ctx.inventory("sku").reserve(order_id=ctx.key)  # error: both
    await ctx.inventory("sku").send().reserve(order_id=ctx.key, quantity=1)  # error: both
    print(count)


def raises() -> perdure.TerminalError:
    OutOfStock("sku", 1)  # error: both
    OutOfStock(sku="a")  # error: both
    return OutOfStock(sku="a", available="1")  # error: both
