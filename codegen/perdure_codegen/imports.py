"""The imports of one generated file, recorded while its text is made.

The law: a file imports what it uses and nothing else, in the order isort wants. Whoever needs a name asks
for its spelling. A name that is hidden where it is used, by a class member of the same name or by a type of
the spec, is imported a second time under another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count, groupby

from perdure_codegen.layout import WIDTH

Hidden = frozenset[str]
"""Names that mean something else in the scope that is being written."""

NOTHING: Hidden = frozenset()
_THIRD_PARTY = ("msgspec", "perdure")
_DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a name comes from. `name` is empty for the module itself, `module` for the file's own names."""

    module: str
    name: str = ""

    @property
    def spelling(self) -> str:
        """What it is called where it comes from."""
        return self.name or self.module


@dataclass(slots=True)
class Imports:
    """What one file imports."""

    defined: frozenset[str]
    """Names that the file defines itself, or may import from its siblings."""
    root: str = ""
    """Import name of the output folder, in a file outside of it; inside, imports are relative."""
    _owners: dict[str, Origin] = field(default_factory=dict[str, Origin])

    def module(self, name: str, hidden: Hidden = NOTHING) -> str:
        """The spelling of a module: `import datetime`."""
        return self._spell(Origin(name), name, hidden)

    def name(self, module: str, name: str, hidden: Hidden = NOTHING, *, prefer: str = "") -> str:
        """The spelling of a name of a module: `from decimal import Decimal`."""
        return self._spell(Origin(module, name), prefer or name, hidden)

    def own(self, name: str, hidden: Hidden = NOTHING) -> str:
        """The spelling of a name that this file defines."""
        return self._spell(Origin("", name), name, hidden)

    def sibling(self, module: str, name: str, hidden: Hidden = NOTHING) -> str:
        """The spelling of a name that is in `defined` because a sibling defines it."""
        return self._spell(Origin(module, name), name, hidden, mine=True)

    def builtin(self, name: str, hidden: Hidden = NOTHING) -> str:
        """The spelling of a built-in name."""
        if name not in hidden and name not in self.defined:
            return name
        return f"{self._spell(Origin('builtins'), '_builtins', hidden)}.{name}"

    def second_names(self) -> list[tuple[str, str]]:
        """(second name, name) of the file's own definitions that are hidden somewhere."""
        return sorted(
            (alias, origin.name) for alias, origin in self._owners.items() if not origin.module and alias != origin.name
        )

    def _spell(self, origin: Origin, preferred: str, hidden: Hidden, *, mine: bool = False) -> str:
        mine = mine or not origin.module
        for candidate in _candidates(preferred):
            owner = self._owners.get(candidate)
            free = owner is None and (candidate not in self.defined or (mine and candidate == origin.name))
            if candidate not in hidden and (free or owner == origin):
                self._owners[candidate] = origin
                return candidate
        raise AssertionError(preferred)  # the candidates do not end

    # --- text ----------------------------------------------------------------------------------------------

    def lines(self) -> str:
        """The import statements, sections apart; without `from __future__`."""
        wanted = [(alias, origin) for alias, origin in self._owners.items() if origin.module]
        straight = [(alias, origin) for alias, origin in wanted if not origin.name]
        members = [(alias, origin) for alias, origin in wanted if origin.name]
        ours = [each for each in members if self._is_ours(each[1].module)]
        others = [each for each in members if not self._is_ours(each[1].module)]
        sections = (
            [*_straight(straight, third=False), *_members(others)],
            [*_straight(straight, third=True)],
            [*_members(ours)],
        )
        return "\n\n".join("\n".join(section) for section in sections if section)

    def _is_ours(self, module: str) -> bool:
        return module.startswith(f"{self.root}.")


def _candidates(preferred: str) -> Iterator[str]:
    bare = preferred.lstrip("_")
    yield preferred
    yield f"_{bare}"
    for number in count(2):
        yield f"_{bare}_{number}"


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key: numbers inside a text count as numbers."""
    parts = [part for part in _DIGITS.split(text) if part]
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _member_key(name: str) -> tuple[int, list[tuple[int, int, str]], list[tuple[int, int, str]]]:
    constant = len(name) > 1 and name.isupper()
    return 0 if constant else 1 if name[:1].isupper() else 2, _natural(name.lower()), _natural(name)


def _straight(wanted: Iterable[tuple[str, Origin]], *, third: bool) -> Iterator[str]:
    chosen = [(origin.module, alias) for alias, origin in wanted if (origin.module in _THIRD_PARTY) == third]
    for module, alias in sorted(chosen, key=lambda item: (item[0], item[0] != item[1], item[1])):
        yield f"import {module}" if module == alias else f"import {module} as {alias}"


def _members(wanted: Iterable[tuple[str, Origin]]) -> Iterator[str]:
    def module_key(item: tuple[str, Origin]) -> tuple[int, str]:
        module = item[1].module
        return len(module.lstrip(".")) - len(module), module.lstrip(".")

    def key(item: tuple[str, Origin]) -> tuple[object, ...]:
        alias, origin = item
        return *module_key(item), _member_key(origin.name), alias != origin.name, alias

    for _, group in groupby(sorted(wanted, key=key), key=module_key):
        yield from _one_module(list(group))


def _one_module(group: list[tuple[str, Origin]]) -> Iterator[str]:
    """Plain names in one statement, each renamed one in its own, in the order of their first names."""
    plain = [origin.name for alias, origin in group if alias == origin.name]
    module = group[0][1].module
    for alias, origin in group:
        if alias != origin.name:
            yield _from(module, [f"{origin.name} as {alias}"])
        elif plain and origin.name == plain[0]:
            yield _from(module, plain)


def _from(module: str, names: list[str]) -> str:
    flat = f"from {module} import {', '.join(names)}"
    if len(flat) <= WIDTH:
        return flat
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"
