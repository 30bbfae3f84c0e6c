"""Options of handlers: file, then service, then handler; the nearer level wins, key by key."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from perdure_codegen import durations
from perdure_codegen.diagnostic import Diagnostic, Note, error
from perdure_codegen.model import Options, Retry
from perdure_codegen.tree import Node, ScalarNode, child, flag, text


class Levels:
    """The mappings that may say something about one handler, the nearest first."""

    def __init__(self, *levels: Node | None) -> None:
        self._levels = levels

    def options(self) -> Options:
        """All options of the handler."""
        handler, service = self._levels[0], self._levels[1]
        idempotency = child(handler, "idempotency")
        return Options(
            retry=self._retry(),
            inactivity_timeout=self._duration("timeouts", "inactivity"),
            abort_timeout=self._duration("timeouts", "abort"),
            run_timeout=self._duration("timeouts", "run"),
            call_timeout=self._duration("timeouts", "call"),
            journal_retention=self._duration("retention", "journal"),
            completed_retention=self._duration("retention", "completed"),
            private=any(text(level, "visibility") == "private" for level in (handler, service)),
            idempotency_key=text(idempotency, "key"),
            idempotency_retention=durations.parse(text(idempotency, "retention") or ""),
            idempotency_required=flag(idempotency, "required"),
        )

    def _retry(self) -> Retry | None:
        retry = Retry(
            initial=self._duration("retry", "initial"),
            factor=self._number("factor"),
            max_interval=self._duration("retry", "max_interval"),
            max_attempts=self._whole_number("max_attempts"),
            max_duration=self._duration("retry", "max_duration"),
            on_exhausted=self._on_exhausted(),
        )
        return None if retry == Retry() else retry

    def _value(self, group: str, key: str) -> ScalarNode | None:
        """The node of one option at the nearest level that has it."""
        for level in self._levels:
            found = child(child(level, group), key)
            if isinstance(found, ScalarNode):
                return found
        return None

    def _duration(self, group: str, key: str) -> timedelta | None:
        found = self._value(group, key)
        return durations.parse(found.text) if found else None

    def _number(self, key: str) -> float | None:
        found = self._value("retry", key)
        return float(found.value) if found and isinstance(found.value, int | float) else None

    def _whole_number(self, key: str) -> int | None:
        found = self._value("retry", key)
        return found.value if found and isinstance(found.value, int) else None

    def _on_exhausted(self) -> Literal["fail", "pause"] | None:
        found = self._value("retry", "on_exhausted")
        if found is None:
            return None
        return "pause" if found.value == "pause" else "fail"


def check_options(faults: list[Diagnostic], level: Node | None) -> None:
    """Report options of one level that contradict each other."""
    retry = child(level, "retry")
    first, longest = child(retry, "initial"), child(retry, "max_interval")
    if not isinstance(first, ScalarNode) or not isinstance(longest, ScalarNode):
        return
    least, most = durations.parse(first.text), durations.parse(longest.text)
    if least is not None and most is not None and most < least:
        message = f"`max_interval: {longest.text}` is shorter than `initial: {first.text}`"
        faults.append(error("S017", longest.span, message, note=Note(first.span, "`initial` is here")))
