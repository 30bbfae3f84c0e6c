"""Where the specs are and where the code goes: `perdure.toml`, or `[tool.perdure]` in `pyproject.toml`.

The law: settings come from the current folder alone, so that a command means the same wherever it is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from perdure.cli.console import UserError

_T = TypeVar("_T")
_PathText = Annotated[str, msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project says about itself; the defaults suit most."""

    specs: tuple[Path, ...] = (Path("specs"),)
    """Files and folders; a folder stands for every `.yaml` file in it, at any depth."""
    out: Path = Path("generated")


class _Perdure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    specs: _PathText | Annotated[list[_PathText], msgspec.Meta(min_length=1)] = "specs"
    out: _PathText = "generated"


class _Tool(msgspec.Struct, frozen=True):
    perdure: _Perdure | None = None


class _Project(msgspec.Struct, frozen=True):
    tool: _Tool = _Tool()


def read_settings() -> Settings:
    """The settings of the current folder. Raises UserError for a file that cannot be understood."""
    own = _read(Path("perdure.toml"), _Perdure)
    project = _read(Path("pyproject.toml"), _Project)
    section = project.tool.perdure if project else None
    if own and section:
        message = "settings in both perdure.toml and pyproject.toml, [tool.perdure]"
        raise UserError(message, hint="keep one of the two")
    found = own or section or _Perdure()
    specs = [found.specs] if isinstance(found.specs, str) else found.specs
    return Settings(tuple(Path(path) for path in specs), Path(found.out))


def _read(path: Path, form: type[_T]) -> _T | None:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=form)
    except FileNotFoundError:
        return None
    except msgspec.ValidationError as error:
        hint = 'the settings are `specs` (a path, or a list of them) and `out` (a path): specs = "specs"'
        raise UserError(f"{path}: {error}", hint=hint) from None
    except (ValueError, msgspec.DecodeError) as error:
        raise UserError(f"{path} is not TOML: {error}") from None
