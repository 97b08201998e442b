"""Scenarios of header edits: what sees them, what is stored with them, and what can be no edit.

References: the manual's page on the rule language, "Header edits".
"""

from __future__ import annotations

from pydeliver import limits
from tests.scenarios.scenario import Scenario, fields

SHORT = "Subject: tea\n\nbody\n"
TWO = "X-A: 1\nSubject: tea\nX-A: 2\n\nbody\n"

EDITS = [
    Scenario(
        "a field is added at the top",
        'rule { header add "X-A" "b" }',
        'header add "X-A" "b"\nkeep',
        SHORT,
        versions={"keep": "X-A: b\nSubject: tea\n\nbody\n"},
    ),
    Scenario(
        "a field is set: the first is replaced, the others go",
        'rule { header set "x-a" "b" }',
        'header set "x-a" "b"\nkeep',
        TWO,
        versions={"keep": "x-a: b\nSubject: tea\n\nbody\n"},
    ),
    Scenario(
        "a field is removed, all there are",
        'rule { header remove "X-A" }',
        'header remove "X-A"\nkeep',
        TWO,
        versions={"keep": SHORT},
    ),
    Scenario(
        "stores before an edit keep the version before it",
        'rule { also file "A" header set "Subject" "{subject}!" also file "B" header set "Subject" "{subject}?" }',
        'also file "A"\nheader set "Subject" "tea!"\nalso file "B"\nheader set "Subject" "tea!?"\nkeep',
        SHORT,
        versions={
            'also file "A"': SHORT,
            'also file "B"': "Subject: tea!\n\nbody\n",
            "keep": "Subject: tea!?\n\nbody\n",
        },
    ),
    Scenario(
        "an edit holds for the stores of its own block that follow, the deciding one among them",
        'rule { header add "X-A" "b" file "A" }',
        'header add "X-A" "b"\nfile "A"',
        SHORT,
        versions={'file "A"': "X-A: b\nSubject: tea\n\nbody\n"},
    ),
    Scenario(
        "in an also block it ends with it",
        'rule { also { header set "Subject" "x" also file "A" } if subject is "tea" { also file "B" } }',
        'header set "Subject" "x"\nalso file "A"\nalso file "B"\nkeep',
        SHORT,
        versions={'also file "A"': "Subject: x\n\nbody\n", 'also file "B"': SHORT, "keep": SHORT},
    ),
    Scenario(
        "an also block begins with the version around it",
        'rule { header set "Subject" "x" also { header add "X-A" "{subject}" also file "A" } }',
        'header set "Subject" "x"\nheader add "X-A" "x"\nalso file "A"\nkeep',
        SHORT,
        versions={'also file "A"': "X-A: x\nSubject: x\n\nbody\n", "keep": "Subject: x\n\nbody\n"},
    ),
    Scenario(
        "a mailbox named twice gets the version of the first store",
        'rule { also file "A" header add "X-A" "b" flag "\\Seen" also file "A" }',
        'also file "A"\nheader add "X-A" "b"\nflag "\\Seen"\nkeep',
        SHORT,
        flags={'also file "A"': "\\Seen"},
        versions={'also file "A"': SHORT},
    ),
    Scenario(
        "what an error keeps is the original",
        'rule { header add "X-A" "b" for each match of /./ in subject { for each match of /./ in subject {'
        ' for each match of /./ in subject { log "x" } } } }',
        "keep",
        "Subject: " + "x" * 200 + "\n\nbody\n",
        versions={"keep": "Subject: " + "x" * 200 + "\n\nbody\n"},
        warning="steps",
        problem="steps",
    ),
    Scenario(
        "an edit of the rules before holds for the user's",
        'rule when header "X-A" is "b" { file "A" }',
        'header add "X-A" "b"\nfile "A"',
        SHORT,
        before='rule { header add "X-A" "b" }',
        versions={'file "A"': "X-A: b\nSubject: tea\n\nbody\n"},
    ),
    Scenario(
        "an edit of the rules after holds for the implicit keep",
        'rule { also file "A" }',
        'also file "A"\nheader add "X-A" "b"\nkeep',
        SHORT,
        after='rule { header add "X-A" "b" }',
        versions={'also file "A"': SHORT, "keep": "X-A: b\nSubject: tea\n\nbody\n"},
    ),
    Scenario(
        "a value that expands adds no line and is written in encoded words",
        'rule { header set "X-Copy" "{subject} – {header \'X-Two\'}" }',
        'header set "X-Copy" "a  b c – d e"\nkeep',
        "Subject: =?utf-8?q?a=0D=0Ab=0Ac?=\nX-Two: d\n e\n\nbody\n",
        versions={
            "keep": "X-Copy: a  b c =?utf-8?b?4oCT?= d e\nSubject: =?utf-8?q?a=0D=0Ab=0Ac?=\nX-Two: d\n e\n\nbody\n"
        },
    ),
    Scenario(
        "a text that comes out empty is no edit",
        'rule { header add "X-A" " {header \'X-None\'} " }',
        "keep",
        SHORT,
        versions={"keep": SHORT},
        warning='left out: header add "X-A": the text is empty',
    ),
    Scenario(
        "a name that comes out as none is no edit",
        'rule { header add "X-{subject}" "b" }',
        "keep",
        "Subject: a b\n\nbody\n",
        warning='left out: header add "X-a b": that is no name of a field',
    ),
    Scenario(
        "a name may expand",
        'rule { header add "X-{subject}" "b" }',
        'header add "X-tea" "b"\nkeep',
        SHORT,
        versions={"keep": "X-tea: b\nSubject: tea\n\nbody\n"},
    ),
    Scenario(
        "a message without a header gets one",
        'rule { header add "X-A" "b" }',
        'header add "X-A" "b"\nkeep',
        "\nbody\n",
        versions={"keep": "X-A: b\n\nbody\n"},
    ),
    Scenario(
        "in its own line end",
        'rule { header add "X-A" "b" }',
        'header add "X-A" "b"\nkeep',
        "Subject: tea\r\n\r\nbody\r\n",
        versions={"keep": "X-A: b\r\nSubject: tea\r\n\r\nbody\r\n"},
    ),
    Scenario(
        "no more than so many",
        f'rule {{ for each match of /./ in "{"x" * (limits.EDITS // 10 + 1)}" {{'
        ' for each match of /./ in "0123456789" { header set "X-A" "{0}" } } }',
        "keep",
        SHORT,
        versions={"keep": SHORT},
        warning="more than 1000 times",
        problem="more than 1000 times",
    ),
]


def seen(condition: str, outcome: bool) -> Scenario:
    """What a condition makes of an edited message."""
    done = 'header set "Subject" "y"\nheader add "To" "ann@example.org"\nheader remove "X-Gone"\n'
    edits = 'rule { header set "Subject" "y" header add "To" "ann@example.org" header remove "X-Gone" }\n'
    return Scenario(
        f"of an edited message {condition} is {outcome}".lower(),
        f'addresses ["ann@example.org"]\n{edits}rule when {condition} {{ file "yes" }}',
        done + ('file "yes"' if outcome else "keep"),
        fields("Subject: x", "X-Gone: z"),
    )


SEEN = [
    seen('subject is "y"', True),
    seen('subject is "x"', False),
    seen("addressed to me", True),
    seen('every to.domain is "example.org"', True),
    seen('header "X-Gone" exists', False),
    seen("count of to is 1", True),
    seen(f"size is {len('To: ann@example.org/Subject: y//body/')}", True),
]

SCENARIOS = EDITS + SEEN
