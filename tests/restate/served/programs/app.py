"""An object that does what a program says: a list of operations, each with its name in `op`.

Law: what a program returns and what it leaves behind are the same however long anything takes.
"""

from __future__ import annotations

import asyncio
import datetime
from collections import Counter
from collections.abc import Callable
from typing import Any

from made.programs.v1 import Programs, ProgramsContext, ProgramsSharedContext

import perdure

Op = dict[str, Any]

FOREVER_S = 20.0
"""So long does somebody wait who is given up on. If he is not, his test takes too long."""
QUICKLY = datetime.timedelta(milliseconds=5)
FAILED: Counter[str] = Counter()
"""How often something failed in this process that is to fail a few times."""


def fails(what: str, times: int) -> bool:
    """Whether it fails once more."""
    FAILED[what] += 1
    return FAILED[what] <= times


class Alone:
    """One program on one object, as far as it needs nobody else."""

    def __init__(self, ctx: ProgramsContext, awakeable: str | None, ledger: dict[str, Any]) -> None:
        self._ctx = ctx
        self._awakeable = awakeable
        self._ledger = ledger

    async def execute(self, program: list[Op]) -> list[Any]:
        """All operations in order."""
        said: list[Any] = []
        for op in program:
            do: Callable[..., Any] = getattr(self, f"do_{op['op']}")
            said.append(await do(**{name: value for name, value in op.items() if name != "op"}))
        return said

    def end(self) -> None:
        """Note that it is over."""
        self._ledger["done"] += 1
        self._keep_ledger()

    def _keep_ledger(self) -> None:
        self._ctx.state.ledger.set(self._ledger)

    def _goes_to(self, key: str) -> None:
        sent = self._ledger["sent"]
        sent[key] = sent.get(key, 0) + 1
        self._keep_ledger()

    def _cell(self, name: str) -> perdure.Json:
        return getattr(self._ctx.state, name)

    # --- state

    async def do_get(self, name: str) -> perdure.Json:
        return await self._cell(name).get()

    async def do_set(self, name: str, value: perdure.Json) -> None:
        self._cell(name).set(value)

    async def do_add(self, name: str, amount: int) -> int:
        total = (await self._cell(name).get() or 0) + amount
        self._cell(name).set(total)
        return total

    async def do_clear(self, name: str) -> None:
        self._cell(name).clear()

    async def do_clear_all(self) -> None:
        self._ctx.state.clear_all()
        self._keep_ledger()

    async def do_keys(self) -> list[str]:
        return sorted(await self._ctx.state.keys())

    # --- time and effects

    async def do_sleep(self, ms: int) -> str:
        await asyncio.sleep(ms / 1000)
        return "slept"

    async def do_repeat(self) -> bool:
        seen = self._ctx.time(), str(self._ctx.uuid()), self._ctx.random().random()
        await asyncio.sleep(0.04)
        return await self._ctx.run("seen", lambda: list(seen), returns=list[Any]) == list(seen)

    async def do_step(self, value: perdure.Json, threaded: bool) -> perdure.Json:
        async def coroutine() -> perdure.Json:
            return value

        return await self._ctx.run("step", (lambda: value) if threaded else coroutine, returns=perdure.Json)

    async def do_flaky_step(self, times: int, name: str) -> str:
        def step() -> str:
            if fails(name, times):
                raise OSError("not yet")
            return f"after {times}"

        return await self._ctx.run("flaky", step, retry=perdure.RetryPolicy(initial=QUICKLY, max_attempts=9))

    async def do_failing_step(self, code: int, message: str) -> None:
        def step() -> None:
            raise perdure.TerminalError(message, code=code)

        await self._ctx.run("fails", step)

    async def do_hopeless_step(self) -> None:
        def step() -> None:
            raise OSError("never")

        await self._ctx.run("hopeless", step, retry=perdure.RetryPolicy(initial=QUICKLY, max_attempts=2))

    async def do_stumble(self, name: str) -> str:
        if fails(name, 1):
            raise OSError("stumbled")
        return "up again"

    # --- terminal errors

    async def do_fail(self, code: int, message: str) -> None:
        raise perdure.TerminalError(message, code=code)

    async def do_catch(self, program: list[Op]) -> perdure.Json:
        try:
            return await self.execute(program)
        except perdure.TerminalError as e:
            return {"code": e.code, "message": e.message}


class Execution(Alone):
    """One program on one object: the rest, which is about others and about several at a time."""

    # --- others

    async def do_call(self, key: str, program: list[Op]) -> perdure.Json:
        self._goes_to(key)
        return await self._ctx.programs(key).execute({"program": program})

    async def do_send(self, key: str, program: list[Op], delay: int) -> None:
        self._goes_to(key)
        later = datetime.timedelta(milliseconds=delay) if delay else None
        self._ctx.programs(key).send(delay=later).execute({"program": program})

    async def do_attach(self, key: str, program: list[Op]) -> perdure.Json:
        self._goes_to(key)
        sent = self._ctx.programs(key).send().execute({"program": program})
        return await self._ctx.attach(sent.invocation_id, perdure.Json)

    async def do_ask(self, key: str, program: list[Op]) -> perdure.Json:
        self._goes_to(key)
        awakeable = self._ctx.awakeable(perdure.Json)
        self._ctx.programs(key).send().execute({"program": program, "awakeable": awakeable.id})
        return await awakeable

    async def do_resolve(self, value: perdure.Json) -> None:
        assert self._awakeable is not None
        self._ctx.resolve_awakeable(self._awakeable, value)

    async def do_reject(self, code: int, message: str) -> None:
        assert self._awakeable is not None
        self._ctx.reject_awakeable(self._awakeable, message, code)

    async def do_cancel(self, key: str) -> perdure.Json:
        sent = self._ctx.programs(key).send().execute({"program": [{"op": "forever"}]})
        self._ctx.cancel(sent.invocation_id)
        return await self._ctx.attach(sent.invocation_id, perdure.Json)

    # --- waiting in vain

    async def do_forever(self) -> None:
        await asyncio.sleep(FOREVER_S)

    async def do_never(self) -> None:
        await self._ctx.awakeable(str)

    async def do_hang(self, key: str) -> None:
        await self._ctx.programs(key).execute({"program": [{"op": "forever"}]})

    # --- several at a time

    async def do_gather(self, branches: list[list[Op]]) -> list[Any]:
        ends = await asyncio.gather(*(self.execute(branch) for branch in branches), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return ends

    async def do_first(self, branches: list[list[Op]]) -> perdure.Json:
        tasks = [asyncio.create_task(self.execute(branch)) for branch in branches]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return [[tasks.index(task), await task] for task in done]

    async def do_group(self, branches: list[list[Op]]) -> list[Any]:
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.execute(branch)) for branch in branches]
        except* perdure.TerminalError as failed:
            raise failed.exceptions[0] from None
        return [task.result() for task in tasks]

    async def do_limit(self, ms: int, program: list[Op]) -> perdure.Json:
        try:
            async with asyncio.timeout(ms / 1000):
                return await self.execute(program)
        except TimeoutError:
            return "too late"


class ThePrograms(Programs):
    async def execute(self, ctx: ProgramsContext, request: perdure.Json) -> perdure.Json:
        asked: dict[str, Any] = request
        ledger = await ctx.state.ledger.get() or {"done": 0, "sent": {}}
        execution = Execution(ctx, asked.get("awakeable"), ledger)
        try:
            said = await execution.execute(asked["program"])
        except perdure.TerminalError:
            execution.end()
            raise
        execution.end()
        return said

    async def dump(self, ctx: ProgramsSharedContext) -> dict[str, perdure.Json]:
        return {name: await getattr(ctx.state, name).get() for name in sorted(await ctx.state.keys())}


app = perdure.App(
    [ThePrograms()],
    # So short that whoever waits is soon suspended, and replayed when it goes on.
    inactivity_timeout=datetime.timedelta(milliseconds=30),
    retry=perdure.RetryPolicy(initial=datetime.timedelta(milliseconds=20)),
)
