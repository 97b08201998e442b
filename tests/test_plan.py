"""A plan is told in the words of the rule language, with where each came from, and as JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydeliver import vocabulary
from pydeliver.jsonline import render_json
from pydeliver.message.edit import Edit
from pydeliver.plan import HANDED_ON, STORES, Action, Plan, Where, from_data, quote

HERE = Where("Mailing lists", ".pydeliverrc", 46)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Action("keep"), "keep"),
        (Action("keep", also=True), "also keep"),
        (Action("file", (("mailbox", "lists/dev"),)), 'file "lists/dev"'),
        (Action("file", (("mailbox", "A"), ("create", "never")), also=True), 'also file "A" create never'),
        (Action("file", (("maildir", "~/Other"),)), 'file maildir "~/Other"'),
        (Action("flag", (("flags", ("\\Seen", "work")),)), 'flag "\\Seen", "work"'),
        (Action("reject", (("status", "5.7.1 no {x}"),)), 'reject "5.7.1 no {{x}}"'),
        (Action("log", (("text", 'a "b" \\ c'),)), 'log "a \\"b\\" \\ c"'),
        (Action("redirect", (("addresses", ("a@x", "b@y")),)), 'redirect "a@x", "b@y"'),
        (Action("redirect", (("addresses", ("a@x",)), ("sender", "me"))), 'redirect "a@x" sender me'),
        (Action("pipe", (("argv", ("cmd", "-a b")),), also=True), 'also pipe ["cmd", "-a b"]'),
        (
            Action("pipe", (("portion", "header"), ("argv", ("cmd",)), ("timeout", 90))),
            'pipe header ["cmd"] timeout 90s',
        ),
    ],
)
def test_an_action_in_words(action: Action, words: str) -> None:
    assert action.words == words


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", '""'),
        ("\\Seen", '"\\Seen"'),
        ("a\\", '"a\\\\"'),
        ('\\"', '"\\\\\\""'),
        ("a\\\\b", '"a\\\\\\b"'),
        ("é\u200b\x1b\n", '"é\\u200b\\x1b\\n"'),
        ("\u202eevil", '"\\u202eevil"'),
        ("\ud800", '"\\ud800"'),
    ],
)
def test_a_text_in_quotes(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (HERE, 'rule "Mailing lists", .pydeliverrc:46'),
        (Where("", "f", 3), "f:3"),
        (Where(), "nothing placed it"),
        (Where("evaluation stopped"), "evaluation stopped"),
        (Where('a "b" \x1b', "f", 3), 'rule "a \\"b\\" \\x1b", f:3'),
    ],
)
def test_where_an_action_came_from(where: Where, words: str) -> None:
    assert str(where) == words


EDITS = (Edit("set", "X-A", "b"),)
PLAN = Plan(
    "file",
    (
        Action("file", (("mailbox", "archive/2026-11"),), Where("Archive", ".pydeliverrc", 27), True, (), EDITS),
        Action("file", (("mailbox", "lists/dev"),), HERE, flags=("\\Seen",)),
    ),
    ("\\Seen",),
    (('mailbox "A" exists', True),),
    ("something was cut",),
)


def test_a_plan_in_words_is_one_line_an_action() -> None:
    assert str(PLAN) == (
        'also file "archive/2026-11"    rule "Archive", .pydeliverrc:27\n'
        'file "lists/dev"               rule "Mailing lists", .pydeliverrc:46\n'
        "warning: something was cut"
    )


def test_a_plan_as_json() -> None:
    assert json.loads(PLAN.as_json()) == {
        "version": 1,
        "disposition": "file",
        "actions": [
            {
                "action": "file",
                "mailbox": "archive/2026-11",
                "flags": [],
                "edits": [["set", "X-A", "b"]],
                "also": True,
                "rule": "Archive",
                "file": ".pydeliverrc",
                "line": 27,
            },
            {
                "action": "file",
                "mailbox": "lists/dev",
                "flags": ["\\Seen"],
                "edits": [],
                "also": False,
                "rule": "Mailing lists",
                "file": ".pydeliverrc",
                "line": 46,
            },
        ],
        "flags": ["\\Seen"],
        "facts": {'mailbox "A" exists': True},
        "warnings": ["something was cut"],
    }


TEXT = st.text(max_size=8)
NAMES = st.sampled_from(sorted({name for row in vocabulary.ACTIONS.values() for name, _ in row.arguments}))
ACTIONS = st.builds(
    lambda word, arguments, where, also, flags, edits: Action(
        word,
        tuple([(name, said) for name, said in arguments.items() if word not in STORES or name != "flags"]),
        Where(*where),
        also,
        flags if word in STORES else (),
        edits if word in (*STORES, *HANDED_ON) else (),
    ),
    st.sampled_from(sorted(vocabulary.ACTIONS)),
    st.dictionaries(NAMES, st.one_of(TEXT, st.integers(0, 999), st.lists(TEXT).map(tuple)), max_size=3),
    st.tuples(TEXT, TEXT, st.integers(0, 99)),
    st.booleans(),
    st.lists(TEXT).map(tuple),
    st.lists(
        st.one_of(
            st.builds(Edit, st.sampled_from(("add", "set", "remove")), TEXT, TEXT),
            st.builds(lambda name, octets: Edit("replace", name, "", octets), TEXT, st.binary()),
        ),
        max_size=2,
    ).map(tuple),
)
FACTS = st.dictionaries(TEXT, st.one_of(st.booleans(), st.integers(), TEXT)).map(lambda facts: tuple(facts.items()))
PLANS = st.builds(Plan, TEXT, st.lists(ACTIONS).map(tuple), st.lists(TEXT).map(tuple), FACTS, st.lists(TEXT).map(tuple))


@given(PLANS)
def test_a_plan_is_read_back_from_its_json(plan: Plan) -> None:
    octets: list[bytes] = []
    assert from_data(json.loads(render_json(plan.as_data(octets))), octets) == plan


def test_what_a_program_made_of_the_message_is_no_part_of_the_json() -> None:
    edits = (Edit("set", "X-A", "b"), Edit("replace", "body", "", b"new"))
    data = Plan("keep", (Action("keep", edits=edits), Action("keep", edits=edits[1:]))).as_data()
    assert [action["edits"] for action in json.loads(render_json(data))["actions"]] == [
        [["set", "X-A", "b"], ["replace", "body", 0]],
        [["replace", "body", 0]],
    ]
    with pytest.raises(LookupError):
        from_data(json.loads(render_json(data)))


@pytest.mark.parametrize(
    "said", [{}, {"version": 2}, {**PLAN.as_data(), "actions": [{}]}, {**PLAN.as_data(), "facts": 1}]
)
def test_what_is_no_plan_is_not_read_as_one(said: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        from_data(said)


def test_no_argument_of_a_word_takes_the_place_of_a_plans_own_key() -> None:
    own = {"action", "also", "rule", "file", "line"}
    assert [word for word, row in vocabulary.ACTIONS.items() if own & set(dict(row.arguments))] == []


def test_stores_are_what_is_stored() -> None:
    plan = Plan("keep", (Action("log", (("text", "x"),)), Action("keep"), Action("discard")))
    assert plan.stores == (Action("keep"),)
    assert plan.actions[0].argument("text") == "x"
    assert plan.actions[0].argument("mailbox") is None
