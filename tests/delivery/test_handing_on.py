"""A plan that hands the message on is done as a whole, by however many attempts: nothing stored twice, nothing lost."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pydeliver.config import SETTINGS
from pydeliver.delivery.commands import Commands
from pydeliver.delivery.deliver import Delivery, deliver
from pydeliver.delivery.perform import Stores
from pydeliver.envelope import Envelope
from pydeliver.message.view import Message
from pydeliver.rules.load import compile_text
from pydeliver.rules.source import Source
from pydeliver.state.places import Places
from pydeliver.status import Status
from tests.scenarios.redirects import HOSTILE

NOBODY = 65534
TRACE = b"Return-Path: <bob@example.net>\nDelivered-To: ann@example.org\n"
CONTENT = b"Received: by mx\nFrom: bob@example.net\nSubject: hello\n\n.\nhello\n"
MESSAGE = b"From bob@example.net Tue Nov 24 10:00:00 2026\n" + TRACE + CONTENT
FROM_BOB = Envelope("bob@example.net", "ann@example.org")
STORE_AND_REDIRECT = 'rule { file "Copies" redirect "carol@example.net" }'


class Handed(NamedTuple):
    """What the mailer was given."""

    argv: list[str]
    message: bytes


class User:
    """Somebody with rules, a home, and a mailer that writes down what it is given."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.state = home / ".local/state/pydeliver"
        self.mailer = home / "mailer"
        (home / "given").mkdir()
        self.mail_ends("exit 0")

    def mail_ends(self, line: str) -> None:
        """Let the mailer end so, once it has taken the message."""
        given = self.home / "given"
        script = f"""#!/bin/sh
            given=$(mktemp -u {given}/XXXXXXXX)
            printf '%s\\0' "$@" > $given.argv.new
            cat > $given
            mv $given.argv.new $given.argv
            {line}
        """
        self.mailer.unlink(missing_ok=True)
        self.mailer.write_text(script)
        self.mailer.chmod(0o755)

    @property
    def given(self) -> list[Handed]:
        """All that the mailer has been given, taken or not."""
        return [
            Handed(path.read_text().split("\0")[:-1], path.with_suffix("").read_bytes())
            for path in sorted(self.home.glob("given/*.argv"), key=lambda path: path.stat().st_mtime_ns)
        ]

    def deliver(
        self,
        rules: str = STORE_AND_REDIRECT,
        raw: bytes = MESSAGE,
        envelope: Envelope = FROM_BOB,
        is_wanted: Callable[[], bool] = lambda: True,
        seconds: float = 20,
        received: bytes | None = None,
        **settings: str,
    ) -> Status:
        places = Places(str(self.home))
        defaults = {name: row.default for name, row in SETTINGS.items()} | {"sendmail": str(self.mailer)} | settings
        until = time.monotonic() + seconds
        commands = Commands("ann", str(self.home), envelope, defaults, until)
        programs = (("user", compile_text(Source("rules", rules))),) if rules else ()
        stores = Stores(places, str(self.home / "Maildir"))
        told: list[Status] = []
        message = Message(raw)
        delivery = Delivery(message, envelope, programs, stores, commands=lambda: commands, received=received)
        deliver(delivery, is_wanted, told.append)
        (status,) = told
        return status

    def stored(self, mailbox: str = ".Copies") -> list[bytes]:
        return [path.read_bytes() for path in (self.home / "Maildir" / mailbox).glob("new/*")]

    @property
    def records(self) -> list[Path]:
        return list(self.state.glob("retry/*"))

    @property
    def journal(self) -> str:
        return (self.state / "journal.jsonl").read_text()


@pytest.fixture
def user(public_directory: Path) -> Iterator[User]:
    """Not root: root runs no programs."""
    home = public_directory / f"handing-on-{time.monotonic_ns()}"
    home.mkdir(mode=0o700)
    was_root = os.geteuid() == 0
    if was_root:
        os.chown(home, NOBODY, NOBODY)
        os.setresgid(NOBODY, NOBODY, 0)
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield User(home)
    finally:
        if was_root:
            os.setresuid(0, 0, 0)
            os.setresgid(0, 0, 0)


# ---------------------------------------------------------------- what is handed over


def test_the_message_goes_on_and_is_stored(user: User) -> None:
    assert user.deliver().is_success
    argv = ["-i", "-f", "bob@example.net", "--", "carol@example.net"]
    assert user.given == [Handed(argv, b"Delivered-To: ann@example.org\n" + CONTENT)]
    assert user.stored() == [TRACE + CONTENT]
    assert user.records == []
    assert not (user.state / "retry").exists()
    assert '"handed_on":["redirect \\"carol@example.net\\""]' in user.journal


def test_a_mail_server_that_does_not_say_where_a_message_has_been_is_helped(user: User) -> None:
    user.deliver('rule { redirect "carol@example.net" }', CONTENT)
    assert user.given[0].message == b"Delivered-To: ann@example.org\n" + CONTENT
    assert user.stored("") == []


@pytest.mark.parametrize(
    ("policy", "sender", "expected"),
    [
        ("", "bob@example.net", "bob@example.net"),
        ("sender keep", "bob@example.net", "bob@example.net"),
        ("sender null", "bob@example.net", ""),
        ("sender me", "bob@example.net", "ann@example.org"),
        ("", "", ""),
        ("sender me", "", ""),  # a bounce brings no bounce
        ("", '"bob b"@example.net', '"bob b"@example.net'),
        ("", "-oQ/tmp/x", ""),
        ("", "a\nb@x", ""),
        ("", "a\x1b@x", ""),
        ("", "a" * 400 + "@x", ""),
    ],
)
def test_who_the_sender_is(user: User, policy: str, sender: str, expected: str) -> None:
    envelope = Envelope(sender, "ann@example.org")
    assert user.deliver(f'rule {{ redirect "carol@example.net" {policy} }}', envelope=envelope).is_success
    assert user.given[0].argv == ["-i", "-f", expected, "--", "carol@example.net"]


def test_what_goes_on_is_the_message_as_it_was_edited_by_then(user: User) -> None:
    rules = """rule {
        also redirect "carol@example.net"
        header add "X-A" "1"  header remove "Delivered-To"
        also redirect "dave@example.net"
        header set "Subject" "other"
    }"""
    user.mail_ends('case "$*" in *dave*) [ -e $0.tried ] || { touch $0.tried; exit 75; } ;; esac')
    assert user.deliver(rules).is_temporary
    assert user.deliver('rule { header set "X-A" "2" redirect "dave@example.net" }').is_success
    assert user.given[0].message == b"Delivered-To: ann@example.org\n" + CONTENT
    assert [given.argv[-1][:4] for given in user.given] == ["caro", "dave", "dave"]
    for tried in user.given[1:]:
        assert tried.message == b"Delivered-To: ann@example.org\nX-A: 1\n" + CONTENT
    assert user.stored("") == [
        b"X-A: 1\nReturn-Path: <bob@example.net>\n" + CONTENT.replace(b"hello\n\n", b"other\n\n")
    ]


@pytest.mark.parametrize("address", HOSTILE, ids=lambda address: repr(address)[:30])
def test_no_text_of_a_message_is_an_option_or_a_second_recipient(user: User, address: str) -> None:
    """By any way it can come in: as a value of the envelope, and as the sender."""
    envelope = Envelope(address, "ann@example.org", auth_user=address)
    assert user.deliver('rule { redirect "carol@example.net", "{auth.user}" }', envelope=envelope).is_success
    (given,) = user.given
    options, separator, *addresses = [given.argv[0], given.argv[1]], given.argv[3], *given.argv[4:]
    assert (options, separator, addresses) == (["-i", "-f"], "--", ["carol@example.net"])
    assert not given.argv[2].startswith("-")
    assert given.argv[2].isprintable()


def test_the_mailer_finds_nothing_around_it_but_what_it_needs(user: User) -> None:
    user.mail_ends(f"env > {user.home}/environment; ls /proc/self/fd > {user.home}/descriptors")
    user.deliver()
    names = {line.partition("=")[0] for line in (user.home / "environment").read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {"HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG"}
    assert (user.home / "descriptors").read_text().split() == ["0", "1", "2", "3"]  # 3 is the directory that ls reads


def test_what_the_administrator_refuses_is_kept_and_told(user: User) -> None:
    assert user.deliver(redirect="refused").is_success
    assert user.given == []
    kept, notice = sorted(user.stored(""), key=lambda raw: b"Auto-Submitted" in raw)
    assert kept == TRACE + CONTENT
    assert b"the administrator refuses redirect" in notice


# ---------------------------------------------------------------- a mailer that fails


FAILING = ["exit 75", "exit 1", "exit 67", "kill -9 $$", "sleep 60", "echo 5.1.1 no such user >&2; exit 77"]


@pytest.mark.parametrize("line", FAILING)
def test_a_mailer_that_fails_defers_and_the_retry_stores_nothing_twice(user: User, line: str) -> None:
    user.mail_ends(line)
    status = user.deliver(seconds=1)
    assert (status.code, status.text) == ("4.3.0", "the mail system does not take the message that is to be passed on")
    assert user.stored() == [TRACE + CONTENT]
    assert len(user.records) == 1
    again = MESSAGE.replace(b"10:00:00", b"10:05:00")
    assert user.deliver(raw=again, seconds=1).is_temporary
    assert user.stored() == [TRACE + CONTENT]
    user.mail_ends("exit 0")
    assert user.deliver(raw=again).is_success
    assert user.stored() == [TRACE + CONTENT]
    assert len(user.given) == 3
    assert user.records == []


def test_a_mailer_that_is_not_there_defers(user: User) -> None:
    user.mailer.unlink()
    assert user.deliver().is_temporary
    assert "cannot be started: No such file or directory" in user.journal
    user.mail_ends("exit 0")
    assert user.deliver().is_success
    assert (len(user.stored()), len(user.given)) == (1, 1)


def test_where_nothing_was_done_nothing_is_written_down(user: User) -> None:
    user.mail_ends("exit 1")
    assert user.deliver('rule { redirect "carol@example.net" }').is_temporary
    assert user.records == []
    assert user.stored("") == []


def test_an_extra_is_tried_again_too(user: User) -> None:
    user.mail_ends("exit 1")
    rules = 'rule { also redirect "carol@example.net" }'
    assert user.deliver(rules).is_temporary
    user.mail_ends("exit 0")
    assert user.deliver(rules).is_success
    assert user.stored("") == [TRACE + CONTENT]


def test_a_step_that_is_done_is_not_done_again(user: User) -> None:
    rules = 'rule { also redirect "carol@example.net" sender me  redirect "dave@example.net" }'
    user.mail_ends('case "$*" in *dave*) exit 75;; esac')
    assert user.deliver(rules).is_temporary
    user.mail_ends("exit 0")
    assert user.deliver(rules).is_success
    assert [given.argv[-1] for given in user.given] == ["carol@example.net", "dave@example.net", "dave@example.net"]
    assert user.stored("") == []


def test_the_retry_does_the_rest_of_that_plan_whatever_the_rules_say_by_then(user: User) -> None:
    user.mail_ends("exit 75")
    user.deliver()
    user.mail_ends("exit 0")
    assert user.deliver('rule { reject "not any more" }').is_success
    assert user.given[-1].argv[-1] == "carol@example.net"
    assert user.deliver('rule { reject "not any more" }').exit_status == 77


def test_what_a_mail_server_puts_at_the_top_at_each_attempt_makes_no_other_message(user: User) -> None:
    """Exim the time of the delivery, and we ourselves the time at which a message came by LMTP."""
    user.mail_ends("exit 75")
    assert user.deliver(raw=b"Delivery-date: Tue, 24 Nov 2026 10:00:00 +0000\n" + CONTENT).is_temporary
    assert user.deliver(raw=b"Received: x; 10:00\n" + TRACE, received=TRACE).is_temporary
    assert len(user.stored()) == 2
    user.mail_ends("exit 0")
    assert user.deliver(raw=b"Delivery-date: Tue, 24 Nov 2026 10:05:00 +0000\n" + CONTENT).is_success
    assert user.deliver(raw=b"Received: x; 10:05\n" + TRACE, received=TRACE).is_success
    assert len(user.stored()) == 2
    assert user.records == []


def test_another_message_has_another_fate(user: User) -> None:
    user.mail_ends("exit 75")
    user.deliver()
    user.mail_ends("exit 0")
    assert user.deliver("", MESSAGE + b"x").is_success
    assert user.deliver("", envelope=Envelope("bob@example.net", "ann+x@example.org")).is_success
    assert len(user.stored("")) == 2
    assert len(user.records) == 1


def test_a_record_that_is_damaged_is_none_and_the_message_is_delivered_anew(user: User) -> None:
    user.mail_ends("exit 75")
    user.deliver()
    user.records[0].write_bytes(b"{}")
    user.mail_ends("exit 0")
    assert user.deliver().is_success
    assert len(user.stored()) == 2
    assert user.records == [] or user.records[0].read_bytes() == b"{}"


def test_where_nothing_can_be_written_down_what_was_stored_is_taken_back(user: User) -> None:
    user.state.parent.mkdir(parents=True)
    user.state.write_text("in the way")
    user.mail_ends("exit 75")
    assert user.deliver().is_temporary
    assert user.stored() == []
    user.mail_ends("exit 0")
    assert user.deliver().is_success
    assert user.stored() == [TRACE + CONTENT]


def test_a_failing_store_hands_nothing_on(user: User) -> None:
    (user.home / "Maildir").write_text("in the way")
    assert user.deliver().is_temporary
    assert user.given == []
    assert user.records == []


def test_a_mailbox_that_fails_is_the_inbox_and_the_message_goes_on(user: User) -> None:
    (user.home / "Maildir").mkdir()
    (user.home / "Maildir/.Copies").write_text("in the way")
    user.mail_ends("exit 75")
    assert user.deliver().is_temporary
    user.mail_ends("exit 0")
    assert user.deliver().is_success
    kept, notice = sorted(user.stored(""), key=lambda raw: b"Auto-Submitted" in raw)
    assert kept == TRACE + CONTENT
    assert b'file "Copies" failed' in notice
    assert len(user.given) == 2


# ---------------------------------------------------------------- a program that takes the message


def test_a_program_takes_the_message_as_it_was_edited_or_a_part_of_it(user: User) -> None:
    rules = """rule {
        header set "Subject" "other"
        also pipe header ["sh", "-c", "cat > header"]
        also pipe body ["sh", "-c", "cat > body"]
        pipe ["sh", "-c", "cat > $1", "sh", "{subject}; x"]
    }"""
    assert user.deliver(rules).is_success
    header, _, body = (TRACE + CONTENT.replace(b"hello\n\n", b"other\n\n")).partition(b"\n\n")
    assert (user.home / "header").read_bytes() == header + b"\n\n"
    assert (user.home / "body").read_bytes() == body
    assert (user.home / "other; x").read_bytes() == header + b"\n\n" + body
    assert user.stored("") == []
    assert user.records == []


@pytest.mark.parametrize(
    ("line", "exit_status", "code"),
    [
        ("exit 0", 0, "2.0.0"),
        ("exit 67", 77, "5.1.1"),
        ("exit 77", 77, "5.7.1"),
        *[(f"exit {status}", 75, "4.3.0") for status in (1, 2, 64, 65, 66, *range(68, 77), 78, 99, 100, 126, 127)],
        ("kill -9 $$", 75, "4.3.0"),
        ("kill -15 $$", 75, "4.3.0"),
        ("echo 5.1.1 no such user; exit 75", 75, "4.3.0"),
        ("sleep 30", 75, "4.3.0"),
    ],
)
def test_its_exit_status_is_the_deliverys(user: User, line: str, exit_status: int, code: str) -> None:
    status = user.deliver(f'rule {{ pipe ["sh", "-c", "{line}"] timeout 1s }}')
    assert (status.exit_status, status.code) == (exit_status, code)
    assert user.stored("") == []
    assert user.records == []


def test_a_program_that_is_not_there_defers(user: User) -> None:
    assert user.deliver('rule { pipe ["/nowhere/at/all"] }').is_temporary
    assert "No such file or directory" in user.journal


@pytest.mark.parametrize("line", ["exit 75", "exit 1", "kill -9 $$", "sleep 30"])
def test_a_program_that_fails_for_a_while_gets_the_message_and_nothing_is_stored_twice(user: User, line: str) -> None:
    script = user.home / "script"
    script.write_text(f"{line}\n")
    assert user.deliver('rule { file "Copies" pipe ["sh", "script"] timeout 1s }').is_temporary
    assert user.stored() == [TRACE + CONTENT]
    script.write_text("cat > taken\n")
    assert user.deliver("").is_success
    assert user.stored() == [TRACE + CONTENT]
    assert (user.home / "taken").read_bytes() == TRACE + CONTENT


def test_a_refusal_after_a_store_is_a_refusal(user: User) -> None:
    """The exit status is the delivery's; what was stored before it stays, as before a discard."""
    assert user.deliver('rule { file "Copies" pipe ["sh", "-c", "exit 77"] }').exit_status == 77
    assert user.stored() == [TRACE + CONTENT]
    assert user.records == []


def test_an_extra_program_that_fails_holds_nothing_up_and_is_told(user: User) -> None:
    rules = """rule {
        also pipe ["sh", "-c", "echo no ink >&2; exit 77"]
        also redirect "carol@example.net"
        file "Copies"
    }"""
    assert user.deliver(rules).is_success
    assert user.stored() == [TRACE + CONTENT]
    assert len(user.given) == 1
    (notice,) = user.stored("")
    assert b"it exited with 77 (no ink)" in notice


def test_an_extra_program_that_failed_is_told_by_the_retry_that_succeeds(user: User) -> None:
    rules = 'rule { also pipe ["sh", "-c", "exit 1"] redirect "carol@example.net" }'
    user.mail_ends("exit 75")
    assert user.deliver(rules).is_temporary
    user.mail_ends("exit 0")
    assert user.deliver(rules).is_success
    (notice,) = user.stored("")
    assert b"it exited with 1" in notice


def test_a_program_that_is_refused_by_the_time_of_the_retry_is_not_run(user: User) -> None:
    (user.home / "script").write_text("exit 75\n")
    rules = 'rule { file "Copies" pipe ["sh", "script"] }'
    assert user.deliver(rules).is_temporary
    (user.home / "script").write_text("cat > taken\n")
    assert user.deliver(rules, pipe="refused").is_temporary
    assert not (user.home / "taken").exists()
    assert user.deliver(rules).is_success
    assert (user.home / "taken").exists()


# ---------------------------------------------------------------- who waits, and two at once


@pytest.mark.parametrize("asked", [1, 2, 3])
def test_when_nobody_waits_any_more_the_retry_does_the_rest(user: User, asked: int) -> None:
    """The MTA has counted the attempt as failed: before the commit, before the hand-over, after it."""
    answers = iter([True] * (asked - 1) + [False] * 3)
    assert user.deliver(is_wanted=lambda: next(answers)).is_temporary
    assert len(user.stored()) == (asked > 1)
    assert len(user.given) == (asked > 2)
    assert user.deliver().is_success
    assert (len(user.stored()), len(user.given)) == (1, 1)
    assert user.records == []


def test_a_second_delivery_waits_and_finds_all_done(user: User) -> None:
    user.mail_ends("sleep 1")
    told: list[Status] = []
    first = threading.Thread(target=lambda: told.append(user.deliver()))
    first.start()
    _wait_until(lambda: bool(user.records))
    told.append(user.deliver())
    first.join()
    assert [status.code for status in told] == ["2.0.0", "2.0.0"]
    assert (len(user.stored()), len(user.given)) == (1, 1)
    assert "done all of it meanwhile" in user.journal


def test_a_second_delivery_does_the_rest_if_the_first_fails(user: User) -> None:
    user.mail_ends(f"[ -e {user.home}/second ] && exit 0; touch {user.home}/second; sleep 1; exit 75")
    told: list[Status] = []
    first = threading.Thread(target=lambda: told.append(user.deliver()))
    first.start()
    _wait_until(lambda: bool(user.records))
    second = user.deliver()
    first.join()
    assert told[0].is_temporary
    assert second.is_success
    assert (len(user.stored()), len(user.given)) == (1, 2)


def test_a_second_delivery_does_not_wait_for_ever(user: User) -> None:
    user.mail_ends("sleep 2")
    first = threading.Thread(target=user.deliver)
    first.start()
    _wait_until(lambda: bool(user.records))
    assert user.deliver(seconds=0.2).text == "another delivery of the same message is under way"
    first.join()


def test_a_delivery_that_fails_in_a_way_nobody_foresaw_lets_others_have_their_turn(user: User) -> None:
    """In a server the process goes on, and with it would the lock."""
    with pytest.raises(ZeroDivisionError):
        user.deliver(is_wanted=lambda: bool(1 // 0))
    assert user.deliver(seconds=2).is_success
    assert len(user.stored()) == 1


def _wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.01)
