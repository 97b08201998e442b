"""Every condition of the vocabulary on every message of the shared corpora: nothing raises, nothing takes long.

The operands are taken from what the messages hold, so that each condition is
true of one of them at least, and false of another.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from pydeliver import vocabulary
from pydeliver.engine.conditions import truth
from pydeliver.engine.facts import Ran
from pydeliver.engine.run import Run
from pydeliver.engine.values import text_of, texts
from pydeliver.envelope import Envelope
from pydeliver.message.view import Message
from pydeliver.plan import quote
from pydeliver.rules.load import compile_text
from pydeliver.rules.program import Program
from pydeliver.rules.source import Source
from tests.real_mail import collected, labelled

if TYPE_CHECKING:
    from pydeliver.engine.facts import Answer, Question

AT_LEAST = 3_900
SECONDS = 0.5  # for one condition on one message, on a machine that does other things too
NUMBERS = tuple([name for name, word in vocabulary.FIELDS.items() if word.kind == "number" and not word.later])
MANY_LINES = (*[name for name, word in vocabulary.FIELDS.items() if word.kind == "body"], "part.text")
ALWAYS_THERE = ("part", "part.type", "message.raw", "headers.raw")
HEADERS = ("Sender", "Return-Path")  # fields without a word of their own: one with names, one without
MAILBOX = 'mailbox "{message-id|truncate:3}" exists'

# What no message of the corpora has: details in most fields, and a blind copy.
RARE = "".join(
    [f"{name}: Ann Lee <ann+lists@example.org>\n" for name in ("From", "To", "Cc", "Bcc", "Reply-To", *HEADERS)]
)

Mail = list[tuple[Message, Envelope]]


@pytest.fixture(scope="module")
def mail(shared: Path) -> Mail:
    return real_mail(shared)


def real_mail(shared: Path) -> Mail:
    found = [Message(raw) for _, raw in (*collected(shared), *labelled(shared))]
    assert len(found) >= AT_LEAST
    found.append(Message(RARE.encode()))
    return [(message, envelope_of(message)) for message in found]


def envelope_of(message: Message) -> Envelope:
    """As a mail system would have it; what the messages do not tell is made up, and differs."""
    author, first, second = [
        next((a.address for f in message.values(name) for a in f.addresses if a.address), "")
        for name in ("from", "to", "delivered-to")
    ]
    number = crc32(message.raw)
    detail = f"+{number % 3}" if number % 3 else ""
    recipient = first.replace("@", f"{detail}@", 1)
    sender = author.replace("@", f"+{number % 5}@", 1) if number % 2 else author
    original = second.replace("@", f"{detail}@", 1) or f"all{detail}@lists.example"
    original = original if number % 4 else ""
    user = author if number % 7 == 0 else ""
    return Envelope(sender, recipient, None, original, f"192.0.2.{number % 256}" if number % 11 else "", user)


# ---------------------------------------------------------------- every condition there is


def built_fields(with_parts: bool) -> Iterator[str]:
    for name, word in vocabulary.FIELDS.items():
        if not word.later and word.kind != "number":
            yield from [name, *([f"{name}.{part}" for part in word.parts] if with_parts else [])]
    for header in HEADERS:
        parts = vocabulary.HEADER_FIELD.parts if with_parts else ()
        yield from [f'header "{header}"', *[f'header "{header}".{part}' for part in parts]]


def conditions(mail: Mail, with_parts: bool) -> Iterator[str]:
    for field in built_fields(with_parts):
        yield from compared_texts(field, values(mail, field))
    for field in (*NUMBERS, *[f"count of {f}" for f in built_fields(False) if is_counted(f)]):
        yield from compared_numbers(field, values(mail, field))
    yield from [f'run ["judge"] {asked}' for asked in ("succeeds", "exits 1", "outputs /no identity/")]
    yield from ("addressed to me", MAILBOX, 'subject matches /a/ or not to contains "@"')


def is_counted(field: str) -> bool:
    return field.startswith("header ") or vocabulary.FIELDS[field].kind in ("addresses", "text", "id", "part")


def values(mail: Mail, field: str) -> list[str]:
    """What comes before a comparison with the field, from all messages."""
    operator = "> 0" if field.startswith("count") or field in NUMBERS else 'is "x"'
    program = compile_text(Source("rules", f"rule when {field} {operator} {{ }}"))
    value = condition_of(program)[3]
    return [text_of(text) for message, envelope in mail for text in texts(Run(message, envelope, {}, None), value)]


def compared_texts(field: str, found: list[str]) -> Iterator[str]:
    usual = Counter([text for text in found if 3 < len(text) < 100 and text.isprintable()]).most_common(1)
    short = Counter([text for text in found if text]).most_common(1)
    said = (usual or short)[0][0]
    if field in MANY_LINES:
        said = next(line for line in said.splitlines() if len(line) > 3 and line.isprintable())
    head, tail, middle = said[:3], said[-3:], said[1:-1] or said
    pattern = "".join([c if c.isalnum() else f"\\x{{{ord(c):x}}}" for c in middle])
    glob = said[0] + "?" * (len(said) - 2) + said[-1] if len(said) > 2 else said + "*"
    if field.split(".")[0] in ("client", "auth"):
        glob = said[:-1] + "*"
    for every in ("", "every "):
        yield f"{every}{field} contains {quote(middle)}"
        yield f"{every}{field} starts with {quote(head)}"
        yield f"{every}{field} matches [/{pattern}/, /no such text/c]"
        if field not in ALWAYS_THERE:
            yield f"{every}{field} exists"
        if field in MANY_LINES:
            yield f"{every}{field} matches {quote(f'*{middle}*')}"
            continue
        yield f"{every}{field} is {quote(said)}"
        yield f"{every}{field} is not [{quote(said)}, 'x']"
        yield f"{every}{field} ends with [{quote(tail)}]"
        yield f"{every}{field} matches {quote(glob)}"
        yield f"{every}{field} in [{quote(said)}, 'no*such?']"
        yield f"{every}{field} not in [{quote(said)}]"


def compared_numbers(field: str, found: list[str]) -> Iterator[str]:
    numbers = sorted([int(text) for text in found])
    low, median, high = numbers[0], numbers[len(numbers) // 2], numbers[-1]
    if median == low:
        median = min([number for number in numbers if number > low])
    for every in ("", "every "):
        yield f"{every}{field} is {median}"
        yield f"{every}{field} is not {median}"
        yield f"{every}{field} in [{median}, {high}]"
        yield f"{every}{field} not in [{median}]"
        yield f"{every}{field} < {median}"
        yield f"{every}{field} <= {low}"
        yield f"{every}{field} > {low}"
        yield f"{every}{field} >= {median}"
        yield f"{every}{field} between {median} and {high}"


def condition_of(program: Program) -> tuple[Any, ...]:
    (branch,) = [instruction for instruction in program.code if instruction[0] == "branch"]
    condition: tuple[Any, ...] = branch[1]
    return condition


# ---------------------------------------------------------------- on every message


@pytest.mark.parametrize("with_parts", [False, pytest.param(True, marks=pytest.mark.long)])
def test_every_condition_is_evaluated_on_every_message(mail: Mail, with_parts: bool) -> None:
    written = list(conditions(mail, with_parts))
    programs = [compile_text(Source("rules", f"rule when {condition} {{ }}")) for condition in written]
    evaluated, true, slowest = [0] * len(written), [0] * len(written), (0.0, "")
    for message, envelope in mail:
        run = Run(message, envelope, answers(message), None)
        for number, program in enumerate(programs):
            started = time.perf_counter()
            run.program, run.variables = program, {}
            outcome = truth(run, condition_of(program))
            slowest = max(slowest, (time.perf_counter() - started, written[number]))
            assert outcome is True or outcome is False
            evaluated[number] += 1
            true[number] += outcome
    print(f"{len(written)} conditions on {len(mail)} messages: {sum(evaluated)} evaluations, {sum(true)} true")
    print(f"the slowest took {slowest[0] * 1000:.1f} ms: {slowest[1]}")
    assert set(evaluated) == {len(mail)}
    assert slowest[0] < SECONDS, slowest
    assert [c for c, count in zip(written, true, strict=True) if not count] == []
    assert [c for c, count in zip(written, true, strict=True) if count == len(mail)] == []


def answers(message: Message) -> dict[Question, Answer]:
    from pydeliver.naming import sanitise

    identity = [field.text for field in message.values("message-id")][:1]
    ran = Ran("exited", message.size % 2, b"" if identity else b"no identity")
    return {
        ("run", "", ("judge",), ()): ran,
        **{("mailbox exists", sanitise(text[:3])): text > "<3" for text in identity},
    }


def test_every_built_word_is_among_the_conditions() -> None:
    """The table above names operators; this one that none was forgotten."""
    said = "\n".join([*compared_texts("subject", ["word"]), *compared_numbers("size", ["1", "2"])])
    for word, operator in vocabulary.OPERATORS.items():
        assert operator.later or f" {word}" in said
    assert [fact for fact, word in vocabulary.FACTS.items() if not word.later] == [
        *("mailbox exists", "addressed to me"),
        *("run succeeds", "run exits", "run outputs"),
    ]
