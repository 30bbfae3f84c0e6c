"""What an operator can do to an invocation, as a table: its event, and the answer in each status.

Law: an answer that is not 2xx did nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from perdure.core.entry import Failure
from perdure.core.event import Event, JournalPurged, Killed, Paused, Purged, Restarted, Resumed, Signalled
from perdure.core.ids import CANCEL_SIGNAL, BadId, format_id, parse_id
from perdure.core.journal import read_journal
from perdure.core.lifecycle import CANCELLED, runs_backing_off
from perdure.core.restart import prefix_fault
from perdure.core.tables import Invocation, Status
from perdure.core.why import status_name
from perdure.engine.engine import Engine
from perdure.http.admin_request import Refused

BY_OPERATOR = Failure(409, "paused by an operator")


class Options(NamedTuple):
    """What an operator adds to a verb."""

    keep: int = 0
    """Of a restart: index of the last journal entry that is kept; 0 is the input."""
    deployment: str | None = None
    """Of a resume and a restart: `latest`, `keep`, or an id."""


class Subject(NamedTuple):
    """The invocation that a verb is about, and the node it is on."""

    engine: Engine
    id: bytes
    row: Invocation


class Plan(NamedTuple):
    """What a verb would do now, and the answer to it."""

    event: Event
    status: int
    new_id: bytes | None = None
    """Of the invocation that a restart began."""


class Verb(NamedTuple):
    """Something to do to an invocation."""

    event: Callable[[Subject, Options], Event]
    answers: dict[Status, int]
    effect: str
    """What the invocation cannot, if it is refused."""


def _in(status: int, **others: int) -> dict[Status, int]:
    return dict.fromkeys(Status, status) | {Status[name]: answer for name, answer in others.items()}


def _cancel(subject: Subject, _: Options) -> Event:
    return Signalled(subject.id, CANCEL_SIGNAL, CANCELLED)


def _pause(subject: Subject, _: Options) -> Event:
    return Paused(subject.id, BY_OPERATOR)


def _resume(subject: Subject, options: Options) -> Event:
    _check_deployment(subject, options.deployment)
    return Resumed(subject.id)


def _restart(subject: Subject, options: Options) -> Event:
    engine, id, row = subject
    _check_deployment(subject, options.deployment)
    if (row.target.service, row.target.handler) not in engine.registry.handlers:
        raise _refused(409, id, f"is for {row.target.service}/{row.target.handler}, which nothing here serves any more")
    entries = read_journal(engine.rows, id, row.journal_length)
    if not entries:
        raise _refused(410, id, "has no journal any more, and so no input")
    fault = prefix_fault(entries, options.keep)
    if fault is not None:
        raise _refused(400, id, f"cannot begin behind entry {options.keep}: {fault}")
    return Restarted(id, engine.target_id(row.target), options.keep)


def _check_deployment(subject: Subject, asked: str | None) -> None:
    """See that the invocation would run under the deployment that is asked for: this process has one a service."""
    if asked is None:
        return
    here = subject.engine.registry.deployments.get(subject.row.target.service)
    if asked not in ("latest", "keep", f"dp_{here}"):
        raise Refused(400, f"there is no deployment '{asked}' here; {subject.row.target.service} is 'dp_{here}'")
    if subject.row.status is not Status.COMPLETED and subject.row.commands <= 1:
        raise _refused(409, subject.id, "has not begun and belongs to no deployment yet")
    if asked == "keep" and subject.row.deployment != here:
        raise _refused(409, subject.id, f"began under 'dp_{subject.row.deployment}', which is not served here")


def _refused(status: int, id: bytes, reason: str) -> Refused:
    """A refusal that is about one invocation; the reason alone is the same for many."""
    return Refused(status, f"the invocation '{format_id(id)}' {reason}", reason=reason)


def _just(event: Callable[[bytes], Event]) -> Callable[[Subject, Options], Event]:
    return lambda subject, _: event(subject.id)


_COMPLETED_ONLY = _in(409, COMPLETED=200)

VERBS = {
    "cancel": Verb(_cancel, _in(202, SCHEDULED=200, PENDING=200, COMPLETED=409), "be cancelled"),
    "kill": Verb(_just(Killed), _in(200, COMPLETED=409), "be killed"),
    "pause": Verb(_pause, _in(202, PAUSED=200, SCHEDULED=409, PENDING=409, COMPLETED=409), "be paused"),
    "resume": Verb(_resume, _in(200, RUNNING=409, COMPLETED=409, SCHEDULED=425, PENDING=425), "be resumed"),
    "restart-as-new": Verb(_restart, _in(409, COMPLETED=200, SCHEDULED=425, PENDING=425), "be restarted"),
    "purge": Verb(_just(Purged), _COMPLETED_ONLY, "be purged"),
    "purge-journal": Verb(_just(JournalPurged), _COMPLETED_ONLY, "lose its journal"),
}
"""A suspended invocation can be resumed: a run that backs off is tried now, and for all else it waits on."""


def plan(engine: Engine, name: str, id: bytes, options: Options) -> Plan:
    """What a verb would do, as things are now; the event is to be applied before anything else happens.

    Raises:
        Refused: It cannot be done.
    """
    row = find(engine, id)
    verb = VERBS[name]
    waits = row.status is Status.RUNNING and runs_backing_off(row, engine.clock.now_ms())
    # As Restate has it, for which an invocation whose run failed backs off as a whole.
    status = verb.answers[Status.BACKING_OFF if waits else row.status]
    if status >= 400:
        raise _refused(status, id, f"is {status_name(row.status)} and cannot {verb.effect}")
    event = verb.event(Subject(engine, id, row), options)
    return Plan(event, status, event.new_id if isinstance(event, Restarted) else None)


def perform(engine: Engine, name: str, id: bytes, options: Options) -> Plan:
    """Do it. Whoever is told of it waits for `durable` first.

    Raises:
        Refused: It cannot be done; nothing was.
    """
    planned = plan(engine, name, id, options)
    engine.apply(planned.event)
    return planned


def find(engine: Engine, id: bytes) -> Invocation:
    """The row of an invocation.

    Raises:
        Refused: 404, there is none.
    """
    row = engine.find(id)
    if row is None:
        raise Refused(404, f"there is no invocation '{format_id(id)}'", reason="is not known")
    return row


def read_id(text: str) -> bytes:
    """An id in text form.

    Raises:
        Refused: 400, it is none.
    """
    try:
        return parse_id(text)
    except BadId as e:
        raise Refused(400, str(e)) from None
