"""What a cluster is told of the handlers, and what is refused before it is told anything."""

from __future__ import annotations

import asyncio
import datetime
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

import perdure
from examples.app import app
from perdure.restate.endpoint import Endpoint
from perdure.restate.serve import serving
from tests.support.handlers import Method, serve, workflow

SECOND = datetime.timedelta(seconds=1)
DISCOVER = "application/vnd.restate.endpointmanifest.v4+json"


async def nothing(_: perdure.Context, __: object = None) -> None:
    """A handler that does nothing."""


def manifest(*services: perdure.Handlers, **settings: Any) -> dict[str, Any]:  # noqa: ANN401  what an App takes
    """What the services say of themselves to a server that asks; services by name."""

    async def ask() -> dict[str, Any]:
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(event: dict[str, Any]) -> None:
            said.append(event)

        endpoint = Endpoint(perdure.App(services, **settings).registry)
        headers = [(b"accept", DISCOVER.encode())]
        scope = {"type": "http", "http_version": "2", "path": "/discover", "headers": headers}
        await endpoint.app(scope, receive, send)
        await endpoint.drain(0)
        assert said[0]["status"] == 200
        found: dict[str, Any] = json.loads(said[1]["body"])
        return {service["name"]: service for service in found["services"]}

    return asyncio.run(ask())


def test_options_are_in_the_manifest() -> None:
    """Kinds, timeouts, retention, privacy, retries and schemas, as the spec says."""
    options = perdure.HandlerOptions(
        retry=perdure.RetryPolicy(
            initial=SECOND, factor=3.0, max_interval=2 * SECOND, max_attempts=4, on_exhausted="fail"
        ),
        inactivity_timeout=3 * SECOND,
        abort_timeout=4 * SECOND,
        journal_retention=5 * SECOND,
        idempotency_retention=6 * SECOND,
        private=True,
    )
    one = serve("One", Method("do", nothing, "exclusive", input=int, output=None, options=options), kind="object")
    found = manifest(one)["One"]
    assert found["ty"] == "VIRTUAL_OBJECT"
    handler = found["handlers"][0]
    assert handler.pop("input") == {
        "required": False,
        "contentType": "application/json",
        "jsonSchema": {"type": "integer"},
    }
    assert handler == {
        "name": "do",
        "ty": "EXCLUSIVE",
        "output": {"setContentTypeIfEmpty": False},
        "inactivityTimeout": 3000,
        "abortTimeout": 4000,
        "journalRetention": 5000,
        "idempotencyRetention": 6000,
        "ingressPrivate": True,
        "retryPolicyInitialInterval": 1000,
        "retryPolicyMaxInterval": 2000,
        "retryPolicyMaxAttempts": 4,
        "retryPolicyExponentiationFactor": 3.0,
        "retryPolicyOnMaxAttempts": "KILL",
    }


def test_what_nobody_says_is_the_clusters() -> None:
    """Defaults of the app are told only if the app has set them."""
    flow = workflow("Flow", run=nothing, peek=nothing)
    plain = {handler["name"]: handler for handler in manifest(flow)["Flow"]["handlers"]}
    assert (plain["run"]["ty"], plain["peek"]["ty"]) == ("WORKFLOW", "SHARED")
    assert not {name for name in plain["run"] if name.startswith("retry") or "Retention" in name or "Timeout" in name}
    told = manifest(flow, completed_retention=SECOND, inactivity_timeout=SECOND)["Flow"]["handlers"]
    assert told[0]["workflowCompletionRetention"] == told[0]["inactivityTimeout"] == 1000
    assert told[1]["idempotencyRetention"] == 1000


def test_what_restate_cannot_do_is_refused() -> None:
    """All of it at once, each by the name of its handler and of the option in the spec."""
    policy = perdure.RetryPolicy(max_duration=SECOND)
    options = perdure.HandlerOptions(
        run_timeout=SECOND, idempotency_key="order", idempotency_required=True, retry=policy
    )
    services = [serve("One", Method("do", nothing, options=options)), serve("RestateLike", Method("do", nothing))]
    with pytest.raises(perdure.DeploymentRefused) as refused:
        manifest(*services)
    lines = str(refused.value).splitlines()
    named = [line.strip().split(": ")[:2] for line in lines[1:4]]
    assert named == [["RestateLike", "its name"], ["One/do", "timeouts.run"], ["One/do", "idempotency.key"]]
    assert len(lines) == 6


def test_who_has_not_signed_is_refused() -> None:
    """With an identity key, a request that the cluster has not signed gets a 401."""

    async def ask() -> int:
        keys = ["publickeyv1_w7YHemBctH5Ck2nQRQ47iBBqhNHy4FV7t2Usbye2A6f"]
        async with serving(app.registry, identity_keys=keys) as served:
            request = urllib.request.Request(f"{served.url}/discover", headers={"accept": DISCOVER})
            return await asyncio.to_thread(_status, request)

    assert asyncio.run(ask()) == 401


def _status(request: urllib.request.Request) -> int:
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as e:
        with e:
            return e.code


def test_a_key_that_is_none_is_refused() -> None:
    """An identity key is checked when the server starts."""

    async def start() -> None:
        async with serving(app.registry, identity_keys=["nonsense"]):
            raise AssertionError("it has started")

    with pytest.raises(ValueError, match="key"):
        asyncio.run(start())
