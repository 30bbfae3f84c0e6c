"""Where the ingress differs from Restate's on purpose: the whole list, each with its reason.

Law: the list is exact. A test fails when a difference is not listed, and when a listed one is gone.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Deviation:
    """A difference, why it is better so, and in which cases it shows."""

    reason: str
    fields: tuple[str, ...]
    """Fields of the answer that differ. Where the status does, the rest is another answer and is not named."""
    cases: tuple[str, ...]
    """Names of cases; one that ends with `*` stands for all that begin so."""
    status: int | None = None
    """What perdure answers with, where the status differs."""

    def shows_in(self, case: str) -> bool:
        """Whether a case is one of them."""
        return any(case.startswith(name[:-1]) if name.endswith("*") else case == name for name in self.cases)


OWN_WORDS = (
    "bad awakeable id '",
    "bad delay query parameter, must be a ISO8601 duration: ",
    "bad header ",
    "bad invocation id '",
    "bad path, cannot decode key: ",
    "bad path, expected ",
    "bad scope value: ",
    "input validation error: Expected body and content-type to be empty, but wasn't with content-type ",
)
"""Beginnings of messages. What follows is each server's own explanation of the same fault, in its own words."""

STATUS = ("status",)
FROM_THE_INGRESS = ("header x-restate-error-source", "header x-restate-id", "body source", "body message")

DEVIATIONS = (
    Deviation(
        "A body that the spec does not allow is refused at the door, before anything is recorded. Restate lets it in,"
        " and the SDK ends the invocation with 500.",
        STATUS,
        ("broken JSON: *",),
        400,
    ),
    Deviation(
        "An input that the spec requires is required. Restate's Python SDK declares every input as optional, and hands"
        " None to handlers that do not expect it.",
        STATUS,
        ("missing input: *",),
        400,
    ),
    Deviation(
        "A handler without input does not mind the content type of an empty body: many clients always send one.",
        STATUS,
        (
            "content type refused: JSON, and no body, without input",
            "content type refused: a text type, and no body, without input",
        ),
        200,
    ),
    Deviation("Media types have no case (RFC 9110, 8.3.1).", STATUS, ("content type refused: JSON in capitals",), 200),
    Deviation("A header value may be UTF-8, as the wire reference says.", STATUS, ("bad headers: not ASCII",), 200),
    Deviation(
        "A body that names no invocation is the caller's fault, not the server's; and no backtrace goes out.",
        STATUS,
        ("malformed target: *",),
        400,
    ),
    Deviation(
        "Who attaches to an invocation that is not there is told so by the ingress, in the same words as for output:"
        " there is no invocation that could have failed.",
        FROM_THE_INGRESS,
        ("unknown attach: id*", "unknown attach: workflow*", "not found: no such workflow"),
    ),
    Deviation(
        "A service that is no workflow is a mistake in the path, and is named.",
        STATUS,
        ("unknown attach: what is no workflow",),
        400,
    ),
    Deviation(
        "There are no scopes here, so nothing is said about what is in one.", STATUS, ("lookup: in a scope",), 400
    ),
    Deviation(
        "What is refused has one shape, also for bodies that are too large.",
        (
            "body",
            "body code",
            "body message",
            "body source",
            "header access-control-allow-credentials",
            "header content-type",
            "header vary",
            "header x-restate-error-source",
        ),
        ("body: declared too large",),
    ),
    Deviation(
        "The same message for a body that is too large, whether it said so or not.",
        ("body message",),
        ("body: too large, in chunks",),
    ),
    Deviation(
        "A terminal error always has a body that says what it is; these statuses allow none.",
        STATUS,
        ("terminal error: 204", "terminal error: 304"),
        500,
    ),
    Deviation(
        "The stack trace of an error is for the log of whoever serves, not for callers; and the message is in the"
        " words of a traceback.",
        ("body message", "body stacktrace"),
        ("error of the handler, until the policy is exhausted",),
    ),
    Deviation(
        "A delay of nothing is no delay: the invocation runs at once, so there is no time to tell.",
        ("body executionTime",),
        ("delay: 0ms",),
    ),
    Deviation(
        "The handler sees the path as the caller wrote it; Restate takes slashes at the ends away first.",
        ("body",),
        ("headers: the path as it was written",),
    ),
    Deviation(
        "Of a repeated header the handler's mapping shows the last; Restate's Python SDK shows the first.",
        ("body",),
        ("headers: repeated",),
    ),
    Deviation(
        "An idempotency key in a path is decoded as every other key is: one with a slash has no other name there.",
        STATUS,
        ("result: by idempotency key that needs encoding",),
        200,
    ),
    Deviation(
        "Who is cancelled reads the same word before the start and after it.",
        ("body message",),
        ("operator: cancel before its time",),
    ),
    Deviation(
        "HTTP/1.1 only: no client of this API needs HTTP/2 at the ingress, and a proxy in front can speak it.",
        ("body",),
        ("protocol: HTTP/2 without TLS",),
    ),
    Deviation(
        "An awakeable has a type, and its handler is told when what came is not of it. No bytes at all are of the type"
        " None only.",
        STATUS,
        ("awakeable: resolved with nothing",),
        400,
    ),
    Deviation("A path that leads nowhere is told so.", STATUS, ("health: something behind it",), 404),
    Deviation(
        "The HTTP parser knows the registered methods, and calls others no HTTP.",
        STATUS,
        ("wrong method: a method of one's own",),
        400,
    ),
)


def declared(case: str) -> tuple[set[str], set[int]]:
    """Fields that differ in a case, and the statuses that perdure answers with where Restate has another."""
    found = [deviation for deviation in DEVIATIONS if deviation.shows_in(case)]
    return (
        {field for deviation in found for field in deviation.fields},
        {deviation.status for deviation in found if deviation.status is not None},
    )
