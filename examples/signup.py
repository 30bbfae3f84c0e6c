"""A workflow: it runs once for each user, and waits for a person as long as the person takes."""

from __future__ import annotations

from functools import partial

from examples.outbox import deliver
from generated.signup.v1 import SignupWorkflow, SignupWorkflowContext, SignupWorkflowSharedContext, User


class Signup(SignupWorkflow):
    """The workflow's id is the user's."""

    async def run(self, ctx: SignupWorkflowContext, user: User) -> bool:
        """Create the user and send the link; true once the right link was clicked."""
        await ctx.run("create_user_entry", partial(create_user_entry, ctx.key, user))
        secret = str(ctx.uuid())
        await ctx.run("send_email_with_link", partial(send_email_with_link, ctx.key, user, secret))
        clicked = await ctx.promises.link_clicked.value()
        return clicked == secret

    async def click(self, ctx: SignupWorkflowSharedContext, secret: str) -> None:
        """Called by the web page behind the link."""
        await ctx.promises.link_clicked.resolve(secret)


def create_user_entry(user_id: str, user: User) -> None:
    """Write the user into the database."""
    deliver("create_user_entry", user_id, name=user.name, email=user.email)


def send_email_with_link(user_id: str, user: User, secret: str) -> None:
    """Send the link; whoever clicks it shows that the address is theirs."""
    deliver("send_email_with_link", user_id, email=user.email, secret=secret)
