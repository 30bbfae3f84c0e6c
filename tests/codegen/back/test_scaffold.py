"""The first version of a user's file: right as it is, and honest about what is missing."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

from perdure_codegen.scaffold import scaffold
from tests.codegen.back.output import RULES, everything, imported, put, ruff

PACKAGES = [package.name for package in everything().packages if package.services]


@pytest.mark.parametrize("package", PACKAGES)
def test_it_can_be_imported_and_instantiated(generated: Path, package: str) -> None:
    """One class a service, no handler forgotten, and each says that it is not written yet."""
    name = f"scaffold_{package.replace('.', '_')}"
    put(generated, {f"{name}.py": scaffold(everything(), package, "made_rich")})
    module = imported(name, "")
    services = next(each for each in everything().packages if each.name == package).services
    for service in services:
        made: Any = getattr(module, f"My{service.py_name}")()
        for handler in service.handlers:
            method = getattr(made, handler.py_name)
            arguments = [None] * len(inspect.signature(method).parameters)
            with pytest.raises(NotImplementedError, match=handler.py_name):
                asyncio.run(method(*arguments))


@pytest.mark.parametrize("package", PACKAGES)
def test_it_is_formatted_and_linted(tmp_path: Path, package: str) -> None:
    """It is the user's file from now on, so the user's tools should have nothing to say."""
    put(tmp_path, {"handlers.py": scaffold(everything(), package, "app.generated")})
    known = "lint.isort.known-first-party = ['app']"
    assert ruff("format", "--diff", tmp_path) == ""
    assert ruff("check", "--config", known, *RULES, tmp_path) == ""


def test_it_shows_what_the_spec_says() -> None:
    """Docs, defaults and errors; types of other packages by their modules."""
    text = scaffold(everything(), "shop.payments.v1", "generated")
    assert text.startswith('"""Handlers of shop.payments.v1, to be filled in."""\n')
    assert "from generated.shop.common.v1 import models as shop_common_v1\n" in text
    assert "class MyPaymentService(PaymentService):\n" in text
    assert "PaymentDeclined: The issuer said no. Retrying cannot help.\n" in text
    assert 'raise NotImplementedError("charge")\n' in text
    assert "attempt: int = 1" in scaffold(everything(), "shop.checkout.v1", "generated")
