"""Lint: what sound rules hardly mean.

One walk in the order of evaluation, which knows at each place what some path
can have done by then: which flags wait for a store, which signed parts of the
message were changed, and what can no longer be true because whatever met it
has ended evaluation.  Only what is certain is told; each lint has a name of
`vocabulary.LINTS`.

Longer than other modules: it is one walk over all that can stand in a file.

Does not know: mistakes (see `check`), nor list files; the caller looks at them.
References: RFC 6376 section 5.4.1 (fields that are signed).
"""

from __future__ import annotations

from pydeliver import vocabulary
from pydeliver.rules import ast
from pydeliver.rules.check import decides, literal
from pydeliver.rules.exclusion import Exclusion
from pydeliver.rules.include import resolved
from pydeliver.rules.source import Mistake, Source, Span
from pydeliver.value import replace, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    # Why a list file cannot be used, "" if it can; and each line that is hardly meant: number, text, what is wrong.
    ListFaults: TypeAlias = tuple[str, tuple[tuple[int, str, str], ...]]

_STORES = ("keep", "file", "quarantine")
_EDITS = ("header add", "header set", "header remove")
_SIGNED = frozenset(
    (
        *("from", "sender", "reply-to", "subject", "date", "message-id", "to", "cc", "in-reply-to", "references"),
        *("mime-version", "content-type", "content-transfer-encoding", "content-id", "content-description"),
        *("resent-date", "resent-from", "resent-to", "resent-cc", "resent-message-id"),
        *("list-id", "list-help", "list-unsubscribe", "list-subscribe", "list-post", "list-owner", "list-archive"),
    )
)


@value
class Lint:
    """One finding: the name of its kind, and what is said of which place."""

    name: str
    told: Mistake


def lint(
    rules: ast.RuleFile,
    look: Callable[[str], ListFaults] = lambda path: ("", ()),
    refusal: Callable[[str, str], str] = lambda word, program: "",
) -> tuple[Lint, ...]:
    """Return the findings in rules that `check` passed, file by file.

    `look` says what is wrong with a list file, `refusal` why the administrator
    does not let a word run a program.
    """
    walk = _Walk(rules.source, refusal)
    state: _State | None = _State()
    for source, item in ast.placed_items(rules):
        walk.source = source
        if isinstance(item, ast.ListDefinition):
            _list_file(walk, item, look)
        elif isinstance(item, (ast.Rule, ast.If)) or (isinstance(item, ast.Set) and item.name.words[0] != "limits"):
            state = walk.item(item, state)
    if state is not None:
        walk.end(state)
    walk.late_flags()
    return _in_order(walk.found, [source for source, _ in ast.placed_items(rules)])


def _in_order(found: Iterable[Lint], files: list[Source]) -> tuple[Lint, ...]:
    """File by file, list files last, and by place in each."""
    sources = list(dict.fromkeys([*files, *[one.told.source for one in found if one.told.source]]))
    order = {source: number for number, source in enumerate(sources)}
    return tuple(sorted(found, key=lambda one: (order[one.told.source or files[0]], one.told.span.start)))


def _list_file(walk: _Walk, definition: ast.ListDefinition, look: Callable[[str], ListFaults]) -> None:
    argument = definition.arguments[0]
    written = literal(argument.value) if isinstance(argument.value, ast.Text) else None
    if argument.name != "file" or not written:
        return
    reason, lines = look(resolved(written, walk.source.path))
    if reason:
        hint = "until it is there, a rule that asks the list keeps the message in the inbox"
        walk.tell("list-file", argument.span, f"{written}: {reason}", hint)
    pieces, spans, octets, at = [], [], 0, 1
    for number, line, _ in lines:
        pieces.append("\n" * (number - at) + line)
        spans.append(Span(octets + number - at, octets + number - at + len(line)))
        octets, at = spans[-1].end, number
    source = Source(written, "".join(pieces))  # the other lines are not looked at, and stand empty
    for span, (_, _, fault) in zip(spans, lines, strict=True):
        walk.found[Lint("list-line", Mistake(span, fault, "", source))] = None


@value
class _State:
    """What some path can have done by now: flags no store has had, edits of what is signed.

    `is_placed`: every path has said where the message goes, so that nothing is
    kept at the end.
    """

    flags: frozenset[tuple[Source, Span]] = frozenset()
    edits: frozenset[tuple[Source, Span]] = frozenset()
    is_placed: bool = False


def _joined(one: _State | None, other: _State | None) -> _State | None:
    if one is None or other is None:
        return one if other is None else other
    return _State(one.flags | other.flags, one.edits | other.edits, one.is_placed and other.is_placed)


class _Walk:
    """One walk over the rules; a state that is None means that no path comes here."""

    def __init__(self, source: Source, refusal: Callable[[str, str], str]) -> None:
        self.source, self.refusal = source, refusal
        self.found: dict[Lint, None] = {}  # each once: a loop's block is walked twice
        self.flags: dict[tuple[Source, Span], str] = {}  # every flag or unflag that a path comes to
        self.used: set[tuple[Source, Span]] = set()  # those that some store can have
        self.told_edits: set[tuple[Source, Span]] = set()
        self.excluded = Exclusion()  # conditions that can no longer be true
        self.edits = 0  # of the message, whatever part
        self.continued: list[_State | None] = []  # the state at each `continue` of the innermost rule or loop
        self.forks = 0
        self.ended = ""  # what ended evaluation last

    def tell(self, name: str, span: Span, text: str, hint: str = "") -> None:
        self.found[Lint(name, Mistake(span, text, hint, self.source))] = None

    def head(self, item: ast.Item | ast.Statement) -> Span:
        """Where something begins: its first word."""
        start = item.span.start
        return Span(start, start + len(self.source.text[start : start + 20].split()[0]))

    # ------------------------------------------------------------ the file

    def item(self, item: ast.Rule | ast.If | ast.Set, state: _State | None) -> _State | None:
        if state is None:
            if self.ended:
                text = f"this is never reached: what stands at {self.ended} always ends evaluation"
                self.tell("unreachable", self.head(item), text)
            self.ended = ""  # told once
            return None
        self.continued = []
        after = self.rule(item, state) if isinstance(item, ast.Rule) else self.statement(item, state)
        for continued in self.continued:
            after = _joined(after, continued)
        self.continued = []
        if after is None:
            self.ended = _line(self.source, item.span)
        return after

    def rule(self, rule: ast.Rule, state: _State) -> _State | None:
        if rule.condition is None:
            return self.block(rule.block, state)
        return self.branch(rule.condition, rule.block, state)

    def branch(self, condition: ast.Condition, block: ast.Block, state: _State) -> _State | None:
        """A block under a condition, without an else."""
        self.possible(condition)
        continued = len(self.continued)
        inside = self.block(block, state)
        if inside is None and len(self.continued) == continued:
            self.excluded.add(condition, (self.source, condition.span))
        return _joined(state, inside)

    def possible(self, condition: ast.Condition) -> None:
        for fact in _facts(condition):
            if fact.word.startswith("run "):
                self.allowed("run", fact.arguments, fact.span)
        place = self.excluded.excludes(condition)
        if place is not None:
            text = f"nothing for which this is true comes here: it is taken at {_line(*place)}"
            self.tell("unreachable", condition.span, text, "leave it out, or put it before that")

    # ------------------------------------------------------------ statements

    def block(self, block: ast.Block, state: _State | None) -> _State | None:
        """Walk a block; the state after it, None if nothing goes on from there."""
        mark = self.excluded.mark()
        for statement in block.statements:
            if state is None:
                text = "this is never reached: what stands before it always ends"
                self.tell("unreachable", self.head(statement), text)
                break
            state = self.statement(statement, state)
        self.excluded.rewind(mark)
        if state is not None and decides(block):
            self.end(state)
            return None
        return state

    def statement(self, statement: ast.Statement, state: _State) -> _State | None:
        match statement:
            case ast.If():
                return self.if_(statement, state)
            case ast.ForEach() | ast.ForEachMatch():
                return self.loop(statement.block, state)
            case ast.Action():
                return self.action(statement, state)
            case ast.Also():
                self.also(statement, state)
            case ast.Stop():
                self.end(state)
                return None
            case ast.Continue():
                self.continued.append(state)
                return None
        return state

    def if_(self, statement: ast.If, state: _State) -> _State | None:
        if statement.otherwise is None:
            return self.branch(statement.condition, statement.then, state)
        mark, after = self.excluded.mark(), None
        otherwise: ast.If | ast.Block | None = statement
        while isinstance(otherwise, ast.If):
            self.possible(otherwise.condition)
            after = _joined(after, self.block(otherwise.then, state))
            self.excluded.add(otherwise.condition, (self.source, otherwise.condition.span))
            otherwise = otherwise.otherwise
        last = state if otherwise is None else self.block(otherwise, state)
        self.excluded.rewind(mark)
        return _joined(after, last)

    def loop(self, block: ast.Block, state: _State) -> _State | None:
        """A loop's block as its first turn and as a later one finds it; in it a field means another thing."""
        continued, excluded, edits = self.continued, self.excluded, self.edits
        after: _State | None = state
        for _ in range(2):
            self.continued, self.excluded = [], Exclusion()
            turn = self.block(block, after)
            for one in self.continued:
                turn = _joined(turn, one)
            after = _joined(after, turn)
        self.continued, self.excluded = continued, excluded
        if self.edits != edits:
            self.excluded.forget()
        return after

    def also(self, statement: ast.Also, state: _State) -> None:
        """A block of extras works on a copy: what it changes ends with it."""
        continued = self.continued
        self.continued, self.forks = [], self.forks + 1
        self.block(statement.block, state)
        self.continued, self.forks = continued, self.forks - 1

    # ------------------------------------------------------------ actions

    def allowed(self, word: str, arguments: tuple[ast.Argument, ...], span: Span) -> None:
        argv = next((argument.value for argument in arguments if argument.name == "argv"), None)
        program = argv.items[0] if isinstance(argv, ast.List) else None
        reason = self.refusal(word, literal(program) or "" if isinstance(program, ast.Text) else "")
        if reason:
            self.tell("refused", span, reason, "a rule that comes here keeps the message in the inbox")

    def action(self, action: ast.Action, state: _State) -> _State:
        if action.word in ("rewrite", "pipe", "redirect"):
            self.allowed(action.word, action.arguments, action.word_span)
        if action.word in (*_EDITS, "rewrite"):
            self.edits += 1
            self.excluded.forget()  # what was looked at has changed
        if action.word in _STORES:
            self.used |= state.flags
            state = replace(state, flags=frozenset())
        elif action.word in ("flag", "unflag"):
            self.flags[self.source, action.word_span] = action.word
            state = replace(state, flags=state.flags | {(self.source, action.word_span)})
        elif action.word == "rewrite" or (action.word in _EDITS and _is_signed(action)):
            state = replace(state, edits=state.edits | {(self.source, action.span)})
        elif action.word == "redirect":
            self.redirected(action, state)
        if vocabulary.ACTIONS[action.word].decides and not action.also and not self.forks:
            state = replace(state, is_placed=True)
        return state

    def redirected(self, action: ast.Action, state: _State) -> None:
        for source, span in state.edits - self.told_edits:
            self.told_edits.add((source, span))
            what = " ".join(source.text[span.start : span.end].split())
            told = Mistake(
                span,
                f"{what if len(what) < 60 else what[:59] + '…'}: the sender's DKIM signature no longer holds "
                f"where {_line(self.source, action.span)} redirects the message",
                "redirect the message before it is changed, or change it in an also block",
                source,
            )
            self.found[Lint("signature", told)] = None

    def end(self, state: _State) -> None:
        """Evaluation ends; what nobody placed is kept, with the flags that were set."""
        if not state.is_placed and not self.forks:
            self.used |= state.flags

    def late_flags(self) -> None:
        for (source, span), word in self.flags.items():
            if (source, span) not in self.used:
                told = Mistake(
                    span, f"no store follows this {word}: it changes nothing", "put it before the store", source
                )
                self.found[Lint("late-flag", told)] = None


def _line(source: Source, span: Span) -> str:
    return f"{source.name}:{source.line_of(span.start)}"


def _facts(condition: ast.Condition) -> Iterable[ast.Fact]:
    """The questions in a condition."""
    match condition:
        case ast.Fact():
            yield condition
        case ast.Not():
            yield from _facts(condition.condition)
        case ast.AllOf() | ast.AnyOf():
            for part in condition.conditions:
                yield from _facts(part)


def _is_signed(action: ast.Action) -> bool:
    name = next((argument.value for argument in action.arguments if argument.name == "name"), None)
    said = literal(name) if isinstance(name, ast.Text) else None
    return said is not None and said.strip().rstrip(":").lower() in _SIGNED
