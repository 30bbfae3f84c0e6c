"""One verb on many invocations: on those that are named, or on all that a filter finds.

Law: the node goes on meanwhile. So many at a time are looked at and dealt with, then others have their turn.
"""

from __future__ import annotations

import asyncio

import msgspec

from perdure.core.ids import format_id
from perdure.engine.engine import Engine
from perdure.http.admin_invocations import Filter, step
from perdure.http.admin_request import Refused, Request, ok
from perdure.http.admin_verbs import VERBS, Options, perform, plan, read_id
from perdure.http.exchange import Answer

AT_ONCE = 100
NAMED_MOST = 1000
SHOWN = 100
"""So many ids and reasons are in the answer; the counts are of all."""


class Named(msgspec.Struct, frozen=True):
    """The body that names invocations."""

    invocation_ids: list[str]
    deployment: str | None = None


class Bulk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body that finds them. `filter` may be empty, which is every invocation, but has to be there."""

    filter: Filter
    operation: str
    dry_run: bool = False
    deployment: str | None = None


class Failed(msgspec.Struct, frozen=True):
    """An invocation to which the verb was not done."""

    invocation_id: str
    error: str


class Restarted(msgspec.Struct, frozen=True):
    """An invocation that was restarted, and the new one."""

    old_invocation_id: str
    new_invocation_id: str


class Refusals(msgspec.Struct):
    """Why the verb was not done to some, and to how many."""

    status: int
    reason: str
    count: int = 0


class Tally(msgspec.Struct):
    """What came of a bulk operation; of a dry run, what would."""

    operation: str
    dry_run: bool
    matched: int = 0
    succeeded: int = 0
    refused: list[Refusals] = []
    invocation_ids: list[str] = []
    """The first of those that matched."""

    def refuse(self, refused: Refused) -> None:
        """Count one to which it was not done."""
        for found in self.refused:
            if (found.status, found.reason) == (refused.status, refused.reason):
                found.count += 1
                return
        if len(self.refused) <= SHOWN:
            full = len(self.refused) == SHOWN
            self.refused.append(Refusals(409, "other reasons") if full else Refusals(refused.status, refused.reason))
        self.refused[-1].count += 1


async def answer_named(engine: Engine, request: Request) -> Answer:
    """`POST /internal/invocations_batch_operations/{verb}`, as Restate's tools ask it."""
    request.only("POST")
    name = request.segments[2]
    if name not in VERBS:
        raise Refused(404, f"there is no operation '{name}'; there are {', '.join(VERBS)}")
    named = await request.body(Named)
    if len(named.invocation_ids) > NAMED_MOST:
        raise Refused(400, f"{len(named.invocation_ids)} invocations are named; at most {NAMED_MOST} can be")
    succeeded: list[str | Restarted] = []
    failed: list[Failed] = []
    for count, text in enumerate(named.invocation_ids, 1):
        try:
            done = perform(engine, name, read_id(text), Options(deployment=named.deployment))
        except Refused as e:
            failed.append(Failed(text, str(e)))
        else:
            succeeded.append(text if done.new_id is None else Restarted(text, format_id(done.new_id)))
        if count % AT_ONCE == 0:
            await engine.durable()
    await engine.durable()
    return ok({"succeeded": succeeded, "failed": failed})


async def answer_bulk(engine: Engine, request: Request) -> Answer:
    """`POST /invocations/_bulk`: a verb on all invocations that a filter finds and that were there when it began."""
    request.only("POST")
    bulk = await request.body(Bulk)
    bulk.filter.check()
    if bulk.operation not in VERBS:
        raise Refused(400, f"there is no operation '{bulk.operation}'; there are {', '.join(VERBS)}")
    tally = Tally(bulk.operation, bulk.dry_run)
    began_ms = engine.clock.now_ms()
    made: set[bytes] = set()
    cursor: bytes | None = b""
    while cursor is not None:
        found = step(engine, bulk.filter, cursor, AT_ONCE)
        # What a restart makes would be found again, and restarted again, for ever.
        ids = [id for id, row in found.rows if row.created_at_ms <= began_ms and id not in made]
        for id in ids:
            made |= _take(engine, bulk, tally, id)
        cursor = found.cursor
        await engine.durable()
        await asyncio.sleep(0)
    return ok(tally)


def _take(engine: Engine, bulk: Bulk, tally: Tally, id: bytes) -> set[bytes]:
    """Do it to one; returns the id of what that made, if anything."""
    text = format_id(id)
    tally.matched += 1
    if len(tally.invocation_ids) < SHOWN:
        tally.invocation_ids.append(text)
    options = Options(deployment=bulk.deployment)
    try:
        planned = (plan if bulk.dry_run else perform)(engine, bulk.operation, id, options)
    except Refused as e:
        tally.refuse(e)
        return set()
    tally.succeeded += 1
    return set() if planned.new_id is None else {planned.new_id}
