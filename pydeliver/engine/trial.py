"""Run the `test` blocks of a rule file: the same evaluation, compared with the plan expected.

In a test nothing is asked of the world: what is not assumed has its quiet
answer, and a failing test lists those it used.  The recipient is the first of
`addresses`, the sender the author's address, unless the test says otherwise.

Does not know: files; nor how a failure is shown.
"""

from __future__ import annotations

from pydeliver.engine.evaluate import evaluate
from pydeliver.engine.facts import LISTED, UNASKED, Need, Ran, in_words, quiet_answer
from pydeliver.engine.run import Run
from pydeliver.engine.values import text_of, texts
from pydeliver.envelope import Envelope
from pydeliver.fold import fold
from pydeliver.message.view import Message
from pydeliver.plan import Action, Plan
from pydeliver.rules import ast
from pydeliver.rules.check import literal
from pydeliver.rules.compile import compile_action, compile_value
from pydeliver.rules.patterns import plain_regex
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydeliver.engine.facts import Answer, Question
    from pydeliver.rules.program import Program, Value


@value
class Trial:
    """How a test went: what was expected, what the plan said, and the quiet answers it took."""

    name: str
    line: int
    expected: tuple[str, ...]
    found: tuple[str, ...]
    quiet: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return self.expected == self.found


def run_tests(rules: ast.RuleFile, program: Program) -> tuple[Trial, ...]:
    """Run every test of a checked file, in order."""
    tests = [item for item in rules.items if isinstance(item, ast.Test)]
    return tuple([_run(rules, program, test) for test in tests])


def _run(rules: ast.RuleFile, program: Program, test: ast.Test) -> Trial:
    message = Message(_message(test).encode())
    envelope = _envelope(test, program, message)
    facts, members = _assumed(test), _assumed_members(test, message, envelope)
    programs = _assumed_programs(test)
    quiet: list[str] = []
    plan = evaluate((("user", program),), message, envelope, facts)
    while isinstance(plan, Need):
        question = plan.question
        # Of a program it is assumed whatever version of the message it is given.
        assumed = programs.get(question[1:3]) if question[0] == "run" else _member_answer(question, members)
        facts[question] = quiet_answer(question) if assumed is None else assumed
        if assumed is None and question[0] not in UNASKED:
            quiet.append(f"{in_words(question)} is {str(facts[question]).lower()}")
        plan = evaluate((("user", program),), message, envelope, facts)
    expected = tuple([_expected(line.arguments[0]).words for line in test.lines if line.word == "expect"])
    line = rules.source.line_of(test.span.start)
    return Trial(literal(test.name) or "", line, expected, _found(plan), tuple(quiet))


def _found(plan: Plan) -> tuple[str, ...]:
    return tuple([action.words for action in plan.actions])


def _message(test: ast.Test) -> str:
    """The message's text; in it nothing expands."""
    for line in test.lines:
        if line.word == "message" and isinstance(line.arguments[0], ast.Text):
            return literal(line.arguments[0]) or ""
    return ""


def _envelope(test: ast.Test, program: Program, message: Message) -> Envelope:
    said = {
        line.word: literal(line.arguments[0]) or ""
        for line in test.lines
        if line.word.startswith("envelope") and isinstance(line.arguments[0], ast.Text)
    }
    own = program.setting("addresses") or ("you@example.org",)
    authors = [address for field in message.values("from") for address in field.addresses]
    sender = authors[0].address if authors else ""
    return Envelope(
        sender=said.get("envelope sender", sender),
        recipient=said.get("envelope recipient", own[0]),
        source="the test",
    )


def _assumed(test: ast.Test) -> dict[Question, Answer]:
    """The facts a test assumes."""
    facts: dict[Question, Answer] = {}
    for line in test.lines:
        if line.word != "assume":
            continue
        condition, answer = line.arguments[0], True
        if isinstance(condition, ast.Not):
            condition, answer = condition.condition, False
        if isinstance(condition, ast.Fact) and not condition.word.startswith("run "):
            said = [literal(a.value) or "" for a in condition.arguments if isinstance(a.value, ast.Text)]
            facts[condition.word, *said] = answer
    return facts


def _assumed_members(test: ast.Test, message: Message, envelope: Envelope) -> dict[tuple[str, str], bool]:
    """Which values are assumed to be, or not to be, in which list files: the value written, or all of the field."""
    members: dict[tuple[str, str], bool] = {}
    for line in test.lines:
        condition, answer = line.arguments[0], True
        if isinstance(condition, ast.Not):
            condition, answer = condition.condition, False
        if line.word == "assume" and isinstance(condition, ast.Claim) and isinstance(condition.right[0], ast.Field):
            values = texts(Run(message, envelope, {}, None), compile_value(condition.left))
            name = ".".join(condition.right[0].words)
            members.update({(name, fold(text_of(said))): answer is (condition.operator == "in") for said in values})
    return members


def _member_answer(question: Question, members: dict[tuple[str, str], bool]) -> bool | None:
    """The answer where the test assumes one; list files are empty but for what it assumes."""
    if question[0] not in LISTED:
        return None
    word, name, _, *values = question
    known = [members.get((name, fold(said))) for said in values]
    if None in known and not any(known):
        return None
    return any(known) if word == "in list" else all(known)


def _assumed_programs(test: ast.Test) -> dict[tuple[str, tuple[str, ...]], Ran]:
    """What a test assumes of programs, by portion and command; several lines can tell of one."""
    found: dict[tuple[str, tuple[str, ...]], Ran] = {}
    for line in test.lines:
        condition, holds = line.arguments[0], True
        if isinstance(condition, ast.Not):
            condition, holds = condition.condition, False
        if line.word == "assume" and isinstance(condition, ast.Fact) and condition.word.startswith("run "):
            said = {argument.name: argument.value for argument in condition.arguments}
            command = (str(said.get("portion", "")), _command(said["argv"]))
            found[command] = _told(found.get(command, Ran("exited")), said, holds)
    return found


def _command(argv: object) -> tuple[str, ...]:
    assert isinstance(argv, ast.List)
    return tuple([literal(said) or "" if isinstance(said, ast.Text) else _digits(said) for said in argv.items])


def _digits(number: object) -> str:
    return text_of(number.number) if isinstance(number, ast.Number) else ""


def _told(ran: Ran, said: Mapping[str, object], holds: bool) -> Ran:
    """What is known of a program by one more line."""
    pattern, status = said.get("pattern"), said.get("status")
    if isinstance(pattern, ast.Pattern):
        printed = plain_regex(pattern.regex) if holds else ""
        return Ran(ran.outcome, ran.status, (printed or "").encode())
    wanted = int(status.number) if isinstance(status, ast.Number) else 0
    other = 0 if wanted else 1
    return Ran(ran.outcome, wanted if holds else other, ran.output)


def _expected(expected: object) -> Action:
    """An `expect` line as an action of a plan."""
    assert isinstance(expected, ast.Action)
    word, arguments, also = compile_action(expected)
    return Action(word, tuple([(name, _constant(said)) for name, said in arguments]), also=also)


def _constant(said: Value) -> str | tuple[str, ...]:
    if said[0] == "texts":
        return tuple([str(item[1]) for item in said[1:]])
    return str(said[1])
