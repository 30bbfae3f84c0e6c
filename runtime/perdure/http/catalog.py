"""What is served, as operators see it: services and handlers in the form of Restate's service metadata."""

from __future__ import annotations

import datetime
import inspect
from typing import Any

import msgspec

from perdure.engine.registry import Bound, Registry
from perdure.service import ServiceDef

_KINDS = {"service": "Service", "object": "VirtualObject", "workflow": "Workflow"}
_HANDLER_KINDS = {"service": None, "exclusive": "Exclusive", "shared": "Shared", "run": "Workflow"}
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def describe_service(registry: Registry, service: ServiceDef) -> dict[str, object]:
    """Metadata of a service and of all its handlers."""
    defaults = registry.defaults
    return {
        "name": service.name,
        "ty": _KINDS[service.kind],
        "handlers": [describe_handler(registry.handlers[service.name, h.name]) for h in service.handlers],
        "deployment_id": f"dp_{registry.deployments[service.name]}",
        "revision": 1,
        "public": True,
        "documentation": service.doc or None,
        "idempotency_retention": friendly(defaults.completed_retention_ms),
        "journal_retention": friendly(defaults.journal_retention_ms),
        "inactivity_timeout": friendly(defaults.inactivity_timeout_ms),
        "fingerprint": service.fingerprint,
    }


def describe_deployment(registry: Registry, id: str, *, whole: bool) -> dict[str, object]:
    """The services of a deployment: whole, or their names. It has no address: its handlers are in this process."""
    names = [name for name, deployment in registry.deployments.items() if id == f"dp_{deployment}"]
    return {
        "id": id,
        "protocol_type": "InProcess",
        "services": [
            describe_service(registry, registry.services[name]) if whole else {"name": name, "revision": 1}
            for name in names
        ],
    }


def describe_handler(bound: Bound) -> dict[str, object]:
    """Metadata of one handler."""
    definition, policy = bound.definition, bound.policy
    return {
        "name": definition.name,
        "ty": _HANDLER_KINDS[definition.kind],
        "documentation": definition.doc or None,
        "public": not definition.options.private,
        "input_description": _description(definition.input),
        "output_description": _description(definition.output),
        "parameter": parameter(bound),
        "input_json_schema": json_schema(definition.input),
        "output_json_schema": json_schema(definition.output),
        "idempotency_retention": friendly(bound.facts.completed_retention_ms),
        "journal_retention": friendly(bound.facts.journal_retention_ms),
        "inactivity_timeout": friendly(bound.inactivity_ms),
        "retry_policy": {
            "initial_interval": friendly(policy.initial_ms),
            "exponentiation_factor": policy.factor,
            "max_attempts": policy.max_attempts,
            "max_interval": friendly(policy.max_interval_ms),
            "on_max_attempts": "Pause" if policy.on_exhausted == "pause" else "Kill",
        },
    }


def parameter(bound: Bound) -> str | None:
    """What the handler calls its one parameter; None if it takes none, or its input is spread over several."""
    if bound.definition.input is None or bound.definition.spread:
        return None
    return list(inspect.signature(bound.method).parameters)[1]


def json_schema(type_: Any) -> dict[str, Any] | None:  # noqa: ANN401  a type
    """JSON Schema of a type; None for nothing at all."""
    return None if type_ is None else msgspec.json.schema(type_, schema_hook=_schema_of_other)


def _schema_of_other(type_: type) -> dict[str, Any]:
    """A type that msgspec reads by a hook can be anything."""
    return {"description": type_.__name__}


def _description(type_: Any) -> str:  # noqa: ANN401  a type
    return "none" if type_ is None else 'one of ["application/json"]'


def friendly(ms: int) -> str:
    """A duration as people write it: `1d`, `1h 30m`, `500ms`."""
    parts: list[str] = []
    for unit, length in _UNITS:
        count, ms = divmod(ms, length)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def rfc3339(ms: int) -> str:
    """A time in UTC, with milliseconds."""
    at = datetime.datetime.fromtimestamp(ms // 1000, datetime.UTC) + datetime.timedelta(milliseconds=ms % 1000)
    return at.isoformat(timespec="milliseconds")
