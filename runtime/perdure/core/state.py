"""State as an operator sees and edits it: all values of an object or a workflow at once.

Law: state is edited only between invocations. Whoever runs may have read what it would change.
"""

from __future__ import annotations

import enum
import hashlib

from perdure.core.entry import Target
from perdure.core.event import StateEdited
from perdure.core.ids import workflow_id
from perdure.core.lifecycle import kill
from perdure.core.port import Txn
from perdure.core.tables import (
    INVOCATION,
    LOCK,
    STATE,
    StateValue,
    Status,
    address,
    invocation_key,
    lock_key,
    state_key,
)
from perdure.core.work import Work


class Fault(enum.Enum):
    """Why state is not edited."""

    HELD = "held"
    CHANGED = "changed"


def read_state(txn: Txn, place: Target) -> dict[str, bytes]:
    """All values by name, in the order of names. Of the place, the handler does not matter."""
    rows = txn.scan(STATE, state_key(address(place)))
    return dict(sorted((row.name, row.value) for _, row in rows))


def version(state: dict[str, bytes]) -> str:
    """A short text that is another for other state."""
    digest = hashlib.sha256()
    for part in (part for name in sorted(state) for part in (name.encode(), state[name])):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:32]


def holder(txn: Txn, place: Target) -> bytes | None:
    """The invocation that may change the state: whoever has the object's key, or the workflow's run under way."""
    lock = txn.get(LOCK, lock_key(address(place)))
    if lock is not None:
        return lock.holder
    id = workflow_id(place.service, place.key or "")
    row = txn.get(INVOCATION, invocation_key(id))
    return None if row is None or row.status in (Status.SCHEDULED, Status.COMPLETED) else id


def edit_fault(txn: Txn, event: StateEdited) -> Fault | None:
    """Why an edit would do nothing; None if it would be done."""
    if not event.end_holder and holder(txn, event.place) is not None:
        return Fault.HELD
    if event.expected is not None and event.expected != version(read_state(txn, event.place)):
        return Fault.CHANGED
    return None


def edit(w: Work, event: StateEdited) -> None:
    """Put other state in the place of what there is, unless there is a fault.

    The holder is killed after the edit: his end passes the key on, and the next one begins with what is there.
    """
    if edit_fault(w.txn, event) is not None:
        return
    held = holder(w.txn, event.place)
    where = address(event.place)
    for key in list(w.txn.keys(state_key(where))):
        w.txn.delete(key)
    for name, value in event.state.items():
        w.txn.put(STATE, state_key(where, name), StateValue(name, value))
    if held is not None:
        kill(w, held)
