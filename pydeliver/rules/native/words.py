"""What the grammar's terminals are called, in the words of a reader.

Data only: diagnose.py makes messages of it.  No message names a terminal.

Does not know: where a mistake is, or how the language is parsed.
"""

from __future__ import annotations

__all__ = ["AFTER", "CHOICES", "GROUPS", "SYMBOLS", "SYNONYMS", "WORDS", "WORD_GROUPS"]

SYMBOLS = {
    "LBRACE": "{",
    "RBRACE": "}",
    "LPAR": "(",
    "RPAR": ")",
    "LSQB": "[",
    "RSQB": "]",
    "COMMA": ",",
    "EQUAL": "=",
    "PLUS": "+",
    "MINUS": "-",
    "TIMES": "*",
    "DIVIDE": "/",
}


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_ITEMS = _set("RULE LIST CHECK INCLUDE TEST MAILDIR INBOX ADDRESSES TIMEZONE IF SET")
_STATEMENTS = _set(
    "FILE KEEP REDIRECT PIPE QUARANTINE REJECT DEFER DISCARD REWRITE REPLY NOTIFY FLAG UNFLAG HEADER LOG "
    "ALSO STOP CONTINUE IF FOR SET"
)
_ACTIONS = _STATEMENTS - {"STOP", "CONTINUE", "IF", "FOR", "SET"}
_COMPARISONS = _set("IS NOT CONTAINS STARTS ENDS MATCHES IN EXISTS WITHIN BETWEEN ORDER")
_TEST_LINES = _set("MESSAGE ENVELOPE ASSUME AT EXPECT")
_ARITHMETIC = _set("PLUS MINUS TIMES DIVIDE")
_TEXT = frozenset(("STRING", "RAW", "BLOCK"))
_VALUES = _TEXT | _set("NAME NUMBER QUANTITY HEADER COUNT LPAR MINUS")
_CONDITIONS = _VALUES | _set("NOT EVERY MAILBOX ADDRESSED AUTHENTICATED DUPLICATE RATE RUN")

# What is possible, told as one thing: if the first set is possible, all of the second is called so.
GROUPS: tuple[tuple[frozenset[str], frozenset[str], str], ...] = (
    (frozenset(("RULE", "LIST")), _ITEMS, "a rule, a list, a check, a test, an include or a setting"),
    (frozenset(("FILE", "STOP")), _STATEMENTS, "an action"),
    (frozenset(("ALSO", "REJECT")), _ACTIONS, "an action"),
    (frozenset(("EXPECT", "ASSUME")), _TEST_LINES, "a line of the test"),
    (frozenset(("IS", "ORDER")), _COMPARISONS | _ARITHMETIC, "a comparison such as is, contains or exists"),
    (frozenset(("ADDRESSED", "NAME")), _CONDITIONS, "a condition"),
    (frozenset(("NAME", "NUMBER", "LSQB")), _VALUES | {"LSQB"}, "a value or a list"),
    (frozenset(("NAME", "NUMBER")), _VALUES | {"REGEX"}, "a value"),
    (frozenset(("STRING", "REGEX")), _TEXT | {"REGEX", "LSQB"}, 'a pattern such as "*.exe" or /regex/'),
    (frozenset(("STRING",)), _TEXT, "a text in quotes"),
    (frozenset(("QUANTITY",)), frozenset(("QUANTITY",)), "a number with its unit"),
    (frozenset(("NUMBER",)), frozenset(("NUMBER",)), "a number"),
    (frozenset(("REGEX",)), frozenset(("REGEX",)), "a /regex/"),
    (frozenset(("NAME",)), frozenset(("NAME",)), "a name"),
)

# What there is to choose from, for a word that is none of them.
CHOICES = {
    "action": "file, keep, redirect, discard, reject, defer, flag, reply, set, if, stop and others",
    "comparison": "is, contains, starts with, ends with, matches, in, exists, within, between, < and >",
}

# What is expected after a word, or two, where that says more than the group does.
AFTER = {
    "RULE": "the name of the rule in quotes, when, or '{'",
    "LIST": "a name for the list",
    "CHECK": "a name for the verdict, as in check spam with spamd",
    "TEST": "the name of the test in quotes",
    "INCLUDE": "a file name in quotes",
    "MAILDIR": "a path in quotes",
    "MBOX": "a path in quotes",
    "MH": "a path in quotes",
    "INBOX": "a mailbox name in quotes",
    "ADDRESSES": 'your addresses, as in ["ann@example.org"]',
    "TIMEZONE": 'a time zone such as "Europe/Paris"',
    "TABLE": "the name of a table in quotes",
    "NAME WITH": "a checker, as in check spam with spamd",
    "FILE": "a mailbox name in quotes",
    "REDIRECT": "an address in quotes",
    "QUARANTINE": "a reason in quotes",
    "REJECT": 'a status and text such as "5.7.1 not wanted here"',
    "DEFER": 'a status and text such as "4.7.0 try again later"',
    "NOTIFY": 'where to send the notice, such as "mailto:ann@example.org"',
    "FLAG": 'a flag such as "\\Flagged"',
    "UNFLAG": 'a flag such as "\\Seen"',
    "LOG": "a text in quotes",
    "REPLY": "the text of the reply, or an option such as once per 7d",
    "PIPE": 'a command in brackets, as in ["program", "argument"]',
    "REWRITE": 'a command in brackets, as in ["spamc"]',
    "RUN": 'a command in brackets, as in ["grep", "-q", "word"]',
    "SENDER": "keep, null, me or srs",
    "ENVELOPE SENDER": "an address in quotes",
    "ENVELOPE RECIPIENT": "an address in quotes",
    "HEADER": "the name of a header field in quotes",
    "IS NOT": "a value to compare with",
    "NOT IN": "the name of a list, or [ … ]",
    "STARTS WITH": "a value to compare with",
    "ENDS WITH": "a value to compare with",
    "CREATE": "never",
    "ONCE": "per and a time, as in once per 7d",
    "PER": "a time such as 7d",
    "TIMEOUT": "a time such as 30s",
    "LIMIT": "a size such as 512K",
    "ON": "error and what to do, as in on error defer",
    "SUBJECT": "the subject in quotes",
    "FOR": "each",
    "EACH": "what to go through, as in for each attachment { … }, or for each match of /regex/ in body { … }",
    "MATCH": "of and a /regex/",
    "COUNT": "of and a field or a /regex/",
    "RATE": "of and a value",
    "SET": "the name of a variable",
    "WHEN": "a condition",
    "IF": "a condition",
    "NOT": "a condition",
    "AND": "a condition",
    "OR": "a condition",
    "IS": 'a value to compare with, as in is "word"',
    "CONTAINS": 'a value to look for, as in contains "word"',
    "STARTS": "with",
    "ENDS": "with",
    "MATCHES": 'a pattern such as "*.exe" or /regex/',
    "IN": "the name of a list, or [ … ]",
    "WITHIN": 'a time, such as "Mon-Fri 09:00-18:00"',
    "BETWEEN": "two values with and between them",
    "AUTHENTICATED": "as and a domain",
    "AS": "a domain in quotes",
    "ADDRESSED": "to me",
    "DUPLICATE WITHIN": "a time such as 2d",
    "OVER": "a number",
    "EXITS": "a number",
    "OUTPUTS": "a /regex/",
    "ENVELOPE": "sender or recipient",
    "ASSUME": "a condition, as in assume spam.score is 3",
    "AT": 'a time such as "2026-11-24 10:00"',
    "EXPECT": "an action, as in expect keep",
    "MESSAGE": 'the message, as a text between lines of """',
    "EQUAL": "a value",
}

# Words of a group, to find the one that was meant.
WORD_GROUPS = {
    "test line": _TEST_LINES,
    "item": _ITEMS - {"IF", "SET"},
    "action": _STATEMENTS,
    "comparison": _COMPARISONS - {"ORDER"},
}

# Every word of the language, as the grammar names it; a test compares.
WORDS = (
    _ITEMS
    | _STATEMENTS
    | _COMPARISONS
    | _TEST_LINES
    | _set("ADD REMOVE BODY NULL ME SRS SENDER RECIPIENT NEVER CREATE TIMEOUT LIMIT ON ERROR ONCE PER SUBJECT FROM TO")
    | _set("TABLE WITH WHEN ELSE EACH MATCH OF AND OR EVERY COUNT MBOX MH MAILBOX ADDRESSED AUTHENTICATED AS")
    | _set("DUPLICATE RATE OVER RUN SUCCEEDS EXITS OUTPUTS")
) - {"ORDER"}

# What other languages, and people, say for our words.
SYNONYMS = {
    "move": "file",
    "store": "file",
    "save": "file",
    "deliver": "file",
    "put": "file",
    "copy": "also file",
    "forward": "redirect",
    "resend": "redirect",
    "bounce": "reject",
    "refuse": "reject",
    "drop": "discard",
    "delete": "discard",
    "trash": "discard",
    "junk": 'file "Junk"',
    "exec": "pipe",
    "execute": "pipe",
    "shell": "pipe",
    "filter": "rewrite",
    "autoreply": "reply",
    "tag": "flag",
    "mark": "flag",
    "print": "log",
    "quit": "stop",
    "break": "stop",
    "next": "continue",
    "let": "set",
    "equals": "is",
    "equal": "is",
    "eq": "is",
    "ne": "is not",
    "has": "contains",
    "have": "contains",
    "includes": "contains",
    "contain": "contains",
    "begins": "starts with",
    "begin": "starts with",
    "beginswith": "starts with",
    "startswith": "starts with",
    "endswith": "ends with",
    "like": "matches",
    "match": "matches",
    "regex": "matches",
    "exist": "exists",
    "gt": ">",
    "lt": "<",
    "ge": ">=",
    "le": "<=",
}
