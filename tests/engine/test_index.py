"""A program with an index decides as it does without one: the same plan, the same questions, the same captures.

Nothing else may come of the index but time.  That the property can fail is
shown by breaking the index, one way after the other.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pydeliver import limits
from pydeliver.engine import candidates
from pydeliver.engine.evaluate import evaluate
from pydeliver.engine.facts import Need, quiet_answer
from pydeliver.engine.run import Version
from pydeliver.envelope import Envelope
from pydeliver.fold import fold, fold_each
from pydeliver.limits import INDEXED_BRANCHES
from pydeliver.message.view import Message
from pydeliver.plan import quote
from pydeliver.rules import index
from pydeliver.rules.index import with_index
from pydeliver.rules.load import compile_text
from pydeliver.rules.program import Program, from_data
from pydeliver.rules.source import RuleError, Source
from pydeliver.value import replace
from tests.engine import test_on_corpus as on_corpus

ROOT = Path(__file__).resolve().parent.parent.parent

# Words that are the same to one comparison and not to another: ligatures, a sharp s, a dotted capital I, the Kelvin
# and Angstrom signs, a long s, a final sigma, letters whose small form has a mark apart, marks to be composed.
WORDS = (
    *("straße", "STRASSE", "strasse", "ﬁsh", "FISH", "fish", "İstanbul", "i̇stanbul", "istanbul", "\u212a9 unit"),
    *("k9 unit", "K9 UNIT", "\u212bngström", "\xe5ngström", "a\u030angstro\u0308m", "\u017fummer", "Summer", "ΟΔΟΣ"),
    *("οδοσ", "οδος", "ǰoin", "j\u030coin", "J\u030cOIN", "join", "cafe\u0301", "CAFÉ", "caf", "\u0301x", "a", "@", ""),
)
REGEXES = (
    *("/(stra)(ß|ss)e/", "/k9 (?P<g>u)/", "/fish|ﬁsh/", "/i.stanbul/", "/^caf(.)/", "/summer/c", "/(?i)SUMMER/c"),
    *("/j.?oin/", "/οδο[σς]/", "/[ck]af/", "/(\\w+)@/", "/ngstr(.+)m$/", "/(a|b)?/", "/unit|x/"),
    *("/K9/", "/(?:s|ſ)ummer/", "/é|e/", "/e@f/", "/fish|join/"),
)  # fmt: skip
GLOBS = (
    "*",
    "?",
    "*stra*",
    "?ish",
    "k9*",
    "*@*.example",
    "CAF?",
    "",
    "ο*ς",
    "*ǰ*",
    "STRASSE",
    "straße",
    "*{1}*",
    "i?*",
)
FIELDS = (
    *("subject", "from", "to", "addressee", "from.name", "from.local", "from.domain", "to.detail", "to.raw"),
    *("subject.raw", "subject.first", "to.last", "header 'X-A'", "header 'X-A'.first", "list-id"),
    *("envelope.sender", "recipient.user", "client.address", "body", "body", "attachment.name", "message.raw"),
)  # fmt: skip


def slices(word: str) -> st.SearchStrategy[str]:
    return st.tuples(st.integers(0, 3), st.integers(0, 3)).map(lambda cut: word[cut[0] : len(word) - cut[1]])


SAID = st.sampled_from(WORDS)
KNOWN = st.one_of(SAID, SAID.flatmap(slices), st.tuples(SAID, SAID).map("".join)).map('"{}"'.format)
BUILT = st.sampled_from(['"{1}"', '"{subject}x"', '"strasse@fish.example"', "subject", "v"])
PATTERNS = st.one_of(st.sampled_from(REGEXES), st.sampled_from(GLOBS).map('"{}"'.format))
WILD = st.sampled_from(['"*a*"', '"f?sh"', '"*ß*"', '"?trasse*"'])
RIGHTS = KNOWN | st.lists(KNOWN, max_size=3).map(lambda texts: f"[{', '.join(texts)}]")
NAMED = st.tuples(st.sampled_from(["", "", "every "]), st.sampled_from(FIELDS)).map("".join)
COMPARED = st.sampled_from(["is", "is", "is not", "contains", "contains", "starts with", "ends with"])
KEYED = st.one_of(
    st.tuples(NAMED, COMPARED, RIGHTS).map(" ".join),
    st.tuples(NAMED, st.lists(KNOWN | WILD, max_size=3)).map(lambda t: f"{t[0]} in [{', '.join(t[1])}]"),
    st.tuples(NAMED, PATTERNS).map(" matches ".join),
    st.tuples(NAMED, st.lists(PATTERNS, min_size=1, max_size=3)).map(lambda t: f"{t[0]} matches [{', '.join(t[1])}]"),
)
OTHERS = st.one_of(
    st.tuples(NAMED, COMPARED, BUILT).map(" ".join),
    st.tuples(NAMED, KNOWN, BUILT).map(lambda t: f"{t[0]} is [{t[1]}, {t[2]}]"),
    st.tuples(NAMED, st.sampled_from(["in friends", "not in friends", "not in ['*a*']", "exists", "> 3"])).map(
        " ".join
    ),
    st.sampled_from(
        (
            *("addressed to me", 'mailbox "x{subject}" exists', "count of to > 1", "1 / v > 2", "v is 3", "size > 90"),
            *('subject matches "*{1}*"', "from matches /{subject}/", 'subject in ["a", "{1}*"]', "v contains 's'"),
        )
    ),
)
CLAIMS = st.one_of(KEYED, KEYED, OTHERS)
ANY_OF = st.lists(KEYED, min_size=2, max_size=3).map(lambda parts: f"({' or '.join(parts)})")
ALL_OF = st.lists(CLAIMS | ANY_OF, min_size=2, max_size=3).map(lambda parts: f"({' and '.join(parts)})")
NONE_OF = (CLAIMS | ANY_OF | ALL_OF).map("not ({})".format)
CONDITIONS = st.one_of(
    *(KEYED, KEYED, KEYED, ANY_OF, ALL_OF, ALL_OF, OTHERS, NONE_OF),
    st.lists(ALL_OF | NONE_OF | CLAIMS, min_size=2, max_size=2).map(" or ".join),
)
SHOWN = 'log "{1}|{2}|{g}|{v}"'
BLOCKS = st.recursive(
    st.sampled_from(
        (
            *('header set "Subject" "fish"', 'header add "X-A" "x{1}summer"', 'header remove "To"'),
            *(SHOWN, 'also file "x{1}"', "set v = subject", 'flag "y"', "stop", 'file "z"', ""),
        )
    ),
    lambda inner: st.one_of(
        st.tuples(CONDITIONS, inner).map(lambda t: f"if {t[0]} {{ {t[1]} }}"),
        st.tuples(CONDITIONS, inner, inner).map(lambda t: f"if {t[0]} {{ {t[1]} }} else {{ {t[2]} }}"),
        st.tuples(CONDITIONS, inner, CONDITIONS, inner).map(
            lambda t: f"if {t[0]} {{ {t[1]} }} else if {t[2]} {{ {t[3]} }}"
        ),
        inner.map(lambda block: f"also {{ {block} }}"),
        inner.map(lambda block: f"for each to {{ {block} }}"),
        st.tuples(inner, inner).map("\n".join),
    ),
    max_leaves=3,
)
RULES = st.lists(
    st.tuples(CONDITIONS, BLOCKS).map(lambda t: f"rule when {t[0]} {{ {SHOWN}\n{t[1]} }}"), min_size=1, max_size=6
)
# Sets every name beforehand, and shows at the end what the captures are.
PROLOGUE = """
list friends = ["strasse@fish.example", "*@i?tanbul.example"]
rule { set v = 0 if subject matches /(?P<g>a?)(b?)/ { } }
"""
FILES = RULES.map(lambda rules: PROLOGUE + "\n".join(rules) + f"\nrule {{ {SHOWN} }}")

VALUES = st.lists(SAID, max_size=3).map("".join)
LINES = st.one_of(
    st.tuples(st.sampled_from(["Subject", "X-A", "List-Id"]), VALUES).map(": ".join),
    st.tuples(st.sampled_from(["From", "To", "Cc"]), VALUES, SAID, SAID).map(
        lambda t: f'{t[0]}: "{t[1]}" <{t[2]}+{t[3]}@fish.example>, strasse@fish.example'
    ),
    st.just("Subject:"),
    st.just("From: strasse @ fish.example"),  # an address that does not stand in its field as it is
)
MESSAGES = st.tuples(st.lists(LINES, max_size=6), VALUES).map(lambda t: "\n".join([*t[0], "", t[1], ""]).encode())
ENVELOPES = st.builds(Envelope, SAID.map("{}@fish.example".format), SAID.map("ann+{}@x".format), client_address=SAID)

ROUNDS = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


def questions_and_plan(program: Program, message: Message, envelope: Envelope, trace: bool = False) -> list[Any]:
    """What is asked, in order, and what comes out."""
    facts: dict[tuple[str, ...], Any] = {}
    while True:
        outcome = evaluate((("user", program),), message, envelope, facts, [] if trace else None)
        if not isinstance(outcome, Need):
            return [*facts, outcome]
        question = outcome.question
        facts[question] = len(question[1]) % 2 == 0 if question[0] == "mailbox exists" else quiet_answer(question)


def decides_alike(text: str, raw: bytes, envelope: Envelope) -> None:
    try:
        program = compile_text(Source("rules", text))
    except RuleError:
        return
    expected = questions_and_plan(program, Message(raw), envelope)
    indexed = with_index(program, 1)
    assert questions_and_plan(indexed, Message(raw), envelope) == expected
    assert questions_and_plan(indexed, Message(raw), envelope, trace=True) == expected
    kept = from_data(marshal.loads(marshal.dumps(indexed.as_data())))
    assert questions_and_plan(kept, Message(raw), envelope) == expected


PINNED = (
    ('rule when subject contains "ﬁsh" { file "A" }', "Subject: FISHING"),
    ('rule when subject is "STRASSE" { file "A" }', "Subject: straße"),
    ('rule when subject matches "*ß*" { file "A" }', "Subject: straße"),
    ('rule when subject matches "straße" { file "A" }', "Subject: STRAßE"),
    ("rule when subject matches /j/ { file 'A' }", "Subject: j\u030coin"),
    ("rule when subject matches /k9 u/ { file 'A' }", "Subject: \u212a9 unit"),
    ("rule when subject is '' { file 'A' }", "To: a@x"),
    ("rule when header 'X-A' contains ['\u212bn', 'x'] { file 'A' }", "X-A: a\u030angstro\u0308m"),
    ('rule when from matches /unit/ { file "A" }', "From: unit nine <k9@x>"),
    ('rule when from matches "k9@x" { file "A" }', "From: unit nine <k9@x>"),
    ('rule when every from matches ["k9*", /unit/] { file "A" }', "From: unit nine <k9@x>"),
    ('rule when every from matches [/a@x/, "b*"] { file "A" }', "From: a @ x"),
    ("rule when subject matches /unit|fish/ { file 'A' }", "Subject: unit"),
    ("rule when subject matches /unit|fish/ { file 'A' }", "Subject: fish"),
    ('rule when subject is "x" or mailbox "M" exists { file "A" }', "Subject: y"),
    ('rule when mailbox "M" exists and subject contains "nothing" { file "A" }', "Subject: y"),
    ('rule when not mailbox "M" exists and subject is "nothing" { file "A" }', "Subject: y"),
    ('rule when subject matches /(y)/ and from is "a@x" { } rule { log "{1}" }', "Subject: xyz"),
    ('rule when 1 / subject > 2 and from is "a@x" { } rule when from is "b@x" { }', "Subject: 0"),
    ('rule when subject is "x" { } rule { log "a" } rule when subject is "x" { } rule { log "b" }', "Subject: y"),
    ('rule { if subject is "x" { log "a" } else if subject is "y" { log "b" } else { log "c" } }', "Subject: y"),
    (
        'rule when subject is "y" { if from is "b" { } if from is "c" { } log "d" } rule when to is "e" { }',
        "Subject: y",
    ),
    ('rule when subject in ["x", "{from.local}"] { file "A" }', "Subject: y\nFrom: y@x"),
    ('rule when subject not in ["x"] { file "A" }', "Subject: y"),
    ('rule when from in ["a@x", "*@y"] { file "A" }', "From: <b@y>"),
    ('rule when from is "a" { header set "Subject" "b" } rule when subject is "b" { log "c" }', "From: a"),
    ('rule when body contains "unit" or subject is "x" { log "a" }', "From: a\n\nunit"),
    ('rule when subject is "x" or body contains "unit" { log "a" }', "From: a\n\nunit"),
    ('rule when size > 3 and body contains "unit" { log "a" } rule when body is "b" { }', "From: a\n\nunit"),
    ('rule when body contains "none" { log "a" } rule when message.raw contains "From" { log "b" }', "From: a"),
    ('rule when body.size is "5" { log "a" } rule when part.size is "05" { log "b" }', "From: a\n\nunit"),
    ('rule { also { header set "X-A" "b" } if header "X-A" is "b" { log "c" } }', "From: a"),
)


def test_what_a_key_must_not_forget() -> None:
    for rules, _ in PINNED:
        compile_text(Source("rules", rules))
    none_forgets_a_key()


def none_forgets_a_key() -> None:
    for rules, fields in PINNED:
        decides_alike(rules, f"{fields}\n\n".encode(), Envelope())


@given(FILES, MESSAGES, ENVELOPES)
@ROUNDS
def test_the_index_decides_as_the_plain_sequence_does(text: str, raw: bytes, envelope: Envelope) -> None:
    decides_alike(text, raw, envelope)


@pytest.mark.long
@given(FILES, MESSAGES, ENVELOPES)
@settings(ROUNDS, max_examples=10_000)
def test_the_index_decides_as_the_plain_sequence_does_many_times(text: str, raw: bytes, envelope: Envelope) -> None:
    decides_alike(text, raw, envelope)


# ---------------------------------------------------------------- real rules, real mail


def real_conditions(shared: Path, mail: on_corpus.Mail, with_parts: bool) -> Iterator[str]:
    """Each condition of the vocabulary, true of a message at least; then the texts of other people's rules."""
    yield from on_corpus.conditions(mail, with_parts)
    words = ("subject contains", "from is", "to matches", "header 'List-Id' contains", "addressee ends with", "cc in")
    texts = sorted({text for path in (shared / "corpus/rules/sieve").iterdir() for text in quoted_texts(path)})
    for number, text in enumerate(texts):
        operand = f"[{quote(text)}, {quote(texts[number - 1])}]"
        yield f"{words[number % len(words)]} {operand}"


def quoted_texts(path: Path) -> list[str]:
    found = re.findall(r'"([^"\\\n]{1,80})"', path.read_bytes().decode("utf-8", "replace"))
    return [text for text in found if text.isprintable()]


@pytest.mark.parametrize(("with_parts", "every"), [(False, 150), pytest.param(True, 20, marks=pytest.mark.long)])
def test_a_long_file_decides_alike_on_real_mail(shared: Path, with_parts: bool, every: int) -> None:
    mail = on_corpus.real_mail(shared)
    conditions = real_conditions(shared, mail, with_parts)
    rules = [f'rule when {said} {{ log "{n} {{1}}" }}' for n, said in enumerate(conditions)]
    program = compile_text(Source("rules", PROLOGUE + "\n".join(rules)))
    plain, kept = without_index(program), from_data(marshal.loads(marshal.dumps(program.as_data())))
    extras = 0
    for message, envelope in mail[::every]:
        decided = questions_and_plan(kept, message, envelope)
        assert decided == questions_and_plan(plain, message, envelope)
        extras += len(decided[-1].actions)
    assert extras > 20 * len(mail[::every])


def without_index(program: Program) -> Program:
    code = [("branch", *said[1:4]) if said[0] == "guarded" else said for said in program.code]
    assert len([said for said in program.code if said[0] == "guarded"]) > 500
    return replace(program, code=tuple(code), index=())


@pytest.mark.parametrize(
    "path", sorted([*ROOT.glob("rules/*.rules"), *ROOT.glob("examples/**/*.rules")]), ids=lambda path: str(path.name)
)
def test_the_rule_files_that_come_with_it_decide_alike(path: Path, shared: Path) -> None:
    program = compile_text(Source(path.name, path.read_text(), str(path)))
    indexed = with_index(program, 1)
    for message, envelope in on_corpus.real_mail(shared)[::10]:
        assert questions_and_plan(indexed, message, envelope) == questions_and_plan(program, message, envelope)


# ---------------------------------------------------------------- what the index is for


def many_rules(number: int) -> Program:
    rules = [f'rule when subject contains "word {n} of many" {{ also file "m{n}" }}\n' for n in range(number)]
    return compile_text(Source("rules", "".join(rules)))


def test_few_rules_have_no_index() -> None:
    assert not many_rules(INDEXED_BRANCHES - 1).index
    assert many_rules(INDEXED_BRANCHES).index


def test_what_is_passed_over_costs_nothing_and_a_trace_tells_it_all_the_same() -> None:
    """Looked at one by one, two thousand comparisons of such a subject are more than evaluation may do."""
    program = many_rules(2_000)
    message = Message(b"Subject: " + b"x" * 600_000 + b" word 7 of many\n\n")
    (decided,) = questions_and_plan(program, message, Envelope())
    assert [action.words for action in decided.actions] == ['also file "m7"', "keep"]
    assert not decided.problem
    trace: list[Any] = []
    assert evaluate((("user", program),), message, Envelope(), {}, trace) == decided
    assert [kind for kind, *_ in trace].count("rule") == 2_000
    assert [said[-1] for said in trace if said[0] == "condition"].count(True) == 1
    assert questions_and_plan(without_index(program), message, Envelope())[0].problem


def test_a_body_is_not_looked_at_before_a_rule_asks_for_it() -> None:
    rules = [f'rule when body contains "word {n} of many" {{ log "{n}" }}\n' for n in range(100)]
    program = compile_text(Source("rules", 'rule when subject is "a" { keep }\n' + "".join(rules)))
    assert program.index[2]
    for subject, looked_at in (("a", False), ("b", True)):
        message = Message(f"Subject: {subject}\n\nword 7 of many\n".encode())
        (decided,) = questions_and_plan(program, message, Envelope())
        assert (message._parts is not None) == looked_at
        assert [action.words for action in decided.actions] == (['log "7"', "keep"] if looked_at else ["keep"])


def test_what_no_rule_looks_at_gives_no_warning() -> None:
    """Raw text beyond a limit is warned of when it is searched."""
    raw = b"Subject: a\n\n" + b"x" * (limits.PART_TEXT_OCTETS + 1)
    for condition, warnings in (("size > 90M and message.raw contains 'abc'", 0), ("message.raw contains 'abc'", 1)):
        program = compile_text(Source("rules", f"rule when {condition} {{ }}\nrule when subject is 'b' {{ }}"))
        for decided in [
            evaluate((("user", p),), Message(raw), Envelope(), {}) for p in (program, with_index(program, 1))
        ]:
            assert not isinstance(decided, Need)
            assert len(decided.warnings) == warnings


def test_a_long_text_is_searched_by_a_set_once_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_sets", {})
    monkeypatch.setattr(candidates, "_looked_up", {})
    rules = [f'rule when body contains "wörd {n} of many" {{ log "{n}" }}\n' for n in range(200)]
    program = compile_text(Source("rules", "".join(rules)))
    for turn in range(1, 9):
        message = Message(b"Subject: a\n\n" + b"x" * 3_000 + f"W\xd6RD {turn} OF MANY\n".encode())
        (decided,) = questions_and_plan(program, message, Envelope())
        assert [action.words for action in decided.actions] == [f'log "{turn}"', "keep"]
        assert bool(candidates._sets) == (turn > 3)


def test_a_set_that_ran_out_of_memory_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    grams = tuple(f"{n:04x}" for n in range(3_000))
    assert candidates.GramSet(grams).found_in("zz0a1fzz") == ["0a1f"]
    monkeypatch.setattr(candidates.GramSet, "found_in", lambda self, text: None)
    monkeypatch.setattr(candidates, "_CHARACTERS_A_GRAM", 0)
    table = dict.fromkeys(grams, (1,))
    assert set(candidates._grams_in("0a1f" + "z" * 3_000, 4, table)) == {"0a1f"}
    monkeypatch.setattr(candidates, "_SET_MEMORY", 1 << 10)
    assert candidates._gram_set(grams) is None


def test_a_trace_takes_no_more_steps_than_the_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    program, message = many_rules(2_000), Message(b"Subject: word 7 of many, word 1007 of many\n\n")
    monkeypatch.setattr(limits, "STEPS", 30)
    (decided,) = questions_and_plan(program, message, Envelope(), trace=True)
    assert not decided.problem
    assert questions_and_plan(program, message, Envelope()) == [decided]


# ---------------------------------------------------------------- the property can fail


def first_of_any(condition: Any, patterns: Any) -> Any:
    """Of `or`, and the inner condition of `not`."""
    return index._keys(condition[1], patterns)


def only_texts(condition: Any, patterns: Any) -> Any:
    return index._known(condition[3], True, condition[4])


def all_searched(condition: Any, patterns: Any) -> Any:
    return index._union([index._of_pattern(condition[4], value, patterns) for value in condition[5]])


def all_whole(condition: Any, patterns: Any) -> Any:
    return index._union([index._of_pattern(condition[3], value, patterns) for value in condition[5]])


def never_whole(condition: Any, patterns: Any) -> Any:
    return index._of_patterns((*condition[:2], False, *condition[3:]), patterns)


def of_one_literal(left: Any, value: Any, patterns: Any) -> Any:
    pattern = patterns[value[1]]
    return index._known(left, False, pattern.literals[:1]) if pattern.literals else of_pattern(left, value, patterns)


def past_everything(code: Any, address: int) -> int:
    while address < len(code) and code[address][0] not in ("branch", "end", "next", "stop"):
        address += 1
    return address


def without_empty_text(run: Any, table: Any) -> set[int]:
    return found(run, table) - set(table[1].get("", ()))


def of_the_version_before(version: Version, edit: Any) -> Version:
    edited = after(version, edit)
    edited.candidates = version.candidates
    return edited


found, of_pattern, after = candidates._found, index._of_pattern, Version.after

BROKEN: dict[str, tuple[Any, str, Any]] = {
    "of or only the first part": (index._READERS, "or", first_of_any),
    "not": (index._READERS, "not", first_of_any),
    "a text known only then": (index._READERS, "in", only_texts),
    "globs of the whole field": (index._READERS, "matches", all_searched),
    "regexes of each address": (index._READERS, "matches", all_whole),
    "every as any": (index._READERS, "matches", never_whole),
    "of a regex one literal": (index, "_of_pattern", of_one_literal),
    "behind what does something": (index, "_does_nothing", lambda condition: True),
    "a chain over other instructions": (index, "_first_of_rule", past_everything),
    "texts only in lower case": (candidates, "_foldings", lambda text: {text.lower()}),
    "texts only composed": (candidates, "_foldings", lambda text: {fold(text)}),
    "texts only character by character": (candidates, "_foldings", lambda text: {fold_each(text)}),
    "an edit forgotten": (Version, "after", of_the_version_before),
    "no empty text": (candidates, "_found", without_empty_text),
}


def break_it(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, name, instead = BROKEN[how]
    if isinstance(place, dict):
        monkeypatch.setitem(place, name, instead)
    else:
        monkeypatch.setattr(place, name, instead)


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_index_is_found(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    break_it(how, monkeypatch)
    with pytest.raises(AssertionError):
        none_forgets_a_key()


def files(conditions: st.SearchStrategy[str], before: str = "") -> st.SearchStrategy[str]:
    rules = st.lists(conditions.map(lambda said: f"rule when {said} {{ {SHOWN} }}"), min_size=1, max_size=3)
    return rules.map(lambda rules: PROLOGUE + before + "\n".join(rules))


# Where a breakage shows in few of all files, those of its kind are tried.
MATCHED = st.tuples(
    st.sampled_from(["from", "to", "every from", "every to", "addressee"]),
    st.lists(PATTERNS, min_size=1, max_size=2).map(", ".join),
).map(lambda t: f"{t[0]} matches [{t[1]}]")
MIXED = st.tuples(st.sampled_from(["/e@f/", "/unit/", "/k9/"]), st.sampled_from(['"ann*"', '"?k9*"'])).map(
    lambda t: f"every from matches [{t[0]}, {t[1]}]"
)
OF_ITS_KIND = {
    **dict.fromkeys(("globs of the whole field", "regexes of each address"), files(MATCHED)),
    "every as any": files(MIXED),
    "of a regex one literal": files(st.sampled_from(["/fish|join/", "/unit|caf/"]).map("subject matches {}".format)),
    "an edit forgotten": files(KEYED, 'rule when from is "strasse@fish.example" { header set "Subject" "fish" }\n'),
}


@pytest.mark.long
@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_index_is_found_by_chance(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    break_it(how, monkeypatch)

    @given(OF_ITS_KIND.get(how, FILES), MESSAGES, ENVELOPES)
    @settings(ROUNDS, max_examples=10_000, derandomize=True, database=None, phases=[Phase.generate])
    def broken(text: str, raw: bytes, envelope: Envelope) -> None:
        decides_alike(text, raw, envelope)

    with pytest.raises(AssertionError):
        broken()
