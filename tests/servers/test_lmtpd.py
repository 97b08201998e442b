"""The LMTP server, as it is installed: each recipient has his reply, and what was answered 250 is there, once."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.peers.users import User
from tests.servers.server import Client, Server, running_server

HELLO = b"From: Bob <bob@example.net>\nSubject: hello\n\nhello\n"
REFUSES = (
    'rule when subject is "refuse" { reject "5.7.1 not this" }\nrule when subject is "later" { defer "4.7.1 later" }'
)


@pytest.fixture
def server(installed: Path, plain_user: User) -> Iterator[Server]:
    with running_server(installed, plain_user) as running:
        yield running


def test_each_recipient_has_his_reply(server: Server) -> None:
    server.rules("carl", REFUSES)
    with server.client() as client:
        assert client.say("LHLO x").endswith("250 DSN")
        raw = HELLO.replace(b"hello\n\n", b"refuse\n\n")
        replies = client.send(raw, "ann@example.org", "nobody@example.org", "carl@example.org", "ann+x@example.org")
        assert replies == [
            *("250 2.1.5 recipient ok", "550 5.1.1 no such user", "250 2.1.5 recipient ok", "250 2.1.5 recipient ok"),
            *("250 2.0.0 delivered", "550 5.7.1 not this", "250 2.0.0 delivered"),
        ]
        assert client.send(HELLO.replace(b"hello\n\n", b"later\n\n"), "carl@example.org")[-1] == "451 4.7.1 later"
        assert client.say("QUIT") == "221 2.0.0 bye"
    assert server.mail("carl") == []
    assert len(server.mail("ann")) == 2


def test_what_is_left_of_a_plan_is_done_when_the_message_comes_again(installed: Path, plain_user: User) -> None:
    """Another second later: the Received field that we put at the top is not what a message is known by."""
    with running_server(installed, plain_user, sendmail="/var/tmp/no-mailer-of-that-name") as server:
        server.rules("carl", 'rule { file "Copies" redirect "ann@example.net" }')
        with server.client() as client:
            client.say("LHLO x")
            for _ in range(2):
                assert client.send(HELLO, "carl@example.org")[-1].startswith("451 4.3.0 ")
                time.sleep(1.1)
        assert len(server.mail("carl", ".Copies")) == 1
        (record,) = (server.directory / "carl").rglob("retry/*")
        assert b'"done":[0]' in record.read_bytes()


def test_trace_fields_stand_above_what_came(server: Server) -> None:
    raw = b"Return-Path: <forged@example.com>\nDelivered-To: kept@example.com\n" + HELLO
    with server.client() as client:
        client.say("LHLO client.example")
        client.send(raw, "ann@example.org", sender="")
    (stored,) = server.mail("ann")
    trace, _, rest = stored.partition(b"Delivered-To: kept@example.com\n")
    assert rest == HELLO
    received = rb"Received: from client\.example by \S+ with LMTP for <ann@example\.org>;[^\n]*\n?[^\n]* \+0000\n"
    assert re.fullmatch(rb"Return-Path: <>\nDelivered-To: ann@example\.org\n" + received, trace), trace


def test_the_same_recipient_twice_is_delivered_to_once_and_answered_twice(server: Server) -> None:
    with server.client() as client:
        client.say("LHLO x")
        replies = client.send(HELLO, "ann@example.org", "ann@example.org", "ann+a@example.org", "ann+b@example.org")
    assert replies[4:] == ["250 2.0.0 delivered"] * 4
    delivered_to = Counter(re.findall(rb"Delivered-To: (\S+)", b"".join(server.mail("ann"))))
    assert delivered_to == {b"ann@example.org": 1, b"ann+a@example.org": 1, b"ann+b@example.org": 1}


@pytest.mark.parametrize("size", [100, 300_000, 6_000_000])
def test_content_is_stored_as_it_came_with_lf(server: Server, size: int) -> None:
    body = b"".join([b".%d of the lines\n" % number for number in range(size // 20)])
    with server.client() as client:
        client.say("LHLO x")
        client.send(HELLO + body, "ann@example.org", "carl@example.org")
    for name in ("ann", "carl"):
        (stored,) = server.mail(name)
        assert stored.endswith(b" +0000\n" + HELLO + body)


def test_a_line_feed_alone_is_refused_unless_it_may_stand(installed: Path, plain_user: User, server: Server) -> None:
    def send(client: Client) -> str:
        client.say("LHLO x\r\nMAIL FROM:<>")
        client.reply()
        client.say("RCPT TO:<ann@example.org>")
        client.say("DATA")
        client.socket.sendall(b"Subject: x\n\nbare\n.\nmore\r\n.\r\n")
        return client.reply()

    with server.client() as client:
        assert send(client) == "550 5.6.0 a CR or LF stands alone in the message"
    assert server.mail("ann") == []
    with running_server(installed, plain_user, bare_line_feeds="true") as lenient, lenient.client() as client:
        assert send(client) == "250 2.0.0 delivered"
        assert lenient.mail("ann")[0].endswith(b"\nSubject: x\n\nbare\n.\nmore\n")


def test_users_are_read_again_when_their_file_changes(server: Server) -> None:
    with server.client() as client:
        client.say("LHLO x")
        assert client.send(HELLO, "dora@example.org") == ["550 5.1.1 no such user"]
        server.write_users("dora")
        client.say("RSET")
        assert client.send(HELLO, "dora@example.org")[-1] == "250 2.0.0 delivered"
        server.users_file.unlink()
        assert client.send(HELLO, "ann@example.org") == ["451 4.3.0 the list of users cannot be read"]
        server.users_file.write_text("no home\n")
        client.say("RSET")
        assert client.send(HELLO, "ann@example.org") == ["451 4.3.0 the list of users cannot be read"]


def test_what_fails_for_one_is_his_alone(server: Server) -> None:
    """A home that cannot be made is a temporary failure, and the others have their mail."""
    (server.directory / "carl").write_text("no directory")
    with server.client() as client:
        client.say("LHLO x")
        replies = client.send(HELLO, "carl@example.org", "ann@example.org")
    assert replies[2].startswith("451 4.")
    assert replies[3] == "250 2.0.0 delivered"


def test_more_sessions_than_there_may_be_are_told_to_come_again(installed: Path, plain_user: User) -> None:
    with running_server(installed, plain_user, sessions="2") as server:
        clients = [server.client() for _ in range(2 * len(server.children()) + 1)]
        greetings = Counter([client.greeting.split()[0] for client in clients])
        assert greetings["421"] >= 1
        assert greetings["220"] >= 2
        for client in clients:
            client.socket.close()


def test_three_hundred_sessions_at_once(server: Server) -> None:
    """Each sends three messages to three recipients, one of whom is refused."""
    server.rules("carl", 'rule { reject "5.7.1 not this" }')
    wrong: list[str] = []

    def send(number: int) -> None:
        with server.client() as client:
            client.say("LHLO x")
            for turn in range(3):
                raw = HELLO.replace(b"hello\n\n", b"%d-%d\n\n" % (number, turn))
                replies = client.send(raw, "ann@example.org", "carl@example.org", "ann+x@example.org")[3:]
                if [reply[:3] for reply in replies] != ["250", "550", "250"]:
                    wrong.extend(replies)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    subjects = Counter(re.findall(rb"Subject: (\S+)", b"".join(server.mail("ann"))))
    assert subjects == {b"%d-%d" % (number, turn): 2 for number in range(300) for turn in range(3)}


# ---------------------------------------------------------------- hostile and slow clients


def test_a_client_that_says_nothing_costs_the_others_nothing(server: Server) -> None:
    idle = [server.client() for _ in range(200)]
    for number, client in enumerate(idle):
        client.socket.sendall(b"LHLO slow\r\nMAIL FR"[: number % 20])
    start = time.monotonic()
    with server.client() as client:
        client.say("LHLO x")
        assert client.send(HELLO, "ann@example.org")[-1] == "250 2.0.0 delivered"
    assert time.monotonic() - start < 2
    for client in idle:
        client.socket.close()


@pytest.mark.parametrize(
    "said",
    [b"\0" * 5_000, b"x" * 100_000, b"LHLO x\r\nMAIL FROM:<a@b>\nRCPT TO:<ann@example.org>\r\n", b"\r\n" * 200],
    ids=["garbage", "an endless line", "a bare LF", "empty lines"],
)
def test_who_does_not_speak_lmtp_is_left(server: Server, said: bytes) -> None:
    with server.client() as client:
        client.socket.sendall(said)
        while reply := client.reply():
            last = reply
        assert last.startswith(("554 5.5.2 ", "421 4.7.0 "))


def test_a_client_that_leaves_at_any_point_stores_nothing_or_the_whole(server: Server) -> None:
    dialogue = b"LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n"
    content = HELLO.replace(b"\n", b"\r\n") + b".\r\n"
    for end in range(0, len(content) + 1, 3):
        with server.client() as client:
            client.socket.sendall(dialogue)
            for _ in range(4):
                client.reply()
            client.socket.sendall(content[:end])
    time.sleep(0.3)
    assert all([stored.endswith(HELLO) for stored in server.mail("ann")])
    assert len(server.mail("ann")) <= 1


# ---------------------------------------------------------------- ends


class Burst:
    """Sessions that send until told to stop; what was answered 250, and how the sessions ended."""

    def __init__(self, server: Server, sessions: int) -> None:
        self._server = server
        self._stop = threading.Event()
        self.acknowledged: list[bytes] = []
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(sessions)]
        for thread in self._threads:
            thread.start()

    def _send(self, number: int) -> None:
        turn = 0
        while not self._stop.is_set():
            try:
                with self._server.client() as client:
                    if not client.say("LHLO x").startswith("250"):
                        continue
                    while not self._stop.is_set():
                        turn += 1
                        subject = b"%d-%d" % (number, turn)
                        reply = client.send(HELLO.replace(b"hello\n\n", subject + b"\n\n"), "ann@example.org")[-1]
                        if reply.startswith("250"):
                            self.acknowledged.append(subject)
                        elif reply:
                            self.failures.append(reply)
            except (OSError, AssertionError):
                time.sleep(0.01)  # the session ended: a mail server tries again

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def wait_for(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def subjects(server: Server) -> Counter[bytes]:
    return Counter(re.findall(rb"Subject: (\S+)", b"".join(server.mail("ann"))))


def test_sighup_reads_the_settings_again_and_drops_no_session(server: Server) -> None:
    with server.client() as client:
        client.say("LHLO x")
        before = set(server.children())
        server.signal(signal.SIGHUP)
        wait_for(lambda: bool(set(server.children()) - before), "others serve")
        assert client.send(HELLO, "ann@example.org")[-1] == "250 2.0.0 delivered"
        with server.client() as other:
            other.say("LHLO x")
            assert other.send(HELLO, "ann@example.org")[-1] == "250 2.0.0 delivered"
    server.users_file.write_text("nonsense\n")
    server.signal(signal.SIGHUP)
    wait_for(lambda: "the old settings stay" in server.log.read_text(), "that is told")
    server.write_users()
    with server.client() as client:
        assert client.greeting.startswith("220")


def test_sigterm_under_load_answers_what_is_under_way(server: Server) -> None:
    burst = Burst(server, 6)
    time.sleep(1.0)
    server.signal(signal.SIGTERM)
    assert server.process.wait(30) == 0
    burst.end()
    assert len(burst.acknowledged) > 20
    assert burst.failures == [reply for reply in burst.failures if reply.startswith("421 4.3.2 ")]
    found = subjects(server)
    assert {subject: found[subject] for subject in burst.acknowledged} == dict.fromkeys(burst.acknowledged, 1)


def test_processes_killed_at_random_lose_nothing_that_was_answered(server: Server) -> None:
    burst = Burst(server, 6)
    kills = 0
    for _ in range(4):
        time.sleep(0.4)
        for pid in server.children()[:1]:
            os.kill(pid, signal.SIGKILL)
            kills += 1
    wait_for(lambda: len(server.children()) == len(os.sched_getaffinity(0)), "the processes are started again")
    burst.end()
    assert len(burst.acknowledged) > 20
    found = subjects(server)
    assert [subject for subject in burst.acknowledged if found[subject] != 1] == []
    assert kills == 4


def test_a_second_server_does_not_take_the_socket_of_the_first(installed: Path, server: Server) -> None:
    again = server.user.run([installed / "pydeliver", "serve", "-o", f"lmtp={server.socket}"])
    assert again.returncode == 1
    assert again.stderr == f"pydeliver serve: cannot listen at {server.socket}: Address already in use\n".encode()
    with server.client() as client:
        assert client.greeting.startswith("220")
