"""A real Postfix hands mail to the installed program: as its mailbox_command, and from a .forward file."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.peers.postfix import DOMAIN, Postfix, as_postfix_keeps, less_trace, running_postfix
from tests.peers.users import User
from tests.real_mail import collected, less_from_line

HELLO = b"From: Ann <ann@elsewhere.example>\nSubject: hello\n\nhello\n"
DOORS = ["mailbox_command", ".forward"]


@pytest.fixture(scope="module")
def postfix(installed: Path) -> Iterator[Postfix]:
    with running_postfix(f"recipient_delimiter = +\nmailbox_command = {installed}/pydeliver") as server:
        yield server


@pytest.fixture(scope="module")
def postfix_with_mailbox() -> Iterator[Postfix]:
    """It would store mail itself, in a way of its own, if no .forward file said otherwise."""
    with running_postfix("recipient_delimiter = +\nhome_mailbox = stored-by-postfix") as server:
        yield server


@pytest.fixture(params=DOORS)
def server(request: pytest.FixtureRequest, installed: Path, users: tuple[User, User]) -> Any:
    """A Postfix that gives the users' mail to the program, each way in turn."""
    if request.param == "mailbox_command":
        return request.getfixturevalue("postfix")
    for user in users:
        user.write(".forward", f'"|{installed}/pydeliver #{user.name}"\n')
    return request.getfixturevalue("postfix_with_mailbox")


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test ends with an empty queue, and with nothing that Postfix complained about."""
    yield
    for name in {"postfix", "postfix_with_mailbox"} & set(request.fixturenames):
        running: Postfix = request.getfixturevalue(name)
        assert running.queue() == []
        assert running.complaints() == []


def address(user: User, detail: str = "") -> str:
    return f"{user.name}{'+' if detail else ''}{detail}@{DOMAIN}"


def bodies(user: User, mailbox: str = "") -> list[bytes]:
    """The stored messages of a mailbox, less what Postfix puts at the top."""
    return [less_trace(stored)[1] for stored in user.mail(mailbox)]


# ---------------------------------------------------------------- many messages


def test_two_hundred_real_messages_are_stored_once_each_and_octet_for_octet(
    postfix: Postfix, users: tuple[User, User], shared: Path
) -> None:
    """What Postfix itself changes is known and little; of what it hands us nothing is changed."""
    by_digest = {sha256(raw).hexdigest(): less_from_line(raw) for _, raw in collected(shared)}
    messages = [by_digest[digest] for digest in sorted(by_digest)[:200]]
    sent: dict[str, tuple[str, str]] = {}
    for number, raw in enumerate(messages):
        user = users[number % 2]
        sent[postfix.send(raw, [address(user)])] = (address(user), sha256(as_postfix_keeps(raw)).hexdigest())
    postfix.wait_until_empty()
    stored = [less_trace(raw) for user in users for raw in user.mail()]
    assert len(stored) == len(sent) == 200
    found = {trace["id"]: (trace["recipient"], sha256(raw).hexdigest()) for trace, raw in stored}
    assert found == sent


def test_a_burst_of_two_hundred_messages_is_stored_once_each(postfix: Postfix, users: tuple[User, User]) -> None:
    first, _ = users
    source = shutil.which("smtp-source", path="/usr/sbin:/usr/bin")
    assert source is not None
    options = ["-m", "200", "-s", "20", "-l", "4096", "-f", f"burst@{DOMAIN}", "-t", address(first)]
    subprocess.run([source, *options, f"127.0.0.1:{postfix.port}"], check=True, timeout=60)
    postfix.wait_until_empty()
    queue_ids = Counter(less_trace(stored)[0]["id"] for stored in first.mail())
    assert len(queue_ids) == 200
    assert set(queue_ids.values()) == {1}


def test_one_message_for_two_users_is_delivered_to_each(server: Postfix, users: tuple[User, User]) -> None:
    first, second = users
    server.send(HELLO, [address(first), address(second)])
    server.wait_until_empty()
    assert bodies(first) == bodies(second) == [HELLO]


def test_success_is_silent(server: Postfix, users: tuple[User, User], installed: Path) -> None:
    """Postfix logs whatever a command says; here there is nothing."""
    queue_id = server.send(HELLO, [address(users[0])])
    line = server.wait_until_tried(queue_id)
    command = rf"{re.escape(str(installed))}/pydeliver(?: #[\w-]+)?"
    assert re.search(rf"dsn=2\.0\.0, status=sent \(delivered to command: {command}\)$", line), line
    server.wait_until_empty()


# ---------------------------------------------------------------- rules


RULES = """
rule "Detail" when recipient.detail is "lists" { file "Lists" }
rule "Sender" when envelope.sender is "boss@elsewhere.example" { flag "\\Flagged"  file "Boss" }
rule "List" when list-id matches "*.lists.example" { file "lists/{1}" }
"""


@pytest.mark.parametrize(
    ("recipient", "sender", "fields", "mailbox"),
    [
        ("+lists", "ann@elsewhere.example", b"", ".Lists"),
        ("+other", "ann@elsewhere.example", b"", ""),
        ("", "ann@elsewhere.example", b"", ""),
        ("", "boss@elsewhere.example", b"", ".Boss"),
        ("", "ann@elsewhere.example", b"List-Id: Dev <dev.lists.example>\n", ".lists.dev"),
    ],
)
def test_a_users_rules_file_mail(
    server: Postfix, users: tuple[User, User], recipient: str, sender: str, fields: bytes, mailbox: str
) -> None:
    """By the detail of the address, by the envelope and by a field."""
    user, other = users
    user.write(".pydeliverrc", RULES)
    server.send(fields + HELLO, [f"{user.name}{recipient}@{DOMAIN}", address(other)], sender)
    server.wait_until_empty()
    assert bodies(user, mailbox) == [fields + HELLO]
    assert len(list(user.maildir.rglob("*,S=*"))) == 1
    assert bodies(other) == [fields + HELLO]


@pytest.mark.parametrize(
    ("sender", "in_rules"),
    [
        ("o'brien@elsewhere.example", "o'brien@elsewhere.example"),
        ("a#b$|d&e`f@elsewhere.example", "a#b$|d&e`f@elsewhere.example"),
        ('"ann lee"@elsewhere.example', '\\"ann lee\\"@elsewhere.example'),
        ("a_b@elsewhere.example", "a_b@elsewhere.example"),
        ("", ""),
    ],
)
def test_the_sender_is_what_smtp_said(server: Postfix, users: tuple[User, User], sender: str, in_rules: str) -> None:
    """Whatever characters it has: in variables Postfix writes _ for some of them."""
    user, _ = users
    user.write(".pydeliverrc", f'rule when envelope.sender is "{in_rules}" {{ file "Sender" }}\n')
    server.send(HELLO, [address(user)], sender)
    server.wait_until_empty()
    assert bodies(user, ".Sender") == [HELLO]


def test_the_detail_is_what_smtp_said(server: Postfix, users: tuple[User, User]) -> None:
    user, _ = users
    user.write(".pydeliverrc", """rule when recipient.detail is "o'brien" { file "Detail" }\n""")
    server.send(HELLO, [address(user, "o'brien")])
    server.wait_until_empty()
    assert bodies(user, ".Detail") == [HELLO]


def test_defer_leaves_the_message_in_the_queue_with_the_rules_text(server: Postfix, users: tuple[User, User]) -> None:
    user, _ = users
    user.write(".pydeliverrc", 'rule "Later" { defer "4.7.0 not before noon" }\n')
    queue_id = server.send(HELLO, [address(user)])
    assert "dsn=4.7.0, status=deferred" in server.wait_until_tried(queue_id)
    server.wait_until(lambda: any("delay_reason" in r for waits in server.queue() for r in waits["recipients"]))
    (waiting,) = server.queue()
    assert waiting["queue_id"] == queue_id
    assert "not before noon" in waiting["recipients"][0]["delay_reason"]
    assert not user.maildir.exists()
    user.write(".pydeliverrc", "")
    server.retry()
    server.wait_until_empty()
    assert bodies(user) == [HELLO]


def test_reject_returns_the_message_with_the_rules_text(server: Postfix, users: tuple[User, User]) -> None:
    """And the sender, who is a user here, gets it back by the same way as any mail."""
    user, sender = users
    user.write(".pydeliverrc", 'rule "Not here" { reject "5.7.1 no circulars, please" }\n')
    queue_id = server.send(HELLO, [address(user)], address(sender))
    assert "dsn=5.7.1, status=bounced" in server.wait_until_tried(queue_id)
    server.wait_until_empty()
    (bounce,) = sender.mail()
    assert b"\nStatus: 5.7.1\n" in bounce
    assert b"no circulars, please" in bounce
    assert HELLO in bounce
    assert not user.maildir.exists()


# ---------------------------------------------------------------- trouble


def test_trouble_nobody_foresaw_defers(server: Postfix, users: tuple[User, User]) -> None:
    """Here a file stands where the Maildir should be; when it is gone the message arrives."""
    user, _ = users
    in_the_way = user.write("Maildir", "")
    queue_id = server.send(HELLO, [address(user)])
    assert "dsn=4.2.0, status=deferred" in server.wait_until_tried(queue_id)
    in_the_way.unlink()
    server.retry()
    server.wait_until_empty()
    assert bodies(user) == [HELLO]


def test_a_broken_installation_defers(users: tuple[User, User], installed: Path, public_directory: Path) -> None:
    """An interpreter that is no interpreter: any other status than 75 would return the message."""
    user, _ = users
    broken = public_directory / "broken"
    (broken / "bin").mkdir(parents=True)
    shutil.copy(installed / "pydeliver", broken / "bin/pydeliver")
    (broken / "bin/python3").write_text("#!/bin/sh\nexit 1\n")
    (broken / "bin/python3").chmod(0o755)
    with running_postfix(f"mailbox_command = {broken}/bin/pydeliver") as server:
        queue_id = server.send(HELLO, [address(user)])
        line = server.wait_until_tried(queue_id)
    assert "dsn=4.3.0, status=deferred" in line
    assert "will be tried again" in line


def test_rules_that_cannot_be_read_keep_the_mail_and_bring_one_notice(
    server: Postfix, users: tuple[User, User]
) -> None:
    user, _ = users
    user.write(".pydeliverrc", 'rule "Lists" when subject contians "hello" { discard }\n')
    for _ in range(3):
        server.send(HELLO, [address(user)])
        server.wait_until_empty()
    server.wait_until(lambda: len(user.mail()) == 4, 10)
    mail = user.mail()
    notices = [stored for stored in mail if b"\nAuto-Submitted: auto-generated\n" in stored]
    assert len(notices) == 1
    assert b"contians" in notices[0]
    assert [less_trace(stored)[1] for stored in mail if stored not in notices] == [HELLO] * 3
