"""getmail and fetchmail take mail from a real IMAP server and hand it to the installed program, as in `examples`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT, skip_or_fail
from tests.peers.dovecot import Dovecot, running_dovecot
from tests.peers.users import User

INSTALLED_AT = "/opt/pydeliver/bin"
POST = (
    b"Return-Path: <bob@elsewhere.example>\nDelivered-To: ann+lists@example.org\nReceived: from elsewhere.example\n"
    b"From: Bob <bob@elsewhere.example>\nTo: ann@example.org\nSubject: hello\n\nhello\n"
)
BOUNCE = b"Return-Path: <>\nDelivered-To: ann@example.org\nFrom: MAILER-DAEMON@elsewhere.example\nSubject: no\n\nno\n"


@pytest.fixture(scope="module")
def running() -> Iterator[Dovecot]:
    with running_dovecot(("imap",)) as server:
        yield server


@pytest.fixture
def dovecot(running: Dovecot) -> Dovecot:
    """With two messages."""
    maildir = running.maildir()
    shutil.rmtree(maildir, ignore_errors=True)
    for name in ("new", "cur", "tmp"):
        (maildir / name).mkdir(parents=True)
    for number, raw in enumerate((POST, BOUNCE)):
        (maildir / f"new/{number}.test").write_bytes(raw)
    for path in [maildir, *maildir.rglob("*")]:
        os.chown(path, running.owner.pw_uid, running.owner.pw_gid)
    return running


def left(server: Dovecot) -> int:
    """How many messages are still on the server."""
    session = server.imap()
    found = int(session.select()[1][0] or b"0")
    session.logout()
    return found


def example(name: str, installed: Path) -> str:
    return (ROOT / "examples" / name).read_text().replace(INSTALLED_AT, str(installed))


def set_up_getmail(user: User, server: Dovecot, installed: Path) -> list[str]:
    """The example, but for the server: it has no TLS, and a port of its own."""
    text = example("getmail/getmailrc", installed)
    for given, here in (
        ("SimpleIMAPSSLRetriever", "SimpleIMAPRetriever"),
        ("imap.example.org", f"127.0.0.1\nport = {server.ports['imap']}"),
    ):
        assert text.count(given) == 1
        text = text.replace(given, here)
    user.write(".config/getmail/getmailrc", text)
    return ["getmail"]


def set_up_fetchmail(user: User, server: Dovecot, installed: Path) -> list[str]:
    text = example("fetchmail/fetchmailrc", installed)
    for given, here in (
        ("imap.example.org", f"127.0.0.1 service {server.ports['imap']}"),
        ('is "ann" here', f'is "{user.name}" here'),
        ("    ssl\n", '    sslproto ""\n'),
    ):
        assert text.count(given) == 1
        text = text.replace(given, here)
    user.write(".fetchmailrc", text).chmod(0o600)
    return ["fetchmail", "--nosyslog"]


FETCHERS = {"getmail": set_up_getmail, "fetchmail": set_up_fetchmail}
PACKAGES = {"getmail": "getmail6", "fetchmail": "fetchmail"}


@pytest.fixture(params=FETCHERS)
def fetch(request: pytest.FixtureRequest, plain_user: User, dovecot: Dovecot, installed: Path) -> list[str]:
    """The command that fetches."""
    if shutil.which(request.param) is None:
        skip_or_fail(f"{request.param} is not installed ({PACKAGES[request.param]})")
    return FETCHERS[request.param](plain_user, dovecot, installed)


def test_mail_is_fetched_once_and_filed_by_the_envelope_of_its_top(
    fetch: list[str], plain_user: User, dovecot: Dovecot
) -> None:
    plain_user.write(
        ".pydeliverrc",
        'rule when envelope.sender is "bob@elsewhere.example" and recipient.detail is "lists" { file "Lists" }\n'
        'rule when envelope.sender is "" { file "Bounces" }\n',
    )
    for _ in range(2):
        plain_user.run(fetch)
    assert left(dovecot) == 0
    assert [mail[mail.index(b"From: ") :][:11] for mail in plain_user.mail(".Lists")] == [b"From: Bob <"]
    assert [mail[mail.index(b"From: ") :][:11] for mail in plain_user.mail(".Bounces")] == [b"From: MAILER"[:11]]
    assert plain_user.mail() == []


@pytest.mark.parametrize("rule", ['defer "4.7.0 not before noon"', 'reject "5.7.1 not here"'])
def test_what_is_not_taken_stays_on_the_server(fetch: list[str], plain_user: User, dovecot: Dovecot, rule: str) -> None:
    plain_user.write(".pydeliverrc", f"rule {{ {rule} }}\n")
    plain_user.run(fetch)
    assert left(dovecot) == 2
    assert not plain_user.maildir.exists()
    plain_user.write(".pydeliverrc", "")
    plain_user.run(fetch)
    assert left(dovecot) == 0
    assert len(plain_user.mail()) == 2
