"""Every code that a diagnostic can have: its title, and a paragraph that explains it.

Codes are stable. A fault that can no longer occur leaves a gap; its number is not given to another one.
"""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """What a code stands for."""

    title: str
    paragraph: str


CODES: dict[str, Code] = {
    "S001": Code(
        "Not readable as YAML",
        "The file is no UTF-8 text, breaks the rules of YAML, or uses what specs do without: anchors "
        "(`&a`), aliases (`*a`), merge keys (`<<`), tags (`!x`) and further documents (`---`). A spec "
        "should read the same for people, editors and programs; these features let one text mean "
        "something that is written elsewhere. Nothing of the file is known until this is repaired, so "
        "names that it declares are not reported as unknown elsewhere.",
    ),
    "S002": Code(
        "The same key or entry twice",
        "YAML readers take the last of two equal keys and forget the first without a word. Remove one of "
        "them, or give it another name. Lists of names may not repeat an entry either.",
    ),
    "S003": Code(
        "Unknown key",
        "The language has no such key at this place. Often it is a typing mistake, or it is indented too "
        "far or not far enough. Keys that start with `x-` are yours: perdure does not read them.",
    ),
    "S004": Code(
        "A comma split a text",
        "Inside of `{…}` a comma ends a value, also in the middle of a sentence: `{doc: Accepted, not "
        "paid}` has two keys, and the second one is `not paid`. Put the text in quotes, or write the "
        "mapping over several lines.",
    ),
    "S005": Code(
        "Missing key",
        "Something that must be said is not: the version of the language, the package, the type of a "
        "field, the handlers of a service, the `run` of a workflow.",
    ),
    "S006": Code(
        "Not one of the allowed values",
        "The value must be one of a few words, which the message lists.",
    ),
    "S007": Code(
        "Keys that exclude each other",
        "A handler takes named parameters (`params`) or one payload (`input`), not both. A type is a "
        "struct (`fields`), an enum (`enum`), a union (`union`) or an alias (`alias`), and only one of "
        "them.",
    ),
    "S008": Code(
        "Not a valid name",
        "Types, errors and services start with a capital letter and have letters and digits. Fields, "
        "parameters, state keys and promises have letters, digits, `_` and `-`. A package is dotted, in "
        "lower case, and ends in a version, as `shop.payments.v1`.",
    ),
    "S009": Code(
        "Wrong kind of value",
        "A text stands where a mapping should be, a number is out of its range, a duration cannot be "
        "read. The message says what is expected, with examples.",
    ),
    "S010": Code(
        "Unknown type",
        "No type of this name is declared in this file or in a file that it imports. Names of an import "
        "with `as` are written with that prefix, as `pay.Card`.",
    ),
    "S011": Code(
        "A type that cannot be read",
        "A type is a name, `list<T>`, `set<T>` or `map<T>`, and may end in `| null`. Maps have string "
        "keys, so only the type of their values is written.",
    ),
    "S012": Code(
        "A name that Python cannot have twice, or at all",
        "Names of the spec become names in Python: `userId` becomes `user_id`. Two of them became the "
        "same, or one is a keyword or is taken in the generated class. perdure does not invent another "
        "name, because it would change when something is added to the spec. Choose one with `py_name`; "
        "the name on the wire stays.",
    ),
    "S013": Code(
        "The tag of a union clashes",
        "The tag of a union is written inside of its structs. So a struct has the same tag in all unions "
        "that it is in, and no field of the name of the tag.",
    ),
    "S014": Code(
        "Unsuitable idempotency key",
        "`idempotency.key` names the parameter that makes two requests the same one. It must be one of "
        "`params`, always present, and a string, an int or a uuid. A workflow run has none: its id "
        "identifies it.",
    ),
    "S015": Code(
        "Unknown service",
        "`uses` lists services, objects and workflows of this file or of imported ones, by the names "
        "they are declared under.",
    ),
    "S016": Code(
        "A default that does not fit",
        "A default is written as JSON of its type and must satisfy the constraints, so that a value that "
        "was left out is never one that would have been refused.",
    ),
    "S017": Code(
        "A constraint or option that does not apply",
        "Each constraint belongs to certain types, two bounds must leave something between them, and a "
        "pattern must be a regular expression.",
    ),
    "S018": Code(
        "A type that contains itself without end",
        "A struct that needs one of itself can never be made, and an alias that leads back to itself "
        "means nothing. Recursive structs are fine when there is a way out: a field that is `| null`, a "
        "list, a set or a map.",
    ),
    "S019": Code(
        "Not a name for the wire",
        "Services and handlers are addressed by URL. Handlers have letters, digits and `_`. Services may "
        "have `.` and `-` too; their names may not start with `restate` and not be `openapi`, which are "
        "routes already.",
    ),
    "S020": Code(
        "No such spec file",
        "A path that was given, or one under `imports`, leads to no file that can be read. Imports are "
        "relative to the file that has them.",
    ),
    "S021": Code(
        "Files that import each other",
        "Imports go one way. Move what both files need to a third one.",
    ),
    "S022": Code(
        "Two packages or services of one name",
        "A package is one file, and the name of a service on the wire, which carries no package, belongs "
        "to one service of a run. A service has another name on the wire with `name:`.",
    ),
    "S023": Code(
        "Unknown error",
        "`errors` of a handler lists errors that are declared under `errors:` of this file or of imported ones.",
    ),
    "S024": Code(
        "A name that could be two things",
        "Two imports offer the same name, or have the same prefix. Import one of them with `as` and write the prefix.",
    ),
    "S025": Code(
        "A reserved name",
        "`reserved` lists names that were in use once. Stored values, journals and old clients may still "
        "have them, and would take the new thing for the old one.",
    ),
    "S026": Code(
        "A variant that is no struct of this file",
        "A union is one of several structs. Its tag is written inside of them, so they are declared in "
        "the same file as the union.",
    ),
    "S027": Code(
        "A type that cannot stand here",
        "Keys and ids are strings, ints or uuids. Sets hold scalars and enums. An alias is not `| null` "
        "itself: write `| null` where it is used, so that one sees it there.",
    ),
    "S028": Code(
        "A limit that nothing would check",
        "Limits of a decimal are checked when a struct that has it is read. An input, an output, a state "
        "key or a promise that is itself such a decimal, or a list of them, is in no struct. Declare one "
        "with a field for it; `params` of a handler are one already.",
    ),
}
