"""Real mail servers other than Postfix hand mail to the installed program, set up by the files in `examples`.

The same is asked of each.  A recipient that a server takes for somebody else's
(the sender of most messages here) is a user of this machine as well, so nothing
ever leaves it.
"""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.peers.courier import running_courier
from tests.peers.exim import running_exim
from tests.peers.mail_server import DOMAIN, MailServer
from tests.peers.opensmtpd import running_opensmtpd
from tests.peers.sendmail import running_sendmail
from tests.peers.users import User

INSTALLED_AT = "/opt/pydeliver/bin"


def example(name: str, installed: Path) -> str:
    """A file of the examples, but for where the program is installed."""
    return (ROOT / "examples" / name).read_text().replace(INSTALLED_AT, str(installed))


SERVERS: dict[str, Callable[[Path], AbstractContextManager[MailServer]]] = {
    "exim": lambda at: running_exim(example("exim/router", at), example("exim/transport", at)),
    "opensmtpd": lambda at: running_opensmtpd(example("opensmtpd/smtpd.conf", at)),
    "sendmail": lambda at: running_sendmail(example("sendmail/pydeliver.mc", at)),
    "courier": lambda at: running_courier(example("courier/courierd", at)),
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, installed: Path) -> Iterator[MailServer]:
    with SERVERS[request.param](installed) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "server" in request.fixturenames:
        running: MailServer = request.getfixturevalue("server")
        running.wait_until_empty()


def message(subject: str, fields: bytes = b"") -> bytes:
    """With all the fields that a server would add."""
    head = f"From: Carol <carol@{DOMAIN}>\nTo: ann@{DOMAIN}\nDate: Tue, 24 Nov 2026 10:00:00 +0000\n"
    return head.encode() + f"Message-ID: <{subject}@{DOMAIN}>\nSubject: {subject}\n".encode() + fields + b"\nhello\n"


HELLO = message("hello")


def address(user: User, server: MailServer, detail: str = "") -> str:
    return f"{user.name}{server.delimiter if detail else ''}{detail}@{DOMAIN}"


def bodies(user: User, mailbox: str = "") -> list[bytes]:
    """The stored messages of a mailbox, less what the server put at the top."""
    return [stored[stored.index(b"From: Carol") :] for stored in user.mail(mailbox)]


def journal(user: User) -> list[dict[str, object]]:
    path = user.home / ".local/state/pydeliver/journal.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_mail_is_filed_by_the_users_rules(server: MailServer, users: tuple[User, User]) -> None:
    """By a field and by the envelope; for two users at once; octet for octet below what the server adds."""
    user, other = users
    user.write(
        ".pydeliverrc",
        f'rule "Boss" when envelope.sender is "{other.name}@{DOMAIN}" {{ file "Boss" }}\n'
        'rule "List" when list-id matches "*.lists.example" { file "lists/{1}" }\n',
    )
    post = message("a-post", b"List-Id: Dev <dev.lists.example>\n")
    server.send(HELLO, [address(user, server), address(other, server)])
    server.send(post, [address(user, server)])
    server.send(HELLO, [address(user, server)], address(other, server))
    server.wait_until_empty()
    assert bodies(user) == bodies(other) == bodies(user, ".Boss") == [HELLO]
    assert bodies(user, ".lists.dev") == [post]
    assert {entry["status"] for entry in journal(user)} == {"2.0.0"}


def test_the_detail_of_the_address_is_known(server: MailServer, users: tuple[User, User], installed: Path) -> None:
    user, _ = users
    user.write(".courier-default", example("courier/courier-default", installed))
    user.write(".pydeliverrc", 'rule when recipient.detail is "lists" { file "Lists" }\n')
    server.send(HELLO, [address(user, server, "lists")])
    server.send(HELLO, [address(user, server, "other")])
    server.wait_until_empty()
    assert bodies(user, ".Lists") == bodies(user) == [HELLO]


def test_a_users_own_file_starts_it_too(
    server: MailServer, users: tuple[User, User], installed: Path, public_directory: Path
) -> None:
    """Whatever the server does for others; and who sent the message is known there as well."""
    user, sender = users
    via = public_directory / f"via-{server.port}"
    via.mkdir()
    via.chmod(0o777)
    (via / "pydeliver").write_text(f'#!/bin/sh\necho >> {via}/started\nexec {installed}/pydeliver "$@"\n')
    (via / "pydeliver").chmod(0o755)
    name, of_examples = server.own_file
    user.write(name, example(of_examples, via))
    user.write(".pydeliverrc", f'rule when envelope.sender is "{sender.name}@{DOMAIN}" {{ file "Known" }}\n')
    server.send(HELLO, [address(user, server)], address(sender, server))
    server.wait_until_empty()
    assert [body.rstrip() for body in bodies(user, ".Known")] == [HELLO.rstrip()]  # Exim puts an empty line below
    assert (via / "started").exists()


def test_a_bounce_has_no_sender(server: MailServer, users: tuple[User, User]) -> None:
    user, _ = users
    user.write(".pydeliverrc", 'rule when envelope.sender is "" { file "Bounces" }\n')
    server.send(HELLO, [address(user, server)], "")
    server.wait_until_empty()
    assert bodies(user, ".Bounces") == [HELLO]


def test_defer_leaves_the_message_in_the_queue(server: MailServer, users: tuple[User, User]) -> None:
    user, _ = users
    user.write(".pydeliverrc", 'rule "Later" { defer "4.7.0 not before noon" }\n')
    server.send(HELLO, [address(user, server)])
    server.wait_until(lambda: journal(user))
    server.wait_until(lambda: server.waiting() == 1)
    assert journal(user)[0]["status"] == "4.7.0"
    assert not user.maildir.exists()
    user.write(".pydeliverrc", "")
    server.retry_until_empty()
    assert bodies(user) == [HELLO]


def test_reject_returns_the_message_with_the_rules_text(server: MailServer, users: tuple[User, User]) -> None:
    user, sender = users
    user.write(".pydeliverrc", 'rule "Not here" { reject "5.7.1 no circulars, please" }\n')
    server.send(HELLO, [address(user, server)], address(sender, server))
    server.wait_until(sender.mail)
    server.wait_until_empty()
    (bounce,) = sender.mail()
    assert b"no circulars, please" in bounce
    assert b"Message-ID: <hello@" in bounce
    assert not user.maildir.exists()


def test_a_burst_of_thirty_messages_is_stored_once_each(server: MailServer, users: tuple[User, User]) -> None:
    server.send_each([(message(f"burst-{n}"), address(users[n % 2], server)) for n in range(30)])
    server.wait_until_empty()
    found = Counter(stored for user in users for stored in bodies(user))
    assert found == Counter(message(f"burst-{number}") for number in range(30))


class Broken:
    """An installation that can be broken in several ways; `tries` says how often it was started so far."""

    def __init__(self, place: Path, whole: Path) -> None:
        self.bin = place / "bin"
        self._program, self._python, self._log = self.bin / "pydeliver", self.bin / "python3", place / "tries"
        self._whole = whole / "pydeliver"
        self.bin.mkdir(parents=True)
        self._log.touch()
        self._log.chmod(0o666)

    def tries(self) -> int:
        return len(self._log.read_bytes())

    def without_interpreter(self) -> None:
        shutil.copy(self._whole, self._program)
        self._write(self._python, "exit 1")

    def killed(self) -> None:
        self._write(self._program, "kill -KILL $$")

    def missing(self) -> None:
        self._program.unlink()

    def mended(self) -> None:
        self._write(self._program, f'exec {self._whole} "$@"')

    def _write(self, program: Path, script: str) -> None:
        program.unlink(missing_ok=True)
        program.write_text(f"#!/bin/sh\nprintf 1 >> {self._log}\n{script}\n")
        program.chmod(0o755)


@pytest.mark.parametrize("name", SERVERS)
def test_a_broken_installation_leaves_mail_in_the_queue(
    name: str, users: tuple[User, User], installed: Path, public_directory: Path
) -> None:
    """No interpreter to be found, a kill from outside, no program at all; and when it is mended all arrive."""
    user, sender = users
    broken = Broken(public_directory / f"broken-{name}", installed)
    broken.without_interpreter()
    with SERVERS[name](broken.bin) as server:

        def try_in_vain(subject: str) -> None:
            before = broken.tries()
            server.send(message(subject), [address(user, server)], address(sender, server))
            server.wait_until(lambda: broken.tries() > before)

        try_in_vain("broken-0")
        broken.killed()
        try_in_vain("broken-1")
        broken.missing()
        server.send(message("broken-2"), [address(user, server)], address(sender, server))
        time.sleep(1)  # each tries at once
        server.wait_until(lambda: server.waiting() == 3)
        broken.mended()
        server.retry_until_empty()
    assert Counter(bodies(user)) == Counter(message(f"broken-{number}") for number in range(3))
    assert sender.mail() == []
