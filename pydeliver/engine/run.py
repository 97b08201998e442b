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
    from pydeliver.engine.candidates import Candidates
    from pydeliver.engine.facts import Facts
    from pydeliver.envelope import Envelope
    from pydeliver.message.edit import Edit
    from pydeliver.message.header import Field
    from pydeliver.message.part import Part
    from pydeliver.message.view import Message
    from pydeliver.plan import Action
    from pydeliver.rules.program import Program

    Scalar: TypeAlias = "str | int | float"
    Item: TypeAlias = "Address | Field | Part | dict[str, str]"
    # What an also block has a copy of: flags, variables, loops and the message.
    Copied: TypeAlias = tuple[tuple[str, ...], dict[str, Scalar], list["Loop"], "Version"]


class EvaluationError(Exception):
    """A mistake of the rules that only shows as they run: a limit was passed."""


class Deferral(Exception):
    """A rule wants the message to be tried again because something failed; says what."""


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


class Version:
    """The message as edits have made it so far, and what was read of it.

    The edits are made when the message is looked at again, and not before.
    """

    __slots__ = ("_made", "_to_make", "candidates", "edits", "values")

    def __init__(self, made: Message, to_make: tuple[Edit, ...], edits: tuple[Edit, ...]) -> None:
        self._made, self._to_make, self.edits = made, to_make, edits
        self.values: dict[tuple[Any, ...], tuple[Scalar, ...]] = {}  # by what was asked for
        self.candidates: Candidates | None = None

    @property
    def message(self) -> Message:
        if self._to_make:
            from pydeliver.message.edit import edited

            self._made, self._to_make = edited(self._made, self._to_make), ()
        return self._made

    def after(self, edit: Edit) -> Version:
        return Version(self._made, (*self._to_make, edit), (*self.edits, edit))


class Run:
    """One evaluation under way: what it looks at, and its registers."""

    def __init__(self, message: Message, envelope: Envelope, facts: Facts, trace: list[Any] | None) -> None:
        self.envelope, self.facts, self.trace = envelope, facts, trace
        self.received, self.version = message, Version(message, (), ())
        self.program: Program
        self.addresses: tuple[str, ...] = ()
        self.actions: list[Action] = []
        self.flags: tuple[str, ...] = ()
        self.variables: dict[str, Scalar] = {}
        self.loops: list[Loop] = []
        self.forks: list[tuple[int, Copied]] = []
        self.keep_cancelled = False
        self.notes: dict[str, None] = {}  # in order, each once
        self.used: dict[tuple[Any, ...], Any] = {}  # facts, in the order asked
        self.new_mailboxes: list[tuple[str, str]] = []  # that expansions name: kind and place
        self.steps = 0
        self.is_stopped = False
        self.problem = ""

    @property
    def message(self) -> Message:
        """The message as it is at this point."""
        return self.version.message

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
        copied = (self.flags, dict(self.variables), [loop.copy() for loop in self.loops], self.version)
        self.forks.append((resume, copied))

    def resume(self) -> int:
        """End an also block: what it set is forgotten; return where to go on."""
        address, (self.flags, self.variables, self.loops, self.version) = self.forks.pop()
        return address

    def edit(self, edit: Edit) -> None:
        """From here on the message is another version."""
        if len(self.version.edits) >= limits.EDITS:
            raise EvaluationError(f"the rules edited the message more than {limits.EDITS} times")
        fields = len(self.received.fields) + len(self.version.edits)  # each edit makes the header anew
        self.spend(fields + (len(edit.value) + len(edit.octets)) // limits.CHARACTERS_PER_STEP)
        self.version = self.version.after(edit)

    def item(self, word: str) -> Item:
        """The current item of the innermost loop over `word`."""
        for loop in reversed(self.loops):
            if loop.word == word:
                return loop.items[loop.turn]
        raise AssertionError(f"no loop over {word}: the compiler lets no item stand outside its loop")
