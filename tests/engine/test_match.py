"""Globs and regexes match what an independent reading of them says, and no required literal loses a match."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pydeliver.engine.match import escape_regex, match, match_glob, matches_in
from pydeliver.fold import composed, fold_each
from pydeliver.rules.patterns import (
    PatternMistake,
    compile_regex,
    parse_glob,
    regex_captures,
    required_literals,
    unbraced,
)
from pydeliver.rules.program import Pattern

# ---------------------------------------------------------------- globs

GLOBS = st.text(st.sampled_from("*?abA.é[\n"), max_size=12)
TEXTS = st.text(st.sampled_from("abAB.éÉßẞİ[*?\n"), max_size=20)


def oracle(glob: str, text: str) -> list[str] | None:
    """What the wild cards stand for, by Python's regexes."""
    parts = {"*": "(.*?)", "?": "(.)"}
    pattern = "".join([parts.get(c) or re.escape(fold_each(c)) for c in glob])
    found = re.fullmatch(pattern, fold_each(text), re.DOTALL)
    if found is None:
        return None
    return [text[slice(*found.span(number))] for number in range(found.re.groups + 1)]


@given(GLOBS, TEXTS)
@example("*", "")
@example("?", "")
@example("*?*", "a")
@example("**", "ab")
@example("*a?*a", "aaaa")
def test_a_glob_matches_as_a_regex_would_and_captures_as_little(glob: str, text: str) -> None:
    captures = match_glob(parse_glob(fold_each(glob)), text)
    expected = oracle(glob, text)
    assert (captures is None) == (expected is None)
    if captures is not None and expected is not None:
        assert list(captures.values()) == expected


@pytest.mark.parametrize("glob", ["*a?a*b", "*?" * 20 + "b", "*" + "a?" * 20 + "b", "*a*a*a*a*a*b"])
def test_a_glob_takes_no_time_to_speak_of(glob: str) -> None:
    started = time.monotonic()
    assert match_glob(parse_glob(glob), "a" * 100_000) is None
    assert time.monotonic() - started < 2


# ---------------------------------------------------------------- regexes

PIECES = (
    *(r".", r"\d", r"\w", r"\s", r"\S", r"\b", r"\B", r"\A", r"\z", "^", "$", r"\.", r"\\", r"\*", r"\(", r"\[", r"\/"),
    *(
        r"\n",
        r"\t",
        r"\x41",
        r"\x{212a}",
        r"\x{61}",
        r"\141",
        r"\12",
        r"\pL",
        r"\p{Greek}",
        r"\PN",
        r"\_",
        r"\-",
        r"\0",
    ),
    *("[a-c]", "[^a]", "[abc]", "[[:alpha:]]", "[^[:digit:]k]", r"[\d_]", "[K]", "[-a]", "[]a]", "[^]a]", r"[\]a]"),
    *("[é]", "[ſk]", r"\Qa.b\E", r"\Qk", "(?:", r"\(?<ab>", "x{2}", "a{0}", "a{1,}", "b{0,2}", "k{2,3}", "{2"),
    *("a{,2}", "a{x}", r"\C", "[(?<a]", "[a&&b]", "[a||b]"),
)
ATOMS = st.one_of(
    st.text(st.sampled_from("abkKsSxé ſ\u212ae\u0301j\u030c0_-"), min_size=1, max_size=4),
    st.sampled_from(PIECES),
)
FORMS = st.sampled_from(
    (
        *("(%s)", "(?:%s)", "(?i:%s)", "(?-i:%s)", "(?P<n>%s)", "(?<n>%s)", "(?s:%s)", "%s?", "%s*", "%s+", "%s+?"),
        *("%s??", "(?:%s){2}", "(?:%s){0,3}", "(?:%s){1}", "(?i)%s", "(%s|)", "(?:|%s)", "(?U)%s", "%s{2}", "(?i:%s)?"),
    )
)
REGEXES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
        st.tuples(FORMS, inner).map(lambda pair: pair[0] % pair[1] if pair[0].count("%") == 1 else pair[1]),
    ),
    max_leaves=6,
)
SEARCHED = st.text(st.sampled_from("abkKsSxXéÉſ\u212ae\u0301jJ\u030c0_-.*<>(){}2,:\\ \n/αA\ud800"), max_size=16)


def same_with_and_without_literals(regex: str, text: str, case_sensitive: bool) -> bool:
    """Compare; False if RE2 does not take the regex."""
    try:
        compiled = compile_regex(regex, case_sensitive)
    except PatternMistake:
        return False
    text = composed(text)
    literals = required_literals(regex)
    found = match(Pattern("re2", composed(regex), case_sensitive, literals), text)
    alone = compiled.search(text.encode("utf-8", "replace"))
    assert (found is None) == (alone is None), f"{literals} are not required by {regex}"
    return True


@given(REGEXES, SEARCHED, st.booleans())
@settings(max_examples=1_000, deadline=None)
@example("j", "J\u030c", False)
@example(r"\(?<ab>", "<ab>", False)
@example("e\u0301", "é", False)
@example("k", "\u212a", False)
@example("s", "ſ", False)
@example(r"\?", "\ud800", False)
def test_no_literal_loses_a_match(regex: str, text: str, case_sensitive: bool) -> None:
    assume(same_with_and_without_literals(regex, text, case_sensitive))


@given(REGEXES, st.data(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_literal_loses_a_match_in_a_text_made_of_the_regex(regex: str, data: st.DataObject, sensitive: bool) -> None:
    characters = "".join([c for c in regex if c not in "()[]{}?*+|^$\\"]) + "ak\u212aſ"
    text = data.draw(st.text(st.sampled_from(characters), max_size=12))
    assume(same_with_and_without_literals(regex, text, sensitive))


@pytest.mark.long
@given(REGEXES, st.lists(SEARCHED, min_size=5, max_size=5), st.booleans())
@settings(max_examples=20_000, deadline=None)
def test_no_literal_loses_a_match_in_many_texts(regex: str, texts: list[str], case_sensitive: bool) -> None:
    assume(all([same_with_and_without_literals(regex, text, case_sensitive) for text in texts]))


@pytest.mark.parametrize(
    ("regex", "literals"),
    [
        ("urgent|invoice", ("invoice", "urgent")),
        ("a(long)?er", ("er",)),
        ("(?i)HELLO", ("hello",)),
        ("x?y*", ()),
        ("[ab]", ()),
        ("a|", ()),
        ("(?:abc)+d", ("abc",)),
        ("[[:alpha:]]abc", ()),
        ("(" * 900 + "a" + ")" * 900, ()),
        ("J\u030cabc", ("abc",)),
    ],
)
def test_what_a_regex_requires(regex: str, literals: tuple[str, ...]) -> None:
    assert required_literals(regex) == literals


@given(st.text(max_size=20), st.text(max_size=5))
def test_an_escaped_text_matches_itself_and_nothing_else(text: str, other: str) -> None:
    text, other = composed(text), composed(other)  # as every value that is compared is
    pattern = Pattern("re2", r"\A" + escape_regex(text) + r"\z", True)
    assert match(pattern, text) is not None
    assert (match(pattern, other) is not None) == (text == other)


@given(st.text(max_size=30))
def test_matches_are_told_from_left_to_right(text: str) -> None:
    found = [captures["0"] for captures in matches_in(Pattern("re2", "[a-z0-9]", False), text)]
    assert "".join(found) == "".join(re.findall("[a-z0-9\u212aſ]", text, re.IGNORECASE | re.ASCII))


@pytest.mark.parametrize(
    ("regex", "pieces"),
    [
        ("a{name}b", ["a", "name", "b"]),
        ("{from.domain}$", ["", "from.domain", "$"]),
        ("x{2,3}", ["x{2,3}"]),
        (r"\p{Greek}\P{L}\x{41}", [r"\p{Greek}\P{L}\x{41}"]),
        (r"\\p{name}", [r"\\p", "name", ""]),
        (r"\{name}", [r"\{name}"]),
        ("[{name}]{n}", ["[{name}]", "n", ""]),
        ("[]{n}]{n}", ["[]{n}]", "n", ""]),
        ("[^]{n}]{n}", ["[^]{n}]", "n", ""]),
        ("[[:alpha:]{n}]{n}", ["[[:alpha:]{n}]", "n", ""]),
        (r"\Q{n}\E{n}", [r"\Q{n}\E", "n", ""]),
        (r"\Q{n}", [r"\Q{n}"]),
        ("{a", ["{a"]),
        ("{1}", ["{1}"]),
        ("a\\", ["a\\"]),
        ("", [""]),
    ],
)
def test_which_braces_hold_a_name(regex: str, pieces: list[str]) -> None:
    assert unbraced(regex) == pieces


@given(st.text(st.sampled_from("a{}[]^:\\pxQE1_.-"), max_size=12))
def test_a_regex_split_at_its_names_is_still_all_there(regex: str) -> None:
    pieces = unbraced(regex)
    assert "".join([piece if n % 2 == 0 else f"{{{piece}}}" for n, piece in enumerate(pieces)]) == regex


def test_groups_are_known_by_number_and_by_name_in_lower_case() -> None:
    captures = regex_captures("(?P<First>a)(b)(?:c)")
    assert (captures.count, captures.names) == (2, ("first",))
    assert match(Pattern("re2", "(?P<First>a)(b)?", False), "xA") == {"0": "A", "1": "A", "2": "", "first": "A"}


class Emptied(dict[tuple[str, bool], object]):
    """A table that another thread empties at the worst moment."""

    def __setitem__(self, key: tuple[str, bool], compiled: object) -> None:
        super().__setitem__(key, compiled)
        self.clear()


def test_a_thread_that_forgets_patterns_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pydeliver.engine.match._compiled", Emptied())
    assert match(Pattern("re2", "word[0-9]", False), "word1") is not None
