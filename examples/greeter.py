"""A virtual object: one counter for each person, and one writer at a time for each counter."""

from __future__ import annotations

from generated.greeter.v1 import GreeterObject, GreeterObjectContext, GreeterObjectSharedContext


class Greeter(GreeterObject):
    """Keeps its count in the object's state; the key is the person's name."""

    async def greet(self, ctx: GreeterObjectContext, greeting: str) -> str:
        """Greet, counting up."""
        count = await ctx.state.greet_count.get() + 1
        ctx.state.greet_count.set(count)
        return f"{greeting} {ctx.key}, for the {count}-th time"

    async def ungreet(self, ctx: GreeterObjectContext) -> str:
        """Take one greeting back."""
        count = await ctx.state.greet_count.get()
        if count > 0:
            ctx.state.greet_count.set(count - 1)
        return f"Dear {ctx.key}, taking one greeting back: {count}"

    async def get_greet_count(self, ctx: GreeterObjectSharedContext) -> int:
        """How often this person was greeted."""
        return await ctx.state.greet_count.get()
