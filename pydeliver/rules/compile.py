"""Compile checked rules to a program.

Takes only what `check` passed: what is wrong with rules is said there, not here.

Does not know: how a program is run, nor files.
"""

from __future__ import annotations

from pydeliver import vocabulary
from pydeliver.fold import composed, fold, fold_each
from pydeliver.naming import is_inbox
from pydeliver.rules import ast
from pydeliver.rules.check import decides, literal, name_in_regex
from pydeliver.rules.include import resolved
from pydeliver.rules.index import with_index
from pydeliver.rules.names import Reading, is_field, item_word, read_field
from pydeliver.rules.patterns import parse_glob, required_literals, unbraced
from pydeliver.rules.program import Pattern, Program
from pydeliver.rules.source import Source, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pydeliver.rules.program import Condition, Instruction, Value

_NEGATIONS = {"is not": "is", "not in": "in"}
_WRITTEN_CHARACTERS = 100  # of a claim, kept for the trace


def compile_rules(rules: ast.RuleFile) -> Program:
    """Return the program of a rule file that `check` passed."""
    compiler = _Compiler(rules)
    for source, item in ast.placed_items(rules):
        compiler.begin(source)
        compiler.item(item)
    program = Program(
        rules.source.name,
        tuple(compiler.settings.items()),
        tuple(compiler.code),
        tuple(compiler.places),
        tuple(compiler.rules),
        tuple(compiler.files),
        tuple(compiler.patterns),
        tuple(compiler.asked),
    )
    return with_index(program)


def compile_action(action: ast.Action) -> tuple[str, tuple[tuple[str, Value], ...], bool]:
    """Return an action alone: its word, its arguments as values, and whether `also` stood before it."""
    compiled = _Compiler(ast.RuleFile(Source("", ""), ())).act(action)
    return compiled[1], compiled[2], compiled[4]


def compile_value(value: ast.Value) -> Value:
    """Return a value alone, as a whole comparison takes it."""
    return _Compiler(ast.RuleFile(Source("", ""), ())).value(value)


class _Compiler:
    """The program so far."""

    def __init__(self, rules: ast.RuleFile) -> None:
        self.source = rules.source
        self.settings: dict[str, Any] = {}
        self.code: list[Instruction] = []
        self.places: list[tuple[int, int]] = []
        self.rules: list[str] = []
        self.files: list[str] = []  # of each rule
        self.patterns: dict[Pattern, int] = {}  # and their numbers
        self.lists = {
            item.name.words[0]: _listed(item, source)
            for source, item in ast.placed_items(rules)
            if isinstance(item, ast.ListDefinition)
        }
        self.asked: dict[str, None] = {}  # list files
        self.items: list[str] = []  # words that mean the current item of a loop
        self.leaving: list[list[int]] = []  # instructions that jump to the end of the rule or turn
        self.in_loop = False
        self.counted = (0, 1)  # an offset and its line

    # ------------------------------------------------------------ code

    def begin(self, source: Source) -> None:
        """What is compiled from now on is of this file."""
        if source is not self.source:
            self.source, self.counted = source, (0, 1)

    def emit(self, span: Span, *instruction: Any) -> int:
        """Add an instruction; its address."""
        self.code.append(instruction)
        self.places.append((len(self.rules) - 1, self.line_of(span.start)))
        return len(self.code) - 1

    def line_of(self, offset: int) -> int:
        """As the source's, but quick: it counts on from the line asked for before."""
        at, line = self.counted
        if offset < at:
            at, line = 0, 1
        line += self.source.text.count("\n", at, offset)
        self.counted = (offset, line)
        return line

    def aim(self, address: int, *slots: int) -> None:
        """Let the given slots of an instruction mean the next address."""
        instruction = list(self.code[address])
        for slot in slots:
            instruction[slot] = len(self.code)
        self.code[address] = tuple(instruction)

    def item(self, item: ast.Item) -> None:
        match item:
            case ast.Setting():
                self.setting(item)
            case ast.Rule():
                self.rule(item.span, literal(item.name) or "" if item.name else "", item)
            case ast.If() | ast.Set():
                if isinstance(item, ast.Set) and item.name.words[0] == "limits":
                    self.limit(item)
                else:
                    self.rule(item.span, "", item)

    def setting(self, setting: ast.Setting) -> None:
        argument = setting.arguments[0]
        if isinstance(argument.value, ast.List):
            self.settings[setting.word] = self.plain_texts(argument.value)
        elif isinstance(argument.value, ast.Text):
            said = literal(argument.value) or ""
            self.settings[setting.word] = (argument.name, said) if setting.word == "inbox" else said

    def limit(self, item: ast.Set) -> None:
        if isinstance(item.value, ast.Number):
            self.settings[".".join(item.name.words)] = item.value.number

    def rule(self, span: Span, name: str, item: ast.Rule | ast.If | ast.Set) -> None:
        self.rules.append(name)
        self.files.append(self.source.name)
        self.emit(span, "rule", len(self.rules) - 1)
        self.leaving.append([])
        if isinstance(item, ast.Rule):
            self.guarded(item.condition, item.block)
        else:
            self.statement(item)
        for address in self.leaving.pop():
            self.aim(address, 1)

    def guarded(self, condition: ast.Condition | None, block: ast.Block) -> None:
        if condition is None:
            self.block(block)
            return
        branch = self.emit(condition.span, "branch", self.condition(condition), 0, 0)
        self.block(block)
        self.aim(branch, 2, 3)

    def block(self, block: ast.Block) -> None:
        """A block that says where the message goes is the last."""
        for statement in block.statements:
            self.statement(statement)
        if decides(block):
            self.emit(Span(block.span.end - 1, block.span.end), "stop")

    def statement(self, statement: ast.Statement) -> None:
        match statement:
            case ast.If():
                self.if_(statement)
            case ast.ForEach():
                self.for_each(statement)
            case ast.ForEachMatch():
                pattern = self.pattern(statement.pattern)
                loop = self.emit(statement.span, "loop matches", pattern, self.value(statement.within, search=True), 0)
                self.turns(statement.block, loop, 3)
            case ast.Set():
                self.emit(statement.span, "set", statement.name.words[0], self.value(statement.value))
            case ast.Action():
                self.emit(statement.span, *self.act(statement))
            case ast.Also():
                self.also(statement)
            case ast.Stop():
                self.emit(statement.span, "stop")
            case ast.Continue():
                if self.in_loop:
                    self.emit(statement.span, "next")
                else:
                    self.leaving[-1].append(self.emit(statement.span, "jump", 0))

    def if_(self, statement: ast.If) -> None:
        """A branch for each condition of the chain; unknown ones go to its end."""
        branches, jumps = [], []
        otherwise: ast.If | ast.Block | None = statement
        while isinstance(otherwise, ast.If):
            branches.append(self.emit(otherwise.span, "branch", self.condition(otherwise.condition), 0, 0))
            self.block(otherwise.then)
            otherwise = otherwise.otherwise
            if otherwise is not None:
                jumps.append(self.emit(statement.span, "jump", 0))
            self.aim(branches[-1], 2)
        if otherwise is not None:
            self.block(otherwise)
        for branch in branches:
            self.aim(branch, 3)
        for jump in jumps:
            self.aim(jump, 1)

    def for_each(self, statement: ast.ForEach) -> None:
        reading = read_field(statement.item)
        form = "address items" if reading.kind == "addresses" else "field items"
        turned = ("parts", reading.word, "") if reading.kind == "part" else ("header", reading.headers, form, "")
        loop = self.emit(statement.span, "loop", turned, item_word(reading), 0)
        self.items.append(item_word(reading))
        self.turns(statement.block, loop, 3)
        self.items.pop()

    def turns(self, block: ast.Block, loop: int, slot: int) -> None:
        outer, self.in_loop = self.in_loop, True
        self.block(block)
        self.in_loop = outer
        self.emit(block.span, "next")
        self.aim(loop, slot)

    def also(self, statement: ast.Also) -> None:
        fork = self.emit(statement.span, "fork", 0)
        outer, self.in_loop = self.in_loop, False
        self.block(statement.block)
        self.in_loop = outer
        self.emit(statement.span, "end")
        self.aim(fork, 1)

    def act(self, action: ast.Action) -> Instruction:
        word = vocabulary.ACTIONS[action.word]
        arguments = tuple([(a.name, self.argument(a)) for a in action.arguments])
        name = action.word
        if name == "file" and arguments and _is_inbox(arguments[0]):
            name, arguments = "keep", ()
        return ("act", name, arguments, word.decides and not action.also, action.also)

    def argument(self, argument: ast.Argument) -> Value:
        """An argument's value; a list becomes ("texts", value …)."""
        if isinstance(argument.value, ast.Text):
            return self.text(argument.value, "mailbox" if argument.name in vocabulary.TARGETS else "")
        if isinstance(argument.value, ast.List):
            return ("texts", *[self.value(item) for item in argument.value.items if not isinstance(item, ast.Pattern)])
        if isinstance(argument.value, ast.Number):
            return ("number", argument.value.number)
        return ("text", str(argument.value))

    # ------------------------------------------------------------ conditions

    def condition(self, condition: ast.Condition) -> Condition:
        match condition:
            case ast.AllOf():
                return ("and", *[self.condition(part) for part in condition.conditions])
            case ast.AnyOf():
                return ("or", *[self.condition(part) for part in condition.conditions])
            case ast.Not():
                return ("not", self.condition(condition.condition))
            case ast.Fact():
                return self.fact(condition)
            case ast.Claim():
                if condition.operator in _NEGATIONS:
                    return ("not", self.claim(condition, _NEGATIONS[condition.operator]))
                return self.claim(condition, condition.operator)

    def written(self, span: Span) -> str:
        said = " ".join(self.source.text[span.start : span.end].split())
        return said if len(said) <= _WRITTEN_CHARACTERS else said[: _WRITTEN_CHARACTERS - 1] + "…"

    def fact(self, fact: ast.Fact) -> Condition:
        written = self.written(fact.span)
        if fact.word == "addressed to me":
            return ("addressed", written)
        if fact.word.startswith("run "):
            return self.run(fact, written)
        arguments = tuple([self.argument(argument) for argument in fact.arguments])
        return ("fact", written, fact.word, *arguments)

    def run(self, fact: ast.Fact, written: str) -> Condition:
        """("run", written, "exits" or "outputs", portion, argv, status or pattern)."""
        given = {argument.name: argument for argument in fact.arguments}
        portion = str(given["portion"].value) if "portion" in given else ""
        argv = self.argument(given["argv"])
        if "pattern" in given:
            pattern = given["pattern"].value
            assert isinstance(pattern, ast.Pattern)
            return ("run", written, "outputs", portion, argv, self.pattern(pattern))
        status = given["status"].value if "status" in given else None
        return ("run", written, "exits", portion, argv, status.number if isinstance(status, ast.Number) else 0)

    def claim(self, claim: ast.Claim, operator: str) -> Condition:
        written = self.written(claim.span)
        search = vocabulary.OPERATORS[operator].searches
        left = self.value(claim.left, search)
        match operator:
            case "exists":
                return ("exists", written, claim.every, left)
            case "matches":
                searched = self.value(claim.left, search=True)
                return ("matches", written, claim.every, left, searched, self.pattern_list(claim.right[0]))
            case "in":
                return self.membership(claim, written, left)
            case "<" | "<=" | ">" | ">=":
                return ("order", written, claim.every, left, operator, self.operand(claim.right[0]))
            case "between":
                low, high = claim.right
                return ("between", written, claim.every, left, self.operand(low), self.operand(high))
        keys, others = self.keys(claim.right[0])
        return (operator, written, claim.every, left, keys, others)

    def operand(self, operand: ast.Value | ast.Pattern) -> Value:
        assert not isinstance(operand, ast.Pattern)
        return self.value(operand)

    def keys(self, operand: ast.Value | ast.Pattern) -> tuple[tuple[str, ...], tuple[Value, ...]]:
        """The right side of a comparison: texts known now, folded, and values known only then."""
        items = operand.items if isinstance(operand, ast.List) else (operand,)
        values = [self.operand(item) for item in items]
        keys = tuple([fold(said[1]) for said in values if said[0] == "text"])
        return keys, tuple([said for said in values if said[0] != "text"])

    def membership(self, claim: ast.Claim, written: str, left: Value) -> Condition:
        """`in`: the entries that are wild are globs, the others compare whole."""
        right = claim.right[0]
        name = right.words[0] if isinstance(right, ast.Field) else ""
        entries = self.lists[name] if name else right
        if isinstance(entries, str):
            self.asked[entries] = None
            return ("in list", written, claim.every, left, name, entries)
        assert isinstance(entries, ast.List)
        wild = tuple([self.pattern(entry) for entry in entries.items if _is_wild(entry)])
        exact, others = self.keys(ast.List(entries.span, tuple([e for e in entries.items if not _is_wild(e)])))
        return ("in", written, claim.every, left, frozenset(exact), wild, others)

    # ------------------------------------------------------------ patterns

    def pattern_list(self, right: ast.Value | ast.Pattern) -> tuple[Value, ...]:
        return tuple([self.pattern(item) for item in (right.items if isinstance(right, ast.List) else (right,))])

    def pattern(self, pattern: ast.Value | ast.Pattern) -> Value:
        """("pattern", number) of the table, or one built at run time: ("glob", template), ("regex", pieces, case)."""
        if isinstance(pattern, ast.Pattern):
            return self.regex(pattern)
        assert isinstance(pattern, ast.Text)
        said = literal(pattern)
        if said is None:
            return ("glob", self.text(pattern, "glob"))
        return self.entry(Pattern("glob", said, False, (), parse_glob(fold_each(composed(said)))))

    def regex(self, pattern: ast.Pattern) -> Value:
        pieces = unbraced(pattern.regex)
        if len(pieces) > 1:
            named = [self.field(name_in_regex(pattern.span, name), search=True) for name in pieces[1::2]]
            template = tuple([piece if n % 2 == 0 else named[n // 2] for n, piece in enumerate(pieces)])
            return ("regex", template, pattern.case_sensitive)
        literals = required_literals(pattern.regex)
        return self.entry(Pattern("re2", composed(pattern.regex), pattern.case_sensitive, literals))

    def entry(self, pattern: Pattern) -> Value:
        return ("pattern", self.patterns.setdefault(pattern, len(self.patterns)))

    # ------------------------------------------------------------ values

    def value(self, value: ast.Value | ast.Pattern, search: bool = False) -> Value:
        """A value; a field that is searched is taken whole, with its names."""
        match value:
            case ast.Text():
                return self.text(value)
            case ast.Number():
                return ("number", value.number)
            case ast.Field():
                return self.field(value, search)
            case ast.Arithmetic():
                return ("arithmetic", value.operator, self.value(value.left), self.value(value.right))
            case ast.Negative():
                return ("arithmetic", "-", ("number", 0), self.value(value.operand))
            case ast.Count():
                return ("count", self.field(value.of, search=False))
            case ast.Hits():
                return ("hits", self.pattern(value.pattern), self.value(value.within, search=True))
        raise AssertionError(f"check lets no {type(value).__name__} stand as a value")

    def field(self, field: ast.Field, search: bool) -> Value:
        if not is_field(field.words):
            return ("variable", ".".join(field.words))
        reading = read_field(field)
        word, _, aspect = reading.word.partition(".")
        if word in ("attachment", "part"):
            return ("item" if word in self.items else "parts", word, aspect)
        if word in ("body", "headers", "message"):
            return ("body", reading.word)
        if item_word(reading) in self.items:
            return ("item", item_word(reading), _form(reading, search))
        if reading.kind == "envelope":
            return ("envelope", reading.word, reading.part or "address")
        if reading.kind == "number":
            return (reading.word,)
        return ("header", reading.headers, _form(reading, search), reading.pick)

    def text(self, text: ast.Text, place: str = "") -> Value:
        """A text, or a template; `place` says how what expands is made fit: "", "mailbox" or "glob"."""
        said = literal(text)
        if said is not None:
            return ("text", said)
        pieces = tuple([part if isinstance(part, str) else self.placeholder(part) for part in text.parts])
        return ("template", pieces, place)

    def placeholder(self, placeholder: ast.Placeholder) -> tuple[Value, tuple[tuple[str, int], ...]]:
        """A value and its filters."""
        filters = tuple([(f.name, int(f.argument) if f.argument else 0) for f in placeholder.filters])
        if isinstance(placeholder.of, ast.Group):
            return (("variable", str(placeholder.of.number)), filters)
        return (self.field(placeholder.of, search=True), filters)

    def plain_texts(self, items: ast.List) -> tuple[str, ...]:
        return tuple([literal(item) or "" for item in items.items if isinstance(item, ast.Text)])


def _form(reading: Reading, search: bool) -> str:
    """Which form of a field's values is meant."""
    if reading.part:
        return reading.part
    if search or reading.kind == "text":
        return "text"
    return "address" if reading.kind == "addresses" else "angle"


def _listed(definition: ast.ListDefinition, source: Source) -> ast.List | str:
    """The members of a list, or the path of the file that holds them."""
    said = definition.arguments[0].value
    if isinstance(said, ast.Text):
        return resolved(literal(said) or "", source.path)
    assert isinstance(said, ast.List)
    return said


def _is_inbox(argument: tuple[str, Value]) -> bool:
    name, said = argument
    return name == "mailbox" and said[0] == "text" and is_inbox(said[1])


def _is_wild(entry: ast.Value | ast.Pattern) -> bool:
    """Whether a list's entry is a glob: it has `*` or `?` written out."""
    written = [part for part in entry.parts if isinstance(part, str)] if isinstance(entry, ast.Text) else []
    return any(["*" in part or "?" in part for part in written])
