"""From the model to the text of every generated file.

The law: it is a pure function. The same model gives the same bytes, and nothing is read but the templates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from perdure_codegen.model import Model, Package
from perdure_codegen.views.clients import clients
from perdure_codegen.views.handlers import handlers
from perdure_codegen.views.heads import FOLDER
from perdure_codegen.views.models import models
from perdure_codegen.views.package import package_init
from perdure_codegen.views.wire import wire

_FILES: dict[str, Callable[[Model, Package], object]] = {
    "__init__.py": lambda _model, package: package_init(package),
    "_wire.py": wire,
    "clients.py": clients,
    "handlers.py": handlers,
    "models.py": models,
}


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("perdure_templates", ""),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def emit(model: Model) -> dict[str, str]:
    """The text of each file that `model` stands for, by its path relative to the output root.

    Paths use `/` and are sorted. Every folder from the root down has an `__init__.py`.
    """
    files: dict[str, str] = {}
    for package in model.packages:
        folder = package.name.replace(".", "/")
        for parent in _parents(folder):
            files.setdefault(f"{parent}__init__.py", FOLDER)
        for name, view in _FILES.items():
            template = _templates().get_template(f"{name}.jinja")
            files[f"{folder}/{name}"] = template.render(view=view(model, package))
    return dict(sorted(files.items()))


def _parents(folder: str) -> Iterator[str]:
    """The output root and the folders between it and `folder`, each with a `/` at its end."""
    parts = folder.split("/")
    for count in range(len(parts)):
        yield "".join(f"{part}/" for part in parts[:count])
