"""Variables in which Postfix masks octets, and the fields that say what stood there."""

from __future__ import annotations

import pytest

from pydeliver.delivery.handover import Told, read_envelope
from pydeliver.message.view import Message

ROWS = [
    # the variable SENDER, Return-Path, the envelope's sender
    ("o_brien@x.example", "<o'brien@x.example>", "o'brien@x.example"),
    ("ann_lee@x.example", '<"ann lee"@x.example>', '"ann lee"@x.example'),
    ("__rn@x.example", "<ørn@x.example>", "ørn@x.example"),
    ("a_b@x.example", "<a_b@x.example>", "a_b@x.example"),
    ("a_b@x.example", "<mallory@x.example>", "a_b@x.example"),
    ("a_b@x.example", "<a_bc@x.example>", "a_b@x.example"),
    ("", "<mallory@x.example>", ""),
]


@pytest.mark.parametrize(("said", "field", "sender"), ROWS)
def test_a_field_is_believed_where_the_variable_says_the_same_but_for_masked_octets(
    said: str, field: str, sender: str
) -> None:
    message = Message(f"Return-Path: {field}\nSubject: x\n\n".encode())
    envelope = read_envelope(Told(), {"SENDER": said}, message, "ann")
    assert envelope.sender == sender


def test_recipient_detail_and_original_recipient_are_unmasked_too() -> None:
    message = Message(b"X-Original-To: list&co@x\nDelivered-To: ann+a'b@x\nSubject: x\n\n")
    variables = {"RECIPIENT": "ann+a_b@x", "EXTENSION": "a_b", "ORIGINAL_RECIPIENT": "list_co@x"}
    envelope = read_envelope(Told(), variables, message, "ann")
    assert (envelope.recipient, envelope.detail, envelope.original_recipient) == ("ann+a'b@x", "a'b", "list&co@x")


def test_a_field_further_down_is_the_senders_to_forge() -> None:
    message = Message(b"Subject: x\nReturn-Path: <o'brien@x>\n\n")
    assert read_envelope(Told(), {"SENDER": "o_brien@x"}, message, "ann").sender == "o_brien@x"
