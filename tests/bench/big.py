"""A message of 50 MB through a pipe: its time against `cat > f && sync f`, its memory against a message of 4 KB.

Both read the same pipe; pydeliver has the twenty rules of `pipe`, none of which
matches, and stores the message in the inbox.  The sides take turns, each in a
directory of its own in which nothing is removed.  Memory is the most that the
Python process of a delivery had resident.  Root measures as a plain user.

    python tests/bench/big.py BIN [--runs N] [--json]

BIN is the bin directory of the environment in which pydeliver is installed.
Bounds are printed as met or missed; they fail nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.bench.pipe import USUAL, Side, pydeliver, somebody

OCTETS = 50_000_000
RATIO = 1.5
ABOVE_IDLE_MB = 12
# Starts a delivery, adopts the worker that its client leaves behind, and tells the most that one had resident.
ADOPTER = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
client = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
most = 0
try:
    while True:
        child, status, used = os.wait4(-1, 0)
        if status and child == client:
            sys.exit("a delivery failed")
        most = max(most, 0 if child == client else used.ru_maxrss)
except ChildProcessError:
    sys.stdout.write(str(most))
"""


def large() -> bytes:
    """The usual message with lines of base64 behind it, as an attachment would be."""
    line = b"QmFzZTY0IGxpbmVzIGFyZSBzZXZlbnR5LXNpeCBjaGFyYWN0ZXJzIGxvbmcsIGFuZCBzbyBpcyBhbG\n"
    return USUAL + line * ((OCTETS - len(USUAL)) // len(line))


def run(side: Side, message: Path, command: list[str]) -> str:
    """Deliver once through a pipe; what the command printed."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(side.home), "LOGNAME": "ann"}
    with subprocess.Popen(["/bin/cat", message], stdout=subprocess.PIPE) as feeder:
        ran = subprocess.run(command, stdin=feeder.stdout, env=environment, stdout=subprocess.PIPE, check=False)
    if ran.returncode:
        raise SystemExit(f"{side.name} ended in {ran.returncode}")
    side.deliveries += 1
    return ran.stdout.decode()


def seconds(side: Side, message: Path) -> float:
    started = time.perf_counter()
    run(side, message, side.command)
    return time.perf_counter() - started


def resident_mb(side: Side, message: Path, python: Path) -> float:
    most = int(run(side, message, [str(python), "-I", "-S", "-c", ADOPTER, *side.command])) / 1024
    if not most:
        raise SystemExit("no worker was left to adopt: its memory is not known")
    return most


def cat(home: Path) -> Side:
    side = Side("cat and sync", home)
    side.command = ["/bin/sh", "-c", 'f=$(mktemp "$HOME/XXXXXXXX") && cat > "$f" && sync "$f"']
    return side


def measure(directory: Path, binaries: Path, runs: int) -> dict[str, object]:
    rival, ours = cat(directory / "0"), pydeliver("pydeliver", directory / "1", binaries, USUAL)
    small, big = directory / "small", directory / "big"
    small.write_bytes(USUAL)
    big.write_bytes(large())
    python = binaries / "python3"
    seconds(ours, small)  # compiles the rules
    idle, most = [max([resident_mb(ours, message, python) for _ in range(3)]) for message in (small, big)]
    times: dict[str, list[float]] = {rival.name: [], ours.name: []}
    for turn in range(runs):
        for side in (rival, ours) if turn % 2 else (ours, rival):
            times[side.name].append(seconds(side, big))
    stored = [path.stat().st_size for path in (ours.maildir / "new").iterdir()]
    if sorted(stored) != [len(USUAL)] * 4 + [big.stat().st_size] * (runs + 3):
        raise SystemExit("not every message is on the disk")
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    ratio = medians[ours.name] / medians[rival.name]
    return {
        "runs": runs,
        "seconds": {name: round(median, 3) for name, median in medians.items()},
        "resident_mb": {"idle": round(idle, 1), "big": round(most, 1)},
        "bounds": [
            {"what": "time", "found": round(ratio, 2), "must": RATIO, "met": ratio <= RATIO},
            {
                "what": "MB above idle",
                "found": round(most - idle, 1),
                "must": ABOVE_IDLE_MB,
                "met": most - idle <= ABOVE_IDLE_MB,
            },
        ],
    }


def in_words(data: dict[str, object]) -> str:
    seconds, resident, bounds = data["seconds"], data["resident_mb"], data["bounds"]
    assert isinstance(seconds, dict)
    assert isinstance(resident, dict)
    assert isinstance(bounds, list)
    lines = [", ".join([f"{name}: {median} s" for name, median in seconds.items()])]
    lines.append(f"resident: {resident['idle']} MB with 4 KB, {resident['big']} MB with {OCTETS // 1_000_000} MB")
    for bound in bounds:
        unit = "x cat and sync" if bound["what"] == "time" else ""
        verdict = "met" if bound["met"] else "MISSED"
        lines.append(f"{bound['what']}: {bound['found']} {unit}; must {bound['must']}: {verdict}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("binaries", type=Path, metavar="BIN", nargs="?", default=Path(sys.executable).parent)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    binaries = options.binaries.absolute()
    with somebody(), tempfile.TemporaryDirectory(prefix="pydeliver-bench-", dir="/var/tmp") as name:
        os.umask(0o077)
        data = measure(Path(name), binaries, options.runs)
    print(json.dumps(data) if options.json else in_words(data))


if __name__ == "__main__":
    main()
