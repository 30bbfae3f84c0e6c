"""Invocations and their journals as operators see them, and the search for them.

Law: names and statuses are those of Restate's table `sys_invocation`; what does not apply is left out.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any, NamedTuple

import msgspec

from perdure.core.entry import Completion, Entry, Failure, Ok, Target, Void, is_command
from perdure.core.ids import format_id
from perdure.core.tables import Invocation, Status
from perdure.core.why import status_name
from perdure.engine.engine import Engine
from perdure.http.admin_request import Refused
from perdure.http.catalog import rfc3339

ROWS_PER_STEP = 500

STATUSES = {status_name(status): status for status in Status}


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which invocations; what is None does not matter."""

    status: str | None = None
    service: str | None = None
    handler: str | None = None
    key: str | None = None

    def check(self) -> None:
        """See that there is such a status.

        Raises:
            Refused: There is none.
        """
        if self.status is not None and self.status not in STATUSES:
            raise Refused(400, f"there is no status '{self.status}'; there are {', '.join(STATUSES)}")

    def admits(self, row: Invocation) -> bool:
        """Whether it is one of them."""
        target = row.target
        return (
            (self.status is None or STATUSES[self.status] is row.status)
            and (self.service is None or self.service == target.service)
            and (self.handler is None or self.handler == target.handler)
            and (self.key is None or self.key == target.key)
        )


class Found(NamedTuple):
    """A part of what was searched for. `cursor` is where to go on; None at the end."""

    rows: list[tuple[bytes, Invocation]]
    cursor: bytes | None


def step(engine: Engine, wanted: Filter, after: bytes, limit: int) -> Found:
    """One step of a search, in the order of ids: it reads at most `ROWS_PER_STEP` rows, whether they fit or not.

    Args:
        engine: Where they are.
        wanted: Which.
        after: The id behind which the search goes on; empty for the first.
        limit: How many are found at most.
    """
    found: list[tuple[bytes, Invocation]] = []
    for count, (id, row) in enumerate(engine.invocations(after), 1):
        if wanted.admits(row):
            found.append((id, row))
        if len(found) == limit or count == ROWS_PER_STEP:
            return Found(found, id)
    return Found(found, None)


async def search(engine: Engine, wanted: Filter, after: bytes, limit: int) -> Found:
    """Invocations behind an id. Between two steps the node does other things."""
    found: list[tuple[bytes, Invocation]] = []
    cursor: bytes | None = after
    while cursor is not None and len(found) < limit:
        more = step(engine, wanted, cursor, limit - len(found))
        found += more.rows
        cursor = more.cursor
        if cursor is not None:
            await asyncio.sleep(0)
    return Found(found, cursor)


def describe_invocation(id: bytes, row: Invocation) -> dict[str, Any]:
    """One invocation."""
    target, retry, result = row.target, row.retry, row.result
    said: dict[str, Any] = {
        "id": format_id(id),
        "target": str(target),
        "target_service_name": target.service,
        "target_service_key": target.key,
        "target_handler_name": target.handler,
        "status": status_name(row.status),
        "created_at": rfc3339(row.created_at_ms),
        "modified_at": rfc3339(row.changed_at_ms),
        "scheduled_start_at": rfc3339(row.execute_at_ms) if row.execute_at_ms else None,
        "idempotency_key": row.idempotency_key,
        "journal_size": row.journal_length,
        "journal_commands_size": row.commands,
        "pinned_deployment_id": f"dp_{row.deployment}" if row.deployment else None,
        "restarted_from": format_id(row.restarted_from) if row.restarted_from else None,
    }
    if retry is not None:
        said["retry_count"] = retry.failures
        said["next_retry_at"] = rfc3339(retry.next_at_ms) if retry.next_at_ms else None
        said["last_failure"] = retry.last.message
        said["last_failure_error_code"] = retry.last.code
    if result is not None:
        said["completion_result"] = "success" if isinstance(result, Ok) else "failure"
        said["completion_failure"] = None if isinstance(result, Ok) else f"[{result.code}] {result.message}"
        said["completed_at"] = rfc3339(row.changed_at_ms)
        said["expires_at"] = rfc3339(row.expires_at_ms) if row.expires_at_ms else None
    return {name: value for name, value in said.items() if value is not None}


# --- the journal -------------------------------------------------------------------------------------------


def describe_journal(entries: list[Entry]) -> list[dict[str, Any]]:
    """The entries of a journal in order; a command has its index among the commands, by which it is answered."""
    described: list[dict[str, Any]] = []
    commands = 0
    for index, entry in enumerate(entries):
        kind = type(entry).__name__
        said: dict[str, Any] = {"index": index, "entry_type": kind}
        if is_command(entry):
            said["command_index"] = commands
            said["completed"] = None
            commands += 1
        said |= {name: _plain(name, getattr(entry, name)) for name in entry.__struct_fields__}
        described.append(said)
    answered = {entry.command for entry in entries if isinstance(entry, Completion)}
    for said in described:
        if "completed" in said:
            said["completed"] = True if said["command_index"] in answered else None
    return [{name: value for name, value in said.items() if value is not None} for said in described]


_IDS = ("callee", "invocation")


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401  any field of an entry
    """A field as JSON says it."""
    match value:
        case bytes() if name in _IDS:
            return format_id(value) if value else None
        case bytes():
            return json_value(value)
        case Target():
            return str(value)
        case Ok():
            return {"success": json_value(value.value)}
        case Failure():
            return {"failure": {"code": value.code, "message": value.message, "metadata": value.metadata}}
        case Void():
            return {"success": None}
        case _:
            return value


def json_value(raw: bytes) -> Any:  # noqa: ANN401  whatever it is
    """Bytes as the JSON that they hold; others as `{"base64": …}`; none at all as null."""
    if not raw:
        return None
    try:
        msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return {"base64": base64.b64encode(raw).decode()}
    return msgspec.Raw(raw)
