"""Spec-first durable execution: YAML in, typed Python out, handlers that survive any crash.

Importing this is cheap: what needs aiohttp or LMDB (`App`, `connect`) is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from perdure.client import (
    Client,
    InvocationHandle,
    ObjectClient,
    ObjectSyncClient,
    Sender,
    ServiceClient,
    ServiceSyncClient,
    SyncClient,
    SyncInvocationHandle,
    SyncSender,
    WorkflowClient,
    WorkflowSyncClient,
)
from perdure.context import (
    Context,
    ObjectContext,
    SharedObjectContext,
    SharedWorkflowContext,
    WorkflowContext,
)
from perdure.errors import (
    CorruptRecord,
    DeploymentRefused,
    HandlerError,
    JournalMismatch,
    NonDurableOperation,
    PerdureError,
    RequestError,
    RequestRefused,
    RetryableError,
    ServerUnreachable,
    StoreError,
    StoreFailed,
    StoreFull,
    StoreLocked,
    TerminalError,
)
from perdure.journal import Awakeable, CallFuture, SentInvocation
from perdure.loop import DurableFuture
from perdure.saga import Saga
from perdure.serde import BadValue, check_decimal
from perdure.service import HandlerDef, HandlerOptions, Handlers, Int, Json, RetryPolicy, ServiceDef
from perdure.views import (
    ObjectProxy,
    PromiseKey,
    PromiseView,
    ProxySender,
    ReadStateKey,
    ReadStateView,
    SendOptions,
    ServiceProxy,
    StateKey,
    StateView,
    WorkflowProxy,
)

if TYPE_CHECKING:
    from perdure.app import App
    from perdure.http.transport import connect, connect_sync
else:
    # Here, where type checkers do not look: a function of this name would make them accept any attribute.
    _LAZY = {"App": "perdure.app", "connect": "perdure.http.transport", "connect_sync": "perdure.http.transport"}

    def __getattr__(name: str) -> Any:  # noqa: ANN401  PEP 562
        if name not in _LAZY:
            raise AttributeError(f"module 'perdure' has no attribute {name!r}")
        return getattr(importlib.import_module(_LAZY[name]), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "App",
    "Awakeable",
    "BadValue",
    "CallFuture",
    "Client",
    "Context",
    "CorruptRecord",
    "DeploymentRefused",
    "DurableFuture",
    "HandlerDef",
    "HandlerError",
    "HandlerOptions",
    "Handlers",
    "Int",
    "InvocationHandle",
    "JournalMismatch",
    "Json",
    "NonDurableOperation",
    "ObjectClient",
    "ObjectContext",
    "ObjectProxy",
    "ObjectSyncClient",
    "PerdureError",
    "PromiseKey",
    "PromiseView",
    "ProxySender",
    "ReadStateKey",
    "ReadStateView",
    "RequestError",
    "RequestRefused",
    "RetryPolicy",
    "RetryableError",
    "Saga",
    "SendOptions",
    "Sender",
    "SentInvocation",
    "ServerUnreachable",
    "ServiceClient",
    "ServiceDef",
    "ServiceProxy",
    "ServiceSyncClient",
    "SharedObjectContext",
    "SharedWorkflowContext",
    "StateKey",
    "StateView",
    "StoreError",
    "StoreFailed",
    "StoreFull",
    "StoreLocked",
    "SyncClient",
    "SyncInvocationHandle",
    "SyncSender",
    "TerminalError",
    "WorkflowClient",
    "WorkflowContext",
    "WorkflowProxy",
    "WorkflowSyncClient",
    "check_decimal",
    "connect",
    "connect_sync",
]
