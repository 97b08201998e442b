"""A list of a million addresses: what its index costs once, and what each message pays for asking it.

Deliveries by the installed program, with a rule that asks the list for the
author; beside them the same with a list written out in the rule file, and what
one question costs alone.  Time is of the wall, memory the most that a process of
the delivery had.

    python tests/bench/lists.py BIN [--entries N] [--runs N] [--json]

BIN is the bin directory of the environment in which pydeliver is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from pydeliver.delivery.lists import Lists
from pydeliver.delivery.perform import Stores
from pydeliver.state.places import Places

MESSAGE = b"From: nobody@example.org\nTo: ann@example.org\nSubject: a question\n\nNothing.\n"
FROM_FILE = 'list blocked from "blocked.txt"\nrule "Blocked" when from in blocked { file "Blocked" }\n'
WRITTEN_OUT = 'list blocked = ["spammer@example.com"]\nrule "Blocked" when from in blocked { file "Blocked" }\n'


def write_list(path: Path, entries: int) -> None:
    chance = random.Random(1)
    with open(path, "w", encoding="ascii") as file:
        for _ in range(entries):
            file.write(f"user{chance.getrandbits(40):x}@example{chance.getrandbits(14)}.net\n")


def deliver(binaries: Path, home: Path) -> float:
    """Deliver one message; seconds."""
    command = [str(binaries / "pydeliver"), "--maildir", str(home / "Maildir")]
    environment = {"HOME": str(home), "LOGNAME": "ann", "PATH": "/usr/bin:/bin"}
    started = time.monotonic()
    subprocess.run(command, input=MESSAGE, env=environment, check=True)
    return time.monotonic() - started


def memory(binaries: Path, home: Path) -> float:
    """The most megabytes of the process that delivers one message; its supervisor does not wait for it to be gone."""
    boot = binaries.parent / "share/pydeliver/boot.py"
    verdict = os.open(os.devnull, os.O_WRONLY)
    command = [str(binaries / "python3"), "-I", "-S", str(boot), f"deliver={verdict}"]
    running = subprocess.Popen(
        [*command, "--maildir", str(home / "Maildir")],
        stdin=subprocess.PIPE,
        env={"HOME": str(home), "LOGNAME": "ann"},
        pass_fds=(verdict,),
    )
    assert running.stdin is not None
    running.stdin.write(MESSAGE)
    running.stdin.close()
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    os.close(verdict)
    return round(usage.ru_maxrss / 1024, 1)


def median(binaries: Path, home: Path, runs: int) -> float:
    return statistics.median([deliver(binaries, home) for _ in range(runs)])


def look_up(home: Path, questions: int = 20_000) -> float:
    """Seconds of one question; each opens the index."""
    asked = Lists(Stores(Places(str(home)), ""), may_store=False)
    asked.answer(("in list", "blocked", "blocked.txt", "x"))
    started = time.perf_counter()
    for number in range(questions):
        asked.answer(("in list", "blocked", "blocked.txt", f"user{number:x}@example{number % 16_384}.net"))
    return (time.perf_counter() - started) / questions


def measure(binaries: Path, home: Path, entries: int, runs: int) -> dict[str, float]:
    (home / ".pydeliverrc").write_text(WRITTEN_OUT)
    deliver(binaries, home)
    plain, plain_memory = median(binaries, home, runs), memory(binaries, home)
    write_list(home / "blocked.txt", entries)
    (home / ".pydeliverrc").write_text(FROM_FILE)
    time.sleep(2.5)  # no index is made of a list that was written a moment ago
    first = deliver(binaries, home)
    (index,) = (home / ".local/state/pydeliver/lists").iterdir()
    later, later_memory = median(binaries, home, runs), memory(binaries, home)
    index_octets = index.stat().st_size
    index.unlink()
    first_memory = memory(binaries, home)
    return {
        "entries": entries,
        "list_mb": round((home / "blocked.txt").stat().st_size / 1e6, 1),
        "index_mb": round(index_octets / 1e6, 1),
        "first_delivery_ms": round(first * 1000, 1),
        "first_delivery_mb": first_memory,
        "delivery_ms": round(later * 1000, 2),
        "delivery_mb": later_memory,
        "written_out_ms": round(plain * 1000, 2),
        "written_out_mb": plain_memory,
        "question_us": round(look_up(home) * 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("binaries", type=Path, metavar="BIN", nargs="?", default=Path(sys.executable).parent)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="pydeliver-bench-", dir="/var/tmp") as name:
        data = measure(options.binaries.absolute(), Path(name), options.entries, options.runs)
    print(json.dumps(data) if options.json else "\n".join([f"{what:20}{said:>12}" for what, said in data.items()]))


if __name__ == "__main__":
    main()
