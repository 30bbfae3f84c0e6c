"""Whether what is to be served fits what is in flight.

An invocation belongs to the deployment under which it was accepted: the fingerprint of its spec, and the version of
the code if the app has one. A start with the same deployments looks at nothing; one with others looks at every
invocation once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

import msgspec

from perdure.core.port import Txn
from perdure.core.sound import sound_rows
from perdure.core.tables import INVOCATION, Invocation, Status
from perdure.engine.registry import Registry
from perdure.errors import DeploymentRefused

InFlight = Literal["refuse", "accept", "pause", "drain"]
"""What to do with invocations of another deployment: do not start; run them with this code; pause them; or finish
them with this code before anything new is accepted."""


class Stranger(msgspec.Struct, frozen=True):
    """An invocation in flight that began under something else than what is served now."""

    id: bytes
    row: Invocation
    served: bool
    """Whether its handler is here, in another version."""


def strangers(rows: Txn, registry: Registry) -> Iterator[Stranger]:
    """The invocations in flight that do not belong to what is served.

    One that has not issued a command yet belongs to nobody: any version of its handler can begin it.
    """
    for key, row in sound_rows(rows, INVOCATION, INVOCATION.letter):
        if row.status is Status.COMPLETED:
            continue
        served = (row.target.service, row.target.handler) in registry.handlers
        begun = row.commands > 1
        if not served or (begun and row.deployment != registry.deployments[row.target.service]):
            yield Stranger(key[1:], row, served)


def refusal(found: list[Stranger]) -> DeploymentRefused:
    """What is in flight and how many, by handler, status and deployment, and what can be done."""
    counts = Counter(
        (f"{s.row.target.service}/{s.row.target.handler}", s.row.status.name.lower(), s.row.deployment, s.served)
        for s in found
    )
    lines = [f"{len(found)} invocations are in flight that did not begin under what is to be served:"]
    for (handler, status, deployment, served), count in sorted(counts.items()):
        why = f"began under {deployment}" if served else "nothing here serves it"
        lines.append(f"  {count} {status} {handler}: {why}")
    lines.append(
        "Start with what they began under and let them end, or say what to do with them: --in-flight accept (run them"
        " with this code), pause (until they are resumed), or drain (finish them first, accept nothing new meanwhile)."
    )
    return DeploymentRefused("\n".join(lines))
