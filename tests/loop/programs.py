"""Random programs of asyncio primitives over durable operations, and what it means to run one.

A program is a tree of nodes. Running it gives a value and leaves a trace: who got what, in which order. Both are
the handler's output, so that two runs differ in it if anything was told in another order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

# --- what there is ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """A closure that takes some time, fails some times, and ends with a value or a terminal error."""

    ms: int
    failures: int = 0
    terminal: bool = False
    threaded: bool = False


@dataclass(frozen=True)
class Sleep:
    """Some time passes; by which way of asking for it makes no difference."""

    ms: int
    by_ctx: bool = False


@dataclass(frozen=True)
class Awakeable:
    """Somebody outside answers after some time."""

    ms: int
    rejected: bool = False


@dataclass(frozen=True)
class Call:
    """Another handler answers after some time, or fails for good."""

    ms: int
    fails: bool = False
    sent_first: bool = False


@dataclass(frozen=True)
class State:
    """Count in the object's state."""

    key: int
    clear: bool = False


@dataclass(frozen=True)
class Chance:
    """Ask for the time, a random number and a UUID."""


@dataclass(frozen=True)
class Raise:
    """Fail for good."""


@dataclass(frozen=True)
class Sequence:
    """One after the other."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Gather:
    """`asyncio.gather`."""

    nodes: tuple[Node, ...]
    return_exceptions: bool


@dataclass(frozen=True)
class Group:
    """`asyncio.TaskGroup`."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class Timeout:
    """`asyncio.timeout`, or `asyncio.wait_for`."""

    ms: int
    node: Node
    wait_for: bool = False


@dataclass(frozen=True)
class Wait:
    """`asyncio.wait`; then the sets it returns are walked through, and what is left is cancelled or awaited."""

    nodes: tuple[Node, ...]
    until: Literal["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"]
    timeout_ms: int | None
    cancel: bool
    gathered: bool = False
    """Each is wrapped into a gather of its own: such a future is in the sets in the place of a task."""


@dataclass(frozen=True)
class AsCompleted:
    """`asyncio.as_completed`, of coroutines or of tasks."""

    nodes: tuple[Node, ...]
    tasks: bool
    timeout_ms: int | None


@dataclass(frozen=True)
class Shield:
    """`asyncio.shield` within a time limit; the inner one goes on and is awaited afterwards, or not."""

    ms: int
    node: Node
    awaited: bool


@dataclass(frozen=True)
class Cancel:
    """A task that is cancelled after some time, and says what became of it."""

    ms: int
    node: Node


@dataclass(frozen=True)
class Background:
    """A task that nobody awaits."""

    node: Node


@dataclass(frozen=True)
class Exchange:
    """Tasks that speak to each other through something of asyncio."""

    nodes: tuple[Node, ...]
    through: str


Node: TypeAlias = (
    Run | Sleep | Awakeable | Call | State | Chance | Raise | Sequence | Gather | Group | Timeout | Wait
    | AsCompleted | Shield | Cancel | Background | Exchange
)  # fmt: skip


# --- programs by chance -------------------------------------------------------------------------------------

_MS = st.sampled_from([0, 1, 2, 3, 5, 8, 13, 21])
_BOOL = st.booleans()
_LEAVES: SearchStrategy[Node] = st.one_of(
    st.builds(Run, _MS, st.sampled_from([0, 0, 0, 1, 2, 5]), st.sampled_from([False, False, True]), _BOOL),
    st.builds(Sleep, _MS, _BOOL),
    st.builds(Awakeable, _MS, _BOOL),
    st.builds(Call, _MS, _BOOL, _BOOL),
    st.builds(State, st.integers(0, 2), _BOOL),
    st.builds(Chance),
    st.builds(Raise),
)


THROUGH = ("queue", "event", "lock", "semaphore", "condition", "barrier", "generator")


def _composed(inner: SearchStrategy[Node]) -> SearchStrategy[Node]:
    some = st.lists(inner, min_size=1, max_size=4).map(tuple)
    until = st.sampled_from(["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"])
    limit = st.none() | _MS
    return st.one_of(
        st.builds(Sequence, some),
        st.builds(Gather, some, _BOOL),
        st.builds(Group, some),
        st.builds(Timeout, _MS, inner, _BOOL),
        st.builds(Wait, some, until, limit, _BOOL, _BOOL),
        st.builds(AsCompleted, some, _BOOL, limit),
        st.builds(Shield, _MS, inner, _BOOL),
        st.builds(Cancel, _MS, inner),
        st.builds(Background, inner),
        st.builds(Exchange, some, st.sampled_from(THROUGH)),
    )


PROGRAMS: SearchStrategy[Node] = st.recursive(_LEAVES, _composed, max_leaves=14)
