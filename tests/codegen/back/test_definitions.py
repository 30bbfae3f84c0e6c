"""The definitions that the runtime reads, compared with the model they were made from."""

from __future__ import annotations

import dataclasses
import datetime
import inspect
from pathlib import Path
from typing import Any

import pytest

import perdure
from perdure_codegen import derived
from perdure_codegen import model as m
from perdure_codegen.module_names import generated_names
from tests.codegen.back.output import everything, imported

SERVICES = sorted(everything().services, key=lambda ref: (ref.package, ref.name))


def _definition(generated: Path, ref: m.Ref) -> tuple[m.Service, Any, perdure.ServiceDef]:
    assert generated.exists()
    package = imported("made_rich", ref.package)
    base = getattr(package, ref.name)
    return everything().services[ref], base, base.__definition__


@pytest.mark.parametrize("ref", SERVICES, ids=lambda ref: ref.name)
def test_a_service_is_defined_as_specified(generated: Path, ref: m.Ref) -> None:
    """Names, kinds, keys, state, promises and docs."""
    service, _, definition = _definition(generated, ref)
    assert (definition.name, definition.kind, definition.doc) == (service.name, service.kind, service.doc.strip())
    package = next(each for each in everything().packages if each.name == ref.package)
    assert definition.fingerprint == package.fingerprint
    assert (definition.key is None) == (service.key is None)
    assert [name for name, _ in definition.state] == [value.name for value in service.state]
    assert [name for name, _ in definition.promises] == [value.name for value in service.promises]
    assert [handler.name for handler in definition.handlers] == [handler.name for handler in service.handlers]


@pytest.mark.parametrize("ref", SERVICES, ids=lambda ref: ref.name)
def test_handlers_are_defined_as_specified(generated: Path, ref: m.Ref) -> None:
    """What is spread, what is taken and given, which errors, which options: nothing is lost on the way."""
    service, base, definition = _definition(generated, ref)
    for handler, found in zip(service.handlers, definition.handlers, strict=True):
        assert (found.service, found.attr, found.kind) == (service.name, handler.py_name, handler.kind)
        assert found.spread == bool(handler.params)
        assert (found.input is None) == (not handler.params and handler.input is None)
        assert (found.output is None) == (handler.output is None)
        assert [error.name for error in found.errors] == [error.name for error in handler.errors]
        assert found.doc == handler.doc.strip()
        _compare_options(handler.options, found.options)
        context = base.__contexts__[handler.name]
        assert context.__name__.endswith("SharedContext") == (handler.kind == "shared")
        if handler.params:
            taken = list(inspect.signature(getattr(base, handler.py_name)).parameters)[2:]
            assert sorted(taken) == sorted(found.input.__struct_fields__)
            assert list(found.input.__struct_encode_fields__) == [value.name for value in handler.params]


def _compare_options(wanted: m.Options, found: perdure.HandlerOptions) -> None:
    """Field by field: both sides call them the same."""
    for field in dataclasses.fields(wanted):
        if field.name != "retry":
            assert getattr(found, field.name) == getattr(wanted, field.name), field.name
    if wanted.retry is None:
        assert found.retry is None
        return
    assert found.retry is not None
    for field in dataclasses.fields(wanted.retry):
        assert getattr(found.retry, field.name) == getattr(wanted.retry, field.name), field.name


def test_the_options_of_a_run(generated: Path) -> None:
    """In words, because the comparison above could be wrong on both sides."""
    assert generated.exists()
    run = imported("made_rich", "shop.checkout.v1", "_wire").CHECKOUT_RUN
    assert run.options == perdure.HandlerOptions(
        retry=perdure.RetryPolicy(
            initial=datetime.timedelta(milliseconds=100),
            factor=2.0,
            max_interval=datetime.timedelta(seconds=10),
        ),
        inactivity_timeout=datetime.timedelta(minutes=1),
        abort_timeout=datetime.timedelta(minutes=10),
        run_timeout=datetime.timedelta(days=7),
        journal_retention=datetime.timedelta(days=90),
        completed_retention=datetime.timedelta(days=30),
    )


def test_contexts_offer_what_the_service_uses(generated: Path) -> None:
    """A proxy for each, also of another package; a key only where there is one."""
    assert generated.exists()
    package = imported("made_rich", "shop.checkout.v1")
    for context in (package.CheckoutContext, package.CheckoutSharedContext):
        uses = ("inventory", "payment_service", "checkout_reminder")
        parameters = [list(inspect.signature(getattr(context, name)).parameters) for name in uses]
        assert parameters == [["self", "key"], ["self"], ["self"]]
    assert not hasattr(package.InventoryContext, "inventory")


def test_shared_handlers_cannot_write(generated: Path) -> None:
    """Their view of the state has other keys than that of the others, with the same names and types."""
    assert generated.exists()
    package: Any = imported("made_rich", "everything.v1")
    names = _public(package.CounterState)
    assert names == _public(package.CounterReadState)
    for name in names:
        writing, reading = getattr(package.CounterState, name), getattr(package.CounterReadState, name)
        assert (type(writing), type(reading)) == (perdure.StateKey, perdure.ReadStateKey)
        assert (writing.name, writing.type) == (reading.name, reading.type)


def _public(view: type) -> list[str]:
    return [name for name in vars(view) if not name.startswith("_")]


def test_defaults_of_state_are_fresh(generated: Path) -> None:
    """A list that a handler changes is not the default of the next."""
    assert generated.exists()
    state = imported("made_rich", "everything.v1").CounterState
    target: Any = None
    first, second = state.tags.make_default(target), state.tags.make_default(target)
    assert first == second == ["a"]
    assert first is not second
    assert (state.note.make_default(target), state.seen.make_default(target)) == (None, set())


def test_hostile_names_reach_the_runtime(generated: Path) -> None:
    """A subclass that writes the parameters as they are generated is accepted, whatever they are called."""
    assert generated.exists()
    package = imported("hostile", "nasty.v1")
    for ref in everything().services:
        if ref.package != "everything.v1":
            continue
        base = getattr(package, ref.name)
        methods = {handler.attr: _copy(getattr(base, handler.attr)) for handler in base.__definition__.handlers}
        assert type(f"My{ref.name}", (base,), methods)()


def _copy(method: Any) -> Any:  # noqa: ANN401  any function
    """An implementation with the signature of `method`."""
    parameters = ", ".join(inspect.signature(method).parameters)
    scope: dict[str, Any] = {}
    exec(f"async def made({parameters}): pass", scope)
    return scope["made"]


def test_a_method_must_keep_its_parameters(generated: Path) -> None:
    """The runtime notices at import what mypy does not: a parameter with another name."""
    assert generated.exists()
    base = imported("made_rich", "shop.checkout.v1").CheckoutReminder

    async def remind(self: object, ctx: object, order: object, attempt: int = 1) -> None: ...

    with pytest.raises(TypeError, match=r"remind takes \['order', 'attempt'\]"):
        type("Renamed", (base,), {"remind": remind})


@pytest.mark.parametrize("ref", SERVICES, ids=lambda ref: ref.name)
def test_collisions_are_looked_for_under_every_name(ref: m.Ref) -> None:
    """The front end, which reports them, knows all public names that are made of a service."""
    service = everything().services[ref]
    assert set(derived.public_names(service)) <= set(generated_names(service))


def test_the_docstring_of_a_handler(generated: Path) -> None:
    """What the spec says, then the parameters that it explains and the errors that it declares."""
    assert generated.exists()
    run = imported("made_rich", "shop.checkout.v1").Checkout.run
    assert inspect.getdoc(run) == (
        "Handle `run`.\n\nRaises:\n    OutOfStock\n"
        "    PaymentDeclined: The issuer said no. Retrying cannot help.\n    CheckoutExpired"
    )
    everything_ = imported("made_rich", "everything.v1").Plainest.all
    assert inspect.getdoc(everything_) == (
        "Every kind of default in a signature.\n\nWith a second paragraph.\n\nDeprecated: Use something else.\n\n"
        "Args:\n    required: Documented,\n        in two lines.\n\n"
        "Raises:\n    Plain\n    Documented: The first line says what happened.\n    Detailed"
    )
