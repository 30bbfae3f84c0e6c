"""Complete implementations of every spec: both type checkers accept them as they are."""

from __future__ import annotations

import asyncio
import datetime
import functools
from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import UUID

import perdure
from made_rich.greeter.v1 import GreeterObject, GreeterObjectContext, GreeterObjectSharedContext
from made_rich.shop.checkout.v1 import (
    Approval,
    Checkout,
    CheckoutContext,
    CheckoutExpired,
    CheckoutReminder,
    CheckoutReminderContext,
    CheckoutSharedContext,
    Inventory,
    InventoryContext,
    InventoryProxy,
    InventorySharedContext,
    Order,
    OrderStatus,
    OutOfStock,
    Receipt,
)
from made_rich.shop.common.v1 import Money, NotFound
from made_rich.shop.payments.v1 import (
    Card,
    Charge,
    Invoice,
    PaymentDeclined,
    PaymentMethod,
    PaymentService,
    PaymentServiceContext,
    Voucher,
)
from made_rich.signup.v1 import SignupWorkflow, SignupWorkflowContext, SignupWorkflowSharedContext, User
from made_rich.subscription.v1 import SubscriptionService, SubscriptionServiceContext


class Greeter(GreeterObject):
    async def greet(self, ctx: GreeterObjectContext, greeting: str) -> str:
        count = await ctx.state.greet_count.get() + 1
        ctx.state.greet_count.set(count)
        return f"{greeting} {ctx.key} for the {count}-th time."

    async def ungreet(self, ctx: GreeterObjectContext) -> str:
        count = await ctx.state.greet_count.get()
        ctx.state.greet_count.set(max(0, count - 1))
        return f"Dear {ctx.key}, taking one greeting back."

    async def get_greet_count(self, ctx: GreeterObjectSharedContext) -> int:
        return await ctx.state.greet_count.get()


class Subscriptions(SubscriptionService):
    def __init__(self, url: str) -> None:
        self.url = url

    async def add(
        self, ctx: SubscriptionServiceContext, user_id: str, credit_card: str, subscriptions: list[str]
    ) -> None:
        payment = str(ctx.uuid())
        reference = await ctx.run("pay", functools.partial(self.pay, user_id, credit_card, payment), returns=str)
        for subscription in subscriptions:
            await ctx.run(f"subscribe {subscription}", functools.partial(self.subscribe, reference, subscription))

    async def pay(self, user_id: str, credit_card: str, payment: str) -> str:
        return f"{self.url}/{user_id}/{credit_card}/{payment}"

    async def subscribe(self, reference: str, subscription: str) -> str:
        return reference + subscription


class Signup(SignupWorkflow):
    async def run(self, ctx: SignupWorkflowContext, user: User) -> bool:
        secret = str(ctx.uuid())
        async with asyncio.TaskGroup() as group:
            first = group.create_task(self.mail(ctx, user, secret))
            group.create_task(asyncio.sleep(1))
        clicked = await ctx.promises.link_clicked.value()
        return clicked == secret and first.result()

    async def mail(self, ctx: SignupWorkflowContext, user: User, secret: str) -> bool:
        def send() -> bool:
            return bool(user.email and secret)

        return await ctx.run("mail", send, returns=bool)

    async def click(self, ctx: SignupWorkflowSharedContext, secret: str) -> None:
        await ctx.promises.link_clicked.resolve(secret)


class Stock(Inventory):
    async def reserve(self, ctx: InventoryContext, order_id: UUID, quantity: int) -> None:
        available = await ctx.state.available.get()
        if available < quantity:
            raise OutOfStock(sku=ctx.key, available=available)
        reservations = await ctx.state.reservations.get()
        ctx.state.available.set(available - quantity)
        ctx.state.reservations.set({**reservations, str(order_id): quantity})

    async def release(self, ctx: InventoryContext, order_id: UUID) -> None:
        reservations = await ctx.state.reservations.get()
        if (quantity := reservations.pop(str(order_id), None)) is not None:
            ctx.state.available.set(await ctx.state.available.get() + quantity)
            ctx.state.reservations.set(reservations)

    async def stock(self, ctx: InventorySharedContext) -> int:
        return await ctx.state.available.get()


class Payments(PaymentService):
    async def charge(
        self, ctx: PaymentServiceContext, order_id: UUID, amount: Money, method: PaymentMethod
    ) -> Charge:
        match method:
            case Card(last4="0000"):
                raise PaymentDeclined(reason="no such card")
            case Card() | Invoice():
                return Charge(charge_id=ctx.uuid(), amount=amount, captured_at=ctx.now())
            case Voucher(codes=codes):
                raise PaymentDeclined(reason="no vouchers", issuer_code=codes[0])

    async def refund(self, ctx: PaymentServiceContext, charge_id: UUID, reason: str | None = None) -> None:
        raise NotFound(kind="charge", id=str(charge_id))


class Saga(Checkout):
    async def run(self, ctx: CheckoutContext, order: Order) -> Receipt:
        undo: list[Callable[[], Awaitable[None]]] = []
        try:
            for item in order.items:
                stock = ctx.inventory(item.sku)
                await stock.reserve(order_id=order.order_id, quantity=item.quantity)
                undo.append(functools.partial(stock.release, order_id=order.order_id))
            ctx.state.status.set(OrderStatus.RESERVED)
            total = sum((item.unit_price.amount * item.quantity for item in order.items), Decimal(0))
            if total > 1000:
                await self.approved(ctx)
            money = Money(amount=total, currency=order.items[0].unit_price.currency)
            charge = await ctx.payment_service().charge(
                order_id=order.order_id, amount=money, method=order.payment
            )
        except perdure.TerminalError:
            for step in reversed(undo):
                await step()
            ctx.state.status.set(OrderStatus.CANCELLED)
            raise
        ctx.state.status.set(OrderStatus.PAID)
        status = OrderStatus.PAID
        return Receipt(order_id=order.order_id, total=money, charge_id=charge.charge_id, status=status)

    async def approved(self, ctx: CheckoutContext) -> None:
        ctx.checkout_reminder().send(delay=datetime.timedelta(hours=4)).remind(order_id=ctx.key)
        try:
            async with asyncio.timeout(86_400):
                approval = await ctx.promises.approval.value()
        except TimeoutError:
            raise CheckoutExpired from None
        if not approval.approved:
            raise perdure.TerminalError(f"refused by {approval.by}")

    async def approve(self, ctx: CheckoutSharedContext, by: str, approved: bool = True) -> None:
        await ctx.promises.approval.resolve(Approval(by=by, approved=approved))

    async def status(self, ctx: CheckoutSharedContext) -> OrderStatus:
        return await ctx.state.status.get()


class Reminder(CheckoutReminder):
    async def remind(self, ctx: CheckoutReminderContext, order_id: UUID, attempt: int = 1) -> None:
        skus = ("a", "b")
        stocks = await asyncio.gather(*(InventoryProxy(ctx, sku).stock() for sku in skus))
        ctx.log.info("%s %s %s", order_id, attempt, sum(stocks))


HANDLERS: list[perdure.Handlers] = [
    Greeter(),
    Subscriptions("https://example.org"),
    Signup(),
    Stock(),
    Payments(),
    Saga(),
    Reminder(),
]
