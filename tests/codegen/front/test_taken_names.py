"""The names that specs may not use in Python are those that the runtime's classes really have."""

from __future__ import annotations

import builtins
from pathlib import Path

import pytest

import perdure
from perdure_codegen import naming
from tests.codegen.front.loads import briefs, load_text


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


def test_all_built_in_classes_are_known() -> None:
    """Of this Python at least; a name that only a newer one has is in the list as well."""
    capital = {name for name in dir(builtins) if name[0].isupper()} - {"None", "True", "False"}

    assert capital - naming.BUILTIN == set()


@pytest.mark.parametrize("kind", ["alias: string", "union: {of: {a: A, b: B}}", "alias: 'list<A>'"])
def test_an_alias_or_a_union_is_not_called_like_a_built_in_class(kind: str, tmp_path: Path) -> None:
    """mypy would see the built-in one in structs that are written before it. All such names are reported at once."""
    names = sorted(naming.BUILTIN)
    lines = ["types:", "  A: {fields: {}}", "  B: {fields: {}}", *(f"  {name}: {{{kind}}}" for name in names)]

    loaded = load_text(tmp_path, "\n".join(lines))

    message = "is built into Python: type checkers would take that one for it"
    assert briefs(loaded) == [f"S012 {at}:3 `{name}` {message}" for at, name in enumerate(names, 4)]


@pytest.mark.parametrize("kind", ["fields: {a: int}", "enum: [a]"])
def test_classes_may_be_called_like_built_in_ones(kind: str, tmp_path: Path) -> None:
    """They hide them, as they would in a program written by hand."""
    text = "types:\n" + "".join(f"  {name}: {{{kind}}}\n" for name in sorted(naming.BUILTIN))

    assert briefs(load_text(tmp_path, text)) == []
