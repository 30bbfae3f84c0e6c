"""The composition root: handlers, a data folder, and an engine between them."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path
from typing import Any

from perdure.client import Client
from perdure.core.retry import Policy
from perdure.engine.deployment import InFlight
from perdure.engine.engine import Engine
from perdure.engine.registry import Defaults, Registry
from perdure.local import LocalTransport
from perdure.service import Handlers, RetryPolicy, milliseconds
from perdure.store.lmdb import LmdbStore


class App:
    """What is served: instances of the classes that users made of the generated ones.

    Args:
        services: One instance for each service.
        retry: For handlers whose spec says nothing.
        inactivity_timeout: How long an attempt that waits stays in memory; it is replayed when it is needed.
        journal_retention: How long a journal is kept after completion.
        version: Of the code; invocations in flight belong to the version that began them.
        completed_retention: How long the result of a workflow, or of a request with an idempotency key, is kept.
    """

    def __init__(
        self,
        services: Iterable[Handlers],
        *,
        retry: RetryPolicy | None = None,
        inactivity_timeout: datetime.timedelta | None = None,
        journal_retention: datetime.timedelta | None = None,
        completed_retention: datetime.timedelta | None = None,
        version: str = "",
    ) -> None:
        given: dict[str, Any] = {
            "version": version,
            "inactivity_timeout_ms": milliseconds(inactivity_timeout),
            "journal_retention_ms": milliseconds(journal_retention),
            "completed_retention_ms": milliseconds(completed_retention),
        }
        policy = Policy() if retry is None else retry.over(Policy())
        defaults = Defaults(policy=policy, **{name: value for name, value in given.items() if value is not None})
        self.registry = Registry(services, defaults)

    @contextlib.asynccontextmanager
    async def engine(self, folder: Path | str, in_flight: InFlight = "refuse") -> AsyncGenerator[Engine]:
        """Run an engine on a data folder, for as long as the context lasts.

        Raises:
            StoreError: The folder cannot be used; `StoreLocked` if another process has it.
            DeploymentRefused: Invocations are in flight that began under another deployment.
        """
        engine = Engine(self.registry, LmdbStore(Path(folder)))
        try:
            await engine.start(in_flight)
        except BaseException:
            await engine.stop(0)
            raise
        try:
            yield engine
        finally:
            await engine.stop()

    @contextlib.asynccontextmanager
    async def open(self, folder: Path | str) -> AsyncGenerator[Client]:
        """Run inside this process, without a port; generated clients take what this gives.

        Raises:
            StoreError: The folder cannot be used; `StoreLocked` if another process has it.
        """
        async with self.engine(folder) as engine:
            yield Client(LocalTransport(engine))
