"""`examples/postfix`, as it stands: a message goes in at one end and is found at the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.peers.postfix import DOMAIN, Postfix, less_trace, running_postfix
from tests.peers.users import User

EXAMPLE = ROOT / "examples/postfix"
INSTALLED_AT = "/opt/pydeliver/bin"


def example(name: str, installed: Path) -> str:
    """A file of the example, but for where the program is installed."""
    return (EXAMPLE / name).read_text().replace(INSTALLED_AT, str(installed))


@pytest.fixture(params=["main.cf", "forward"])
def postfix(request: pytest.FixtureRequest, installed: Path, users: tuple[User, User]) -> Iterator[Postfix]:
    """Set up for all users, then for one without Postfix's configuration knowing of it."""
    user, _ = users
    user.write(".pydeliverrc", example("pydeliverrc", installed))
    settings = "recipient_delimiter = +"
    if request.param == "main.cf":
        settings = example("main.cf", installed)
    else:
        user.write(".forward", example("forward", installed))
    with running_postfix(settings) as server:
        yield server


MESSAGES = [
    # the recipient's detail, fields, mailbox
    ("", b"From: Bob <bob@elsewhere.example>\nSubject: hello\n", ""),
    ("shop", b"From: shop@elsewhere.example\nSubject: Your order\n", ".shop"),
    ("other", b"From: shop@elsewhere.example\nSubject: An offer\n", ""),
    ("", b"From: carol@elsewhere.example\nList-Id: <dev.lists.example.org>\nSubject: patch\n", ".lists.dev"),
    ("", b"From: root@host.example\nSubject: cron\n", ".Machines"),
    ("", b"From: list@elsewhere.example\nX-Loop: ann@example.org\nSubject: again\n", ".Loops"),
]


def test_a_message_goes_in_at_one_end_and_is_found_at_the_other(postfix: Postfix, users: tuple[User, User]) -> None:
    user, _ = users
    user.run(["/usr/bin/mkdir", "-p", *[user.maildir / ".shop" / name for name in ("cur", "new", "tmp")]])
    for detail, fields, _ in MESSAGES:
        postfix.send(fields + b"\nhello\n", [f"{user.name}+{detail}@{DOMAIN}" if detail else f"{user.name}@{DOMAIN}"])
    postfix.wait_until_empty()
    for mailbox in {mailbox for *_, mailbox in MESSAGES}:
        found = sorted(less_trace(stored)[1] for stored in user.mail(mailbox))
        assert found == sorted(fields + b"\nhello\n" for _, fields, place in MESSAGES if place == mailbox), mailbox
    circular = postfix.send(b"Subject: [circular] hello\n\n", [f"{user.name}@{DOMAIN}"], "")
    line = postfix.wait_until_tried(circular)
    assert "dsn=5.7.1, status=bounced" in line
    assert "circulars are not accepted here" in line


def test_its_rules_pass_their_own_check(installed: Path, plain_user: User) -> None:
    plain_user.write(".pydeliverrc", example("pydeliverrc", installed))
    result = plain_user.run([installed / "pydeliver", "check"])
    assert (result.returncode, result.stderr) == (0, b""), result.stdout.decode()
    assert b"5 rules, 1 test passed" in result.stdout


def test_while_the_program_is_missing_mail_waits(users: tuple[User, User]) -> None:
    """Both files name it so that Postfix starts it without a shell, whose 127 would return the message."""
    nowhere = Path("/nonexistent/bin")
    users[1].write(".forward", example("forward", nowhere))
    with running_postfix(example("main.cf", nowhere)) as server:
        for user in users:
            queue_id = server.send(b"Subject: hello\n\n", [f"{user.name}@{DOMAIN}"])
            assert "dsn=4.3.0, status=deferred" in server.wait_until_tried(queue_id)
