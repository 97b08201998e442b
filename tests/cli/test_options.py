"""Command lines: our own, and those that procmail, maildrop and dovecot-lda are started with."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from pydeliver.cli.options import Options, UsageError, find_mode, parse_delivery, parse_test
from tests.peers.users import User

UNDERSTOOD = [
    ("", Options()),
    ("-d ann -f bob@x -r ann+l@y -a l", Options(user="ann", sender="bob@x", recipient="ann+l@y", detail="l")),
    ("-dann -fbob@x -al", Options(user="ann", sender="bob@x", detail="l")),
    ("-f '' -a ''", Options(sender="", detail="")),
    ("-f -d -d -f", Options(sender="-d", user="-f")),
    ("-o notices=false -odeadline=9", Options(settings=("notices=false", "deadline=9"))),
    # procmail
    ("-t -Y -a lists -d ann", Options(detail="lists", user="ann")),
    ("-tYa lists -dann", Options(detail="lists", user="ann")),
    ("-f- -a lists", Options(detail="lists")),
    ("-tYf- -d ann", Options(user="ann")),
    ("-f -", Options()),
    ("-f bob@x -Y -a '' -d ann", Options(sender="bob@x", detail="", user="ann")),
    # maildrop
    ("-V 9 -d ann -f bob@x", Options(user="ann", sender="bob@x")),
    ("-V9 -dann", Options(user="ann")),
    ("-A 'X-A: 1' -A 'X-B: 2' -d ann", Options(user="ann", fields=("X-A: 1", "X-B: 2"))),
    # dovecot-lda
    ("-e -k -f bob@x -a ann+lists@y -d ann", Options(sender="bob@x", detail="ann+lists@y", user="ann")),
]


@pytest.mark.parametrize(("line", "options"), UNDERSTOOD)
def test_a_command_line_is_understood(line: str, options: Options) -> None:
    assert parse_delivery(shlex.split(line)) == options


REFUSED = [
    ("-x", "there is no option -x"),
    ("-tx", "there is no option -x"),
    ("--rulez f", "there is no option --rulez"),
    ("-f", "-f needs an argument"),
    ("-tYf", "-f needs an argument"),
    ("--rules", "--rules needs an argument"),
    ("-m /etc/procmailrcs/list a b", "-m is not understood: the mailbox is for rules to say"),
    ("-m Junk", "-m is not understood: the mailbox is for rules to say"),
    ("-p", "-p is not understood: the message is read from standard input"),
    ("-w 90 -d ann", "-w is not understood: there are no quotas"),
    ("-d ann LOGFILE=log", "'LOGFILE=log' is no option: -f names the sender"),
    ("-d ann lists bob@x", "'lists' is no option: -f names the sender"),
    ("-A X-A", "-A takes one line of a header, as 'Name: text', not 'X-A'"),
    ("-A 'X A: 1'", "-A takes one line of a header"),
    ("-A $'X-A: 1\nX-B: 2'", "-A takes one line of a header"),
    ("-A ': 1'", "-A takes one line of a header"),
]


@pytest.mark.parametrize(("line", "reason"), REFUSED)
def test_what_is_not_understood_says_so(line: str, reason: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_delivery(shlex.split(line.replace("$'", "'")))
    assert reason in str(raised.value)


def test_a_dry_run_understands_the_same(tmp_path: Path) -> None:
    options = parse_test(["-tYa", "lists", "--test", "m.eml", "-fbob@x"])
    assert options == Options(detail="lists", sender="bob@x", test=True, messages=("m.eml",))


@pytest.mark.parametrize(
    ("line", "mode"),
    [
        ("-f --test", None),
        ("-tYf --help", None),
        ("-f- --test", "--test"),
        ("-A --help -V -h", None),
        ("-t -h", "-h"),
    ],
)
def test_a_mode_is_not_what_belongs_to_an_option(line: str, mode: str | None) -> None:
    assert find_mode(shlex.split(line)) == mode


@pytest.mark.parametrize(("line", "reason"), REFUSED)
def test_a_mail_server_that_says_it_is_asked_to_try_again(
    installed: Path, tmp_path: Path, line: str, reason: str
) -> None:
    command = [str(installed / "pydeliver"), *shlex.split(line.replace("$'", "'"))]
    variables = {"HOME": str(tmp_path), "LOGNAME": "ann", "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(command, input=b"Subject: x\n\n", capture_output=True, env=variables)
    assert ended.returncode == 75
    assert ended.stdout.decode().startswith(f"4.3.5 pydeliver was started with a wrong option: {reason}")
    assert ended.stdout.count(b"\n") == 1
    assert not (tmp_path / "Maildir").exists()


def test_fields_are_put_at_the_top_and_read_as_the_mail_servers(installed: Path, plain_user: User) -> None:
    """Below the From_ line; what is at the top is the envelope."""
    plain_user.write(
        ".pydeliverrc", 'rule when header "X-Box" is "shop" and envelope.sender is "bob@x" { file "Shop" }\n'
    )
    command = [str(installed / "pydeliver"), "-A", "Return-Path: <bob@x>", "-AX-Box: shop"]
    assert plain_user.run(command, b"From carol@x Tue Nov 24 10:00:00 2026\nSubject: x\n\n").returncode == 0
    assert plain_user.run(command, b"Subject: y\r\n\r\n").returncode == 0
    assert sorted(plain_user.mail(".Shop")) == [
        b"Return-Path: <bob@x>\nX-Box: shop\nSubject: x\n\n",
        b"Return-Path: <bob@x>\r\nX-Box: shop\r\nSubject: y\r\n\r\n",
    ]
