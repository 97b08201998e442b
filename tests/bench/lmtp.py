"""Messages a second by LMTP: pydeliver's server, and Dovecot's with Sieve, in turn.

Twenty rules, of which eight are regular expressions, of which none matches;
file and directory are synced by both.  On each side all mail has one user id.
A run sends to a mailbox that is made by it; nothing is removed.  What has
arrived is counted on the disk.  `smtp-source` (Postfix) is the client, with
sessions that are kept, and with one for each message.

    python tests/bench/lmtp.py BIN [--messages N] [--rounds N] [--json]

BIN is the bin directory of the environment in which pydeliver is installed.
Bounds are printed as met or missed; they fail nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.bench.pipe import LITERALS, REGEXES
from tests.peers.dovecot import running_dovecot
from tests.peers.users import User, plain_users
from tests.servers.server import running_server

SESSIONS = (1, 4, 16)
SIZES = (4_096, 102_400)
BOUNDS = {4: (2.0, 2.5), 16: (3.0, 4.0)}  # must and aim of kept sessions and 4 KB, by sessions
SMTP_SOURCE = shutil.which("smtp-source", path=os.environ.get("PATH", "") + ":/usr/sbin")


class Side:
    """A server: where it listens, and where the mail of a user is."""

    def __init__(self, name: str, address: str, mail: Path) -> None:
        self.name, self.address, self.mail = name, address, mail

    def run(self, user: str, sessions: int, size: int, messages: int, kept: bool) -> float:
        """Send; the messages a second, all of them counted on the disk."""
        assert SMTP_SOURCE is not None
        to = f"{user}@example.org"
        load = ["-s", str(sessions), "-m", str(messages), "-l", str(size), "-f", "bob@example.net", "-t", to]
        command = [SMTP_SOURCE, "-L", *(["-d"] if kept else []), *load, self.address]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=600)
        taken = time.perf_counter() - started
        maildir = self.mail / user / "Maildir"
        stored = sum(1 for part in ("new", "cur") for _ in (maildir / part).iterdir())
        if stored != messages:
            raise SystemExit(f"{self.name}: {messages} messages sent, {stored} on the disk")
        return messages / taken


def sieve() -> str:
    rules = [f'if header :contains "subject" "{text}" {{ fileinto "{n}"; stop; }}' for n, text in enumerate(LITERALS)]
    rules += [
        f'if header :regex "subject" "{pattern}" {{ fileinto "{n}"; stop; }}' for n, pattern in enumerate(REGEXES, 12)
    ]
    return 'require ["fileinto", "regex"];\n' + "\n".join(rules) + "\n"


def native() -> str:
    rules = [f'rule when subject contains "{text}" {{ file "{n}" }}' for n, text in enumerate(LITERALS)]
    rules += [f'rule when subject matches /{pattern}/ {{ file "{n}" }}' for n, pattern in enumerate(REGEXES, 12)]
    return "\n".join(rules) + "\n"


@contextmanager
def sides(installed: Path, users: list[str]) -> Iterator[list[Side]]:
    with ExitStack() as stack:
        scripts = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pydeliver-bench-", dir="/var/tmp")))
        scripts.chmod(0o755)
        owner = _owner(stack)
        server = stack.enter_context(running_server(installed, owner))
        server.write_users(*users)
        for user in users:
            server.rules(user, native())
        (scripts / "rules.sieve").write_text(sieve())
        subprocess.run(["sievec", str(scripts / "rules.sieve")], check=True)
        settings = (
            f"protocol lmtp {{\n mail_plugins = sieve\n}}\nplugin {{\n sieve = file:{scripts}/rules.sieve\n}}\n"
            "service lmtp {\n process_min_avail = 4\n}\n"
        )
        dovecot = stack.enter_context(running_dovecot(["lmtp"], settings + "auth_username_format = %Ln\n"))
        yield [
            Side("pydeliver", f"unix:{server.socket}", server.directory),
            Side("Dovecot", f"inet:127.0.0.1:{dovecot.ports['lmtp']}", dovecot.directory / "mail"),
        ]


def _owner(stack: ExitStack) -> User:
    if os.geteuid() == 0:
        return stack.enter_context(plain_users())[0]
    return User(pwd.getpwuid(os.geteuid()).pw_name, Path(stack.enter_context(tempfile.TemporaryDirectory())))


@dataclass(frozen=True)
class Row:
    """One case: messages a second of each side, and the bounds where there are any."""

    sessions: int
    octets: int
    kept: bool
    pydeliver: float
    dovecot: float

    @property
    def ratio(self) -> float:
        return round(self.pydeliver / self.dovecot, 2)

    @property
    def bounds(self) -> tuple[float, float] | None:
        return BOUNDS.get(self.sessions) if self.kept and self.octets == SIZES[0] else None

    def __str__(self) -> str:
        kept = "kept" if self.kept else "a message"
        numbers = f"{self.pydeliver:>12.0f}{self.dovecot:>11.0f}{self.ratio:>7}"
        verdict = ""
        if self.bounds is not None:
            must, aim = self.bounds
            verdict = f"  must {must}: {'met' if self.ratio >= must else 'MISSED'}"
            verdict += f"; aim {aim}: {'met' if self.ratio >= aim else 'missed'}"
        return f"{self.sessions:>8}{self.octets:>9}  {kept:10}{numbers}{verdict}"


def measure(installed: Path, messages: int, rounds: int) -> list[Row]:
    cases = [(sessions, size, kept) for size in SIZES for kept in (True, False) for sessions in SESSIONS]
    users = [f"u{number}" for number in range(len(cases) * rounds)]
    rows = []
    with sides(installed, users) as both:
        names = iter(users)
        for sessions, size, kept in cases:
            rates: dict[str, list[float]] = {side.name: [] for side in both}
            sent = messages if size == SIZES[0] else messages // 4
            for turn in range(rounds):
                user = next(names)
                for side in both[:: 1 if turn % 2 else -1]:
                    rates[side.name].append(side.run(user, sessions, size, sent, kept))
            rows.append(Row(sessions, size, kept, *[statistics.median(rates[side.name]) for side in both]))
    return rows


def in_words(rows: list[Row]) -> str:
    heading = f"{'sessions':>8}{'octets':>9}  {'each':10}{'pydeliver/s':>12}{'Dovecot/s':>11}{'ratio':>7}"
    return "\n".join([heading, *[str(row) for row in rows]])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("binaries", type=Path, metavar="BIN", nargs="?", default=Path(sys.executable).parent)
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if SMTP_SOURCE is None or shutil.which("sievec") is None:
        raise SystemExit("smtp-source (Debian's postfix) and sievec (dovecot-sieve) are needed")
    rows = measure(options.binaries.absolute(), options.messages, options.rounds)
    print(json.dumps([asdict(row) | {"ratio": row.ratio} for row in rows]) if options.json else in_words(rows))


if __name__ == "__main__":
    main()
