"""Programs that do everything wrong: the message is stored, or the status is 75, and always in time.

The installed program is run as a mail server runs it, by a user who is not
root: root runs no programs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from pydeliver.plan import quote
from tests.faults.report import report
from tests.peers.users import User

RAW = b"From: bob@example.net\nSubject: tea\n\nwater\n"
SLOW = 15  # seconds that any of these may take on a busy machine; the program's own deadline is 6
DEADLINE = "deadline=6"
UPPER = bytes.maketrans(b"abcdef", b"ABCDEF")

FAULTS = {
    "hangs": ["sh", "-c", "sleep 60"],
    "hangs and will not end": ["sh", "-c", "trap '' TERM HUP INT; while :; do sleep 1; done"],
    "hangs with a child that will not end": ["sh", "-c", "(trap '' TERM; sleep 60) & sleep 60"],
    "leaves a daemon that holds the pipes": ["sh", "-c", "setsid sleep 20 & exit 0"],
    "leaves a daemon that floods the pipes": ["sh", "-c", "setsid timeout 10 yes & exit 0"],
    "floods its output": ["yes"],
    "floods its errors": ["sh", "-c", "yes >&2"],
    "never reads": ["sh", "-c", "exec <&-; exit 1"],
    "dies by a signal": ["sh", "-c", "kill -SEGV $$"],
    "kills its group": ["sh", "-c", "kill -KILL 0"],
    "kills its parent": ["sh", "-c", "kill -KILL $PPID"],
    "is missing": ["/no/such/program"],
    "is a directory": ["/usr"],
    "may not be run": ["/etc/passwd"],
    "is no program": ["~/text"],
    "has no interpreter": ["~/script"],
    "writes a status": ["sh", "-c", "echo '5.1.1 no such user'; echo '5.1.1 no' >&2; exit 67"],
    "asks to try again": ["sh", "-c", "exit 75"],
}


def rules_for(word: str, argv: list[str]) -> str:
    command = f"[{', '.join([quote(argument) for argument in argv])}]"
    if word == "run":
        asked = f"run {command} succeeds"
        return f'rule when {asked} {{ file "yes" }}\nrule when not {asked} {{ file "no" }}\nrule {{ file "unknown" }}\n'
    option = word.removeprefix("rewrite")
    return f'rule {{ also file "before" rewrite {command} timeout 1s{option} file "after" }}\n'


# What each word may end in when its program did wrong: the mailboxes the message is in, none for 75.
SLOW_FAULTS = [fault for fault in FAULTS if "hangs" in fault or "floods" in fault]
ENDS: dict[str, list[tuple[str, ...]]] = {
    "run": [(".yes",), (".no",), (".unknown",), ()],
    "rewrite": [("",), ()],
    "rewrite on error continue": [(".after", ".before"), ()],
    "rewrite on error defer": [()],
}


def deliver(installed: Path, user: User, rules: str, raw: bytes = RAW) -> tuple[CompletedProcess[bytes], float]:
    user.write(".pydeliverrc", rules).chmod(0o600)
    started = time.monotonic()
    completed = user.run([installed / "pydeliver", "-o", DEADLINE], raw, {"HOME": str(user.home)})
    return completed, time.monotonic() - started


@pytest.fixture
def user(plain_user: User) -> Iterator[User]:
    """Who has no delivery under way when the test is over: notices come after the verdict."""
    yield plain_user
    until = time.monotonic() + 10
    while any([b"\0deliver=" in command for command in commands_of(plain_user.uid)]):
        assert time.monotonic() < until, "a delivery does not end"
        time.sleep(0.05)


def commands_of(uid: int) -> Iterator[bytes]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == uid:
                yield (process / "cmdline").read_bytes()
        except OSError:
            continue  # it has ended


def stored(user: User) -> dict[str, list[bytes]]:
    """The messages in each mailbox that has any, without notices."""
    found = {}
    for new in [user.maildir / "new", *sorted(user.maildir.glob(".*/new"))]:
        name = new.parent.name if new.parent != user.maildir else ""
        mail = [raw for raw in user.mail(name) if b"Auto-Submitted" not in raw]
        if mail:
            found[name] = mail
    return found


SHORT = [fault for fault in FAULTS if fault == "hangs" or fault not in SLOW_FAULTS]
TRIED = [
    *[pytest.param(word, SHORT[n::4], id=word) for n, word in enumerate(ENDS)],
    *[pytest.param(word, list(FAULTS), id=f"{word}, all", marks=pytest.mark.long) for word in ENDS],
]


@pytest.mark.parametrize(("word", "faults"), TRIED)
def test_whatever_a_program_does_the_message_is_stored_or_75(
    installed: Path, user: User, word: str, faults: list[str]
) -> None:
    statuses: Counter[str] = Counter()
    user.write("text", "no program\n").chmod(0o755)
    user.write("script", "#!/no/such/interpreter\n").chmod(0o755)
    for fault in faults:
        shutil.rmtree(user.maildir, ignore_errors=True)
        completed, seconds = deliver(installed, user, rules_for(word, FAULTS[fault]))
        mail = stored(user)
        assert tuple(mail) in ENDS[word], (fault, completed)
        assert all([copies == [RAW] for copies in mail.values()]), fault
        assert completed.returncode == (0 if mail else 75), (fault, completed)
        assert (completed.stdout == b"") == bool(mail), (fault, completed)
        assert b"5.1.1" not in completed.stdout
        assert completed.stderr == b""
        assert seconds < SLOW, fault
        statuses[f"{completed.returncode} {' '.join([name or 'INBOX' for name in mail])}".strip()] += 1
    report(f"{len(faults)} programs that do wrong, {word}", dict(statuses))


def test_fifty_megabytes_are_asked_about_rewritten_and_stored(installed: Path, user: User) -> None:
    raw = RAW + b"0123456789abcdef" * 64 * 51_200
    rules = 'rule when run ["sh", "-c", "cat > copy"] succeeds { rewrite body ["tr", "a-f", "A-F"] file "big" }\n'
    completed, seconds = deliver(installed, user, rules, raw)
    assert completed.returncode == 0
    assert (user.home / "copy").read_bytes() == raw
    head, _, body = raw.partition(b"\n\n")
    assert stored(user) == {".big": [head + b"\n\n" + body.translate(UPPER)]}
    print(f"50 MB asked about and rewritten in {seconds:.2f} s")


def test_a_program_is_asked_in_a_dry_run_and_none_rewrites(installed: Path, user: User) -> None:
    rules = 'rule when run ["grep", "-q", "water"] succeeds { rewrite ["touch", "made"] file "A" }\n'
    user.write(".pydeliverrc", rules).chmod(0o600)
    message = user.write("message", RAW.decode())
    command: list[str | Path] = [installed / "pydeliver", "--test", message]
    variables = {"HOME": str(user.home)}
    completed = user.run(command, variables=variables)
    assert completed.stdout.decode().splitlines() == [
        'rewrite ["touch", "made"]    .pydeliverrc:1',
        'file "A"                     .pydeliverrc:1',
        'warning: not run here: rewrite ["touch", "made"]; what follows sees the unchanged message',
    ]
    offline = user.run([*command, "--offline"], variables=variables).stdout.decode()
    assert offline.startswith("keep ")
    assert "no program is asked, because of --offline" in offline
    assert not (user.home / "made").exists()


def await_notice(new: Path, reason: bytes) -> None:
    """A notice comes after the verdict."""
    until = time.monotonic() + 10
    while not any([reason in path.read_bytes() for path in new.iterdir()]):
        assert time.monotonic() < until, "no notice came"
        time.sleep(0.05)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: what root does is asked")
def test_root_runs_no_program_and_keeps_the_message(installed: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text(f'rule when run ["touch", "{tmp_path}/made"] succeeds {{ discard }}\n')
    rules.chmod(0o600)
    options = ["--rules", str(rules), "--maildir", str(tmp_path / "Maildir")]
    command = [str(installed / "pydeliver"), *options]
    completed = subprocess.run(command, input=RAW, capture_output=True, env={"HOME": str(tmp_path), "LOGNAME": "root"})
    assert completed.returncode == 0
    new = tmp_path / "Maildir/new"
    assert RAW in [path.read_bytes() for path in new.iterdir()]
    await_notice(new, b"root runs no programs")
    assert not (tmp_path / "made").exists()


def test_what_the_administrator_refuses_is_kept_with_a_notice(installed: Path, user: User) -> None:
    user.write(".pydeliverrc", 'rule when run ["touch", "made"] succeeds { discard }\n').chmod(0o600)
    for setting in ("run=refused", "run=/bin/true,/usr/bin/true"):
        shutil.rmtree(user.maildir, ignore_errors=True)
        completed = user.run([installed / "pydeliver", "-o", setting], RAW, {"HOME": str(user.home)})
        assert completed.returncode == 0
        assert stored(user) == {"": [RAW]}
        await_notice(user.maildir / "new", b"the administrator")
    assert not (user.home / "made").exists()
    assert user.run([installed / "pydeliver", "-o", "run=/usr/bin/touch"], RAW, {"HOME": str(user.home)})
    assert (user.home / "made").exists()
