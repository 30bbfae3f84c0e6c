"""What only the types together can show: unions and their tags, and types that contain themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from perdure_codegen.diagnostic import Note, error
from perdure_codegen.model import (
    Alias,
    Enum,
    Ref,
    Struct,
    Union,
)
from perdure_codegen.world import World, references


class Shapes:
    """Checks the types of a run. All of them are in the world, without their defaults."""

    def __init__(self, world: World) -> None:
        self._world = world

    def check(self) -> None:
        """Report every fault, and put its tag on each struct that is in a union."""
        for ref, found in list(self._world.types.items()):
            if isinstance(found, Union):
                self._check_union(ref, found)
        self._check_aliases()
        self._check_recursion()

    # --- unions --------------------------------------------------------------------------------------------

    def _check_union(self, ref: Ref, union: Union) -> None:
        for tag, variant in union.variants:
            found = self._world.types.get(variant)
            span = self._world.spans[ref, tag]
            if found is None:
                continue
            if not isinstance(found, Struct):
                message = f"`{variant.name}` is not a struct: a union is one of several structs"
                self._world.faults.append(error("S026", span, message))
                continue
            wanted = (union.tag_field, tag)
            if found.tag and found.tag != wanted:
                self._other_tag(ref, variant, found, wanted)
                continue
            if any(field.name == union.tag_field for field in found.fields):
                note = Note(self._world.spans[variant, union.tag_field], "the field")
                message = f"the tag field `{union.tag_field}` of `{ref.name}` is also a field of `{variant.name}`"
                advice = "choose another tag with `tag:`, or rename the field"
                self._world.faults.append(error("S013", span, message, note=note, help=advice))
                continue
            self._world.types[variant] = replace(found, tag=wanted)
            self._world.spans.setdefault((variant, "\0tag"), span)

    def _other_tag(self, ref: Ref, variant: Ref, found: Struct, wanted: tuple[str, str]) -> None:
        span = self._world.spans[ref, wanted[1]]
        field, tag = found.tag or ("", "")
        note = Note(self._world.spans[variant, "\0tag"], f"`{field}: {tag}` here")
        message = f"`{variant.name}` cannot be `{wanted[0]}: {wanted[1]}`: it is `{field}: {tag}` already"
        advice = "a struct has one tag: use the same one, or declare a struct of its own"
        self._world.faults.append(error("S013", span, message, note=note, help=advice))

    # --- aliases -------------------------------------------------------------------------------------------

    def _check_aliases(self) -> None:
        """An alias that leads back to itself is nothing; Python could not write it down either."""
        done: set[Ref] = set()
        for ref in list(self._world.types):
            self._follow(ref, done)

    def _follow(self, start: Ref, done: set[Ref]) -> None:
        """Walk along aliases, depth first, with a stack of our own: a chain may be as long as a file."""
        path: dict[Ref, Iterator[Ref]] = {start: self._aliased(start)}
        while path:
            ref, following = next(reversed(path.items()))
            step = next(following, None)
            if step is None:
                done.add(ref)
                del path[ref]
            elif step in path:
                way = list(path)
                self._cycle(way[way.index(step) :], "is an alias of itself", "declare a struct")
            elif step not in done:
                path[step] = self._aliased(step)

    def _aliased(self, ref: Ref) -> Iterator[Ref]:
        found = self._world.types.get(ref)
        return references(found.type) if isinstance(found, Alias) else iter(())

    # --- recursion -----------------------------------------------------------------------------------------

    def _check_recursion(self) -> None:
        """A struct that needs one of itself can never be made. The least fixed point tells which can."""
        users: dict[Ref, list[Ref]] = {}
        for ref, found in self._world.types.items():
            for needed in _needed(found):
                users.setdefault(needed, []).append(ref)
        finite: set[Ref] = set()
        waiting = list(self._world.types)
        while waiting:
            ref = waiting.pop()
            if ref not in finite and self._is_finite(ref, finite):
                finite.add(ref)
                waiting += users.get(ref, ())
        endless = [ref for ref in self._world.types if ref not in finite]
        reported: set[Ref] = set()
        for ref in endless:
            self._walk(ref, [], finite, reported)

    def _is_finite(self, ref: Ref, finite: set[Ref]) -> bool:
        found = self._world.types[ref]
        known = [each in finite or each not in self._world.types for each in _needed(found)]
        if isinstance(found, Union):
            return any(known) or not known or ref in self._world.partial
        return all(known)

    def _walk(self, ref: Ref, path: list[Ref], finite: set[Ref], reported: set[Ref]) -> None:
        """Follow needed parts until one comes again, and report that cycle unless it is known."""
        while ref not in path:
            if ref in reported or ref in finite:
                return
            path.append(ref)
            found = self._world.types[ref]
            following = [each for each in _needed(found) if each in self._world.types and each not in finite]
            if not following:
                return
            ref = following[0]
        cycle = path[path.index(ref) :]
        reported.update(path)
        if any(isinstance(self._world.types[each], Struct | Union) for each in cycle):
            advice = "make a field on the way `| null`, a list or a map"
            self._cycle(cycle, "needs one of itself, so there can never be one", advice)

    def _cycle(self, cycle: list[Ref], message: str, advice: str) -> None:
        names = " -> ".join(f"`{ref.name}`" for ref in [*cycle, cycle[0]])
        span = self._world.spans[cycle[0], ""]
        self._world.faults.append(error("S018", span, f"`{cycle[0].name}` {message}: {names}", help=advice))
        self._world.partial.update(cycle)


def _needed(found: Struct | Enum | Union | Alias) -> Iterator[Ref]:
    """Declared types of which a value holds one in any case; for a union, those of which it holds one."""
    match found:
        case Struct(fields=fields):
            yield from (field.type for field in fields if isinstance(field.type, Ref))
        case Union(variants=variants):
            yield from (ref for _, ref in variants)
        case Alias(type=Ref() as ref):
            yield ref
        case Alias() | Enum():
            pass
