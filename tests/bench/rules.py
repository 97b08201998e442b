"""Ten rules against ten thousand: what a message costs that no rule of them wants.

A third compare literals, a third are globs and address lists, a third are
regular expressions.  Six messages, of six subjects, reach the end of both files
and are kept; the sides take turns, warm, as in a worker.  The ten thousand are
also evaluated without their index, one by one, a few times, and loaded from
their compiled copy as each delivery does that has no worker.

    python tests/bench/rules.py [BIN] [--runs N] [--json]

BIN is taken for the sake of the other benchmarks.  Bounds are printed as met or
missed; they fail nothing.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from pydeliver.engine.evaluate import evaluate
from pydeliver.envelope import Envelope
from pydeliver.message.view import Message
from pydeliver.plan import Plan
from pydeliver.rules.load import Origin, compile_text, load_rules
from pydeliver.rules.program import Program
from pydeliver.rules.source import Source
from pydeliver.value import replace
from tests.bench.pipe import message

FEW, MANY = 10, 10_000
SUBJECTS = (
    "Re: [dev] a smaller patch",
    "Your invoice 2026-1107 from the hosting company",
    "=?utf-8?q?Einladung_zum_Fr=C3=BChst=C3=BCck_am_Samstag?=",
    "[example/project] Build 8842 failed on main",
    "order shipped: the parcel is on its way",
    "FW: minutes of the meeting, second try, with the list of who was there and what was said",
)
RATIO = (2.0, 1.5)  # must, aim
LOADING_MS = (10.0, 5.0)
COMPILING_S = (10.0, 10.0)
PLACES = ("berlin", "ghent", "lyon", "malmo", "porto", "turin", "vilnius", "zagreb")


def rule(number: int) -> str:
    """One of many: literals, globs or lists of addresses, and regexes in turn."""
    place = PLACES[number % len(PLACES)]
    condition = (
        f'subject contains "{place} office {number:05d}"',
        f'list-id matches "*.{place}{number}.example.org"'
        if number % 2
        else f'from in ["{place}{number}@example.net", "*@{place}-{number}.example"]',
        f"subject matches /parcel {number} (has left|is in) {place}/",
    )[number % 3]
    return f'rule "{number}" when {condition} {{ file "{place}/{number}" }}\n'


def rules(number: int) -> str:
    return "".join([rule(n) for n in range(number)])


def without_index(program: Program) -> Program:
    code = [("branch", *said[1:4]) if said[0] == "guarded" else said for said in program.code]
    return replace(program, code=tuple(code), index=())


def seconds_of(program: Program, messages: list[bytes]) -> float:
    """All messages, each looked at for the first time."""
    programs, views = (("user", program),), [Message(raw) for raw in messages]
    envelope = Envelope("carol@example.com", "ann@example.org")
    started = time.perf_counter()
    plans = [evaluate(programs, view, envelope, {}) for view in views]
    taken = time.perf_counter() - started
    for plan in plans:
        if not isinstance(plan, Plan) or plan.actions[0].where.rule or plan.problem:
            raise SystemExit("a message did not reach the end")
    return taken


def milliseconds(work: Callable[[], object], runs: int) -> float:
    """The median of several runs."""
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return round(statistics.median(taken) * 1000, 3)


def measure(directory: Path, runs: int) -> dict[str, object]:
    gc.set_threshold(100_000)  # as in a delivery
    messages = [message(subject) for subject in SUBJECTS]
    path, copy = directory / "rules", directory / "program"
    path.write_text(rules(MANY))
    origin = Origin(str(path))
    started = time.perf_counter()
    load_rules(origin, str(copy))
    compiling = time.perf_counter() - started
    loading = milliseconds(lambda: load_rules(origin, str(copy)), 20)
    many = load_rules(origin, str(copy)).program
    few = compile_text(Source("few", rules(FEW)))
    if many is None or not many.index or few.index:
        raise SystemExit("the rules of the benchmark did not compile")
    times: dict[int, list[float]] = {FEW: [], MANY: []}
    for _ in range(runs):
        for number, program in ((FEW, few), (MANY, many)):
            times[number].append(seconds_of(program, messages))
    sequence = milliseconds(lambda: seconds_of(plain, messages), 5) if (plain := without_index(many)) else 0.0
    medians = {number: statistics.median(taken) * 1000 / len(messages) for number, taken in times.items()}
    return {
        "runs": runs,
        "octets": path.stat().st_size,
        "few_ms": round(medians[FEW], 4),
        "many_ms": round(medians[MANY], 4),
        "sequence_ms": round(sequence / len(messages), 3),
        "bounds": [
            bound("ten thousand rules to ten", medians[MANY] / medians[FEW], "x", RATIO),
            bound("loading the compiled ten thousand", loading, "ms", LOADING_MS),
            bound("compiling the ten thousand", compiling, "s", COMPILING_S),
        ],
    }


def bound(what: str, found: float, unit: str, bounds: tuple[float, float]) -> dict[str, object]:
    must, aim = bounds
    return {"what": what, "found": round(found, 2), "unit": unit, "must": must, "aim": aim, "met": found <= must}


def in_words(data: dict[str, object]) -> str:
    lines = [
        f"{FEW} rules: {data['few_ms']} ms a message; {MANY} ({data['octets']} octets): {data['many_ms']} ms; "
        f"without their index {data['sequence_ms']} ms"
    ]
    bounds = data["bounds"]
    assert isinstance(bounds, list)
    for said in bounds:
        verdict = "met" if said["met"] else "MISSED"
        aim = "met" if said["found"] <= said["aim"] else "missed"
        lines.append(
            f"{said['what']}: {said['found']} {said['unit']}; must {said['must']}: {verdict}; aim {said['aim']}: {aim}"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("binaries", type=Path, metavar="BIN", nargs="?")
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pydeliver-bench-") as name:
        data = measure(Path(name), options.runs)
    print(json.dumps(data) if options.json else in_words(data))


if __name__ == "__main__":
    main()
