"""Every message of the shared corpora is delivered, whole and unchanged; none is skipped."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from pydeliver.delivery.deliver import Delivery, deliver
from pydeliver.delivery.handover import Told, read_envelope
from pydeliver.delivery.perform import Stores
from pydeliver.message.view import Message
from pydeliver.state.places import Places
from pydeliver.status import DELIVERED, Status
from tests.peers.users import User
from tests.real_mail import collected, labelled, less_from_line

AT_LEAST = 3_900

Corpus = list[tuple[str, bytes]]


@pytest.fixture(scope="module")
def corpus(shared: Path) -> Corpus:
    messages = [*collected(shared), *labelled(shared)]
    assert len(messages) >= AT_LEAST
    return messages


def digest(raw: bytes) -> str:
    return sha256(less_from_line(raw)).hexdigest()


def deliver_here(raw: bytes, home: Path) -> Status:
    told: list[Status] = []
    message = Message(raw)
    envelope = read_envelope(Told(recipient="ann@test.example"), {}, message, "ann")
    delivery = Delivery(message, envelope, (), Stores(Places(str(home)), str(home / "Maildir")))
    deliver(delivery, lambda: True, told.append)
    (status,) = told
    return status


def test_every_message_is_delivered(corpus: Corpus, tmp_path: Path) -> None:
    """One at a time into one mailbox: each makes one file, whose octets are the message's less a From_ line."""
    known: set[str] = set()
    new = tmp_path / "Maildir/new"
    for name, raw in corpus:
        assert deliver_here(raw, tmp_path) == DELIVERED, name
        (made,) = set(os.listdir(new)) - known
        known.add(made)
        assert sha256((new / made).read_bytes()).hexdigest() == digest(raw), name
    assert len(known) == len(corpus)


@pytest.mark.parametrize("every", [10, pytest.param(1, marks=pytest.mark.long)])
def test_the_installed_program_delivers_every_message(
    corpus: Corpus, installed: Path, plain_user: User, every: int
) -> None:
    """Every tenth in the quick run, two at a time; status 0, not a word, and each message stored once."""
    chosen = corpus[::every]

    def started(named: tuple[str, bytes]) -> tuple[str, int, bytes]:
        result = plain_user.run([installed / "pydeliver"], named[1])
        return named[0], result.returncode, result.stdout + result.stderr

    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(started, chosen))
    assert answers == [(name, 0, b"") for name, _ in chosen]
    assert Counter(digest(raw) for _, raw in chosen) == Counter(sha256(raw).hexdigest() for raw in plain_user.mail())
