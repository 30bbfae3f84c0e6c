"""Random programs for the object of served/programs: one for each seed.

Law: no outcome depends on time. A key is only used by those whose order is certain, branches that run at a time use
names of state of their own, whoever loses a race waits almost for ever, and a key that many use only adds up.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeAlias

import perdure

Op: TypeAlias = dict[str, perdure.Json]
Program: TypeAlias = list[perdure.Json]

NAMES = tuple(f"s{n}" for n in range(8))
DEEPEST = 3
MESSAGES = ("no", "sold out", "Grüße \N{SNOWMAN}", 'a "quoted"\nline', "")
VALUES: tuple[perdure.Json, ...] = (
    None,
    0,
    -7,
    2**40,
    1.5,
    True,
    "",
    "ö\u2028\U0001f600",
    [1, [2]],
    {"a": {"b": [None]}},
)


def program(seed: int) -> Program:
    """The program of a seed, which is executed by the object `key(seed)`."""
    return _Author(seed).program(0)


def key(seed: int) -> str:
    """The object that executes the program of a seed."""
    return f"program {seed}"


class _Parts:
    """Small parts of one program."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._root = key(seed)
        self._total = f"{self._root}/total"
        self._count = 0

    def _new(self, what: str) -> str:
        self._count += 1
        return f"{self._root}/{what} {self._count}"

    def _in_vain(self) -> Op:
        """Something that does not come to an end."""
        vain: Op = {"op": self._random.choice(("forever", "never", "hang"))}
        return {**vain, "key": self._new("hung")} if vain["op"] == "hang" else vain

    def _soon(self) -> Op:
        """Something that comes to an end soon."""
        quick: Op = {"op": "call", "key": self._new("quick"), "program": [{"op": "keys"}]}
        return self._random.choice((quick, {"op": "sleep", "ms": 5}, {"op": "step", "value": 1, "threaded": True}))

    def _error(self) -> Op:
        return {"code": self._random.choice((400, 404, 409, 418, 500)), "message": self._random.choice(MESSAGES)}


class _Author(_Parts):
    """Writes one program. Every part of it may add to its total, an object that nobody asks before the end."""

    def program(self, depth: int) -> Program:
        """What one object does."""
        return self._ops(NAMES, depth, self._random.randint(2, 7 - depth))

    def _ops(self, names: tuple[str, ...], depth: int, length: int) -> Program:
        """Operations one after the other, which may use these names."""
        written: Program = []
        known: list[str] = []
        while len(written) < length:
            kind = self._random.choice(KINDS)
            if kind in DEEP and (depth == DEEPEST or len(names) < 2):
                continue
            written.append(self._failing_now_and_then(kind(self, names, depth)))
            written += self._again(written[-1], known, depth)
        return written

    def _failing_now_and_then(self, op: Op) -> perdure.Json:
        """What fails is mostly caught."""
        caught = self._random.random() < (0.9 if op["op"] in FAILING else 0.5)
        return {"op": "catch", "program": [op]} if caught else op

    def _again(self, written: perdure.Json, known: list[str], depth: int) -> Program:
        """Now and then another program for an object that has just been given one: it is done after the first."""
        op = written["program"][0] if written["op"] == "catch" else written
        sent = op["op"] == "send" and not op["delay"] and op["key"] != self._total
        if op["op"] == "call" or sent:
            known.append(op["key"])
        if not known or depth == DEEPEST or self._random.random() < 0.7:
            return []
        again = {"op": "call", "key": self._random.choice(known), "program": self.program(DEEPEST)}
        return [{"op": "catch", "program": [again]}]

    def _branches(self, names: tuple[str, ...], depth: int) -> list[Program]:
        """Two or three lists of operations, each with names of its own."""
        count = self._random.randint(2, 3)
        return [
            self._ops(names[n::count], depth + 1, self._random.randint(1, 2)) for n in range(min(count, len(names)))
        ]

    def _shuffled(self, branches: list[Program]) -> list[Program]:
        self._random.shuffle(branches)
        return branches

    # --- one operation each

    def _state(self, names: tuple[str, ...], depth: int) -> Op:
        op = self._random.choice(("get", "get", "set", "set", "clear"))
        name: Op = {"op": op, "name": self._random.choice(names)}
        return {**name, "value": self._random.choice(VALUES)} if op == "set" else name

    def _whole_state(self, names: tuple[str, ...], depth: int) -> Op:
        """Only where nobody else is at work on the object."""
        return {"op": self._random.choice(("keys", "keys", "clear_all"))} if names == NAMES else {"op": "repeat"}

    def _wait(self, names: tuple[str, ...], depth: int) -> Op:
        return {"op": "sleep", "ms": self._random.choice((0, 3, 8, 45))}

    def _step(self, names: tuple[str, ...], depth: int) -> Op:
        return {"op": "step", "value": self._random.choice(VALUES), "threaded": self._random.random() < 0.5}

    def _troubled(self, names: tuple[str, ...], depth: int) -> Op:
        """A step or a handler that fails and is tried again. A handler only where no branch goes on."""
        flaky: Op = {"op": "flaky_step", "times": self._random.randint(1, 3), "name": self._new("flaky")}
        kinds: list[Op] = [flaky, {"op": "hopeless_step"}]
        if names == NAMES:
            kinds.append({"op": "stumble", "name": self._new("stumble")})
        return self._random.choice(kinds)

    def _failure(self, names: tuple[str, ...], depth: int) -> Op:
        return {"op": self._random.choice(("fail", "failing_step")), **self._error()}

    def _cancelled(self, names: tuple[str, ...], depth: int) -> Op:
        return {"op": "cancel", "key": self._new("cancelled")}

    def _gift(self, names: tuple[str, ...], depth: int) -> Op:
        add: Op = {"op": "add", "name": "s0", "amount": self._random.randint(-9, 9)}
        return {"op": "send", "key": self._total, "program": [add], "delay": self._random.choice((0, 0, 10))}

    def _call(self, names: tuple[str, ...], depth: int) -> Op:
        op = self._random.choice(("call", "call", "attach"))
        return {"op": op, "key": self._new(op), "program": self.program(depth + 1)}

    def _send(self, names: tuple[str, ...], depth: int) -> Op:
        delay = self._random.choice((0, 0, 5, 40))
        return {"op": "send", "key": self._new("sent"), "program": self.program(depth + 1), "delay": delay}

    def _ask(self, names: tuple[str, ...], depth: int) -> Op:
        """Another object completes the awakeable, maybe twice: the first completion counts."""
        yes: Op = {"op": "resolve", "value": self._random.choice(VALUES)}
        no: Op = {"op": "reject", **self._error()}
        answers: Program = self._random.choice(([yes], [no], [yes, no], [no, yes]))
        before: Program = [self._random.choice(({"op": "sleep", "ms": 40}, {"op": "keys"}))]
        return {"op": "ask", "key": self._new("asked"), "program": [*before, *answers]}

    def _gather(self, names: tuple[str, ...], depth: int) -> Op:
        return {"op": "gather", "branches": self._branches(names, depth)}

    def _first(self, names: tuple[str, ...], depth: int) -> Op:
        vain: list[Program] = [[self._in_vain()] for _ in range(self._random.randint(1, 2))]
        return {"op": "first", "branches": self._shuffled([*vain, [self._soon()]])}

    def _group(self, names: tuple[str, ...], depth: int) -> Op:
        """One fails, and the other is given up."""
        return {"op": "group", "branches": self._shuffled([[self._in_vain()], [self._failure(names, depth)]])}

    def _limit(self, names: tuple[str, ...], depth: int) -> Op:
        if self._random.random() < 0.5:
            return {"op": "limit", "ms": 30, "program": [self._in_vain()]}
        return {"op": "limit", "ms": 20_000, "program": [self._soon()]}


Kind: TypeAlias = Callable[[_Author, tuple[str, ...], int], Op]
DEEP: tuple[Kind, ...] = (_Author._call, _Author._send, _Author._gather)
SHALLOW: tuple[Kind, ...] = (
    *(_Author._state, _Author._whole_state, _Author._wait, _Author._step, _Author._troubled, _Author._failure),
    *(_Author._cancelled, _Author._gift, _Author._ask, _Author._first, _Author._group, _Author._limit),
)
KINDS = (*SHALLOW, *DEEP, *DEEP, _Author._state, _Author._state, _Author._call)
FAILING = ("fail", "failing_step", "hopeless_step", "cancel", "ask", "group", "call", "attach", "gather")
