"""How a node is, on one page: what it serves, how many invocations are where, and how large its folder is.

Law: it is counted, never remembered, so it cannot be wrong; and counting lets the node go on.
"""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any, NamedTuple

from perdure.core.ids import format_id
from perdure.core.tables import Invocation, Status
from perdure.core.why import status_name
from perdure.engine.engine import Engine
from perdure.http.admin_invocations import ROWS_PER_STEP
from perdure.http.catalog import rfc3339

NEED_A_LOOK = (Status.PAUSED, Status.BACKING_OFF)


class Node(NamedTuple):
    """What a server knows of itself."""

    version: str
    ingress_url: str
    folder: Path
    started_ms: int


async def describe_status(engine: Engine, node: Node) -> dict[str, Any]:
    """The page."""
    counts = dict.fromkeys(Status, 0)
    oldest: dict[Status, tuple[bytes, Invocation]] = {}
    after: bytes | None = b""
    while after is not None:
        after = _count(engine, after, counts, oldest)
        await asyncio.sleep(0)
    return {
        "version": node.version,
        "uptime_ms": engine.clock.now_ms() - node.started_ms,
        "ingress_endpoint": f"{node.ingress_url}/",
        "services": list(engine.registry.services),
        "invocations": {status_name(status): count for status, count in counts.items()},
        "oldest": {
            status_name(status): {"id": format_id(id), "target": str(row.target), "since": rfc3339(row.changed_at_ms)}
            for status, (id, row) in oldest.items()
        },
        "finishing": len(engine.finishing),
        "store": {"folder": str(node.folder), "bytes": _size(node.folder), "durability": "synced"},
    }


def _count(
    engine: Engine, after: bytes, counts: dict[Status, int], oldest: dict[Status, tuple[bytes, Invocation]]
) -> bytes | None:
    """Count some; returns the id behind which to go on, None at the end."""
    last: bytes | None = None
    for seen, (id, row) in enumerate(itertools.islice(engine.invocations(after), ROWS_PER_STEP), 1):
        counts[row.status] += 1
        if row.status in NEED_A_LOOK:
            first = oldest.get(row.status)
            if first is None or row.changed_at_ms < first[1].changed_at_ms:
                oldest[row.status] = id, row
        last = id if seen == ROWS_PER_STEP else None
    return last


def _size(folder: Path) -> int:
    """Bytes that the folder takes on the disk; files have holes, so their length says little."""
    return sum(path.stat().st_blocks * 512 for path in folder.iterdir())
