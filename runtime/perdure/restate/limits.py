"""What a spec or an app may say and Restate cannot do. It is refused before anything is served, all of it at once.

Law: an option is either in the manifest, or done by this process, or refused here. None is dropped silently.
"""

from __future__ import annotations

from perdure.core.retry import Policy
from perdure.engine.registry import Bound, Registry
from perdure.errors import DeploymentRefused

RUN_TIMEOUT = "timeouts.run: Restate ends no invocation for its age; put `asyncio.timeout` into the handler"
IDEMPOTENCY_KEY = (
    "idempotency.key: Restate takes the key from the request's header alone; callers have to send `idempotency-key`"
)
IDEMPOTENCY_REQUIRED = "idempotency.required: Restate accepts requests without a key"
MAX_DURATION = "retry.maxDuration: Restate limits the attempts of an invocation, not their duration; say maxAttempts"
UNLIMITED = "retry without maxAttempts: Restate has no word for as often as it takes; say a number"
RESERVED = "its name: Restate keeps names that begin with `restate`, and `openapi`, for itself"


def check(registry: Registry) -> None:
    """See that Restate can do all that is asked for.

    Raises:
        DeploymentRefused: It cannot; the message names each service, handler and option.
    """
    found = [f"  {service}: {RESERVED}" for service in registry.services if _reserved(service)]
    for (service, handler), bound in registry.handlers.items():
        found += [f"  {service}/{handler}: {reason}" for reason in _reasons(bound)]
    if found:
        raise DeploymentRefused("Restate cannot do all that the specs ask for:\n" + "\n".join(found))


def _reserved(service: str) -> bool:
    return service.lower().startswith("restate") or service == "openapi"


def _reasons(bound: Bound) -> list[str]:
    options, policy = bound.definition.options, bound.policy
    table = {
        RUN_TIMEOUT: options.run_timeout is not None,
        IDEMPOTENCY_KEY: options.idempotency_key is not None,
        IDEMPOTENCY_REQUIRED: options.idempotency_required,
        MAX_DURATION: policy.max_duration_ms is not None,
        UNLIMITED: policy.max_attempts is None,
    }
    return [reason for reason, asked in table.items() if asked]


def own_policy(policy: Policy) -> Policy | None:
    """A policy, or None if it is what nobody has changed: then the cluster's own counts."""
    return None if policy == Policy() else policy
