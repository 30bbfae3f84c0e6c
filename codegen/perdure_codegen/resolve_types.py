"""Declared types and errors of one file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from perdure_codegen import naming
from perdure_codegen.constraints import read_constraints
from perdure_codegen.diagnostic import error
from perdure_codegen.document import Declared
from perdure_codegen.model import (
    Alias,
    Enum,
    EnumValue,
    ErrorDef,
    Nullable,
    Ref,
    Struct,
    TypeDef,
    Union,
    Value,
)
from perdure_codegen.names import Names
from perdure_codegen.python_names import PythonNames
from perdure_codegen.reserved import check_reserved
from perdure_codegen.resolve_values import Place, Values, deprecation, documentation
from perdure_codegen.tree import (
    BrokenNode,
    Entry,
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    child,
    entries,
    flag,
    items,
    text,
)
from perdure_codegen.world import UNKNOWN, World


class Types:
    """Resolves what stands under `types` and `errors`."""

    def __init__(self, world: World, names: Names) -> None:
        self._world = world
        self._names = names
        self._values = Values(world, names)

    def read(self, declared: Declared) -> TypeDef | None:
        """A type whose fields have no defaults yet; None if it has a fault that leaves nothing of it."""
        body = declared.body
        self._world.spans[declared.ref, ""] = declared.entry.span
        check_reserved(self._world.faults, body, entries(child(body, "fields")))
        if isinstance(body, MapNode) and body.pruned:
            self._world.partial.add(declared.ref)
        readers: dict[str, Callable[[Declared, Node], TypeDef]] = {
            "fields": self._struct,
            "enum": self._enum,
            "union": self._union,
            "alias": self._alias,
        }
        for key, reader in readers.items():
            node = child(body, key)
            if node is not None and not isinstance(node, BrokenNode):
                return reader(declared, node)
        return None

    def finish(self, declared: Declared, found: TypeDef) -> TypeDef:
        """The type with its defaults, after what only other types can tell has been checked."""
        if isinstance(found, Struct):
            return replace(
                found, fields=self._finish_fields(found.fields, child(declared.body, "fields"), declared.ref)
            )
        if isinstance(found, Alias):
            place = Place(found.name, declared.entry.span, declared.body, type_key="alias")
            self._values.finish(Value(name=found.name, py_name=found.name, type=found.type), place)
        return found

    def error(self, declared: Declared) -> ErrorDef:
        """A declared error."""
        body = declared.body
        check_reserved(self._world.faults, body, entries(child(body, "fields")))
        fields = self.values(child(body, "fields"))
        python = PythonNames(self._world.faults, "field", naming.ERROR | {"self"})
        for value, entry in zip(fields, entries(child(body, "fields")), strict=True):
            python.claim(value.py_name, entry)
        code = child(body, "code")
        return ErrorDef(
            name=declared.ref.name,
            code=code.value if isinstance(code, ScalarNode) and isinstance(code.value, int) else 500,
            doc=documentation(body),
            deprecated=deprecation(body),
            fields=fields,
        )

    def values(self, node: Node | None) -> tuple[Value, ...]:
        """The values of a mapping from names to values, checked."""
        return self._finish_fields(self._read_fields(node), node)

    def _read_fields(self, node: Node | None) -> tuple[Value, ...]:
        return tuple(self._values.read(_place(entry)) for entry in entries(node))

    def _finish_fields(
        self, fields: tuple[Value, ...], node: Node | None, inside: Ref | None = None
    ) -> tuple[Value, ...]:
        pairs = zip(fields, entries(node), strict=True)
        return tuple(self._values.finish(value, _place(entry), inside) for value, entry in pairs)

    # --- kinds ---------------------------------------------------------------------------------------------

    def _struct(self, declared: Declared, node: Node) -> Struct:
        fields = self._read_fields(node)
        python = PythonNames(self._world.faults, "field", {"self"})
        for value, entry in zip(fields, entries(node), strict=True):
            self._world.spans[declared.ref, entry.key] = entry.span
            python.claim(value.py_name, entry)
            if value.type is UNKNOWN:
                self._world.partial.add(declared.ref)
        return Struct(
            name=declared.ref.name,
            doc=documentation(declared.body),
            deprecated=deprecation(declared.body),
            fields=fields,
            strict=flag(declared.body, "strict"),
        )

    def _enum(self, declared: Declared, node: Node) -> Enum:
        if isinstance(node, ListNode):
            found = [
                Entry(item.value, item.span, item)
                for item in items(node)
                if isinstance(item, ScalarNode) and isinstance(item.value, str)
            ]
        else:
            found = list(entries(node))
        python = PythonNames(self._world.faults, "value", naming.ENUM_MEMBER)
        values: dict[str, EnumValue] = {}
        for entry in found:
            py_name = text(entry.value, "py_name") or naming.constant(entry.key)
            if entry.key not in values:
                python.claim(py_name, entry, free=True)
            doc = documentation(entry.value)
            values[entry.key] = EnumValue(name=entry.key, py_name=py_name, doc=doc, deprecated=deprecation(entry.value))
        check_reserved(self._world.faults, declared.body, iter(found))
        return Enum(
            name=declared.ref.name,
            doc=documentation(declared.body),
            deprecated=deprecation(declared.body),
            values=tuple(values.values()),
            open=flag(declared.body, "open"),
        )

    def _union(self, declared: Declared, node: Node) -> Union:
        tag_field = text(node, "tag") or "type"
        variants: list[tuple[str, Ref]] = []
        for entry in entries(child(node, "of")):
            self._world.spans[declared.ref, entry.key] = entry.span
            found = self._values.type(entry.value)
            if isinstance(found, Ref) and found.package == declared.ref.package:
                variants.append((entry.key, found))
            else:
                self._world.partial.add(declared.ref)
                if found is not UNKNOWN:
                    message = f"`{text(child(node, 'of'), entry.key)}` is not a struct of this file"
                    advice = "the tag stands in the struct, so the struct must stand in the same file"
                    self._world.faults.append(error("S026", entry.value.span, message, help=advice))
        return Union(
            name=declared.ref.name,
            doc=documentation(declared.body),
            deprecated=deprecation(declared.body),
            tag_field=tag_field,
            variants=tuple(variants),
        )

    def _alias(self, declared: Declared, node: Node) -> Alias:
        found = self._values.type(node)
        if isinstance(found, Nullable):
            message = "an alias cannot be `| null`"
            advice = "write `| null` where the alias is used"
            self._world.faults.append(error("S027", node.span, message, help=advice))
            found = UNKNOWN
        return Alias(
            name=declared.ref.name,
            doc=documentation(declared.body),
            deprecated=deprecation(declared.body),
            type=found,
            constraints=read_constraints(declared.body),
        )


def _place(entry: Entry) -> Place:
    return Place(entry.key, entry.span, entry.value)
