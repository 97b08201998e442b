"""Which names some path can have set by now: what is sound is taken, what can never be set is told.

The wording of each mistake is in `tests/diagnostics`.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pydeliver.rules.check import check
from pydeliver.rules.native.parse import parse
from pydeliver.rules.source import RuleError, Source

HERE = Path(__file__).parent


def mistakes(text: str, phase: str = "user") -> list[str]:
    try:
        check(parse(Source("rules", text)), phase)
    except RuleError as error:
        return [mistake.text for mistake in error.mistakes]
    return []


def unset(name: str) -> list[str]:
    return [f"nothing can have set {f'{{{name}}}' if name.isdigit() else repr(name)} here"]


USE = 'log "{x}"'

SOUND = [
    ("set before", f"rule {{ set x = 1 {USE} }}"),
    ("set in an earlier rule", f"rule {{ set x = 1 }} rule {{ {USE} }}"),
    ("set outside of rules", f"set x = 1\nrule {{ {USE} }}"),
    ("set on one path", f"rule {{ if 1 is 1 {{ set x = 1 }} {USE} }}"),
    ("set in an else", f"rule {{ if 1 is 1 {{ }} else {{ set x = 1 }} {USE} }}"),
    ("set in a rule with a condition", f"rule when 1 is 1 {{ set x = 1 }} rule {{ {USE} }}"),
    ("set before a continue", f"rule {{ set x = 1 if 1 is 1 {{ continue }} stop }} rule {{ {USE} }}"),
    (
        "set in a deciding block that goes on",
        f'rule {{ if 1 is 1 {{ set x = 1 file "A" continue }} }} rule {{ {USE} }}',
    ),
    ("set in a loop", f"rule {{ for each to {{ set x = 1 }} {USE} }}"),
    ("set by an earlier turn", f"rule {{ for each to {{ if 1 is 1 {{ {USE} }} set x = 1 }} }}"),
    (
        "set by an earlier turn that went on",
        f"rule {{ for each to {{ {USE} if 1 is 1 {{ set x = 1 continue }} stop }} }}",
    ),
    ("set around an also block", f"rule {{ set x = 1 also {{ {USE} }} }}"),
    ("set by a named group", f"rule when subject matches /(?P<x>.)/ {{ {USE} }}"),
    ("set by a named group in capitals", f"rule when subject matches /(?P<X>.)/ {{ {USE} }}"),
    ("set by a named group in another rule", f"rule when subject matches /(?P<x>.)/ {{ }} rule {{ {USE} }}"),
    ("set by one of several patterns", f'rule when subject matches ["a", /(?P<x>.)/] {{ {USE} }}'),
    ("set by one part of an or", f"rule when 1 is 1 or subject matches /(?P<x>.)/ {{ {USE} }}"),
    ("set under a not", f"rule when not subject matches /(?P<x>.)/ {{ {USE} }}"),
    ("set by a condition and used in it", 'rule when subject matches /(?P<x>.)/ and to is "{x}" { }'),
    ("set by an if and used in its else", f"rule {{ if subject matches /(?P<x>.)/ {{ }} else {{ {USE} }} }}"),
    ("set by for each match", f"rule {{ for each match of /(?P<x>.)/ in subject {{ {USE} }} }}"),
    ("a group by number", 'rule when subject matches "a*b?" { log "{0} {1} {2}" }'),
    ("no path comes here, so nothing is blamed", f"rule {{ stop {USE} }}"),
    ("no path comes to the next rule", f"rule {{ discard }} rule {{ {USE} }}"),
    ("used in a regex", "rule { set x = 1 if subject matches /{x}/ { } }"),
    ("a list that is defined below", "rule when from in friends { keep } list friends = []"),
    ("a name in capitals is the same", "rule { set X = 1 log '' if x is 1 { keep } }"),
    ("an empty file", ""),
    ("settings", 'maildir "~/M" inbox "Home" addresses ["a@b"] timezone "Europe/Paris" set limits.new_mailboxes = 5'),
    ("an inbox that is a Maildir", 'inbox maildir "~/Other"'),
    ("an extra that decides nothing", "rule { also { keep } }"),
    ("numbers and texts compare", 'rule when header "X" is 5 and size is "5" and size in [1, "2"] { keep }'),
    ("a text from a name may be a number", 'rule when size > "{subject}" { keep }'),
    ("any flag that IMAP can say", 'rule { flag "\\seen", "$Junk", "NonJunk", "a.b-c_d" }'),
]

UNSOUND = [
    ("never set", f"rule {{ {USE} }}", "x"),
    ("set after", f"rule {{ {USE} set x = 1 }}", "x"),
    ("set in a later rule", f"rule {{ {USE} }} rule {{ set x = 1 }}", "x"),
    ("set in an also block", f"rule {{ also {{ set x = 1 }} {USE} }}", "x"),
    ("set in the other branch", f"rule {{ if 1 is 1 {{ set x = 1 }} else {{ {USE} }} }}", "x"),
    ("set only where evaluation stops", f"rule {{ if 1 is 1 {{ set x = 1 stop }} {USE} }}", "x"),
    ("set only in a block that decides", f"rule {{ if 1 is 1 {{ set x = 1 discard }} {USE} }}", "x"),
    ("set in its own value", "rule { set x = x + 1 }", "x"),
    ("more groups than there are", 'rule when subject matches "a*" { log "{2}" }', "2"),
    ("a group without a match", 'rule { log "{1}" }', "1"),
    ("used in a regex", "rule when subject matches /{x}/ { }", "x"),
    ("used in a mailbox", 'rule { file "{x}" }', "x"),
    ("used in a flag", 'rule { flag "{x}" }', "x"),
    ("used in a status", 'rule { reject "{x}" }', "x"),
    ("used in a question", 'rule when mailbox "{x}" exists { }', "x"),
    ("used in a sum", "rule when 1 + x > 2 { }", "x"),
    ("used in a list", 'rule when subject is ["{x}"] { }', "x"),
    ("used in a collection", 'rule when from in ["{x}"] { }', "x"),
    ("used in a range", "rule when 1 between 0 and x { }", "x"),
    ("used as a loop's text", "rule { for each match of /a/ in x { } }", "x"),
]


@pytest.mark.parametrize(("title", "text"), SOUND, ids=[title for title, _ in SOUND])
def test_what_is_sound_is_taken(title: str, text: str) -> None:
    assert mistakes(text) == []


@pytest.mark.parametrize(("title", "text", "name"), UNSOUND, ids=[title for title, *_ in UNSOUND])
def test_a_name_that_no_path_can_have_set_is_told_once(title: str, text: str, name: str) -> None:
    assert mistakes(text) == unset(name)


def test_one_mistake_does_not_bring_another() -> None:
    assert mistakes('rule when age matches /(a)(?P<x>b)/ { log "{1}{x}" }') == [
        "not yet: 'age' (time, state and replies come with a later version)"
    ]
    assert mistakes('rule when frm.x matches "*" { log "{1}" }') == ["nothing can have set 'frm.x' here"]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('rule { also file "A" flag "x" log "y" unflag "x" }', 0),
        ('rule { also { file "A" } }', 0),
        ("rule { if 1 is 1 { stop } }", 0),
        ('rule { file "A" }', 1),
        ("rule { keep }", 1),
        ('rule { if 1 is 1 { for each to { reject "x" } } }', 1),
        ("rule { also { discard } }", 1),
        ('test "t" { message "x" expect keep }', 0),
    ],
)
def test_rules_after_the_users_only_add(text: str, count: int) -> None:
    assert len(mistakes(text, "after")) == count


def test_loops_inside_one_another_are_checked_in_no_time() -> None:
    started = time.monotonic()
    assert len(mistakes("rule { " + "for each to { " * 30 + "} " * 30 + "}")) == 1
    assert mistakes("rule { " + "for each to { " * 4 + "} " * 4 + "}") == []
    assert time.monotonic() - started < 2
