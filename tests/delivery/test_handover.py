"""The envelope, as each mail system hands it over: variables and first fields as its own program gave them.

Recorded from Exim 4.96, OpenSMTPD 6.8, Courier 1.0.16 and sendmail 8.17; qmail's are from qmail-command(8).
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from pydeliver.delivery.handover import Told, read_envelope
from pydeliver.message.view import Message

POSTFIX = {"SENDER": "bob@x.example", "RECIPIENT": "ann+lists@y.example", "EXTENSION": "lists"}
EXIM = {
    "LOCAL_PART": "ann",
    "LOCAL_PART_SUFFIX": "+lists",
    "RECIPIENT": "ann+lists@y.example",
    "SENDER": "bob@x.example",
}
EXIM_TOP = (
    b"Return-path: <bob@x.example>\nEnvelope-to: list@y.example\nDelivery-date: Tue, 24 Nov 2026 07:50:56 +0000\n"
)
OPENSMTPD = {**POSTFIX, "LOCAL": "ann+lists", "SENDER": "o'br$en@x.example"}
OPENSMTPD_TOP = b"Return-Path: <o'br$en@x.example>\nDelivered-To: ann+lists@y.example\n"
COURIER = {
    "DTLINE": "Delivered-To: ann-lists@y.example",
    "EXT": "lists",
    "RECIPIENT": "ann-lists@y.example",
    "SENDER": "bob@x.example",
}
QMAIL = {**COURIER, "EXT": "lists-dev", "EXT2": "dev", "RECIPIENT": "ann-lists-dev@y.example"}
LDA_TOP = b"Return-Path: <o'brien@x.example>\nX-Original-To: list@y.example\nDelivered-To: ann+l'x@y.example\n"
VARIABLES = "sender from the variable SENDER, recipient from the variable RECIPIENT"


class Row(NamedTuple):
    """Who hands over what; what the envelope is then, and where it says that was taken from."""

    title: str
    variables: dict[str, str]
    told: Told
    top: bytes
    envelope: tuple[str, str, str | None, str]  # sender, recipient, detail, original recipient
    source: str


ROWS = [
    Row("Postfix", POSTFIX, Told(), b"", ("bob@x.example", "ann+lists@y.example", "lists", ""),
        f"{VARIABLES}, detail from the variable EXTENSION"),
    Row("Exim", EXIM, Told(), EXIM_TOP, ("bob@x.example", "ann+lists@y.example", "lists", "list@y.example"),
        f"{VARIABLES}, detail from the variable LOCAL_PART_SUFFIX"),
    Row("Exim, no detail", {**EXIM, "LOCAL_PART_SUFFIX": "", "RECIPIENT": "ann@y.example"}, Told(), EXIM_TOP,
        ("bob@x.example", "ann@y.example", None, "list@y.example"), VARIABLES),
    Row("Exim, a bounce", {**EXIM, "SENDER": ""}, Told(), b"Return-path: <>\n",
        ("", "ann+lists@y.example", "lists", ""), f"{VARIABLES}, detail from the variable LOCAL_PART_SUFFIX"),
    Row("Exim, its fields alone", {}, Told(), EXIM_TOP, ("bob@x.example", "list@y.example", None, "list@y.example"),
        "sender from Return-Path at the top, recipient from Envelope-To at the top"),
    Row("OpenSMTPD", OPENSMTPD, Told(), OPENSMTPD_TOP, ("o'br$en@x.example", "ann+lists@y.example", "lists", ""),
        f"{VARIABLES}, detail from the variable EXTENSION"),
    Row("OpenSMTPD, by arguments", {}, Told("o:br:en@x.example", "ann+lists@y.example", None), OPENSMTPD_TOP,
        ("o'br$en@x.example", "ann+lists@y.example", None, ""), "sender from -f, recipient from -r"),
    Row("sendmail", {"AGENT": "sendmail"}, Told("bob@x.example", None, "lists"), b"Return-Path: <bob@x.example>\n",
        ("bob@x.example", "ann", "lists", ""),
        "sender from -f, recipient from the user's name, detail from -a"),
    Row("sendmail, a bounce", {}, Told("MAILER-DAEMON", None, ""), b"Return-Path: <MAILER-DAEMON>\n",
        ("", "ann", "", ""), "sender from -f, recipient from the user's name, detail from -a"),
    Row("Courier", COURIER, Told(), b"Received: from x\n", ("bob@x.example", "ann-lists@y.example", "lists", ""),
        f"{VARIABLES}, detail from the variable EXT"),
    Row("Courier, a second bounce", {**COURIER, "SENDER": "#@[]"}, Told(), b"Received: from x\n",
        ("", "ann-lists@y.example", "lists", ""), f"{VARIABLES}, detail from the variable EXT"),
    Row("qmail", QMAIL, Told(), b"", ("bob@x.example", "ann-lists-dev@y.example", "lists-dev", ""),
        f"{VARIABLES}, detail from the variable EXT"),
    Row("EXT of somebody's shell", {"EXT": "jpg"}, Told(), b"", ("", "ann", None, ""),
        "sender from nowhere, recipient from the user's name"),
    Row("as dovecot-lda", {}, Told("o_brien@x.example", None, "ann+l_x@y.example"), LDA_TOP,
        ("o'brien@x.example", "ann+l'x@y.example", None, "list@y.example"), "sender from -f, recipient from -a"),
    Row("as dovecot-lda, with variables", POSTFIX, Told("bob@x.example", "ann@y.example", "ann+lists@y.example"), b"",
        ("bob@x.example", "ann@y.example", "lists", ""),
        "sender from -f, recipient from -r, detail from the variable EXTENSION"),
    Row("getmail", {}, Told("bob@x.example"), b"Return-Path: <bob@x.example>\nDelivered-To: unknown\n",
        ("bob@x.example", "ann", None, ""), "sender from -f, recipient from the user's name"),
    Row("getmail, knowing nothing", {}, Told(), b"Return-Path: <unknown>\nDelivered-To: unknown\n",
        ("", "ann", None, ""), "sender from nowhere, recipient from the user's name"),
    Row("getmail, told to add no fields", {}, Told(),
        b"Return-Path: <bob@x.example>\nDelivered-To: ann+lists@y.example\n",
        ("bob@x.example", "ann+lists@y.example", None, ""),
        "sender from Return-Path at the top, recipient from Delivered-To at the top"),
    Row("a null sender", {}, Told("<>"), b"", ("", "ann", None, ""),
        "sender from -f, recipient from the user's name"),
    Row("nobody says anything", {}, Told(), b"From: bob@x.example\nReturn-Path: <eve@z.example>\n",
        ("", "ann", None, ""), "sender from nowhere, recipient from the user's name"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.title))
def test_the_envelope_is_what_the_mail_system_says(row: Row) -> None:
    found = read_envelope(row.told, row.variables, Message(row.top + b"Subject: x\n\n"), "ann")
    assert (found.sender, found.recipient, found.detail, found.original_recipient) == row.envelope
    assert found.source == row.source


HOSTILE = ["$(touch x)", "`id`", "a\nX-Evil: 1", "../../etc/passwd", "\udcff\udcfe", "x" * 100_000, "<>@<>"]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_in_any_variable_is_the_envelope_and_nothing_else(text: str) -> None:
    names = ("SENDER", "RECIPIENT", "EXTENSION", "LOCAL_PART_SUFFIX", "EXT", "DTLINE", "ORIGINAL_RECIPIENT")
    envelope = read_envelope(Told(), dict.fromkeys(names, text), Message(b"Subject: x\n\n"), "ann")
    assert envelope.sender == envelope.recipient == envelope.original_recipient
    assert envelope.detail == text
