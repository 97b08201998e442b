"""The one table of words: everything a rule file can say, and what each word takes.

`check`, the plan, the manual's test and completion read it; a new word is one
row here and one file that does it.  A word whose `later` is not empty is
understood by the grammar but not carried out yet: `check` says so.

Does not know: how a word is parsed, evaluated or performed.
Manual: pydeliverrc(5), which `tests/test_docs.py` compares with these tables.
"""

from __future__ import annotations

from pydeliver.value import value

TIME = "time, state and replies"
REWRITTEN_SENDERS = "rewritten senders"
VERDICTS = "spam, virus and sender verdicts"
TABLES = "the administrator's tables"


@value
class FieldWord:
    """Something a condition can look at.

    `kind`: addresses, id, text, envelope, body, part, number, time or verdict.  `headers` are the
    header fields it reads.  `parts` may follow its name after a dot.
    """

    kind: str
    headers: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    later: str = ""


ADDRESS_PARTS = ("address", "local", "domain", "user", "detail", "name")
TEXT_PARTS = ("text", "raw")
PICKS = ("first", "last")
ENVELOPE_PARTS = ("address", "local", "domain", "user", "detail")

_IN_ADDRESS_FIELD = ADDRESS_PARTS + TEXT_PARTS + PICKS
_IN_TEXT_FIELD = TEXT_PARTS + PICKS

HEADER_FIELD = FieldWord("text", (), ADDRESS_PARTS + TEXT_PARTS + PICKS)

FIELDS = {
    "subject": FieldWord("text", ("subject",), _IN_TEXT_FIELD),
    "from": FieldWord("addresses", ("from",), _IN_ADDRESS_FIELD),
    "to": FieldWord("addresses", ("to",), _IN_ADDRESS_FIELD),
    "cc": FieldWord("addresses", ("cc",), _IN_ADDRESS_FIELD),
    "bcc": FieldWord("addresses", ("bcc",), _IN_ADDRESS_FIELD),
    "reply-to": FieldWord("addresses", ("reply-to",), _IN_ADDRESS_FIELD),
    "addressee": FieldWord("addresses", ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"), _IN_ADDRESS_FIELD),
    "list-id": FieldWord("id", ("list-id",), _IN_TEXT_FIELD),
    "message-id": FieldWord("id", ("message-id",), _IN_TEXT_FIELD),
    "date": FieldWord("text", ("date",), _IN_TEXT_FIELD),
    "envelope.sender": FieldWord("envelope", (), ENVELOPE_PARTS),
    "recipient": FieldWord("envelope", (), ENVELOPE_PARTS),
    "original-recipient": FieldWord("envelope", (), ENVELOPE_PARTS),
    "client.address": FieldWord("envelope"),
    "auth.user": FieldWord("envelope"),
    "size": FieldWord("number"),
    "lines": FieldWord("number"),
    "body": FieldWord("body"),
    "body.raw": FieldWord("body"),
    "body.html": FieldWord("body"),
    "body.size": FieldWord("number"),
    "headers.raw": FieldWord("body"),
    "message.raw": FieldWord("body"),
    "attachment": FieldWord("part"),
    "attachment.name": FieldWord("part"),
    "attachment.type": FieldWord("part"),
    "attachment.magic": FieldWord("part"),
    "attachment.size": FieldWord("number"),
    "part": FieldWord("part"),
    "part.type": FieldWord("part"),
    "part.size": FieldWord("number"),
    "part.text": FieldWord("part"),
    "age": FieldWord("time", later=TIME),
    "now": FieldWord("time", later=TIME),
    "dkim": FieldWord("verdict", later=VERDICTS),
    "spf": FieldWord("verdict", later=VERDICTS),
    "dmarc": FieldWord("verdict", later=VERDICTS),
    "arc": FieldWord("verdict", later=VERDICTS),
}


@value
class FactWord:
    """A condition with a word of its own; its arguments as the syntax tree names them."""

    arguments: tuple[str, ...] = ()
    later: str = ""


FACTS = {
    "mailbox exists": FactWord(("mailbox",)),
    "addressed to me": FactWord(),
    "authenticated as": FactWord(("domain",), VERDICTS),
    "duplicate": FactWord(("on", "within"), TIME),
    "rate": FactWord(("of", "over", "per"), TIME),
    "run succeeds": FactWord(("portion", "argv")),
    "run exits": FactWord(("portion", "argv", "status")),
    "run outputs": FactWord(("portion", "argv", "pattern")),
}


@value
class OperatorWord:
    """A comparison.  `searches`: it takes the whole field, names included; else each address.

    `operands`: "text" compares texts (and numbers as texts), "number" numbers, "time" times.
    """

    searches: bool = False
    operands: tuple[str, ...] = ("text", "number")
    later: str = ""


OPERATORS = {
    "is": OperatorWord(),
    "is not": OperatorWord(),
    "contains": OperatorWord(searches=True, operands=("text",)),
    "starts with": OperatorWord(operands=("text",)),
    "ends with": OperatorWord(operands=("text",)),
    "matches": OperatorWord(operands=("text",)),  # a regex searches, a glob takes each address
    "in": OperatorWord(),
    "not in": OperatorWord(),
    "exists": OperatorWord(operands=("text",)),
    "<": OperatorWord(operands=("number", "text")),
    "<=": OperatorWord(operands=("number", "text")),
    ">": OperatorWord(operands=("number", "text")),
    ">=": OperatorWord(operands=("number", "text")),
    "between": OperatorWord(operands=("number", "text")),
    "within": OperatorWord(operands=("time",), later=TIME),
}


@value
class ActionWord:
    """An action.  `decides`: a block that holds it is the last.  `arguments`: name and kind.

    Kinds: mailbox, path, text, texts, status, flags, argv, seconds, choice, header.
    `stands_alone`: nothing else of the plan is performed.
    """

    arguments: tuple[tuple[str, str], ...] = ()
    decides: bool = False
    also: bool = False
    stands_alone: bool = False
    later: str = ""
    later_arguments: tuple[tuple[str, str], ...] = ()


ACTIONS = {
    "keep": ActionWord(decides=True, also=True),
    "file": ActionWord(
        (("mailbox", "mailbox"), ("maildir", "path"), ("mbox", "path"), ("mh", "path"), ("create", "choice")),
        decides=True,
        also=True,
    ),
    "redirect": ActionWord((("addresses", "texts"), ("sender", "choice")), decides=True, also=True),
    "pipe": ActionWord((("portion", "choice"), ("argv", "argv"), ("timeout", "seconds")), decides=True, also=True),
    "quarantine": ActionWord((("reason", "text"),), decides=True, later=VERDICTS),
    "reject": ActionWord((("status", "status"),), decides=True, stands_alone=True),
    "defer": ActionWord((("status", "status"),), decides=True, stands_alone=True),
    "discard": ActionWord(decides=True),
    "rewrite": ActionWord((("portion", "choice"), ("argv", "argv"), ("on_error", "choice"), ("timeout", "seconds"))),
    "reply": ActionWord(
        (("once_per", "seconds"), ("subject", "text"), ("from", "text"), ("to", "text"), ("text", "text")), later=TIME
    ),
    "notify": ActionWord((("target", "text"), ("text", "text")), later=TIME),
    "flag": ActionWord((("flags", "flags"),)),
    "unflag": ActionWord((("flags", "flags"),)),
    "header add": ActionWord((("name", "header"), ("value", "text"))),
    "header set": ActionWord((("name", "header"), ("value", "text"))),
    "header remove": ActionWord((("name", "header"),)),
    "log": ActionWord((("text", "text"),)),
}

TARGETS = ("mailbox", "maildir", "mbox", "mh")  # of `file` and `inbox`: what expands there is one level of a path

STATEMENTS = ("rule", "when", "if", "else", "for each", "set", "also", "stop", "continue", "and", "or", "not", "every")


@value
class SettingWord:
    """A setting of a rule file: the kind of its argument and its default, in words."""

    argument: str
    default: str
    later: str = ""


SETTINGS = {
    "maildir": SettingWord("path", "~/Maildir"),
    "inbox": SettingWord("target", "the INBOX of maildir"),
    "addresses": SettingWord("addresses", "the recipient's own address"),
    "timezone": SettingWord("zone", "the system's"),
}

RULE_LIMITS = {"new_mailboxes": "mailboxes made by expansion in a day"}

DEFINITIONS = {
    "list": "",
    "list from table": TABLES,
    "check": VERDICTS,
    "include": "",
    "test": "",
}

TEST_LINES = {
    "message": "",
    "message from": TIME,
    "envelope sender": "",
    "envelope recipient": "",
    "assume": "",
    "at": TIME,
    "expect": "",
}

LINTS = {
    "unreachable": "no path leads to a rule, a statement or a condition",
    "late-flag": "no store follows a flag",
    "signature": "what the sender has signed is changed before the message is redirected",
    "refused": "the administrator does not allow what a rule does",
    "list-file": "a list file cannot be used",
    "list-line": "a line of a list file is left out, or can be equal to nothing",
}

FILTERS = {
    "lower": "in lower case",
    "upper": "in upper case",
    "first": "the first word",
    "domain": "the domain of the first address",
    "address": "the first address",
    "truncate": "at most this many characters",
    "header": "fit for a header field: on one line",
    "path": "fit for one level of a mailbox name",
}

KEPT_NAMES = (
    "addressed", "authenticated", "count", "duplicate", "every", "header", "mailbox", "match", "not", "rate", "run",
)  # fmt: skip


@value
class ExitStatus:
    """What a run of the program can end in, and when."""

    number: int
    meaning: str


EXIT_STATUSES = (
    ExitStatus(0, "done"),
    ExitStatus(67, "the user database says: no such user"),
    ExitStatus(75, "anything else: try again later"),
    ExitStatus(77, "a rule or the site rejects the message"),
)
