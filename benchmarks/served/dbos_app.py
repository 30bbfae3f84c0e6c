"""The handlers of the benchmarks, on DBOS with SQLite, behind the same aiohttp as the ceiling.

Settings are DBOS's defaults; its logs are switched off.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import sqlalchemy as sa
import uvloop
from aiohttp import web
from dbos import DBOS, AsyncSQLAlchemyDatasource, SetWorkflowID

from benchmarks.seen import SEEN

FOLDER = Path(sys.argv[1])
UPSERT = sa.text(
    "INSERT INTO counters VALUES (:key, :amount)"
    " ON CONFLICT (key) DO UPDATE SET total = total + excluded.total RETURNING total"
)

DBOS(
    config={
        "name": "bench",
        "system_database_url": f"sqlite:///{FOLDER}/dbos.sqlite",
        "executor_id": "local",
        "application_version": "1",
        "log_level": "ERROR",
    }
)
counters: list[AsyncSQLAlchemyDatasource] = []
"""The database of the counters; it can be opened on the loop only."""


@DBOS.workflow()
async def greet(name: str) -> str:
    return f"Hello {name}"


@DBOS.step()
async def one() -> int:
    return 1


@DBOS.workflow()
async def steps() -> int:
    total = 0
    for _ in range(10):
        total += await one()
    return total


@DBOS.workflow()
async def relay(name: str) -> str:
    return await greet(name)


@DBOS.workflow()
async def tick(n: int) -> None:
    SEEN.tick(n)


@DBOS.workflow()
async def nap(n: int, ms: int) -> None:
    SEEN.lies_down(n)
    await DBOS.sleep_async(ms / 1000)
    SEEN.wakes(n, ms)


async def upsert(key: str, amount: int) -> int:
    return (await counters[0].sql_session().execute(UPSERT, {"key": key, "amount": amount})).scalar_one()


@DBOS.workflow()
async def add(key: str, amount: int) -> int:
    return await counters[0].run_tx_step_async({}, upsert, key, amount)


@DBOS.workflow()
async def approval(steps: int) -> bool:
    for _ in range(steps):
        await one()
    return await DBOS.recv_async("decision", timeout_seconds=600)


async def answer_run(path: list[str], steps: int) -> object:
    with SetWorkflowID(path[1]):
        await DBOS.start_workflow_async(approval, steps)
    return {"invocationId": path[1], "status": "Accepted"}


async def answer_attach(path: list[str], _: object) -> object:
    return await (await DBOS.retrieve_workflow_async(path[3])).get_result()


async def answer_send(workflow: Callable[..., Awaitable[None]], arguments: dict[str, int]) -> object:
    handle = await DBOS.start_workflow_async(workflow, **arguments)
    return {"invocationId": handle.workflow_id, "status": "Accepted"}


async def answer_report(path: list[str], body: object) -> object:
    return SEEN.report()


async def answer_late(path: list[str], body: object) -> object:
    return SEEN.late()


ANSWERS = {
    "greet": lambda path, body: greet(body),
    "add": lambda path, body: add(path[1], body),
    "steps": lambda path, body: steps(),
    "relay": lambda path, body: relay(body),
    "tick": lambda path, body: answer_send(tick, body),
    "nap": lambda path, body: answer_send(nap, body),
    "run": answer_run,
    "decide": lambda path, body: DBOS.send_async(path[1], body, "decision"),
    "attach": answer_attach,
    "report": answer_report,
    "late": answer_late,
}


async def answer(request: web.BaseRequest) -> web.StreamResponse:
    path = request.path.split("/")[1:]
    body = await request.read()
    name = path[-2] if path[-1] == "send" else path[-1]
    result = await ANSWERS[name](path, json.loads(body) if body else None)
    status = 202 if path[-1] == "send" else 200
    return web.Response(status=status, body=json.dumps(result).encode(), content_type="application/json")


async def serve() -> None:
    opened = await AsyncSQLAlchemyDatasource.create(f"sqlite+aiosqlite:///{FOLDER}/counters.sqlite")
    counters.append(opened)
    async with opened.engine.begin() as connection:
        await connection.execute(sa.text("CREATE TABLE IF NOT EXISTS counters (key TEXT PRIMARY KEY, total INTEGER)"))
    DBOS.launch()
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print("ready", runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


uvloop.run(serve())
