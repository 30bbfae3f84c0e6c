"""Finds the app that `MODULE:APP` names. What goes wrong on the way is said as what it is.

The law: a traceback is shown for the user's own code alone, and without the frames that led to it.
"""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from pathlib import Path
from types import ModuleType, TracebackType

from perdure.app import App
from perdure.cli.console import UserError


def load_app(name: str) -> App:
    """The app. Raises UserError if there is none, or if its module cannot be imported."""
    module_name, colon, attribute = name.partition(":")
    if not colon or not module_name or not attribute:
        hint = f"perdure serve {module_name.removesuffix('.py').replace('/', '.') or 'app'}:{attribute or 'app'}"
        raise UserError(f"`{name}` is not MODULE:APP", hint=hint)
    module = _import(module_name)
    found = getattr(module, attribute, None)
    if found is None:
        close = difflib.get_close_matches(attribute, vars(module), n=1)
        hint = f"did you mean `{module_name}:{close[0]}`?" if close else f"{attribute} = perdure.App([…])"
        raise UserError(f"module {module_name} has no `{attribute}`", hint=hint)
    if not isinstance(found, App):
        raise UserError(f"{name} is a {type(found).__name__}, not a perdure.App", hint="app = perdure.App([…])")
    return found


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as e:
        if e.name is not None and (name == e.name or name.startswith(f"{e.name}.")):
            hint = f"modules are looked for in {Path.cwd()} and among what is installed"
            raise UserError(f"there is no module {e.name}", hint=hint) from None
        raise _failed(name, e) from None
    except (Exception, SystemExit) as e:
        raise _failed(name, e) from None


def _failed(name: str, error: BaseException) -> UserError:
    """Print the traceback from the user's first frame on."""
    shown = traceback.TracebackException(type(error), error, _from_user(error.__traceback__))
    print("".join(shown.format()), end="", file=sys.stderr)
    return UserError(f"importing {name} failed: {type(error).__name__}: {error}", status=1)


def _from_user(frames: TracebackType | None) -> TracebackType | None:
    """Leave out our frames and the import system's, that come before the user's."""
    ours = str(Path(__file__).resolve().parent)
    first = frames
    while first is not None:
        file = first.tb_frame.f_code.co_filename
        if not file.startswith(("<frozen importlib", ours)) and file != importlib.__file__:
            return first
        first = first.tb_next
    return None
