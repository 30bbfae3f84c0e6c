"""What generated code declares and users subclass: descriptors of services, and the base class of handlers.

The descriptors are the whole contract between the generator and the runtime.
"""

from __future__ import annotations

import datetime
import inspect
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

import msgspec

from perdure.core.port import HandlerKind
from perdure.core.retry import Policy
from perdure.errors import TerminalError

Out = TypeVar("Out")

Json: TypeAlias = Any
"""A value of the spec's type `json`: whatever JSON can say."""

Int: TypeAlias = Annotated[int, msgspec.Meta(ge=1 - 2**53, le=2**53 - 1)]
"""A value of the spec's type `int`: to type checkers an `int`. Beyond this range many readers of JSON round."""

ServiceKind = Literal["service", "object", "workflow"]


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How failures are tried again. What is None is as the next level says: run, handler, file, server."""

    initial: datetime.timedelta | None = None
    factor: float | None = None
    max_interval: datetime.timedelta | None = None
    max_attempts: int | None = None
    max_duration: datetime.timedelta | None = None
    on_exhausted: Literal["fail", "pause"] | None = None

    def over(self, base: Policy) -> Policy:
        """What it says, and `base` where it says nothing."""
        changes: dict[str, Any] = {
            "initial_ms": milliseconds(self.initial),
            "factor": self.factor,
            "max_interval_ms": milliseconds(self.max_interval),
            "max_attempts": self.max_attempts,
            "max_duration_ms": milliseconds(self.max_duration),
            "on_exhausted": self.on_exhausted,
        }
        return msgspec.structs.replace(base, **{name: value for name, value in changes.items() if value is not None})


@dataclass(frozen=True, kw_only=True)
class HandlerOptions:
    """What a spec says about running a handler, its service's and its file's options merged in."""

    retry: RetryPolicy | None = None
    inactivity_timeout: datetime.timedelta | None = None
    abort_timeout: datetime.timedelta | None = None
    run_timeout: datetime.timedelta | None = None
    call_timeout: datetime.timedelta | None = None
    journal_retention: datetime.timedelta | None = None
    completed_retention: datetime.timedelta | None = None
    idempotency_retention: datetime.timedelta | None = None
    idempotency_key: str | None = None
    idempotency_required: bool = False
    private: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class HandlerDef(Generic[Out]):
    """One handler of a spec. `input` and `output` are types to decode; None is nothing at all."""

    service: str
    name: str
    attr: str
    kind: HandlerKind
    input: Any
    output: Any
    spread: bool = False
    errors: tuple[type[TerminalError], ...] = ()
    options: HandlerOptions = HandlerOptions()
    doc: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class ServiceDef:
    """One service of a spec."""

    name: str
    kind: ServiceKind
    handlers: tuple[HandlerDef[Any], ...]
    fingerprint: str
    key: Any = None
    state: tuple[tuple[str, Any], ...] = ()
    promises: tuple[tuple[str, Any], ...] = ()
    doc: str = ""


class Handlers:
    """Base of the generated classes that users fill in.

    A subclass is checked when it is made, so that a change of the spec is seen at import, not at the first call.
    """

    __definition__: ClassVar[ServiceDef]
    __contexts__: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "__definition__" in cls.__dict__:
            return  # the generated base itself
        for handler in cls.__definition__.handlers:
            method = cls.__dict__.get(handler.attr)
            if method is not None:
                _check_method(cls, handler.attr, method)


def _check_method(cls: type, name: str, method: Any) -> None:  # noqa: ANN401  whatever stands in the class
    if not inspect.iscoroutinefunction(method):
        raise TypeError(f"{cls.__name__}.{name} must be an `async def`")
    declared = next(base.__dict__[name] for base in cls.__mro__[1:] if name in base.__dict__)
    expected = list(inspect.signature(declared).parameters)[2:]
    found = list(inspect.signature(method).parameters)[2:]
    if found != expected:
        raise TypeError(f"{cls.__name__}.{name} takes {found}, the spec says {expected}")


def milliseconds(duration: datetime.timedelta | None) -> int | None:
    """Whole milliseconds of a duration; None stays None."""
    return None if duration is None else round(duration / datetime.timedelta(milliseconds=1))
