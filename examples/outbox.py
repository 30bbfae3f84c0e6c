"""Where the examples' effects can be seen: each step appends one JSON line to a file."""

from __future__ import annotations

import json
import os
from pathlib import Path


def deliver(step: str, id: str, **facts: object) -> None:
    """Stand for a call to a payment provider, a database or a mail server.

    Args:
        step: Which effect it is.
        id: What the effect belongs to.
        facts: What else the other side would be told.
    """
    outbox = Path(os.environ.get("EXAMPLES_OUTBOX", "outbox.jsonl"))
    with outbox.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": step, "id": id, **facts}) + "\n")
