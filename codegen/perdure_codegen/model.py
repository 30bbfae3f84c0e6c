"""What a set of spec files means: frozen, with every name resolved and no YAML left in it.

The resolver builds it, the emitters read it, and nothing changes it in between. A name appears twice
where it has two lives: ``name`` as written in the spec (it is what goes over the wire) and ``py_name``
as Python sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

ScalarName = Literal[
    "string", "bool", "int", "float", "decimal", "bytes", "uuid", "datetime", "date", "time", "duration", "json"
]
ServiceKind = Literal["service", "object", "workflow"]
HandlerKind = Literal["service", "exclusive", "shared", "run"]


# --- types -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scalar:
    """A built-in type."""

    name: ScalarName


@dataclass(frozen=True, slots=True)
class ListOf:
    """``list<T>``."""

    item: Type


@dataclass(frozen=True, slots=True)
class SetOf:
    """``set<T>``; an array without duplicates on the wire."""

    item: Type


@dataclass(frozen=True, slots=True)
class MapOf:
    """``map<T>``; keys are strings."""

    value: Type


@dataclass(frozen=True, slots=True)
class Nullable:
    """``T | null``. Never nested."""

    item: Type


@dataclass(frozen=True, slots=True)
class Ref:
    """A type or an error declared in a spec, by its package and its name there."""

    package: str
    name: str


Type = Scalar | ListOf | SetOf | MapOf | Nullable | Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """Bounds on a value; None where the spec sets none."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    min_items: int | None = None
    max_items: int | None = None
    max_digits: int | None = None
    decimal_places: int | None = None


NO_CONSTRAINTS = Constraints()


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A typed place: a field, a parameter, an input, an output, a state key, a promise or a key."""

    name: str
    py_name: str
    type: Type
    constraints: Constraints = NO_CONSTRAINTS
    has_default: bool = False
    default: object = None
    """JSON form of the default, already checked against the type. Meaningless without `has_default`."""
    doc: str = ""
    deprecated: str | None = None
    sensitive: bool = False

    @property
    def required(self) -> bool:
        """A value is required unless it has a default or may be null."""
        return not self.has_default and not isinstance(self.type, Nullable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Struct:
    """A record with named fields."""

    name: str
    doc: str = ""
    deprecated: str | None = None
    fields: tuple[Value, ...] = ()
    strict: bool = False
    tag: tuple[str, str] | None = None
    """Tag field and tag, if the struct is in a tagged union."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumValue:
    """One value of an enum."""

    name: str
    py_name: str
    doc: str = ""
    deprecated: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enum:
    """A set of strings; an open one keeps values that it does not know."""

    name: str
    doc: str = ""
    deprecated: str | None = None
    values: tuple[EnumValue, ...] = ()
    open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Union:
    """One of several structs, told apart by a tag inside them."""

    name: str
    doc: str = ""
    deprecated: str | None = None
    tag_field: str = "type"
    variants: tuple[tuple[str, Ref], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A name for a type with constraints."""

    name: str
    type: Type
    constraints: Constraints = NO_CONSTRAINTS
    doc: str = ""
    deprecated: str | None = None


TypeDef = Struct | Enum | Union | Alias


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDef:
    """A declared terminal error. `code` is its HTTP status at the ingress."""

    name: str
    code: int = 500
    doc: str = ""
    deprecated: str | None = None
    fields: tuple[Value, ...] = ()


# --- services ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How failed attempts are repeated; None means: as the next level says."""

    initial: timedelta | None = None
    factor: float | None = None
    max_interval: timedelta | None = None
    max_attempts: int | None = None
    max_duration: timedelta | None = None
    on_exhausted: Literal["fail", "pause"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a handler, with those of its service and its file already merged in."""

    retry: Retry | None = None
    inactivity_timeout: timedelta | None = None
    abort_timeout: timedelta | None = None
    run_timeout: timedelta | None = None
    call_timeout: timedelta | None = None
    journal_retention: timedelta | None = None
    completed_retention: timedelta | None = None
    private: bool = False
    idempotency_key: str | None = None
    """Wire name of the parameter that identifies a request."""
    idempotency_retention: timedelta | None = None
    idempotency_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """One durable function. It has `params` (keyword arguments), or `input` (one payload), or neither."""

    name: str
    py_name: str
    kind: HandlerKind
    doc: str = ""
    deprecated: str | None = None
    params: tuple[Value, ...] | None = None
    input: Value | None = None
    output: Value | None = None
    errors: tuple[Ref, ...] = ()
    options: Options = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service, a virtual object or a workflow. A workflow's `run` is its first handler."""

    name: str
    """Wire name."""
    py_name: str
    """Name of the generated base class."""
    kind: ServiceKind
    doc: str = ""
    deprecated: str | None = None
    key: Value | None = None
    """Key of an object or id of a workflow."""
    state: tuple[Value, ...] = ()
    promises: tuple[Value, ...] = ()
    handlers: tuple[Handler, ...] = ()
    uses: tuple[Ref, ...] = ()
    """Services its handlers may call, as (package, py_name)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """What one spec file declares."""

    name: str
    doc: str = ""
    file: str
    """Name of the spec file, without folders: it stands in the header of what is generated."""
    fingerprint: str
    """16 hex digits over the meaning of the file and of what it imports; comments and layout do not count."""
    imports: tuple[str, ...] = ()
    """Names of the packages it imports."""
    types: tuple[TypeDef, ...] = ()
    errors: tuple[ErrorDef, ...] = ()
    services: tuple[Service, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """All packages of a run, imported ones before those that import them."""

    packages: tuple[Package, ...] = ()
    types: Mapping[Ref, TypeDef] = field(default_factory=dict[Ref, TypeDef])
    errors: Mapping[Ref, ErrorDef] = field(default_factory=dict[Ref, ErrorDef])
    services: Mapping[Ref, Service] = field(default_factory=dict[Ref, Service])
