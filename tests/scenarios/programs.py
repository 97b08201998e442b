"""Scenarios of programs: what is asked of them, what they rewrite, and what follows when they fail.

References: the manual's page on the rule language, "Programs".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydeliver import limits
from pydeliver.engine.facts import Ran
from pydeliver.message.edit import Edit
from tests.scenarios.scenario import Scenario, fails, holds

if TYPE_CHECKING:
    from pydeliver.engine.facts import Answer, Question

SHORT = "Subject: tea\n\nbody\n"


def judge(ran: Ran, portion: str = "", *argv: str, edits: tuple[Edit, ...] = ()) -> dict[Question, Answer]:
    """What the program `judge` did, given this version of the message."""
    return {("run", portion, ("judge", *argv), edits): ran}


def exits(status: int, output: bytes = b"") -> Ran:
    return Ran("exited", status, output)


FAILED = Ran("failed", reason="it took too long")
REFUSED = Ran("refused", reason="the administrator refuses run")
X_A = Edit("add", "X-A", "b")

ASKED = [
    holds('run ["judge"] succeeds', facts=judge(exits(0))),
    fails('run ["judge"] succeeds', facts=judge(exits(1))),
    holds('run ["judge"] exits 3', facts=judge(exits(3))),
    fails('run ["judge"] exits 3', facts=judge(exits(0))),
    holds('run header ["judge"] exits 0', facts=judge(exits(0), "header")),
    holds('run ["judge"] outputs /SPAM/', facts=judge(exits(1, b"it is spam\n"))),
    fails('run ["judge"] outputs /SPAM/c', facts=judge(exits(1, b"it is spam\n"))),
    holds('run body ["judge"] outputs /^b$/', facts=judge(exits(0, b"a\nb\n"), "body")),
    holds('run ["judge"] outputs /é/', facts=judge(exits(0, b"\xe9"))),
    Scenario(
        "only the world knows what a program does",
        'rule when run ["judge", "-a b"] succeeds { file "A" }',
        'need: run ["judge", "-a b"]',
    ),
    Scenario(
        "one run answers all that is asked of it",
        'rule when not run ["judge"] succeeds and run ["judge"] exits 2 and run ["judge"] outputs /score (?P<n>[0-9]+)/'
        ' { log "{n} {1}" }',
        'log "7 7"\nkeep',
        facts=judge(exits(2, b"score 7")),
    ),
    Scenario(
        "what expands is one argument",
        'rule when run ["judge", "{subject}", "-{from.local}", 7, size] succeeds { file "A" }',
        'need: run ["judge", "a $(b) \\"c d\\"", "-", "7", "28"]',
        'Subject: a $(b) "c d"\n\nbody\n',
    ),
    Scenario(
        "an argument is cut where no system would take it",
        'rule when run ["judge", "{subject}"] succeeds { file "A" }',
        'file "A"',
        f"Subject: {'x' * 9_000}\n\n",
        facts=judge(exits(0), "", "x" * limits.ARGUMENT_CHARACTERS),
        warning="an argument of judge was cut at 8192 characters",
    ),
    Scenario(
        "a program that could not be run to its end is unknown, its opposite too",
        'rule when run ["judge"] succeeds { file "A" } rule when not run ["judge"] succeeds { file "B" }\n'
        'if run ["judge"] outputs /x/ { file "C" } else { file "D" }',
        "keep",
        facts=judge(FAILED),
        warning='run ["judge"] is unknown: it took too long',
    ),
    Scenario(
        "what must not be run ends in the inbox",
        'rule { header add "X-A" "b" if run ["judge"] succeeds { file "A" } }',
        "keep",
        SHORT,
        facts=judge(REFUSED, edits=(X_A,)),
        versions={"keep": SHORT},
        warning='run ["judge"]: the administrator refuses run',
        problem='run ["judge"]: the administrator refuses run',
    ),
    Scenario(
        "an edited message is asked about anew",
        'rule { if run ["judge"] succeeds { log "A" } header add "X-A" "b" if run ["judge"] succeeds { log "B" } }',
        'header add "X-A" "b"\nlog "B"\nkeep',
        facts={**judge(exits(1)), **judge(exits(0), edits=(X_A,))},
    ),
]


def made(ran: Ran, portion: str = "", *edits: Edit, seconds: int = limits.PROGRAM_SECONDS) -> dict[Question, Answer]:
    """What the program `make` did, given this version of the message."""
    return {("rewrite", portion, ("make",), edits, seconds): ran}


def failing(title: str, ran: Ran, failure: str, portion: str = "") -> Scenario:
    words = " ".join(["rewrite", *([portion] if portion else []), '["make"]'])
    return Scenario(
        f"{title} keeps the original in the inbox",
        f'rule {{ also file "A" header add "X-A" "b" {words} file "B" }}',
        "keep",
        SHORT,
        facts=made(ran, portion, X_A),
        versions={"keep": SHORT},
        warning=f"{words} failed: {failure}",
        problem=f"{words} failed: {failure}",
    )


REWRITTEN = [
    Scenario(
        "what follows sees the new message",
        'rule { also file "A" rewrite ["make"] if subject is "coffee" { log "{size}" file "B" } }',
        'also file "A"\nrewrite ["make"]\nlog "19"\nfile "B"',
        SHORT,
        facts=made(exits(0, b"Subject: coffee\n\nc\n")),
        versions={'also file "A"': SHORT, 'file "B"': "Subject: coffee\n\nc\n"},
    ),
    Scenario(
        "what follows sees the new body",
        'rule { if body contains "water" { log "A" } rewrite body ["make"] if body contains "coffee" { log "B" }'
        ' if body contains "water" { log "C" } }',
        'log "A"\nrewrite body ["make"]\nlog "B"\nkeep',
        "Subject: tea\n\nwater\n",
        facts=made(exits(0, b"coffee\n"), "body"),
    ),
    Scenario(
        "a leading From_ line of the output is none of the message",
        'rule { rewrite ["make"] }',
        'rewrite ["make"]\nkeep',
        SHORT,
        facts=made(exits(0, b"From ann Tue Nov 24 10:00:00 2026\nSubject: coffee\n\nc\n")),
        versions={"keep": "Subject: coffee\n\nc\n"},
    ),
    Scenario(
        "a header alone is rewritten",
        'rule { rewrite header ["make"] if header "X-A" is "b" { file "A" } }',
        'rewrite header ["make"]\nfile "A"',
        SHORT,
        facts=made(exits(0, b"From x\nX-A: b\nSubject: coffee\n\n"), "header"),
        versions={'file "A"': "X-A: b\nSubject: coffee\n\nbody\n"},
    ),
    Scenario(
        "a body alone is rewritten",
        'rule { rewrite body ["make"] timeout 5s }',
        'rewrite body ["make"] timeout 5s\nkeep',
        SHORT,
        facts=made(exits(0, b"From here\non\n"), "body", seconds=5),
        versions={"keep": "Subject: tea\n\nFrom here\non\n"},
    ),
    Scenario(
        "rewrites and edits follow one another",
        'rule { header add "X-A" "b" rewrite body ["make"] header set "X-A" "c" rewrite header ["make"] }',
        'header add "X-A" "b"\nrewrite body ["make"]\nheader set "X-A" "c"\nrewrite header ["make"]\nkeep',
        SHORT,
        facts={
            **made(exits(0, b"new\n"), "body", X_A),
            **made(
                exits(0, b"X-B: d\n"),
                "header",
                *(X_A, Edit("replace", "body", "", b"new\n"), Edit("set", "X-A", "c")),
            ),
        },
        versions={"keep": "X-B: d\n\nnew\n"},
    ),
    Scenario(
        "in an also block a rewrite ends with it",
        'rule { also { rewrite ["make"] also file "A" } }',
        'rewrite ["make"]\nalso file "A"\nkeep',
        SHORT,
        facts=made(exits(0, b"Subject: coffee\n\n")),
        versions={'also file "A"': "Subject: coffee\n\n", "keep": SHORT},
    ),
    Scenario(
        "in a dry run nothing is rewritten, and the plan says so",
        'rule { rewrite ["make"] if subject is "tea" { file "A" } }',
        'rewrite ["make"]\nfile "A"',
        SHORT,
        facts=made(Ran("not run")),
        warning='not run here: rewrite ["make"]; what follows sees the unchanged message',
    ),
    failing("a program that fails", Ran("exited", 3, b"X: y\n\n", "it exited with 3 (no)"), "it exited with 3 (no)"),
    failing("one that takes too long", FAILED, "it took too long"),
    failing("one that gives nothing", exits(0), "it gave nothing"),
    failing("one that gives blanks", exits(0, b" \r\n\n"), "it gave nothing"),
    failing("one that gives no header", exits(0, b"sorry\nSubject: x\n\n"), "what it gave has no header"),
    failing("one that gives an empty header", exits(0, b"\nSubject: x\n"), "what it gave has no header"),
    failing("one that gives no body", exits(0), "it gave nothing", "body"),
    failing("more than a header", exits(0, b"X: y\n\nbody"), "what it gave is more than a header", "header"),
    failing("more than a header in CRLF", exits(0, b"X: y\r\n\r\nb"), "what it gave is more than a header", "header"),
    Scenario(
        "with on error defer a failure defers, and nothing else is done",
        'rule { also file "A" rewrite ["make"] on error defer file "B" }',
        'defer "4.3.0 a program that rewrites the message failed"',
        facts=made(FAILED),
        warning="failed: it took too long\nnot done, for the message is deferred: also file",
    ),
    Scenario(
        "with on error defer it defers out of an also block and a loop too",
        'rule { for each to { also { rewrite ["make"] on error defer } } } rule { file "B" }',
        'defer "4.3.0 a program that rewrites the message failed"',
        facts=made(FAILED),
        warning="failed: it took too long",
    ),
    Scenario(
        "with on error continue it goes on unchanged",
        'rule { header add "X-A" "b" rewrite body ["make"] on error continue file "B" }',
        'header add "X-A" "b"\nrewrite body ["make"] on error continue\nfile "B"',
        SHORT,
        facts=made(FAILED, "body", X_A),
        versions={'file "B"': "X-A: b\nSubject: tea\n\nbody\n"},
        warning="failed: it took too long; what follows sees the unchanged message",
    ),
    Scenario(
        "with on error continue a refused program is a mistake of the rules none the less",
        'rule { rewrite ["make"] on error continue file "B" }',
        "keep",
        facts=made(Ran("refused", reason="root runs no programs")),
        warning="root runs no programs",
        problem='rewrite ["make"] on error continue: root runs no programs',
    ),
    Scenario(
        "the rules before may rewrite for all",
        'rule when subject is "coffee" { file "A" }',
        'rewrite ["make"]\nfile "A"',
        SHORT,
        before='rule { rewrite ["make"] }',
        facts=made(exits(0, b"Subject: coffee\n\n")),
    ),
    Scenario(
        "where those before defer, the user's rules are not tried",
        'rule { file "A" }',
        'defer "4.3.0 a program that rewrites the message failed"',
        SHORT,
        before='rule { rewrite ["make"] on error defer }',
        facts=made(FAILED),
        warning="failed: it took too long",
    ),
]

SCENARIOS = ASKED + REWRITTEN
