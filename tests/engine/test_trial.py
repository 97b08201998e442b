"""`test` blocks: what is expected, what the plan said, and the quiet answers that were taken."""

from __future__ import annotations

from pydeliver.engine.trial import Trial, run_tests
from pydeliver.rules.check import check
from pydeliver.rules.compile import compile_rules
from pydeliver.rules.native.parse import parse
from pydeliver.rules.source import Source


def tried(text: str) -> tuple[Trial, ...]:
    rules = parse(Source("rules", text))
    check(rules)
    return run_tests(rules, compile_rules(rules))


RULES = """
addresses ["ann@example.org", "lee@example.org"]
rule "Lists" when list-id matches "*.lists.example.org" {
    also file "archive"
    flag "list"
    file "lists/{1}"
}
rule "Mine" when mailbox "{recipient.detail}" exists { file "{recipient.detail}" }
rule "Null" when envelope.sender is "" { discard }
rule "Me" when addressed to me and envelope.sender is "bob@example.net" { log "{recipient}" }
"""
LIST = 'message """\nList-Id: <dev.lists.example.org>\nSubject: {not expanded} \\" as it is\n\n"""'


def one(test: str) -> Trial:
    (trial,) = tried(f'{RULES}\ntest "t" {{ {test} }}')
    return trial


def test_the_expect_lines_together_are_the_whole_plan() -> None:
    whole = one(f'{LIST} expect also file "archive" expect flag "list" expect file "lists/dev"')
    assert whole.passed
    assert (whole.name, whole.line, whole.quiet) == ("t", 12, ())
    part = one(f'{LIST} expect file "lists/dev"')
    assert not part.passed
    assert part.found == ('also file "archive"', 'flag "list"', 'file "lists/dev"')
    assert part.expected == ('file "lists/dev"',)


def test_the_order_of_the_plan_counts() -> None:
    assert not one(f'{LIST} expect file "lists/dev" expect flag "list" expect also file "archive"').passed


def test_what_is_not_assumed_has_its_quiet_answer_and_that_is_told() -> None:
    trial = one('message "From: carol@example.com" envelope recipient "ann+x@example.org" expect keep')
    assert trial.passed
    assert trial.quiet == ('mailbox "x" exists is false',)


def test_what_is_assumed_is_so() -> None:
    envelope = 'message "From: carol@example.com" envelope recipient "ann+x@example.org"'
    assert one(f'{envelope} assume mailbox "x" exists expect file "x"').passed
    assert one(f'{envelope} assume not mailbox "x" exists expect keep').quiet == ()


def test_the_sender_is_the_author_and_the_recipient_the_first_of_addresses() -> None:
    assert one(
        'message """\nFrom: Bob <bob@example.net>\nTo: lee@example.org\n""" expect log "ann@example.org" expect keep'
    ).passed


def test_the_envelope_can_be_said() -> None:
    assert one('message "From: bob@example.net" envelope sender "" expect discard').passed
    assert one('message "Subject: x" expect discard').passed, "without an author the sender is null"


def test_inbox_is_keep() -> None:
    assert one('message "From: carol@example.com" expect file "INBOX"').passed


def test_each_test_stands_alone() -> None:
    trials = tried(
        'rule when subject is "a" { flag "x" }\n'
        'test "one" { message "Subject: a" expect flag "x" expect keep }\n'
        'test "two" { message "Subject: b" expect keep }\n'
    )
    assert [(trial.name, trial.passed) for trial in trials] == [("one", True), ("two", True)]


LISTED = """
list blocked from "blocked.txt"
rule "Blocked" when from in blocked { file "Blocked" }
rule "All" when every to in blocked { file "All" }
"""
FROM_BOB = 'message "From: Bob@example.net, eve@example.net"'


def listed(test: str) -> Trial:
    (trial,) = tried(f'{LISTED}\ntest "t" {{ {test} }}')
    return trial


def test_a_list_file_is_empty_but_for_what_is_assumed() -> None:
    empty = listed(f"{FROM_BOB} expect keep")
    assert empty.passed
    assert empty.quiet == ('"Bob@example.net", "eve@example.net" in blocked is false',)
    for assumption in ('"bob@EXAMPLE.net" in blocked', "from in blocked", 'not "eve@example.net" not in blocked'):
        trial = listed(f'{FROM_BOB} assume {assumption} expect file "Blocked"')
        assert (trial.passed, trial.quiet) == (True, ()), assumption


def test_that_nothing_is_in_a_list_file_can_be_assumed() -> None:
    for assumption in ("not from in blocked", "from not in blocked"):
        trial = listed(f"{FROM_BOB} assume {assumption} expect keep")
        assert (trial.passed, trial.quiet) == (True, ()), assumption


def test_every_value_must_be_assumed_where_every_is_asked() -> None:
    two = 'message "To: a@x, b@x" assume "a@x" in blocked assume "z" not in blocked assume from not in blocked'
    assert listed(f"{two} expect keep").passed
    assert listed(f'{two} assume "B@X" in blocked expect file "All"').passed
