"""Handlers of the trial: each of their steps appends a line to the file named by TRIAL_LOG."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from pathlib import Path

import perdure
from generated.trial.v1 import (
    Approval,
    ApprovalContext,
    ApprovalSharedContext,
    Ledger,
    LedgerContext,
    LedgerSharedContext,
    Naps,
    NapsContext,
)


def note(text: str, seconds: float = 0.0) -> str:
    with Path(os.environ["TRIAL_LOG"]).open("a") as file:
        file.write(f"begin {text}\n")
    time.sleep(seconds)
    with Path(os.environ["TRIAL_LOG"]).open("a") as file:
        file.write(f"end {text}\n")
    return text


class TrialNaps(Naps):
    async def nap(self, ctx: NapsContext, name: str, seconds: float) -> str:
        await ctx.run("before", partial(note, f"before {name}"))
        await asyncio.sleep(seconds)
        return await ctx.run("after", partial(note, f"after {name}"))

    async def work(self, ctx: NapsContext, name: str, seconds: float) -> str:
        return await ctx.run("work", partial(note, name, seconds))


class TrialLedger(Ledger):
    async def book(self, ctx: LedgerContext, amount: int) -> int:
        entries = await ctx.state.entries.get()
        await ctx.run("book", partial(note, f"book {amount}", 0.05))
        ctx.state.entries.set([*entries, amount])
        return len(entries) + 1

    async def entries(self, ctx: LedgerSharedContext) -> list[int]:
        return await ctx.state.entries.get()


class TrialApproval(Approval):
    async def run(self, ctx: ApprovalContext) -> str:
        await ctx.run("ask", partial(note, f"ask {ctx.key}"))
        return "yes" if await ctx.promises.decision.value() else "no"

    async def decide(self, ctx: ApprovalSharedContext, yes: bool) -> None:
        await ctx.promises.decision.resolve(yes)


app = perdure.App([TrialNaps(), TrialLedger(), TrialApproval()])
