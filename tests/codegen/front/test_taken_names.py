"""The names that specs may not use in Python are those that the runtime's classes really have."""

from __future__ import annotations

import pytest

import perdure
from perdure_codegen import naming


def public(*classes: type) -> set[str]:
    """Public attributes of some classes."""
    return {name for each in classes for name in dir(each) if not name.startswith("_")}


CLIENTS = (perdure.ServiceClient, perdure.ServiceSyncClient, perdure.ServiceProxy)
OBJECT_CLIENTS = (perdure.ObjectClient, perdure.ObjectSyncClient, perdure.ObjectProxy)
WORKFLOW_CLIENTS = (perdure.WorkflowClient, perdure.WorkflowSyncClient, perdure.WorkflowProxy)
CONTEXTS = (
    perdure.Context,
    perdure.ObjectContext,
    perdure.SharedObjectContext,
    perdure.WorkflowContext,
    perdure.SharedWorkflowContext,
)


@pytest.mark.parametrize(
    ("taken", "classes"),
    [
        (naming.CONTEXT, CONTEXTS),
        (naming.CLIENT, (*CLIENTS, *OBJECT_CLIENTS)),
        (naming.CLIENT | naming.WORKFLOW_CLIENT, WORKFLOW_CLIENTS),
        (naming.CLIENT, (perdure.Sender, perdure.SyncSender, perdure.ProxySender)),
        (naming.STATE_VIEW, (perdure.StateView, perdure.ReadStateView)),
        (frozenset[str](), (perdure.PromiseView, perdure.Handlers)),
    ],
    ids=["context", "clients", "workflow clients", "senders", "state", "promises and handlers"],
)
def test_what_the_base_class_has_cannot_be_generated(taken: frozenset[str], classes: tuple[type, ...]) -> None:
    """A new public method of a base class must be added to the table, or generated code could hide it."""
    assert public(*classes) - taken == set()


def test_fields_of_an_error_do_not_hide_what_every_error_has() -> None:
    """Its own attributes and those of its instances."""
    error = perdure.TerminalError("no")

    assert {name for name in dir(error) if not name.startswith("_")} - {"Fields"} == naming.ERROR
