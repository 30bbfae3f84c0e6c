"""Names in Python, and the names that are taken.

Each function is applied once to one name of the spec, never to its own result or to a concatenation: then a
name in Python depends on that name alone, and two specs agree about it.
"""

from __future__ import annotations

import keyword
import re

_WORD = re.compile(r"[A-Z]+[0-9]*(?![a-z])|[A-Z]?[a-z0-9]+")


def words(name: str) -> list[str]:
    """The words of a name, in lower case: ``getHTTPStatus2`` is get, http, status2."""
    return [word.lower() for word in _WORD.findall(name)]


def snake(name: str) -> str:
    """``userId`` -> ``user_id``. Underscores in front stay."""
    return name[: len(name) - len(name.lstrip("_"))] + "_".join(words(name))


def pascal(name: str) -> str:
    """``getGreetCount`` -> ``GetGreetCount``."""
    return "".join(word[0].upper() + word[1:] for word in words(name))


def constant(name: str) -> str:
    """``getGreetCount`` -> ``GET_GREET_COUNT``."""
    return "_".join(words(name)).upper()


def is_identifier(name: str) -> bool:
    """Whether Python takes it as a name."""
    return name.isidentifier() and name.isascii() and not keyword.iskeyword(name)


# --- names that are taken ----------------------------------------------------------------------------------
#
# Only members of a generated class that the user's name would replace. What merely hides an import or a
# built-in name from the generated code (a handler `list`, a type `Decimal`) is the emitters' affair.

BUILTIN = frozenset(
    re.findall(
        r"\w+",
        """
        ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError
        BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError ConnectionError
        ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError Ellipsis EncodingWarning
        EnvironmentError Exception ExceptionGroup FileExistsError FileNotFoundError FloatingPointError
        FutureWarning GeneratorExit IOError ImportError ImportWarning IndentationError IndexError
        InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError
        ModuleNotFoundError NameError NotADirectoryError NotImplemented NotImplementedError OSError
        OverflowError PendingDeprecationWarning PermissionError ProcessLookupError PythonFinalizationError
        RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration
        StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError TimeoutError TypeError
        UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError
        UnicodeWarning UserWarning ValueError Warning ZeroDivisionError
        """,
    )
)
"""Built-in names that a type of a spec can have. As a class it hides the built-in one; as an alias or a union,
type checkers see the built-in one where the type is used before it is defined."""

CONTEXT = frozenset(
    {"attach", "awakeable", "call", "cancel", "clear", "get"}
    | {"handler", "headers", "invocation_id", "key", "log", "now"}
    | {"promises", "random", "reject_awakeable", "reject_signal", "request", "resolve_awakeable"}
    | {"resolve_signal", "run", "send", "service", "set", "signal"}
    | {"sleep", "state", "time", "uuid"}
)
"""Names of the context that handlers get; `uses` adds others beside them."""

CLIENT = frozenset({"send", "with_options"})
"""Methods that every generated client has."""

WORKFLOW_CLIENT = frozenset({"run", "submit", "attach", "peek"})
"""Methods that the clients of workflows have beside those."""

STATE_VIEW = frozenset({"keys", "clear_all"})
"""Methods of `ctx.state`."""

ERROR = frozenset({"add_note", "args", "code", "fields", "message", "metadata", "name", "with_traceback"})
"""Attributes of a terminal error."""

PARAMETER = frozenset({"self", "ctx"})
"""Parameters that every generated handler has."""

ENUM_MEMBER = frozenset({"mro", "name", "value", *(name for name in dir(str) if not name.startswith("_"))})
"""Attributes of members of an enum of strings."""
