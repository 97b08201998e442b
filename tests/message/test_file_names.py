"""However a file name is spelled, one of its readings is the name; usual ones have one reading."""

from __future__ import annotations

import pytest

from pydeliver import limits
from pydeliver.message.parameters import file_names
from pydeliver.message.view import Message
from pydeliver.rules.load import compile_text
from pydeliver.rules.source import Source
from tests.message.spellings import SPELLINGS, alone, in_multipart
from tests.scenarios.scenario import Scenario, check_scenario

REJECT = 'rule "Programs" when attachment.name matches "*.exe" { reject "5.7.1 no programs" }'


def test_there_are_many_spellings() -> None:
    assert len(SPELLINGS) >= 60


@pytest.mark.parametrize("title", SPELLINGS)
@pytest.mark.parametrize("built", [alone, in_multipart])
def test_a_rule_sees_the_name_in_every_spelling(title: str, built: object) -> None:
    message = alone(title) if built is alone else in_multipart(title)
    warning = "of a file name only the last 4096 characters" if title == "a long name" else ""
    check_scenario(Scenario(title, REJECT, 'reject "5.7.1 no programs"', message, warning=warning))


HARMLESS = {
    "plain": (b"; filename=report.txt", ("report.txt",)),
    "quoted": (b'; filename="the report.txt"', ("the report.txt",)),
    "RFC 2231": (b"; filename*=iso-8859-1'fr'r%E9sum%E9.txt", ("r\u00e9sum\u00e9.txt",)),
    "an old form beside it": (
        b"; filename=resume.txt; filename*=utf-8''r%C3%A9sum%C3%A9.txt",
        ("r\u00e9sum\u00e9.txt", "resume.txt"),
    ),
    "an encoded word": (
        b'; filename="=?utf-8?q?r=C3=A9sum=C3=A9=2Etxt?="',
        ("r\u00e9sum\u00e9.txt", "=?utf-8?q?r=C3=A9sum=C3=A9=2Etxt?="),
    ),
    "continued": (b"; filename*0=re; filename*1=port; filename*2=.txt", ("report.txt",)),
    "none": (b"", ()),
    "empty": (b'; filename=""', ()),
    "exe in the middle": (b"; filename=evil.exe.txt", ("evil.exe.txt",)),
    "another parameter": (b"; size=evil.exe", ()),
    "a comment": (b"; filename=report.txt (evil.exe)", ("report.txt (evil.exe)", "report.txt")),
}


@pytest.mark.parametrize("title", HARMLESS)
def test_the_likeliest_reading_comes_first_and_few_others(title: str) -> None:
    parameters, names = HARMLESS[title]
    message = Message(b"Content-Disposition: attachment" + parameters + b"\n\n")
    assert message.parts.all[0].names == names


def test_readings_are_a_dozen_at_most_for_each_name_said() -> None:
    """Each step of decoding and cleaning is taken once, not in every combination."""
    spelled = b'"=?utf-8?q?a%2e=22b/c:d%00e_._=E2=80=8B?="'
    names, _ = file_names(Message(b"Content-Disposition: attachment; filename=" + spelled + b"\n\n").fields)
    assert 8 <= len(names) <= 24  # what is written and what is decoded are two


def test_parameters_are_bounded_and_that_is_noted() -> None:
    many = b"".join([b"; p%d=x" % number for number in range(limits.PARAMETERS)]) + b"; filename=evil.exe"
    message = Message(b"Content-Disposition: attachment" + many + b"\n\n")
    names, notes = file_names(message.fields)
    assert names == ()
    assert notes == (f"Content-Disposition: not more than {limits.PARAMETERS} parameters are read",)


def test_the_rule_is_sound() -> None:
    assert compile_text(Source("rules", REJECT))
