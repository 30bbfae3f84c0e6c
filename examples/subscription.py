"""A service: no key, no state, and still every step is executed once, whatever happens in between."""

from __future__ import annotations

from functools import partial

from examples.outbox import deliver
from generated.subscription.v1 import SubscriptionService, SubscriptionServiceContext


class Subscriptions(SubscriptionService):
    """Pays first, then subscribes to one thing after the other."""

    async def add(
        self, ctx: SubscriptionServiceContext, user_id: str, credit_card: str, subscriptions: list[str]
    ) -> None:
        """Create the recurring payment once, then each subscription."""
        payment_id = str(ctx.uuid())
        await ctx.run("create_recurring_payment", partial(create_recurring_payment, payment_id, credit_card))
        for subscription in subscriptions:
            await ctx.run("create_subscription", partial(create_subscription, payment_id, user_id, subscription))


def create_recurring_payment(payment_id: str, credit_card: str) -> None:
    """Ask the payment provider; the id makes a second request for the same payment harmless."""
    deliver("create_recurring_payment", payment_id, card=f"…{credit_card[-4:]}")


def create_subscription(payment_id: str, user_id: str, subscription: str) -> None:
    """Tell the subscription's own system."""
    deliver("create_subscription", payment_id, user=user_id, subscription=subscription)
