"""System calls as strace writes them: which process made which call, and the how-manieth of its name it was.

That number is what strace's `inject=NAME:...:when=N` counts, by name and by
process.  A call that strace wrote in two halves is one call, where it began.

Does not know: what is delivered, or what a call means.
References: strace(1).
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from tests.conftest import skip_or_fail

_CALL = re.compile(r"(?:(?P<process>\d+)\s+)?(?P<name>[a-z_]\w*)\((?P<rest>.*)")
_RESUMED = re.compile(r"(?:(?P<process>\d+)\s+)?<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")
_UNFINISHED = " <unfinished ...>"


class Call(NamedTuple):
    """One system call, the `number`-th of its name in its process; `result` is "?" if it never returned."""

    process: int
    name: str
    arguments: str
    result: str
    number: int

    @property
    def succeeded(self) -> bool:
        return not self.result.startswith(("-1", "?"))

    @property
    def texts(self) -> list[str]:
        """What stands in quotation marks."""
        return re.findall(r'"((?:[^"\\]|\\.)*)"', self.arguments)

    @property
    def paths(self) -> list[str]:
        """What `-y` says the descriptors are."""
        return re.findall(r"<(/[^<>]*)>", f"{self.arguments} {self.result}")

    def __str__(self) -> str:
        return f"{self.name} {self.number}: {self.name}({self.arguments}) = {self.result}"


def find_strace() -> str:
    """The tracer, or no test."""
    strace = shutil.which("strace")
    if strace is None:
        skip_or_fail("strace is not installed")
        raise AssertionError
    return strace


def parse_trace(text: str) -> list[Call]:
    """Every call of `strace [-f] [-y]`, in the order in which they began."""
    calls: list[Call] = []
    counts: Counter[tuple[int, str]] = Counter()
    open_calls: dict[int, int] = {}
    for line in text.splitlines():
        if resumed := _RESUMED.match(line):
            place = open_calls.pop(int(resumed["process"] or 0))
            calls[place] = _finished(calls[place], calls[place].arguments + resumed["rest"])
        elif begun := _CALL.match(line):
            process, name = int(begun["process"] or 0), begun["name"]
            counts[process, name] += 1
            call = Call(process, name, "", "?", counts[process, name])
            if begun["rest"].endswith(_UNFINISHED):
                open_calls[process] = len(calls)
                calls.append(call._replace(arguments=begun["rest"].removesuffix(_UNFINISHED)))
            else:
                calls.append(_finished(call, begun["rest"]))
    return calls


def _finished(call: Call, rest: str) -> Call:
    arguments, _, result = rest.rpartition("= ")
    return call._replace(arguments=arguments.rstrip().removesuffix(")"), result=result.strip() or "?")


def first_read_of_stdin(calls: Iterable[Call]) -> int:
    """Where the message begins to be read: the place of that call."""
    for place, call in enumerate(calls):
        if call.name == "read" and re.match(r"0[<,]", call.arguments):
            return place
    raise AssertionError("standard input was never read")
