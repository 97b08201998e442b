"""The registers of one evaluation.

Everything a rule can change while it is evaluated lives here, and nothing
outlives the evaluation: a plan is made of what is left at the end.

Does not know: instructions; see `evaluate`.
"""

from __future__ import annotations

from pydeliver import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from pydeliver.address import Address
    from pydeliver.engine.facts import Facts
    from pydeliver.envelope import Envelope
    from pydeliver.message.header import Field
    from pydeliver.message.view import Message
    from pydeliver.plan import Action
    from pydeliver.rules.program import Program

    Scalar: TypeAlias = "str | int | float"
    Item: TypeAlias = "Address | Field | dict[str, str]"


class EvaluationError(Exception):
    """A mistake of the rules that only shows as they run: a limit was passed."""


class Loop:
    """A `for each` under way."""

    __slots__ = ("items", "start", "turn", "word")

    def __init__(self, items: tuple[Item, ...], word: str, start: int) -> None:
        self.items, self.word, self.start = items, word, start
        self.turn = 0

    def copy(self) -> Loop:
        twin = Loop(self.items, self.word, self.start)
        twin.turn = self.turn
        return twin


class Run:
    """One evaluation under way: what it looks at, and its registers."""

    def __init__(self, message: Message, envelope: Envelope, facts: Facts, trace: list[Any] | None) -> None:
        self.message, self.envelope, self.facts, self.trace = message, envelope, facts, trace
        self.program: Program
        self.addresses: tuple[str, ...] = ()
        self.actions: list[Action] = []
        self.flags: tuple[str, ...] = ()
        self.variables: dict[str, Scalar] = {}
        self.loops: list[Loop] = []
        self.forks: list[tuple[int, tuple[str, ...], dict[str, Scalar], list[Loop]]] = []
        self.keep_cancelled = False
        self.notes: dict[str, None] = {}  # in order, each once
        self.used: dict[tuple[str, ...], Any] = {}  # facts, in the order asked
        self.values: dict[tuple[Any, ...], tuple[str, ...]] = {}  # of header fields, by form
        self.new_mailboxes: list[tuple[str, str]] = []  # that expansions name: kind and place
        self.steps = 0
        self.is_stopped = False
        self.problem = ""

    def spend(self, steps: int) -> None:
        """Count work done; raises EvaluationError when it is too much."""
        self.steps += steps
        if self.steps > limits.STEPS:
            raise EvaluationError(f"the rules took more than {limits.STEPS} steps")

    def note(self, text: str) -> None:
        """Say something the reader of the plan should know."""
        self.notes[text] = None

    def capture(self, captures: dict[str, str]) -> None:
        """A successful match: its groups are set, those of the match before it are gone."""
        for name in [name for name in self.variables if name.isdigit()]:
            del self.variables[name]
        self.variables.update(captures)

    def fork(self, resume: int) -> None:
        if len(self.forks) >= limits.FORKS:
            raise EvaluationError(f"more than {limits.FORKS} also blocks inside one another")
        self.forks.append((resume, self.flags, dict(self.variables), [loop.copy() for loop in self.loops]))

    def resume(self) -> int:
        """End an also block: what it set is forgotten; return where to go on."""
        address, self.flags, self.variables, self.loops = self.forks.pop()
        return address

    def item(self, word: str) -> Item:
        """The current item of the innermost loop over `word`."""
        for loop in reversed(self.loops):
            if loop.word == word:
                return loop.items[loop.turn]
        raise AssertionError(f"no loop over {word}: the compiler lets no item stand outside its loop")
