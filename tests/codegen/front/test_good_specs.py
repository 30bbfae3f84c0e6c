"""Sound specs, and the model that comes of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from perdure_codegen.loading import load
from perdure_codegen.model import (
    Alias,
    Constraints,
    Enum,
    EnumValue,
    ListOf,
    MapOf,
    Nullable,
    Options,
    Ref,
    Retry,
    Scalar,
    SetOf,
    Struct,
    Union,
    Value,
)
from tests.codegen.front.loads import GOOD, handler, model_of, package_of, service, type_of, value

ROOT = Path(__file__).parents[3]
STRING = Scalar("string")


def test_the_shipped_specs_are_sound() -> None:
    """What lies under `specs/` loads without a word."""
    model = model_of(load([ROOT / "specs"]))

    assert {"greeter.v1", "signup.v1", "subscription.v1"} <= {package.name for package in model.packages}


def test_the_greeter_has_a_key_a_state_and_three_handlers() -> None:
    """An object: exclusive handlers, one shared, and state with a default."""
    greeter = service(package_of(load([ROOT / "specs/greeter/greeter.yaml"])), "GreeterObject")

    assert greeter.key == Value(name="name", py_name="name", type=STRING, doc="Who is greeted.")
    assert [(each.name, each.py_name, each.kind) for each in greeter.handlers] == [
        ("greet", "greet", "exclusive"),
        ("ungreet", "ungreet", "exclusive"),
        ("getGreetCount", "get_greet_count", "shared"),
    ]
    assert greeter.state == (
        Value(
            name="greet-count",
            py_name="greet_count",
            type=Scalar("int"),
            has_default=True,
            default=0,
            doc="Greetings so far.",
        ),
    )
    assert greeter.handlers[0].params is None
    assert greeter.handlers[0].input is not None
    assert greeter.handlers[0].input.py_name == "greeting"


def test_the_signup_runs_once_and_waits_for_a_promise() -> None:
    """A workflow: `run` comes first, the others are shared, promises have no default."""
    signup = service(package_of(load([ROOT / "specs/signup/signup.yaml"])), "SignupWorkflow")

    assert [(each.name, each.kind) for each in signup.handlers] == [("run", "run"), ("click", "shared")]
    assert [each.name for each in signup.promises] == ["link_clicked"]
    assert signup.handlers[0].options == Options(completed_retention=timedelta(days=7))


def test_imported_packages_come_before_those_that_import_them() -> None:
    """Also if only the last file is named: the others are read because it needs them."""
    model = model_of(load([GOOD / "shop/checkout.yaml"]))

    assert [(package.name, package.imports) for package in model.packages] == [
        ("shop.common.v1", ()),
        ("shop.payments.v1", ("shop.common.v1",)),
        ("shop.checkout.v1", ("shop.common.v1", "shop.payments.v1")),
    ]
    assert [package.file for package in model.packages] == ["common.yaml", "payments.yaml", "checkout.yaml"]


def test_the_order_of_the_paths_does_not_matter() -> None:
    """A folder, its files in any order, one of them twice: the same packages."""
    files = sorted((GOOD / "shop").glob("*.yaml"))

    folder = model_of(load([GOOD / "shop"]))

    assert {p.name: p for p in model_of(load(files)).packages} == {p.name: p for p in folder.packages}
    assert {p.name: p for p in model_of(load([*files[::-1], files[0]])).packages} == {
        p.name: p for p in folder.packages
    }


def test_names_of_imports_resolve_with_and_without_a_prefix() -> None:
    """`Money` of the plain import, `pay.PaymentMethod` of the one with `as`."""
    model = model_of(load([GOOD / "shop"]))
    order = model.types[Ref("shop.checkout.v1", "Order")]
    item = model.types[Ref("shop.checkout.v1", "Item")]

    assert isinstance(order, Struct)
    assert isinstance(item, Struct)
    assert value(item.fields, "unitPrice").type == Ref("shop.common.v1", "Money")
    assert value(order.fields, "payment").type == Ref("shop.payments.v1", "PaymentMethod")
    assert value(order.fields, "note").type == Nullable(STRING)
    assert value(order.fields, "labels").type == MapOf(STRING)
    assert value(order.fields, "items").type == ListOf(Ref("shop.checkout.v1", "Item"))
    assert value(order.fields, "items").constraints == Constraints(min_items=1, max_items=100)
    assert [each.name for each in order.fields if each.required] == ["orderId", "customerId", "items", "payment"]


def test_the_tag_of_a_union_stands_on_its_structs() -> None:
    """So a struct can be written down with the tag that it has on the wire."""
    model = model_of(load([GOOD / "shop/payments.yaml"]))

    assert model.types[Ref("shop.payments.v1", "PaymentMethod")] == Union(
        name="PaymentMethod",
        doc="How the customer pays.",
        variants=(("card", Ref("shop.payments.v1", "Card")), ("invoice", Ref("shop.payments.v1", "Invoice"))),
    )
    card = model.types[Ref("shop.payments.v1", "Card")]
    assert isinstance(card, Struct)
    assert card.tag == ("type", "card")
    assert value(card.fields, "token").sensitive


def test_enums_are_open_or_closed_and_their_values_have_docs() -> None:
    """Both forms, the list and the mapping; `NO` would be a string too."""
    model = model_of(load([GOOD / "shop"]))

    assert model.types[Ref("shop.checkout.v1", "OrderStatus")] == Enum(
        name="OrderStatus",
        values=(
            EnumValue(name="pending", py_name="PENDING", doc="Accepted, nothing charged yet."),
            EnumValue(name="paid", py_name="PAID"),
            EnumValue(name="cancelled", py_name="CANCELLED", deprecated=""),
        ),
    )
    currency = model.types[Ref("shop.common.v1", "Currency")]
    assert isinstance(currency, Enum)
    assert currency.open
    assert [each.name for each in currency.values] == ["EUR", "USD", "NOK"]


def test_errors_have_a_status_and_fields() -> None:
    """500 if nothing is said; handlers refer to errors of other files too."""
    model = model_of(load([GOOD / "shop"]))

    assert model.errors[Ref("shop.checkout.v1", "CheckoutExpired")].code == 500
    assert model.errors[Ref("shop.common.v1", "NotFound")].code == 404
    run = model.services[Ref("shop.checkout.v1", "Checkout")].handlers[0]
    assert run.errors == (
        Ref("shop.checkout.v1", "OutOfStock"),
        Ref("shop.payments.v1", "PaymentDeclined"),
        Ref("shop.checkout.v1", "CheckoutExpired"),
    )


def test_options_come_from_the_nearest_level_key_by_key() -> None:
    """The handler says how often, the service what then (overridden), the file how long between."""
    package = model_of(load([GOOD / "shop"])).packages[-1]

    assert handler(package, "CheckoutReminder.remind").options == Options(
        retry=Retry(
            initial=timedelta(milliseconds=100),
            factor=2.0,
            max_interval=timedelta(seconds=10),
            max_attempts=5,
            max_duration=timedelta(hours=1, minutes=30),
            on_exhausted="pause",
        ),
        inactivity_timeout=timedelta(minutes=1),
        abort_timeout=timedelta(minutes=10),
        private=True,
    )
    assert handler(package, "Checkout.run").options.journal_retention == timedelta(days=90)
    assert handler(package, "Checkout.run").options.run_timeout == timedelta(days=7)


def test_a_private_service_has_only_private_handlers() -> None:
    """A handler cannot open what its service has closed."""
    package = model_of(load([GOOD / "shop"])).packages[-1]

    assert handler(package, "CheckoutReminder.forget").options.private
    assert not handler(package, "Inventory.stock").options.private


def test_idempotency_names_a_parameter() -> None:
    """By its name on the wire."""
    package = model_of(load([GOOD / "shop"])).packages[1]

    options = handler(package, "PaymentService.charge").options
    assert (options.idempotency_key, options.idempotency_retention) == ("orderId", timedelta(days=7))
    assert not options.idempotency_required


def test_uses_refers_to_services_by_their_class() -> None:
    """Of this file and of imported ones."""
    package = model_of(load([GOOD / "shop"])).packages[-1]

    assert service(package, "Checkout").uses == (
        Ref("shop.checkout.v1", "Inventory"),
        Ref("shop.payments.v1", "PaymentService"),
        Ref("shop.checkout.v1", "CheckoutReminder"),
    )


@pytest.mark.parametrize(
    ("field", "default"),
    [
        ("text", "12:30"),
        ("flag", False),
        ("whole", 31),
        ("real", 1000.0),
        ("exact", "1.10"),
        ("blob", "AQID"),
        ("ident", "123e4567-e89b-12d3-a456-426614174000"),
        ("moment", "2026-01-31T09:00:00+01:00"),
        ("day", "2026-01-31"),
        ("hour", "09:00:00"),
        ("span", "1h30m"),
        ("free", {"a": [1, None]}),
        ("many", [[1, None]]),
        ("some", ["red"]),
        ("table", {}),
        ("secret", None),
    ],
)
def test_defaults_are_kept_as_json(field: str, default: object) -> None:
    """Decimals keep their digits, durations stay as they are written, nothing becomes a Python object."""
    package = package_of(load([GOOD / "everything.yaml"]))
    struct = type_of(package, "Scalars")
    assert isinstance(struct, Struct)

    found = value(struct.fields, field)

    assert found.has_default
    assert not found.required
    assert repr(found.default) == repr(default)


def test_every_key_arrives_in_the_model() -> None:
    """The spec that uses all of the language, fact by fact where the others have none."""
    package = package_of(load([GOOD / "everything.yaml"]))
    scalars = type_of(package, "Scalars")
    assert isinstance(scalars, Struct)
    maker = service(package, "ThingMaker")
    make = maker.handlers[0]

    assert scalars.strict
    assert value(scalars.fields, "whole").constraints == Constraints(gt=0, lt=100, multiple_of=31)
    assert value(scalars.fields, "text").constraints == Constraints(min_length=1, max_length=9, pattern=":")
    assert value(scalars.fields, "some").type == SetOf(Ref("everything.v1beta2", "Color"))
    secret = value(scalars.fields, "secret")
    assert (secret.py_name, secret.sensitive, secret.deprecated) == ("hidden", True, "")
    assert type_of(package, "Half") == Alias(
        name="Half", type=Ref("everything.v1beta2", "Percent"), constraints=Constraints(le=50)
    )
    assert type_of(package, "Color").deprecated == "Use another one."
    assert (maker.name, maker.deprecated, make.py_name, make.deprecated) == ("shop.Maker-1", "", "make_one", "Do not.")
    assert maker.uses[0] == Ref("everything.v1beta2", "ThingMaker")
    assert make.output is not None
    assert (make.output.name, make.output.doc, make.output.sensitive) == ("shapes", "The shapes.", True)
    assert make.options == Options(
        retry=Retry(
            initial=timedelta(seconds=1),
            factor=1.0,
            max_interval=timedelta(minutes=1),
            max_attempts=3,
            max_duration=timedelta(hours=1),
            on_exhausted="pause",
        ),
        inactivity_timeout=timedelta(minutes=1),
        abort_timeout=timedelta(minutes=2),
        run_timeout=timedelta(days=1),
        journal_retention=timedelta(days=1),
        completed_retention=timedelta(days=2),
        idempotency_required=True,
        idempotency_retention=timedelta(days=1),
    )
    keeper = service(package, "Keeper")
    assert keeper.key == Value(name="key", py_name="key", type=Scalar("int"))
    assert [(each.kind, each.options.private) for each in keeper.handlers] == [("exclusive", False), ("shared", True)]
    flow = service(package, "Flow")
    assert flow.key is not None
    assert (flow.key.name, flow.key.constraints) == ("flowId", Constraints(min_length=1))
    run = flow.handlers[0]
    assert (run.params, run.input, run.output, run.errors) == (None, None, None, ())
