"""One message through a pipe: pydeliver without a daemon, procmail, maildrop and a bare interpreter, in turn.

Twenty rules, of which eight are regular expressions, of which none matches, so
that each side looks at all of them and stores the message in the inbox.  Every
side has a directory of its own, made for this run, in which nothing is removed;
what has arrived is counted there.  The sides take turns, so that whatever else
the machine does meets all of them.  How often each syncs is counted apart, by
strace.  Root measures as a plain user.

    python tests/bench/pipe.py BIN [--runs N] [--json]

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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.peers.users import plain_users

LITERALS = [
    f"{word}-list"
    for word in [
        "apple",
        "birch",
        "cedar",
        "daisy",
        "elder",
        "fern",
        "gorse",
        "hazel",
        "iris",
        "jasmine",
        "kale",
        "lilac",
    ]
]
REGEXES = [
    "order [0-9]+ shipped",
    "invoice [a-z]+-[0-9]+",
    "(urgent|asap) reply",
    "ticket #[0-9]+ closed",
    "build [0-9]+ failed",
    "meeting on (mon|tue|wed)day",
    "password .* expires",
    "backup of [a-z]+ done",
]
BOUNDS = [
    # what, side, against, must, aim
    ("no daemon, a regular expression evaluated", "pydeliver, regex", "python3", 3.5, 2.4),
    ("no daemon, none evaluated", "pydeliver", "python3", 2.5, 2.0),
]


def message(subject: str) -> bytes:
    """A post of 4 KB with the fields that such have."""
    received = "".join(
        f"Received: from relay{hop}.example.com (relay{hop}.example.com [192.0.2.{hop}])\n"
        f"\tby mx{hop}.example.org (Postfix) with ESMTPS id 4XyZ{hop}abcdef\n"
        f"\tfor <ann@example.org>; Tue, 24 Nov 2026 10:00:0{hop} +0100 (CET)\n"
        for hop in range(1, 5)
    )
    header = (
        f"Return-Path: <dev-bounces@lists.example.net>\nDelivered-To: ann@example.org\n{received}"
        "From: Carol Example <carol@example.com>\nTo: dev@lists.example.net\nCc: Ann <ann@example.org>\n"
        f"Subject: {subject}\nDate: Tue, 24 Nov 2026 10:00:00 +0100\nMessage-ID: <20261124.1@example.com>\n"
        "List-Id: Developers <dev.lists.example.net>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
    )
    body = "The quick brown fox jumps over the lazy dog, and this line is as long as most.\n" * 60
    return (header + body).encode()[:4095] + b"\n"


USUAL = message("Re: [dev] a smaller patch")
NEAR = message("Re: [dev] which order was shipped, and which build failed")  # has what two of the patterns need


class Side:
    """One program with rules of its own and a Maildir of its own."""

    def __init__(self, name: str, home: Path, raw: bytes = USUAL) -> None:
        self.name = name
        self.home = home
        self.maildir = home / "Maildir"
        self.command: list[str] = []
        self.times: list[float] = []
        self.syncs: int | None = None
        self.deliveries = 0
        for mailbox in [self.maildir, *[self.maildir / f".{number}" for number in range(20)]]:
            for part in ("tmp", "new", "cur"):
                (mailbox / part).mkdir(parents=True)
        (home / "message").write_bytes(raw)

    def run(self, command: Sequence[str] | None = None) -> float:
        """Deliver once; the seconds until the mail system has its answer."""
        words = list(command or self.command)
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "LOGNAME": pwd.getpwuid(os.getuid()).pw_name}
        stdin = (os.POSIX_SPAWN_OPEN, 0, str(self.home / "message"), os.O_RDONLY, 0)
        started = time.perf_counter()
        child = os.posix_spawn(words[0], words, environment, file_actions=[stdin])
        _, status = os.waitpid(child, 0)
        taken = time.perf_counter() - started
        if status:
            raise SystemExit(f"{self.name}: {' '.join(words)} ended in {os.waitstatus_to_exitcode(status)}")
        self.deliveries += 1
        return taken

    def count_syncs(self) -> None:
        strace = shutil.which("strace")
        if strace is not None:
            trace = self.home / "trace"
            self.run([strace, "-f", "-qq", "-o", str(trace), "-e", "trace=fsync,fdatasync,sync,syncfs", *self.command])
            self.syncs = trace.read_text().count("sync")

    @property
    def stored(self) -> int:
        """Messages on the disk, whole."""
        raw = (self.home / "message").read_bytes()
        return sum(raw in path.read_bytes() for path in (self.maildir / "new").iterdir())

    @property
    def median(self) -> float:
        return statistics.median(self.times)


def pydeliver(name: str, home: Path, binaries: Path, raw: bytes) -> Side:
    side = Side(name, home, raw)
    rules = [f'rule when subject contains "{text}" {{ file "{n}" }}' for n, text in enumerate(LITERALS)]
    rules += [f'rule when subject matches /{pattern}/ {{ file "{n}" }}' for n, pattern in enumerate(REGEXES, 12)]
    (home / ".pydeliverrc").write_text("\n".join(rules) + "\n")
    side.command = [str(binaries / "pydeliver")]
    if subprocess.run([*side.command, "check", home / ".pydeliverrc"], stdout=subprocess.DEVNULL).returncode:
        raise SystemExit("the rules of the benchmark are not sound")
    return side


def procmail(program: str, home: Path) -> Side:
    side = Side("procmail", home, NEAR)
    recipes = [f":0\n* ^Subject:.*{pattern}\n{side.maildir}/.{n}/\n" for n, pattern in enumerate(LITERALS + REGEXES)]
    settings = f"MAILDIR={home}\nDEFAULT={side.maildir}/\nLOGABSTRACT=no\n"
    (home / "procmailrc").write_text(settings + "\n".join(recipes))
    side.command = [program, str(home / "procmailrc")]
    return side


def maildrop(program: str, home: Path) -> Side:
    side = Side("maildrop", home, NEAR)
    escaped = [pattern.replace("#", "\\#") for pattern in LITERALS + REGEXES]
    rules = [f'if (/^Subject:.*{pattern}/)\n{{\n  to "{side.maildir}/.{n}"\n}}' for n, pattern in enumerate(escaped)]
    (home / "mailfilter").write_text(f'DEFAULT="{side.maildir}"\n' + "\n".join(rules) + "\n")
    (home / "mailfilter").chmod(0o600)
    side.command = [program, str(home / "mailfilter")]
    return side


def sides_in(directory: Path, binaries: Path) -> list[Side]:
    """Every side there is a program for."""
    home = (directory / str(number) for number in range(9))
    bare = Side("python3", next(home))
    bare.command = [str(binaries / "python3"), "-I", "-S", "-c", "pass"]
    found = [
        bare,
        pydeliver("pydeliver", next(home), binaries, USUAL),
        pydeliver("pydeliver, regex", next(home), binaries, NEAR),
    ]
    if program := shutil.which("procmail"):
        found.append(procmail(program, next(home)))
    if program := shutil.which("maildrop"):
        found.append(maildrop(program, next(home)))
    return found


def measure(sides: Sequence[Side], runs: int) -> None:
    """Warm up, then let the sides take turns."""
    for side in sides:
        side.run()
        side.count_syncs()
    for turn in range(runs):
        for side in (*sides[turn % len(sides) :], *sides[: turn % len(sides)]):
            side.times.append(side.run())
    for side in sides[1:]:
        if side.stored != side.deliveries:
            raise SystemExit(f"{side.name}: {side.deliveries} deliveries, {side.stored} messages on the disk")


def as_data(sides: Sequence[Side], runs: int) -> dict[str, object]:
    by_name = {side.name: side for side in sides}
    rows = [
        {
            "side": side.name,
            "median_ms": round(side.median * 1000, 3),
            "p90_ms": round(statistics.quantiles(side.times, n=10)[8] * 1000, 3),
            "to_python3": round(side.median / sides[0].median, 2),
            "to_procmail": round(side.median / by_name["procmail"].median, 2) if "procmail" in by_name else None,
            "syncs": side.syncs,
            "stored": side.stored if side is not sides[0] else None,
        }
        for side in sides
    ]
    bounds = []
    for what, side, against, must, aim in BOUNDS:
        ratio = round(by_name[side].median / by_name[against].median, 2)
        bounds.append({"what": what, "ratio": ratio, "must": must, "aim": aim, "met": ratio <= must})
    return {"runs": runs, "rows": rows, "bounds": bounds}


def in_words(data: dict[str, object]) -> str:
    lines = [f"{'':18}{'median ms':>10}{'p90 ms':>9}{'x python3':>11}{'x procmail':>12}{'syncs':>7}{'stored':>8}"]
    rows, bounds = data["rows"], data["bounds"]
    assert isinstance(rows, list)
    assert isinstance(bounds, list)
    for row in rows:
        shown = ["-" if said is None else str(said) for said in list(row.values())[1:]]
        widths = (10, 9, 11, 12, 7, 8)
        lines.append(f"{row['side']:18}" + "".join([f"{s:>{width}}" for s, width in zip(shown, widths, strict=True)]))
    for bound in bounds:
        verdict = "met" if bound["met"] else "MISSED"
        aim = "met" if bound["ratio"] <= bound["aim"] else "missed"
        lines.append(
            f"{bound['what']}: {bound['ratio']} x python3 -I -S -c pass; "
            f"must {bound['must']}: {verdict}; aim {bound['aim']}: {aim}"
        )
    return "\n".join(lines)


@contextmanager
def somebody() -> Iterator[None]:
    """Be an ordinary user from here on: procmail and maildrop do other things as root."""
    if os.geteuid() != 0:
        yield
        return
    with plain_users() as (user, _):
        os.initgroups(user.name, user.gid)
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("binaries", type=Path, metavar="BIN", nargs="?", default=Path(sys.executable).parent)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    binaries = options.binaries.absolute()
    with somebody(), tempfile.TemporaryDirectory(prefix="pydeliver-bench-", dir="/var/tmp") as name:
        os.umask(0o077)
        if not os.access(binaries / "pydeliver", os.X_OK):
            raise SystemExit(f"{pwd.getpwuid(os.getuid()).pw_name} cannot run {binaries}/pydeliver")
        sides = sides_in(Path(name), binaries)
        measure(sides, options.runs)
        data = as_data(sides, options.runs)
        print(json.dumps(data) if options.json else in_words(data))


if __name__ == "__main__":
    main()
