"""Reading a journal back from its chunks."""

from __future__ import annotations

from perdure.core.entry import Entry
from perdure.core.port import Txn
from perdure.core.tables import JOURNAL, journal_key


def read_journal(txn: Txn, id: bytes, length: int) -> list[Entry]:
    """All entries of a journal, from chunk to chunk. Ends early if a chunk is missing."""
    entries: list[Entry] = []
    while len(entries) < length:
        chunk = txn.get(JOURNAL, journal_key(id, len(entries)))
        if not chunk:
            break
        entries.extend(chunk)
    return entries
