"""From `--field value` to the JSON of a handler's input, by the JSON Schema that the server gives.

The law: a field that the handler does not have is refused here, with the one that was meant; a value that is
not of its type is refused with both. Limits within a type are the server's to check.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from perdure.cli.console import UserError

Schema = dict[str, Any]
ANY: Schema = {}

_INTEGER = re.compile(r"-?[0-9]+")
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


class BadText(ValueError):
    """A text that is no value of a type; says what was expected."""


class Given(NamedTuple):
    """What stood on the command line: fields in their order, and values without a name."""

    fields: list[tuple[str, str | None]]
    bare: list[str]


class Form:
    """What a handler takes.

    Args:
        schema: JSON Schema of its input; None if it takes nothing.
        parameter: What its one input is called, if the schema is not of an object with fields.
    """

    def __init__(self, schema: Schema | None, parameter: str = "") -> None:
        self._defs: dict[str, Schema] = {} if schema is None else schema.get("$defs", {})
        self._schema = None if schema is None else self._resolve(schema)
        self.single = self._schema is not None and "properties" not in self._schema
        self.fields: dict[str, Schema] = {}
        self.required: set[str] = set()
        if self._schema is not None:
            named: dict[str, Schema] = {parameter: self._schema} if parameter else {}
            self.fields = named if self.single else {k: self._resolve(v) for k, v in self._schema["properties"].items()}
            self.required = set(named) if self.single else set(self._schema.get("required", ()))

    @property
    def empty(self) -> bool:
        """Whether the handler takes nothing."""
        return self._schema is None

    def value(self, given: Given) -> object:
        """The input; UNSET if the handler takes none.

        Raises:
            UserError: A field is unknown, missing or of another type.
        """
        if self._schema is None:
            if given.fields or given.bare:
                raise UserError("this handler takes no input")
            return msgspec.UNSET
        if given.bare:
            return self._bare(given)
        found = self._collect(given.fields)
        missing = [name for name in self.fields if name in self.required and name not in found]
        if missing or (self.single and not found):
            raise UserError(f"missing: {', '.join(self.describe(name) for name in missing) or 'the input'}")
        if self.single:
            return self._convert(next(iter(found)), found[next(iter(found))])
        return {name: self._convert(name, texts) for name, texts in found.items()}

    def describe(self, name: str) -> str:
        """A field on one line: `--userId (string)`."""
        return f"--{name} ({self.type_name(self.fields[name])})"

    def type_name(self, schema: Schema) -> str:
        """What a schema is, in a few words."""
        schema = self._resolve(schema)
        if "enum" in schema:
            return " | ".join(str(value) for value in schema["enum"])
        if "anyOf" in schema:
            return " | ".join(self.type_name(option) for option in schema["anyOf"])
        if schema.get("type") == "array":
            return f"list of {self.type_name(schema.get('items', ANY))}"
        return str(schema.get("format") or schema.get("type") or schema.get("title") or "any JSON")

    def about(self, name: str) -> str:
        """What the spec says of a field."""
        return " ".join(str(self.fields[name].get("description", "")).split())

    # --- reading

    def _bare(self, given: Given) -> object:
        if not self.single or given.fields or len(given.bare) > 1:
            names = ", ".join(f"--{name}" for name in self.fields)
            raise UserError(f"'{given.bare[0]}' belongs to no field", hint=f"the fields are {names}")
        return self._convert("", [given.bare[0]])

    def _collect(self, fields: Sequence[tuple[str, str | None]]) -> dict[str, list[str | None]]:
        found: dict[str, list[str | None]] = {}
        for name, text in fields:
            found.setdefault(self._name(name), []).append(text)
        return found

    def _name(self, given: str) -> str:
        """The field that is meant; `--user-id` means `userId` as well."""
        plain = {_letters(name): name for name in self.fields}
        name = given if given in self.fields else plain.get(_letters(given))
        if name is not None:
            return name
        close = difflib.get_close_matches(given, self.fields, n=1)
        names = ", ".join(f"--{name}" for name in self.fields)
        hint = f"did you mean --{close[0]}?" if close else f"the fields are {names or 'unnamed: say the value alone'}"
        raise UserError(f"there is no field --{given}", hint=hint)

    def _convert(self, name: str, texts: Sequence[str | None]) -> object:
        schema = self._schema if self.single else self.fields[name]
        assert schema is not None
        try:
            if len(texts) > 1 or (self._is_list(schema) and not (texts[0] or "").lstrip().startswith("[")):
                if not self._is_list(schema):
                    raise BadText("one value, and it is given more than once")
                items = schema.get("items", ANY)
                return [self._read(_said(text, items), items) for text in texts]
            return self._read(_said(texts[0], schema), schema)
        except BadText as e:
            raise UserError(f"{f'--{name}' if name else 'the input'}: expected {e}") from None

    def _is_list(self, schema: Schema) -> bool:
        return schema.get("type") == "array"

    def _read(self, text: str, schema: Schema) -> object:
        """The value of a text.

        Raises:
            BadText: It is none of this type.
        """
        schema = self._resolve(schema)
        if "enum" in schema:
            return _one_of(text, schema["enum"])
        if "anyOf" in schema:
            return self._any_of(text, schema["anyOf"])
        return _READERS.get(schema.get("type", ""), _anything)(text)

    def _any_of(self, text: str, options: Sequence[Schema]) -> object:
        """The first that fits; a string fits anything, so it comes last."""
        resolved = [self._resolve(option) for option in options]
        for option in sorted(resolved, key=lambda option: option.get("type") == "string" and "enum" not in option):
            try:
                return self._read(text, option)
            except BadText:
                continue
        raise BadText(f"{self.type_name({'anyOf': options})}, found '{text}'")

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self._defs[str(schema["$ref"]).rpartition("/")[2]]
        return schema


def split_fields(tokens: Sequence[str], flags: Callable[[str], bool]) -> Given:
    """Fields and bare values of a command line.

    Args:
        tokens: `--name value`, `--name=value`, or `--name` alone for one that `flags` knows.
        flags: Whether a field stands for true when it has no value.
    """
    fields: list[tuple[str, str | None]] = []
    bare: list[str] = []
    rest = list(tokens)
    while rest:
        token = rest.pop(0)
        if not token.startswith("--") or token == "--":
            bare.append(token)
            continue
        name, equals, text = token[2:].partition("=")
        if equals:
            fields.append((name, text))
        elif rest and not (rest[0].startswith("--") or (flags(name) and rest[0].lower() not in _BOOLEANS)):
            fields.append((name, rest.pop(0)))
        else:
            fields.append((name, None))
    return Given(fields, bare)


def _said(text: str | None, schema: Schema) -> str:
    if text is not None:
        return text
    if schema.get("type") == "boolean":
        return "true"
    raise BadText("a value behind it")


def _letters(name: str) -> str:
    return name.replace("-", "").replace("_", "").casefold()


def _one_of(text: str, values: Sequence[object]) -> object:
    by_text = {str(value): value for value in values}
    if text in by_text:
        return by_text[text]
    close = difflib.get_close_matches(text, by_text, n=1)
    meant = f"; did you mean '{close[0]}'?" if close else ""
    raise BadText(f"one of {', '.join(by_text)}, found '{text}'{meant}")


def _integer(text: str) -> object:
    if not _INTEGER.fullmatch(text):
        raise BadText(f"an integer, found '{text}'")
    return int(text)


def _number(text: str) -> object:
    found = _json(text)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise BadText(f"a number, found '{text}'")
    return found


def _boolean(text: str) -> object:
    if text.lower() not in _BOOLEANS:
        raise BadText(f"true or false, found '{text}'")
    return _BOOLEANS[text.lower()]


def _null(text: str) -> object:
    if text != "null":
        raise BadText(f"null, found '{text}'")
    return None


def _object(text: str) -> object:
    found = _json(text)
    if not isinstance(found, dict):
        raise BadText(f"a JSON object, found '{text}'")
    return found  # pyright: ignore[reportUnknownVariableType]  any JSON


def _array(text: str) -> object:
    found = _json(text)
    if not isinstance(found, list):
        raise BadText(f"a JSON list, found '{text}'")
    return found  # pyright: ignore[reportUnknownVariableType]  any JSON


def _anything(text: str) -> object:
    """JSON if it is some, else the text itself."""
    found = _json(text)
    return text if found is msgspec.UNSET else found


def _json(text: str) -> Any:  # noqa: ANN401  any JSON
    try:
        return msgspec.json.decode(text.encode("utf-8", "replace"))
    except msgspec.DecodeError:
        return msgspec.UNSET


_READERS: Mapping[str, Callable[[str], object]] = {
    "string": lambda text: text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "null": _null,
    "object": _object,
    "array": _array,
}
