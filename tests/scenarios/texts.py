"""Scenarios of texts: expansion, filters, captures, mailbox names, patterns with names in them.

References: the manual's page on the rule language, "Texts".
"""

from __future__ import annotations

from pydeliver import limits
from tests.scenarios.scenario import PLAIN, Scenario, fields


def said(title: str, text: str, expected: str, *lines: str) -> Scenario:
    """A text that is logged."""
    return Scenario(title, f"rule {{ log {text} }}", f"log {expected}\nkeep", fields(*lines) if lines else PLAIN)


def captured(title: str, condition: str, text: str, expected: str, *lines: str) -> Scenario:
    """A text that is logged where a condition holds."""
    rules = f'rule when {condition} {{ log "{text}" }}'
    return Scenario(title, rules, f'log "{expected}"\nkeep', fields(*lines) if lines else PLAIN)


def filed(title: str, mailbox: str, plan: str, subject: str, warning: str = "") -> Scenario:
    rules = f'rule {{ file "{mailbox}" }}'
    return Scenario(title, rules, plan, fields(f"Subject: {subject}"), warning=warning)


TEXTS = [
    said("a field expands", '"<{subject}>"', '"<Hello>"'),
    said("single quotes are taken as they stand", "'<{subject}> \\ '", '"<{{subject}}> \\ "'),
    said("four escapes", r'"\" \\ {{ }}"', r'"\" \ {{ }}"'),
    said("any other backslash is itself", r'"\n \\Seen \Seen"', r'"\n \Seen \Seen"'),
    said("a field with several values is its first", '"{to}"', '"a@x, b@x"', "To: a@x, b@x", "To: c@x"),
    said("a part of it", '"{to.local}@{to.domain}"', '"a@x"', "To: A <a@x>, b@x"),
    said("a header field by its name", """"{header 'X-Foo'}" """, '"bar"', "X-Foo: bar"),
    said("its last one", """"{header 'X-Foo'.last}" """, '"baz"', "X-Foo: bar", "X-Foo: baz"),
    said("nothing is expanded twice", '"{subject}"', '"{{from}}"', "Subject: {from}", "From: x@y"),
    said(
        "a block is dedented and keeps its last newline", '"""\n    one\n      {subject}\n    """', '"one\\n  Hello\\n"'
    ),
    said("quotes are free in a block", '"""\n"{subject}"\n"""', '"\\"Hello\\"\\n"'),
    said("an encoded word is decoded", '"{subject}"', '"é"', "Subject: =?utf-8?q?=C3=A9?="),
    said("a control that was encoded is shown escaped", '"{subject}"', '"a\\x1b[2Jb"', "Subject: =?utf-8?q?a=1B[2Jb?="),
    said("a variable", '"{subject}" set x = "<{subject}>" log "{x}"', '"Hello"\nlog "<Hello>"'),
]

FILTERS = [
    said("lower", '"{subject|lower}"', '"hello é"', "Subject: HELLO É"),
    said("upper", '"{subject|upper}"', '"HELLO"'),
    said("first", '"{subject|first}"', '"one"', "Subject:   one two"),
    said("first of nothing", '"<{subject|first}>"', '"<>"', "Subject:"),
    said("domain", '"{reply-to|domain}"', '"x"', "Reply-To: A <a@x>, b@y"),
    said("address", '"{reply-to|address}"', '"a@x"', "Reply-To: A <a@x>, b@y"),
    said("domain of what is no address", '"<{subject|domain}>"', '"<>"', "Subject: none"),
    said("truncate", '"{subject|truncate:2}"', '"He"'),
    said("truncate what is shorter", '"{subject|truncate:99}"', '"Hello"'),
    said("header: on one line", '"x" set t = """\n  a\n  b\n  """ log "<{t|header}>"', '"x"\nlog "<a b>"'),
    said("path: one level of a mailbox name", '"{subject|path}"', '"a_b_c"', "Subject: a/b.c"),
    said("filters from left to right", '"{subject|upper|truncate:3|lower}"', '"hel"'),
    said("a filter on a variable", '"x" set t = "A" log "{t|lower}"', '"x"\nlog "a"'),
]

CAPTURES = [
    captured("what * and ? stand for", 'subject matches "H?l*"', "{1}|{2}|{0}", "e|lo|Hello"),
    captured(
        "each * takes as little as it can", 'subject matches "*a*b*"', "{1}|{2}|{3}", "x|y|zab", "Subject: xaybzab"
    ),
    captured("groups of a regex by number", "subject matches /(l+)(o)/", "{0} {1} {2}", "llo ll o"),
    captured("groups by name", "subject matches /(?P<first>.)(?P<Rest>.*)/", "{rest}{first}{1}", "elloHH"),
    captured("a group that took no part is empty", "subject matches /(x)?(H)/", "<{1}{2}>", "<H>"),
    captured("the first value that matches", 'to matches "*@x"', "{1}", "b", "To: a@y, b@x, c@x"),
    captured("the first pattern that matches", 'subject matches ["*zz", "H*", "He*"]', "{1}", "ello"),
    captured("a regex before a glob, as written", 'subject matches [/(.)$/, "H*"]', "{1}", "o"),
    captured("captures keep their case", 'subject matches "h*"', "{0}", "Hello"),
    captured("a failed match leaves them", 'subject matches "H*" and not subject matches "x*"', "{1}", "ello"),
    captured("a second match replaces them", 'subject matches "*l?" and subject matches "H*"', "{1}", "ello"),
    captured("of an or the part that held", 'subject matches "x*" or subject matches "H*"', "{1}", "ello"),
    captured("every gives the first value's", 'every to matches "*@x"', "{1}", "a", "To: a@x, b@x"),
    captured("numbers of an earlier match are gone", 'subject matches "?????" and subject matches "H*"', "<{5}>", "<>"),
    captured("names of an earlier match stay", 'subject matches /(?P<n>H)/ and subject matches "*o"', "{n}", "H"),
    Scenario(
        "captures reach the next rule",
        'rule when subject matches "H*" { }\nrule { log "{1}" }',
        'log "ello"\nkeep',
    ),
    Scenario(
        "captures of an if stay behind it",
        'rule { if subject matches "H*" { } log "{1}" }',
        'log "ello"\nkeep',
    ),
]

PATTERNS = [
    Scenario(
        "what expands in a glob is literal",
        'rule when to matches "{subject}@*" { file "yes" }',
        "keep",
        fields("Subject: *", "To: ann@x"),
    ),
    Scenario(
        "and matches itself",
        'rule when to matches "{subject}@*" { file "{1}" }',
        'file "x"',
        fields("Subject: ANN", "To: ann@x"),
    ),
    Scenario(
        "what expands in a regex is literal",
        'rule { set t = subject if from matches /^{t}@/ { file "yes" } }',
        "keep",
        fields("Subject: .*", "From: ann@x"),
    ),
    Scenario(
        "and is one thing to repeat",
        'rule { set t = subject if from matches /^{t}+@/ { file "yes" } }',
        'file "yes"',
        fields("Subject: ab", "From: abab@x"),
    ),
    Scenario(
        "a field in a regex",
        'rule when from matches /@{recipient.domain}>?$/ { file "yes" }',
        'file "yes"',
        fields("From: <x@example.org>"),
    ),
    Scenario(
        "an empty one in a regex",
        'rule when subject matches /^a{list-id}*b$/ { file "yes" }',
        'file "yes"',
        fields("Subject: ab"),
    ),
    Scenario(
        "a regex that becomes too large matches nothing",
        "rule when subject matches /(?:{subject}){100}/ { file 'yes' }",
        "keep",
        fields("Subject: " + "a" * 60_000),
        warning="did not match",
    ),
    Scenario(
        "a question mark in a regex that no charset can write",
        "rule { set t = subject if to matches /^a{t}$/ { file 'yes' } }",
        "keep",
        fields("Subject: =?utf-7?q?+2AA-?=", "To: a"),
    ),
]

MAILBOXES = [
    filed("an expansion is one level", "lists/{subject}", 'file "lists/a_b"', "a/b", "was made"),
    filed("a dot is no separator", "{subject}", 'file "a_b"', "a.b", "was made"),
    filed("control characters", "{subject}", 'file "a_b"', "=?utf-8?q?a=1Bb?=", "was made"),
    filed("the parent directory", "{subject}", 'file "__"', "..", "was made"),
    filed("64 characters at most", "{subject}", f'file "{"a" * 64}"', "a" * 65, "was made"),
    filed("a tilde", "{subject}", 'file "_x"', "~x", "was made"),
    filed("a Maildir's own directory", "{subject}", 'file "cur_"', "cur", "was made"),
    filed("a Maildir's own directory, made of two", "c{subject}", "keep", "ur", "the inbox instead"),
    filed("too long in all", "{subject}/{subject}/{subject}/{subject}", "keep", "a" * 64, "the inbox instead"),
    filed("the filter path beforehand changes nothing more", "{subject|path}", 'file "a_b"', "a/b"),
    filed("not ASCII", "{subject}", 'file "été"', "été"),
    filed("nothing left", "{subject}", "keep", "=?utf-8?q?_?=", "empty"),
    Scenario(
        "a detail address",
        'rule when mailbox "{recipient.user}" exists { file "{recipient.user}" }',
        'file "ann"',
        facts={("mailbox exists", "ann"): True},
    ),
]

BOUNDS = [
    Scenario(
        "a text is no longer than its limit, filters before",
        'rule { log "{subject|truncate:5}" }',
        'log "aaaaa"\nkeep',
        fields("Subject: " + "a" * (limits.TEXT_CHARACTERS + 9)),
    ),
    Scenario(
        "reject takes what expands",
        'rule { reject "5.7.1 {subject} is not wanted" }',
        'reject "5.7.1 Hello is not wanted"',
    ),
    Scenario(
        "a refusal never goes without a text",
        'rule { reject "5.7.9 {list-id}" }',
        'reject "5.7.9 message not accepted"',
        warning="without a text",
    ),
    Scenario(
        "nor does putting it off",
        'rule { defer "{list-id}" }',
        'defer "4.7.1 try again later"',
        warning="without a text",
    ),
    Scenario(
        "a code of another class is text",
        'rule { reject "{subject}" }',
        'reject "5.7.1 2.0.0 delivered"',
        fields("Subject: 2.0.0 delivered"),
    ),
    Scenario("defer without a code", 'rule { defer "come back" }', 'defer "come back"'),
    Scenario("log an empty text", 'rule { log "" }', 'log ""\nkeep'),
]

SCENARIOS = TEXTS + FILTERS + CAPTURES + PATTERNS + MAILBOXES + BOUNDS
