"""Check a rule file: names, types and arity; every mistake is found, none is reported twice.

What passes compiles and evaluates without a mistake of the writer's.  The walk
follows the order of evaluation, so that it knows which names some path can
have set by then; code that no path reaches is not blamed for names.

Longer than other modules: what is known at a place runs through statements,
conditions and values alike, so that they are one walk.

Does not know: the grammar (the front end reports its own mistakes), nor files.
"""

from __future__ import annotations

from pydeliver import limits, vocabulary
from pydeliver.address import address_mistake
from pydeliver.flags import SYSTEM_FLAGS, flag_mistake
from pydeliver.message.header import is_field_name
from pydeliver.naming import MailboxNameError, directory_name
from pydeliver.rules import ast
from pydeliver.rules.names import NameMistake, Reading, is_field, read_field
from pydeliver.rules.patterns import PatternMistake, parse_glob, plain_regex, regex_captures, unbraced
from pydeliver.rules.source import Mistake, RuleError, Source, Span, printable
from pydeliver.status import parse_status

_PATH_HINT = 'write where it leads, as "~/mail/lists"'
_KEYWORD_HINT = "use letters, digits and $ - _ . without a blank"
_LATER_NAMES = {  # words of later versions, by what they may name
    "correspondents": "",
    "contacts": "",
    "spam": "verdict",
    "virus": "verdict",
}


def check(rules: ast.RuleFile, phase: str = "user") -> None:
    """Raise RuleError with every mistake in `rules` and in the files they include.

    In the phase "after" only extras, flags and `log` are allowed.  `test` blocks
    are those of `rules` alone: an included file's are checked, and run, with it.
    """
    walk = _Walk(rules.source, phase)
    placed = ast.placed_items(rules)
    for walk.source, item in placed:
        walk.declare(item)
    known: _Known = frozenset()
    for walk.source, item in placed:
        if walk.source is rules.source or not isinstance(item, ast.Test):
            known = walk.item(item, known)
    if walk.mistakes:
        raise RuleError(rules.source, tuple(walk.mistakes))


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    # The names some path can have set by now; None where no path comes.
    _Known: TypeAlias = frozenset[str] | None


def decides(block: ast.Block) -> bool:
    """Whether a block holds an action that says where the message goes, and so is the last."""
    return any(
        [
            isinstance(statement, ast.Action) and not statement.also and vocabulary.ACTIONS[statement.word].decides
            for statement in block.statements
        ]
    )


def literal(text: ast.Text) -> str | None:
    """What a text says if nothing in it expands."""
    if not text.parts:
        return ""
    return text.parts[0] if len(text.parts) == 1 and isinstance(text.parts[0], str) else None


def name_in_regex(span: Span, name: str) -> ast.Field:
    """What `{name}` in a regex means: a field or a variable."""
    return ast.Field(span, tuple(name.lower().split(".")))


def _union(one: _Known, other: _Known) -> _Known:
    if one is None or other is None:
        return one if other is None else other
    return one | other


class _Walk:
    """One walk over a rule file, in the order of evaluation."""

    def __init__(self, source: Source, phase: str) -> None:
        self.source, self.phase = source, phase
        self.mistakes: list[Mistake] = []
        self.names: dict[str, str] = {}  # name -> list, verdict or variable
        self.list_files: set[str] = set()
        self.items: list[str] = []  # fields that mean the current item of a `for each`
        self.continued: list[_Known] = []  # what was known at each `continue` of the innermost rule or loop
        self.loops = 0  # around the statement, up to the innermost also block
        self.depth = 0  # of loops in all
        self.settings: set[str] = set()
        self.copies = 0

    def mistake(self, span: Span, text: str, hint: str = "") -> None:
        self.mistakes.append(Mistake(span, text, hint, self.source))

    def later(self, span: Span, word: str, what: str) -> None:
        said = word if " dates" in word else f"'{word}'"
        self.mistake(span, f"not yet: {said} ({what} come with a later version)")

    # ------------------------------------------------------------ definitions

    def declare(self, item: ast.Item) -> None:
        """Note the lists and verdicts of the file: they are known from its first line on."""
        if isinstance(item, ast.ListDefinition) and item.arguments[0].name == "file":
            self.list_files.add(".".join(item.name.words))
        if isinstance(item, (ast.ListDefinition, ast.CheckDefinition)):
            self.name(item.name, "list" if isinstance(item, ast.ListDefinition) else "verdict", defines=True)

    def name(self, field: ast.Field, kind: str, defines: bool = False) -> None:
        """A name is one thing: a list, a verdict or a variable, and never a field's or a kept word."""
        name = ".".join(field.words)
        if is_field(field.words) or name in vocabulary.KEPT_NAMES or _LATER_NAMES.get(name, kind) != kind:
            text = f"'{name}' is a word of the language and cannot name a {kind}"
            self.mistake(field.span, text, f"choose another name, like my_{name.replace('-', '_').replace('.', '_')}")
        elif len(field.words) > 1:
            self.mistake(field.span, f"a {kind}'s name has no dot: '{name}'", f"write {name.replace('.', '_')}")
        elif self.names.get(name, kind) != kind:
            self.mistake(
                field.span,
                f"'{name}' is a {self.names[name]} and cannot be a {kind} too",
                f"choose another name, like {name}2",
            )
        elif defines and name in self.names:
            self.mistake(field.span, f"there are two {kind}s called '{name}'", "give one of them another name")
        else:
            self.names[name] = kind

    def item(self, item: ast.Item, known: _Known) -> _Known:
        match item:
            case ast.Rule():
                return self.rule(item, known)
            case ast.If():
                self.continued = []
                return self.after_continue(self.statement(item, known))
            case ast.Set():
                return self.set(item, known)
            case ast.Setting():
                self.setting(item)
            case ast.ListDefinition():
                self.list_definition(item)
            case ast.CheckDefinition():
                self.later(item.span, "check", vocabulary.VERDICTS)
            case ast.Test():
                self.test(item)
        return known

    def rule(self, rule: ast.Rule, known: _Known) -> _Known:
        if rule.name is not None and literal(rule.name) is None:
            self.mistake(rule.name.span, "a rule's name is written out: nothing expands in it", "write {{ for a brace")
        self.continued = []
        inside = self.condition(rule.condition, known) if rule.condition else known
        after = self.block(rule.block, inside)
        if rule.condition:
            after = _union(inside, after)
        return self.after_continue(after)

    def after_continue(self, after: _Known) -> _Known:
        for known in self.continued:
            after = _union(after, known)
        self.continued = []
        return after

    def setting(self, setting: ast.Setting) -> None:
        if setting.word in self.settings:
            self.mistake(setting.span, f"{setting.word} is set twice", "leave one of them out")
        self.settings.add(setting.word)
        for argument in setting.arguments:
            if argument.name == "mailbox" and isinstance(argument.value, ast.Text):
                self.mailbox(argument.value, frozenset())
            elif isinstance(argument.value, ast.Text):
                if self.plain(argument.value, setting.word) and argument.name in vocabulary.TARGETS:
                    self.path(argument.value)
            elif isinstance(argument.value, ast.List):
                self.plain_list(argument.value, setting.word)

    def plain(self, text: ast.Text, what: str) -> str:
        """A text in which nothing may expand."""
        said = literal(text)
        if said is None:
            in_test = what in ("expect", "assume", "envelope sender", "envelope recipient")
            hint = "write it as it comes out" if in_test else "write {{ for a brace that is meant"
            self.mistake(text.span, f"nothing expands in {what}", hint)
        elif not said and what in ("maildir", "inbox"):
            self.mistake(text.span, f"the path of {what} is empty", 'as: maildir "~/Maildir"')
        return said or ""

    def plain_list(self, items: ast.List, what: str) -> None:
        for item in items.items:
            if isinstance(item, ast.Text):
                self.plain(item, what)
            else:
                self.mistake(item.span, f"{what} holds texts", 'put it in quotes, like "ann@example.org"')

    def list_definition(self, definition: ast.ListDefinition) -> None:
        for argument in definition.arguments:
            if isinstance(argument.value, ast.List):
                self.plain_list(argument.value, "a list")
            elif argument.name == "table":
                self.later(argument.span, "list … from table", vocabulary.TABLES)
            elif isinstance(argument.value, ast.Text):
                self.plain(argument.value, "the path of a list")
                if literal(argument.value) == "":
                    self.mistake(argument.span, "the path of the list is empty", 'as: list friends from "friends.txt"')

    # ------------------------------------------------------------ statements

    def block(self, block: ast.Block, known: _Known) -> _Known:
        """Walk a block; what is known after it, None if nothing goes on from there."""
        for statement in block.statements:
            known = self.statement(statement, known)
        return None if decides(block) else known

    def statement(self, statement: ast.Statement, known: _Known) -> _Known:
        match statement:
            case ast.If():
                return self.if_(statement, known)
            case ast.ForEach():
                return self.for_each(statement, known)
            case ast.ForEachMatch():
                return self.for_each_match(statement, known)
            case ast.Set() if statement.name.words[0] == "limits":
                self.mistake(statement.span, "a limit holds for the whole file", "set it outside of the rules")
            case ast.Set():
                return self.set(statement, known)
            case ast.Action():
                self.action(statement, known)
            case ast.Also():
                self.also(statement, known)
            case ast.Stop():
                return None
            case ast.Continue():
                return self.go_on(statement, known)
        return known

    def if_(self, statement: ast.If, known: _Known) -> _Known:
        after: _Known = None
        otherwise: ast.If | ast.Block | None = statement
        while isinstance(otherwise, ast.If):
            known = self.condition(otherwise.condition, known)
            after = _union(after, self.block(otherwise.then, known))
            otherwise = otherwise.otherwise
        return _union(after, known if otherwise is None else self.block(otherwise, known))

    def go_on(self, statement: ast.Continue, known: _Known) -> _Known:
        if self.copies and not self.loops:
            self.mistake(statement.span, "continue cannot leave an also block", "put it after the block")
        self.continued.append(known)
        return None

    def also(self, statement: ast.Also, known: _Known) -> None:
        """An also block works on a copy: what it sets ends with it."""
        continued, loops = self.continued, self.loops
        self.continued, self.loops, self.copies = [], 0, self.copies + 1
        self.block(statement.block, known)
        self.continued, self.loops, self.copies = continued, loops, self.copies - 1

    def loop(self, block: ast.Block, known: _Known) -> _Known:
        """Walk a loop's block as its second turn finds it: with all that a first one can have set.

        Loops inside one another are walked twice each, and so no deeper than the limit.
        """
        if self.depth == limits.LOOP_NESTING:
            self.mistake(
                block.span,
                f"more than {limits.LOOP_NESTING} 'for each' inside one another",
                "put one of them after the others",
            )
            return known
        continued, mistakes = self.continued, list(self.mistakes)
        self.loops, self.depth = self.loops + 1, self.depth + 1
        self.continued = []
        first = self.after_continue(self.block(block, known))
        self.mistakes = mistakes
        second = self.after_continue(self.block(block, _union(known, first)))
        self.loops, self.depth = self.loops - 1, self.depth - 1
        self.continued = continued
        return _union(known, second)

    def for_each(self, statement: ast.ForEach, known: _Known) -> _Known:
        reading = self.reading(statement.item)
        if reading is None:
            return known
        if reading.word not in ("attachment", "part") and (
            reading.kind not in ("addresses", "text", "id") or reading.part or reading.pick
        ):
            self.mistake(statement.item.span, *_no_item(reading))
        self.items.append(reading.word)
        after = self.loop(statement.block, known)
        self.items.pop()
        return after

    def for_each_match(self, statement: ast.ForEachMatch, known: _Known) -> _Known:
        self.value(statement.within, known)
        captured = self.pattern(statement.pattern, known)
        return self.loop(statement.block, None if known is None else known | captured)

    def set(self, statement: ast.Set, known: _Known) -> _Known:
        if statement.name.words[0] == "limits":
            self.limit(statement)
            return known
        self.value(statement.value, known)
        self.name(statement.name, "variable")
        return None if known is None else known | {statement.name.words[0]}

    def limit(self, statement: ast.Set) -> None:
        name = ".".join(statement.name.words[1:])
        if name not in vocabulary.RULE_LIMITS:
            known = ", ".join(["limits." + limit for limit in vocabulary.RULE_LIMITS])
            self.mistake(statement.name.span, f"there is no limit called '{name}'", f"a file can set {known}")
        if not isinstance(statement.value, ast.Number):
            self.mistake(statement.value.span, "a limit is a number written out", "as: set limits.new_mailboxes = 20")

    # ------------------------------------------------------------ actions

    def action(self, action: ast.Action, known: _Known) -> None:
        word = vocabulary.ACTIONS[action.word]
        if word.later:
            self.later(action.word_span, action.word, word.later)
            return
        if self.copies and word.decides and not word.also:
            self.mistake(
                action.word_span, f"{action.word} cannot stand in an also block", "an also block holds extras only"
            )
        if self.phase == "after" and word.decides and not action.also and not self.copies:
            hint = (
                "write also before it"
                if word.also
                else "after rules may hold also file, flag, unflag, header edits and log"
            )
            self.mistake(action.word_span, f"{action.word} decides, and the after rules may not", hint)
        if self.phase == "after" and action.word == "rewrite":
            self.mistake(action.word_span, "rewrite cannot stand in the after rules", "put it into the before rules")
        names = [argument.name for argument in action.arguments]
        if "create" in names and "mailbox" not in names:
            span = action.arguments[names.index("create")].span
            self.mistake(span, f"'create never' is for a mailbox, not for {names[0]}", "leave it out")
        for argument in action.arguments:
            self.action_argument(action, argument, known)

    def action_argument(self, action: ast.Action, argument: ast.Argument, known: _Known) -> None:
        waiting = dict(vocabulary.ACTIONS[action.word].later_arguments).get(argument.name)
        if waiting:
            self.later(argument.span, f"{action.word} {argument.name}", waiting)
        elif argument.name == "mailbox" and isinstance(argument.value, ast.Text):
            self.mailbox(argument.value, known)
        elif argument.name in vocabulary.TARGETS and isinstance(argument.value, ast.Text):
            self.text(argument.value, known)
            self.path(argument.value)
        elif argument.name == "flags" and isinstance(argument.value, ast.List):
            for flag in argument.value.items:
                self.flag(flag, known)
        elif argument.name == "addresses" and isinstance(argument.value, ast.List):
            self.destinations(argument.value, known)
        elif argument.name == "sender" and argument.value == "srs":
            self.later(argument.span, "sender srs", vocabulary.REWRITTEN_SENDERS)
        elif argument.name == "status" and isinstance(argument.value, ast.Text):
            self.status(action.word, argument.value, known)
        elif argument.name == "argv" and isinstance(argument.value, ast.List):
            self.argv(argument.value, known)
        elif argument.name == "timeout" and isinstance(argument.value, ast.Number):
            self.timeout(argument.value)
        elif argument.name in ("name", "value") and isinstance(argument.value, ast.Text):
            self.header_edit(action.word, argument.name, argument.value, known)
        elif isinstance(argument.value, ast.Text):
            self.text(argument.value, known)

    def mailbox(self, text: ast.Text, known: _Known) -> None:
        """What is written out must be a mailbox name; what expands is made one as it expands."""
        self.text(text, known)
        shape = "".join([part if isinstance(part, str) else "x" for part in text.parts])
        try:
            directory_name(shape)
        except MailboxNameError as error:
            self.mistake(text.span, *_mailbox_mistake(text, shape, str(error)))

    def path(self, text: ast.Text) -> None:
        """A path goes down, level by level."""
        shape = "".join([part if isinstance(part, str) else "x" for part in text.parts])
        levels = shape.removeprefix("/").split("/")
        if ".." in levels or "." in levels:
            self.mistake(text.span, f"a path cannot go through {'..' if '..' in levels else '.'}", _PATH_HINT)
        elif "" in levels:
            self.mistake(
                text.span, "a path cannot have an empty level", "write one / between two names, none at the end"
            )

    def flag(self, flag: ast.Value | ast.Pattern, known: _Known) -> None:
        if not isinstance(flag, ast.Text):
            self.mistake(flag.span, "a flag is a text", 'as: flag "\\Flagged", "work"')
            return
        self.text(flag, known)
        said = literal(flag)
        if said is None:
            return
        if mistake := flag_mistake(said):
            is_system = said.startswith("\\")
            hint = _KEYWORD_HINT if said and len(said) <= limits.KEYWORD_CHARACTERS else 'as: flag "\\Flagged", "work"'
            self.mistake(flag.span, mistake, f"there are {', '.join(SYSTEM_FLAGS)}" if is_system else hint)

    def argv(self, command: ast.List, known: _Known) -> None:
        """A command: the program is written out, what follows may expand."""
        for item in command.items:
            self.value(item, known)
        program = command.items[0] if command.items else command
        said = literal(program) if isinstance(program, ast.Text) else None
        if not command.items or said == "":
            self.mistake(program.span, "a command begins with a program", 'as: ["grep", "-q", "word"]')
        elif said is None:
            hint = "a message must not choose what is run; its texts can be arguments"
            self.mistake(program.span, "the program of a command is written out", hint)
        elif " " in said and "/" not in said:
            arguments = ", ".join([f'"{word}"' for word in said.split()])
            self.mistake(program.span, "a command is a list of arguments, no line for a shell", f"write [{arguments}]")

    def timeout(self, number: ast.Number) -> None:
        if number.unit != "time" or not 1 <= number.number <= limits.DEADLINE:
            text = f"a timeout is a time of 1s to {limits.DEADLINE}s"
            self.mistake(number.span, text, "as: timeout 30s")

    def header_edit(self, word: str, name: str, text: ast.Text, known: _Known) -> None:
        """A field's name or its text, as far as it is written out."""
        self.text(text, known)
        said = literal(text)
        if name == "value" and said is not None and not said.strip():
            self.mistake(text.span, f"{word} needs a text", 'to take a field away: header remove "X-Name"')
        elif name == "name" and said is not None and not is_field_name(said.encode()):
            self.mistake(
                text.span,
                f'"{printable(said)}" cannot be the name of a field',
                'letters, digits and hyphens, as in header set "X-Name"',
            )

    def destinations(self, addresses: ast.List, known: _Known) -> None:
        """Of a redirect; what expands is checked as it expands."""
        for text in addresses.items:
            if not isinstance(text, ast.Text):
                continue
            self.text(text, known)
            said = literal(text)
            mistake = "" if said is None else address_mistake(said)
            if mistake:
                self.mistake(text.span, f"nothing can be redirected there: {mistake}", 'as: redirect "ann@example.net"')
        if len(addresses.items) > limits.REDIRECTS:
            self.mistake(
                addresses.items[limits.REDIRECTS].span,
                f"a message is redirected to {limits.REDIRECTS} addresses at most",
                "let an alias of the mail server, or a mailing list, send it to more",
            )

    def status(self, word: str, text: ast.Text, known: _Known) -> None:
        self.text(text, known)
        said, wanted = literal(text), "5" if word == "reject" else "4"
        if said is None:
            return
        code = said.split(" ", 1)[0]
        if code.count(".") == 2 and code.replace(".", "").isdigit() and not code.startswith(wanted):
            other = "defer" if word == "reject" else "reject"
            hint = (
                f'write {wanted}{code[1:]}, or say: {other} "{said}"'
                if code[0] in "45"
                else f"write {wanted}{code[1:]}"
            )
            self.mistake(text.span, f"{word} takes a status that begins with {wanted}", hint)
        elif not parse_status(said, f"{wanted}.7.0").text:
            example = "not accepted" if word == "reject" else "try again later"
            self.mistake(text.span, f"{word} needs a text for the sender", f'as: {word} "{wanted}.7.1 {example}"')

    # ------------------------------------------------------------ conditions

    def condition(self, condition: ast.Condition, known: _Known) -> _Known:
        """Walk a condition; what is known after it, with the captures of its patterns."""
        match condition:
            case ast.AllOf() | ast.AnyOf():
                for part in condition.conditions:
                    known = self.condition(part, known)
                return known
            case ast.Not():
                return self.condition(condition.condition, known)
            case ast.Fact():
                return self.fact(condition, known)
            case ast.Claim():
                return self.claim(condition, known)

    def fact(self, fact: ast.Fact, known: _Known) -> _Known:
        word = vocabulary.FACTS[fact.word]
        if word.later:
            self.later(fact.span, fact.word, word.later)
            return known
        captured: frozenset[str] = frozenset()
        for argument in fact.arguments:
            if isinstance(argument.value, ast.Text):  # `mailbox "X" exists`
                self.mailbox(argument.value, known)
            elif isinstance(argument.value, ast.List):
                self.argv(argument.value, known)
            elif isinstance(argument.value, ast.Pattern):
                captured = self.regex(argument.value, known)
            elif isinstance(argument.value, ast.Number) and argument.value.number not in range(256):
                self.mistake(argument.value.span, "an exit status is a whole number from 0 to 255", "as: exits 1")
        return None if known is None else known | captured

    def claim(self, claim: ast.Claim, known: _Known) -> _Known:
        word = vocabulary.OPERATORS[claim.operator]
        if word.later:
            self.later(claim.operator_span, claim.operator, word.later)
            return known
        kind = self.value(claim.left, known)
        if kind == "number" and "number" not in word.operands:
            self.not_for_numbers(claim)
            return known
        if claim.operator == "matches":
            return self.matches(claim, known)
        if not kind:
            return known
        if "text" in word.operands[1:] and _is_date(claim.left):  # an order: dates are not numbers
            self.later(claim.span, "comparing dates", vocabulary.TIME)
            return known
        for right in claim.right:
            self.right(claim, kind, right, known)
        return known

    def not_for_numbers(self, claim: ast.Claim) -> None:
        if claim.operator == "exists":
            self.mistake(claim.operator_span, "a number always exists", "compare it, as: size > 5M")
        else:
            self.mistake(
                claim.operator_span,
                f"'{claim.operator}' compares texts, and this is a number",
                "compare numbers with is, <, <=, >, >= or between",
            )

    def matches(self, claim: ast.Claim, known: _Known) -> _Known:
        captured: frozenset[str] = frozenset()
        for right in claim.right:
            for pattern in right.items if isinstance(right, ast.List) else (right,):
                captured |= self.pattern(pattern, known)
        return None if known is None else known | captured

    def pattern(self, pattern: ast.Value | ast.Pattern, known: _Known) -> frozenset[str]:
        """Check a glob or regex; the names its match sets."""
        if isinstance(pattern, ast.Pattern):
            return self.regex(pattern, known)
        if not isinstance(pattern, ast.Text):
            self.mistake(pattern.span, "matches takes a glob in quotes or a /regex/", 'as: matches "*@example.org"')
            return frozenset()
        self.text(pattern, known)
        wild = sum([_wild(part) for part in pattern.parts if isinstance(part, str)])
        return frozenset([str(number) for number in range(wild + 1)])

    def regex(self, pattern: ast.Pattern, known: _Known) -> frozenset[str]:
        pieces = unbraced(pattern.regex)
        for name in pieces[1::2]:
            self.field(name_in_regex(pattern.span, name), known)
        try:
            captures = regex_captures("(?:x)".join(pieces[::2]), pattern.case_sensitive)
        except PatternMistake as mistake:
            self.mistake(pattern.span, mistake.text, mistake.hint)
            return frozenset()
        for name in captures.names:
            self.group(pattern.span, name)
        return frozenset([str(number) for number in range(captures.count + 1)]) | frozenset(captures.names)

    def group(self, span: Span, name: str) -> None:
        """A named group is a variable, and is called like one."""
        at = self.source.text.lower().find(f"<{name}>", span.start, span.end)
        span = Span(at + 1, at + 1 + len(name)) if at >= 0 else span
        if not (name.isascii() and name.isidentifier()):
            self.mistake(span, f"a group cannot be called '{name}'", "begin its name with a letter")
        else:
            self.name(ast.Field(span, (name,)), "variable")

    def right(self, claim: ast.Claim, kind: str, right: ast.Value | ast.Pattern | ast.List, known: _Known) -> None:
        if isinstance(right, ast.List):
            for item in right.items:
                self.right(claim, kind, item, known)
        elif claim.operator in ("in", "not in") and isinstance(right, ast.Field) and claim.right == (right,):
            self.collection(right, kind)
        elif isinstance(right, ast.Pattern):
            self.mistake(right.span, f"'{claim.operator}' takes no /regex/", "use matches")
        else:
            self.operand(claim, kind, right, self.value(right, known))

    def operand(self, claim: ast.Claim, kind: str, right: ast.Value, right_kind: str) -> None:
        """The two sides of a comparison must be able to be equal."""
        orders = claim.operator in ("<", "<=", ">", ">=", "between")
        if kind == "number" and isinstance(right, ast.Number) and right.unit == "time":
            self.mistake(right.span, "a time cannot be compared with a number", "sizes end in K, M or G")
        elif (orders or kind == "number") and isinstance(right, ast.Text) and not _numeric(right):
            self.mistake(right.span, f"'{claim.operator}' needs a number here", "write it without quotes, as 5 or 10M")
        elif not orders and right_kind == "number" and claim.operator not in ("is", "is not", "in", "not in"):
            self.mistake(right.span, f"'{claim.operator}' compares texts, and this is a number", "put it in quotes")

    def collection(self, name: ast.Field, kind: str) -> None:
        said = ".".join(name.words)
        if said in self.list_files and kind == "number":
            self.mistake(
                name.span, "a list from a file holds texts, and a number is looked for", 'put it in quotes: "{size}"'
            )
        if said in ("correspondents", "contacts"):
            self.later(name.span, f"in {said}", vocabulary.TIME)
        elif self.names.get(said) != "list":
            hint = f'define it: list {said} = ["ann@example.org"]' if said.isidentifier() else ""
            if is_field(name.words):
                hint = f'a field is compared as a text: is "{{{said}}}", or contains'
            self.mistake(name.span, f"there is no list called '{said}'", hint)

    # ------------------------------------------------------------ values

    def value(self, value: ast.Value | ast.Pattern, known: _Known) -> str:
        """Check a value; its kind: text, number or any ("" where it is a mistake)."""
        match value:
            case ast.Text():
                self.text(value, known)
                return "text"
            case ast.Number():
                if value.number > limits.NUMBER_MAGNITUDE:
                    self.mistake(value.span, "this number is too large", f"{limits.NUMBER_MAGNITUDE} is the most")
                return "number"
            case ast.Field():
                return self.field(value, known)
            case ast.Arithmetic():
                self.value(value.left, known)
                self.value(value.right, known)
                return "number"
            case ast.Negative():
                self.value(value.operand, known)
                return "number"
            case ast.Count():
                self.counted(value.of)
                return "number"
            case ast.Hits():
                self.value(value.within, known)
                self.pattern(value.pattern, known)
                return "number"
            case ast.List():
                self.mistake(value.span, "a list cannot stand here", "lists stand after is, in, contains, matches")
            case ast.Pattern():
                self.mistake(value.span, "a /regex/ stands only after matches")
        return ""

    def counted(self, field: ast.Field) -> None:
        reading = self.reading(field)
        if reading is None:
            return
        word, _, aspect = reading.word.partition(".")
        if word in ("attachment", "part") and aspect == "size":
            self.mistake(field.span, f"every {word} has a size", f"write count of {word}")
        elif reading.kind not in ("addresses", "text", "id", "part"):
            self.mistake(field.span, f"{reading.word} has one value only", "count a header field, as: count of to")

    def field(self, field: ast.Field, known: _Known) -> str:
        if not is_field(field.words):
            name = ".".join(field.words)
            self.variable(field.span, name, known)
            return "" if self.is_verdict(name) else "any"  # what stands beside a verdict means nothing yet
        reading = self.reading(field)
        if reading is None:
            return ""
        return "number" if reading.kind == "number" else "text"

    def reading(self, field: ast.Field) -> Reading | None:
        """Read a field's name; None, with the mistake noted, where it means nothing we can do."""
        try:
            reading = read_field(field)
        except NameMistake as mistake:
            self.mistake(field.span, mistake.text, mistake.hint)
            return None
        if reading.later:
            self.later(field.span, reading.word, reading.later)
            return None
        return reading

    def is_verdict(self, name: str) -> bool:
        first = name.split(".")[0]
        return first in ("spam", "virus") or self.names.get(first) == "verdict"

    def variable(self, span: Span, name: str, known: _Known) -> None:
        if known is None or name in known:
            return
        kind = self.names.get(name.split(".")[0])
        if self.is_verdict(name):
            self.later(span, name, vocabulary.VERDICTS)
        elif kind == "list":
            self.mistake(span, f"'{name}' is a list, and a value is needed here", f"ask: from in {name}")
        elif name.isdigit():
            self.mistake(
                span,
                f"nothing can have set {{{name}}} here",
                "'matches' with * or ( ) in its pattern sets {1}, {2} …; ask it first",
            )
        else:
            self.mistake(span, *_unknown_name(name))

    def text(self, text: ast.Text, known: _Known) -> None:
        for part in text.parts:
            if isinstance(part, ast.Placeholder):
                self.placeholder(part, known)

    def placeholder(self, placeholder: ast.Placeholder, known: _Known) -> None:
        if isinstance(placeholder.of, ast.Group):
            self.variable(placeholder.span, str(placeholder.of.number), known)
        else:
            kind = self.field(placeholder.of, known)
            if placeholder.time_format is not None and _is_date(placeholder.of):
                self.later(placeholder.span, "formats of dates", vocabulary.TIME)
            elif placeholder.time_format is not None and kind:
                self.mistake(placeholder.span, "only a time takes a format after ':'", "filters begin with |")
        for filter_ in placeholder.filters:
            self.filter(filter_)

    def filter(self, filter_: ast.Filter) -> None:
        if filter_.name not in vocabulary.FILTERS:
            self.mistake(
                filter_.span, f"unknown filter '|{filter_.name}'", "filters: |" + " |".join(vocabulary.FILTERS)
            )
        elif filter_.name == "truncate" and not (filter_.argument or "").strip().isdigit():
            self.mistake(filter_.span, "truncate needs a number of characters", "as: {subject|truncate:40}")
        elif filter_.name != "truncate" and filter_.argument is not None:
            self.mistake(filter_.span, f"'|{filter_.name}' takes no argument", f"write |{filter_.name}")

    # ------------------------------------------------------------ tests

    def test(self, test: ast.Test) -> None:
        words = [line.word for line in test.lines]
        said: set[str] = set()
        for line in test.lines:
            if vocabulary.TEST_LINES[line.word]:
                self.later(line.span, line.word, vocabulary.TEST_LINES[line.word])
            elif line.word == "assume":
                self.assume(line)
            elif line.word == "expect":
                self.expect(line)
            elif line.word.startswith("envelope") and isinstance(line.arguments[0], ast.Text):
                self.plain(line.arguments[0], line.word)
            if line.word not in ("expect", "assume") and words.count(line.word) > 1 and line.word not in said:
                self.mistake(line.span, f"this test has more than one {line.word}", "leave one of them out")
            said.add(line.word)
        if "expect" not in words:
            self.mistake(
                test.name.span, "this test expects nothing", "say what becomes of the message, as: expect keep"
            )
        if "message" not in words and "message from" not in words:
            self.mistake(test.name.span, "this test has no message", 'add message """ … """')

    def assume(self, line: ast.TestLine) -> None:
        condition = line.arguments[0]
        wanted = condition.condition if isinstance(condition, ast.Not) else condition
        if isinstance(wanted, ast.Claim) and wanted.operator in ("in", "not in"):
            self.assume_member(line, wanted)
            return
        if isinstance(wanted, ast.Fact) and wanted.word == "addressed to me":
            self.mistake(line.span, "this follows from the message and 'addresses'", "write the fields in the message")
        elif isinstance(wanted, ast.Fact):
            self.fact(wanted, frozenset())
            self.all_plain(wanted.arguments, "assume")
            self.printed(wanted)
        else:
            self.later(line.span, "assume", vocabulary.TIME)

    def assume_member(self, line: ast.TestLine, claim: ast.Claim) -> None:
        right = claim.right[0]
        if isinstance(claim.left, ast.Text):
            self.plain(claim.left, "assume")
        elif self.value(claim.left, frozenset()) == "number":
            self.mistake(claim.left.span, "a list from a file holds texts, and this is a number", "put it in quotes")
        if not isinstance(right, ast.Field) or self.names.get(".".join(right.words)) != "list":
            self.collection(right, "") if isinstance(right, ast.Field) else self.follows(line)
        elif ".".join(right.words) not in self.list_files:
            self.follows(line)

    def follows(self, line: ast.TestLine) -> None:
        self.mistake(line.span, "this follows from the message and the list", "write the fields in the message")

    def printed(self, fact: ast.Fact) -> None:
        """What a test assumes that a program prints is the text itself."""
        for argument in fact.arguments:
            if isinstance(argument.value, ast.Pattern) and plain_regex(argument.value.regex) is None:
                text = "what a program is assumed to print is written out, without wildcards"
                self.mistake(argument.value.span, text, "as: outputs /spam 7.5/")

    def expect(self, line: ast.TestLine) -> None:
        expected = line.arguments[0]
        if isinstance(expected, ast.Also):
            self.mistake(expected.span, "a plan has no blocks", 'expect each line of it, as: expect also file "X"')
        elif isinstance(expected, ast.Action):
            phase, self.phase = self.phase, "user"
            before = len(self.mistakes)
            self.all_plain(expected.arguments, "expect")
            if len(self.mistakes) == before:
                self.action(expected, frozenset())
            self.phase = phase

    def all_plain(self, arguments: tuple[ast.Argument, ...], what: str) -> None:
        for argument in arguments:
            texts = argument.value.items if isinstance(argument.value, ast.List) else (argument.value,)
            for text in texts:
                if isinstance(text, ast.Text):
                    self.plain(text, what)
                elif argument.name == "argv" and not isinstance(text, ast.Number):
                    self.mistake(argument.span, f"nothing expands in {what}", "write it as it comes out")


def _mailbox_mistake(text: ast.Text, shape: str, reason: str) -> tuple[str, str]:
    """What is wrong with a mailbox's name, and what to write."""
    if "." in shape:
        slashed = literal(text) is not None and "/".join([level for level in shape.split(".") if level])
        hint = f'levels are separated by /, as in "{slashed}"' if slashed else "levels are separated by /"
        return "a '.' cannot stand in a mailbox name", hint
    if not shape:
        return reason, 'name it, as in "lists/dev"; the inbox is "INBOX"'
    if shape.startswith("~"):
        return reason, f'a directory is written: file maildir "{shape}"' if literal(text) else ""
    if "//" in f"/{shape}/":
        return reason, "write one / between two levels, and none at the ends"
    return reason, "choose another name"


def _no_item(reading: Reading) -> tuple[str, str]:
    """What is wrong with a loop over something that is not several, and what to write."""
    word = reading.word.partition(".")[0]
    hint = f"as: for each {word}" if word in ("attachment", "part") else "as: for each to"
    return "for each takes a field that can have several values", hint


def _is_date(value: ast.Value) -> bool:
    return isinstance(value, ast.Field) and value.words == ("date",)


def _wild(glob: str) -> int:
    return len([piece for piece in parse_glob(glob) if not isinstance(piece, str)])


def _numeric(text: ast.Text) -> bool:
    said = literal(text)
    return said is None or said.strip().lstrip("+-").replace(".", "", 1).isdigit()


def _unknown_name(name: str) -> tuple[str, str]:
    import difflib

    near = difflib.get_close_matches(name, list(vocabulary.FIELDS), 1, 0.7)
    if near:
        return f"unknown name '{name}'", f"did you mean {near[0]}?"
    if "-" in name or name.title() in ("Sender", "Received", "Precedence"):
        return f"unknown name '{name}'", f'a header field is written header "{name.title()}"'
    return f"nothing can have set '{name}' here", f"set it before, as: set {name} = 0"
