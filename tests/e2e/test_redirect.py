"""A real Postfix and its sendmail(1): what is redirected arrives, from whom it should, and never goes round."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.postfix import DOMAIN, Postfix, running_postfix
from tests.peers.users import User
from tests.scenarios.redirects import HOSTILE

HELLO = (  # with all that Postfix puts into a message handed in by sendmail(1) that has it not
    b"From: Ann <ann@elsewhere.example>\nDate: Tue, 24 Nov 2026 10:00:00 +0000\n"
    b"Message-ID: <1@elsewhere.example>\nSubject: hello\n\n.\nhello\n"
)
SENDER = "ann@elsewhere.example"


@pytest.fixture(scope="module")
def server(installed: Path) -> Iterator[Postfix]:
    with running_postfix(
        f"recipient_delimiter = +\nmailbox_command = {installed}/pydeliver", is_the_systems=True
    ) as server:
        yield server


@pytest.fixture(autouse=True)
def _nothing_is_left(server: Postfix) -> Iterator[None]:
    yield
    assert server.queue() == []
    assert server.complaints() == []


def address(user: User, detail: str = "") -> str:
    return f"{user.name}{'+' if detail else ''}{detail}@{DOMAIN}"


def fields(raw: bytes, name: str) -> list[str]:
    return re.findall(rf"^{name}: (.*)$", raw.partition(b"\n\n")[0].decode(), re.MULTILINE)


def bounces(server: Postfix) -> list[str]:
    return re.findall(r".*status=bounced.*", server.log())


@pytest.mark.parametrize(
    ("policy", "sender", "expected"),
    [
        ("", SENDER, SENDER),
        ("sender keep", SENDER, SENDER),
        ("sender null", SENDER, ""),
        ("sender me", SENDER, "me"),
        ("sender me", "", ""),
        ("", "o'brien@elsewhere.example", "o'brien@elsewhere.example"),
        ("", '"ann lee"@elsewhere.example', '"ann lee"@elsewhere.example'),
    ],
)
def test_a_message_is_stored_and_goes_on(
    server: Postfix, users: tuple[User, User], policy: str, sender: str, expected: str
) -> None:
    first, second = users
    first.write(".pydeliverrc", f'rule {{ file "Copies" redirect "{address(second)}" {policy} }}\n')
    server.send(HELLO, [address(first)], sender)
    server.wait_until_empty()
    server.wait_until(lambda: bool(second.mail()))
    (copy,), (arrived,) = first.mail(".Copies"), second.mail()
    assert copy.endswith(HELLO)
    assert arrived.endswith(HELLO)
    assert fields(arrived, "Return-Path") == [f"<{address(first) if expected == 'me' else expected}>"]
    assert fields(arrived, "Delivered-To") == [address(second), address(first)]
    assert not arrived.startswith(b"From ")
    assert first.mail() == []


def test_two_who_redirect_to_each_other(server: Postfix, users: tuple[User, User]) -> None:
    """It has been at the first when the second would send it there: it ends in the second's inbox."""
    first, second = users
    first.write(".pydeliverrc", f'rule {{ redirect "{address(second)}" }}\n')
    second.write(".pydeliverrc", f'rule {{ redirect "{first.name}" }}\n')
    before = bounces(server)
    server.send(HELLO, [address(first)])
    server.wait_until(lambda: bool(second.mail()))
    server.wait_until_empty()
    assert (len(first.mail()), len(second.mail())) == (0, 1)
    assert bounces(server) == before


def test_one_who_redirects_to_himself(server: Postfix, users: tuple[User, User]) -> None:
    """By another detail it comes back once, and then stays."""
    user, _ = users
    user.write(".pydeliverrc", f'rule {{ redirect "{address(user, "x")}" }}\n')
    before = bounces(server)
    server.send(HELLO, [address(user)])
    server.wait_until(lambda: bool(user.mail()))
    server.wait_until_empty()
    (stored,) = user.mail()
    assert fields(stored, "Delivered-To") == [address(user, "x"), address(user)]
    assert bounces(server) == before


@pytest.mark.parametrize("policy", ["keep", "me", "null"])
def test_what_cannot_be_delivered_comes_back_once_at_most(
    server: Postfix, users: tuple[User, User], policy: str
) -> None:
    """To an address that is nobody's, by somebody whose bounces would be redirected there again."""
    user, sender = users
    user.write(".pydeliverrc", f'rule {{ redirect "nobody-is-called-so@{DOMAIN}" sender {policy} }}\n')
    before = len(bounces(server))
    server.send(HELLO, [address(user)], address(sender))
    server.wait_until(lambda: len(bounces(server)) > before)
    server.wait_until_empty()
    assert len(bounces(server)) - before <= 2  # the message, and where it comes back to is redirected: that
    assert len(sender.mail()) == (policy == "keep")
    assert user.mail() == []


def test_a_message_that_has_come_through_many_servers_stays(server: Postfix, users: tuple[User, User]) -> None:
    first, second = users
    first.write(".pydeliverrc", f'rule {{ redirect "{address(second)}" }}\n')
    server.send(b"Received: by somewhere\n" * 30 + HELLO, [address(first)])
    server.wait_until(lambda: bool(first.mail()))
    server.wait_until_empty()
    assert second.mail() == []


def test_a_mail_server_that_takes_nothing_defers_and_nothing_is_stored_twice(
    server: Postfix, users: tuple[User, User], installed: Path, public_directory: Path
) -> None:
    first, second = users
    broken = public_directory / "broken-mailer"
    broken.write_text("#!/bin/sh\nexit 75\n")
    broken.chmod(0o755)
    first.write(".pydeliverrc", f'rule {{ file "Copies" redirect "{address(second)}" }}\n')
    first.write(".forward", f'"|{installed}/pydeliver -o sendmail={broken}"\n')
    queue_id = server.send(HELLO, [address(first)])
    assert "dsn=4.3.0, status=deferred" in server.wait_until_tried(queue_id)
    assert len(first.mail(".Copies")) == 1
    broken.write_text('#!/bin/sh\nexec /usr/sbin/sendmail "$@"\n')
    server.retry()
    server.wait_until(lambda: bool(second.mail()))
    server.wait_until_empty()
    assert (len(first.mail(".Copies")), len(second.mail())) == (1, 1)


def test_hostile_addresses_reach_nobody(server: Postfix, users: tuple[User, User]) -> None:
    """Each is a field of the message, and the address of a redirect; only the sound one beside it is sent to."""
    first, second = users
    first.write(
        ".pydeliverrc", f"""rule {{ redirect "{{header 'X-To'}}", "{{header 'X-To'.raw}}", "{address(second)}" }}\n"""
    )
    before = bounces(server)
    for hostile in HOSTILE:
        field = re.sub(r"[\r\n\0]", "\n ", hostile).encode()
        server.send(b"X-To: " + field + b"\n" + HELLO, [address(first)])
    server.wait_until(lambda: len(second.mail()) >= len(HOSTILE), 60)
    server.wait_until_empty()
    assert len(second.mail()) == len(HOSTILE)
    assert first.mail() == []
    assert bounces(server) == before


@pytest.mark.parametrize(
    ("status", "told"),
    [(77, "dsn=5.7.1, status=bounced"), (67, "dsn=5.1.1, status=bounced"), (1, "dsn=4.3.0, status=deferred")],
)
def test_a_program_that_takes_the_message_answers_for_it(
    server: Postfix, users: tuple[User, User], status: int, told: str
) -> None:
    user, sender = users
    user.write(".pydeliverrc", 'rule { pipe ["sh", "script"] }\n')
    user.write("script", f"exit {status}\n")
    queue_id = server.send(HELLO, [address(user)], address(sender))
    assert told in server.wait_until_tried(queue_id)
    user.write("script", "cat > taken\n")
    server.retry()
    server.wait_until_empty()
    assert len(sender.mail()) == (status != 1)
    assert (user.home / "taken").exists() == (status == 1)
