"""Running a completed invocation once more: from its input, or from a prefix of its journal."""

from __future__ import annotations

from perdure.core.commands import open_item
from perdure.core.entry import ClearRun, ClearTimer, Completion, Entry, Signal, is_command
from perdure.core.journal import read_journal
from perdure.core.lifecycle import admit, forget, forget_journal
from perdure.core.tables import JOURNAL, Invocation, Status, TimerKind, journal_key, timer_key
from perdure.core.work import Work


def prefix_fault(entries: list[Entry], keep: int) -> str | None:
    """Why a journal cannot be cut behind entry `keep`; None if it can."""
    if not 0 <= keep < len(entries):
        return f"the journal has entries 0 to {len(entries) - 1}, so none can be kept up to {keep}"
    kept = entries[: keep + 1]
    answered = {entry.command for entry in kept if isinstance(entry, Completion)}
    answered |= {entry.command for entry in kept if isinstance(entry, ClearTimer | ClearRun)}
    commands = [entry for entry in kept if not isinstance(entry, Completion | Signal)]
    for index, command in enumerate(commands):
        if open_item(command) is not None and index not in answered:
            return f"command {index} ({type(command).__name__}) is kept without its completion"
    return None


def restart(w: Work, id: bytes, new_id: bytes, keep: int) -> None:
    """Begin again under a new id, or, for the run of a workflow, whose id is its identity, under the same.

    State stays as it is, since it belongs to the object and not to the invocation; but a workflow that begins again
    from its input has no state and no promises.
    """
    row = w.load(id)
    if row is None or row.status is not Status.COMPLETED:
        return
    entries = tuple(read_journal(w.txn, id, row.journal_length)[: keep + 1])
    facts = w.catalog[row.target.service, row.target.handler]
    if new_id == id and keep:
        w.txn.delete(timer_key(row.expires_at_ms, id, TimerKind.PURGE))
        forget_journal(w, id)
    elif new_id == id:
        forget(w, id)
    fresh = Invocation(
        target=row.target,
        kind=row.kind,
        status=Status.SCHEDULED,
        created_at_ms=w.now_ms,
        changed_at_ms=w.now_ms,
        journal_length=len(entries),
        commands=sum(is_command(entry) for entry in entries),
        journal_retention_ms=row.journal_retention_ms,
        completed_retention_ms=row.completed_retention_ms,
        deployment=facts.deployment,
        deadline_ms=w.now_ms + facts.run_timeout_ms if facts.run_timeout_ms else 0,
        restarted_from=id,
    )
    if fresh.deadline_ms:
        w.set_timer(fresh.deadline_ms, new_id, TimerKind.DEADLINE)
    w.txn.put(JOURNAL, journal_key(new_id, 0), entries)
    admit(w, new_id, fresh)
