"""One fault or signal at one system call of a delivery, and whether a message was lost, cut short or bounced by it.

The points come from the trace of a delivery that nothing disturbs.  Whatever
happens at one, the mail server's view is checked, then the mailboxes, and then
the server tries again, as it does after 75 or a signal.

Does not know: how many points a test wants to try.
References: strace(1) "Syscall tampering".
"""

from __future__ import annotations

import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.faults.report import report
from tests.faults.stage import SLOWEST, Found, Outcome, Scene, Stage
from tests.faults.trace import Call, first_read_of_stdin, parse_trace

CLIENT_START, CLIENT, FORKED, INTERPRETER = "client before main", "client", "forked child", "interpreter"
ANSWER = re.compile(rb"4\.\d+\.\d+ [ -~]+\n")
PARALLEL = 2
SIGNALS = ("TERM", "HUP", "ALRM", "PIPE", "USR1")

_STORAGE = ("EIO", "ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENOMEM", "EINTR", "EACCES")
_LOOKING = ("EIO", "EACCES", "ENOMEM")
_MEMORY = ("ENOMEM",)
# What each call may fail with; a name that is not here cannot fail (geteuid), or never returns (exit_group).
ERRORS: dict[str, tuple[str, ...]] = {
    "openat": (*_STORAGE, "ENFILE"),
    "read": ("EIO", "EINTR", "ENOMEM"),
    "pread64": ("EIO",),
    "write": ("EIO", "ENOSPC", "EDQUOT", "EINTR", "EROFS", "EFBIG", "EPIPE"),
    "ftruncate": ("EIO", "EROFS", "EINTR"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT", "EINTR", "EROFS"),
    "close": ("EIO", "EINTR", "ENOSPC", "EDQUOT"),
    **dict.fromkeys(("linkat", "rename", "renameat", "renameat2", "mkdir", "mkdirat"), _STORAGE),
    **dict.fromkeys(("unlink", "unlinkat", "fchmod"), ("EIO", "EROFS", "EACCES", "EINTR")),
    **dict.fromkeys(("stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat", "faccessat2"), _LOOKING),
    **dict.fromkeys(("readlink", "readlinkat", "getdents64", "getcwd"), _LOOKING),
    **dict.fromkeys(("mmap", "mremap", "mprotect"), _MEMORY),
    "brk": ("0",),  # the kernel's way to say no is another value than asked for
    "poll": ("EINTR", "ENOMEM"),
    **dict.fromkeys(("pipe2", "signalfd4", "dup2", "fcntl"), ("EMFILE", "ENFILE", "ENOMEM", "EINTR")),
    **dict.fromkeys(("clone", "clone3", "fork", "vfork"), ("EAGAIN", "ENOMEM")),
    **dict.fromkeys(("getrandom", "uname", "setsid", "close_range"), ("EPERM", "ENOSYS")),
    **dict.fromkeys(("lseek", "ioctl", "flock"), ("EIO", "EINTR")),
}


class Point(NamedTuple):
    """Which process, at which of its calls, meets what."""

    process: str
    call: Call
    what: str

    @property
    def options(self) -> list[str]:
        """For strace; its quick way (--seccomp-bpf) makes a call fail, but sends no signal."""
        name = self.call.name
        follow = ["-f"] if self.process == FORKED else []
        if self.process == INTERPRETER and not self.what.startswith("signal"):
            follow = ["-f", "--seccomp-bpf"]
        return [
            *follow,
            "-o",
            "/dev/null",
            "-e",
            f"trace={name}",
            "-e",
            f"inject={name}:{self.what}:when={self.call.number}",
        ]

    def __str__(self) -> str:
        return f"{self.process}, {self.what} at {str(self.call)[:160]}"


class Calls(NamedTuple):
    """The calls of an undisturbed delivery, by process.

    `client_start` is the C library's, before the client has blocked signals;
    `forked` the client's child's before it is the interpreter; `start` the
    interpreter's before it reads the message.
    """

    client_start: list[Call]
    client: list[Call]
    forked: list[Call]
    start: list[Call]
    interpreter: list[Call]

    def until_verdict(self) -> list[Call]:
        """The interpreter's calls that come before its verdict, and that one."""
        (place,) = [n for n, call in enumerate(self.interpreter) if '"verdict ' in call.arguments]
        return self.interpreter[: place + 1]


def undisturbed(stage: Stage, scene: Scene) -> Calls:
    """Trace the scene as it goes when nothing goes wrong."""
    client = _traced(stage, scene, stage.tracing_client)
    calls = _traced(stage, scene, stage.tracing_interpreter)
    both = _traced(stage, scene, lambda *options: stage.tracing_client("-f", *options))
    forked = [call for call in both if call.process != both[0].process]
    forked = forked[: [call.name for call in forked].index("execve")]
    known = Counter(call.name for call in client)
    begin = first_read_of_stdin(calls)
    blocked = [call.name for call in client].index("rt_sigprocmask") + 1
    return Calls(
        client[:blocked],
        client[blocked:],
        [c for c in forked if c.number > known[c.name]],
        calls[:begin],
        calls[begin:],
    )


def _traced(stage: Stage, scene: Scene, command: Callable[..., list[str]]) -> list[Call]:
    home = stage.home(scene)
    file = stage.scratch / f"{home.name}.trace"
    outcome = stage.deliver(home, command=command("-y", "-o", str(file)))
    assert outcome[:3] == (0, b"", b""), outcome
    assert stage.look(home).is_stored(scene.mailboxes)
    shutil.rmtree(home)
    return parse_trace(file.read_text())


def faults(process: str, calls: Iterable[Call]) -> list[Point]:
    """Each call with each error it may have."""
    points = []
    for call in calls:
        for error in ERRORS.get(call.name, ()):
            points.append(Point(process, call, f"retval={error}" if error.isdigit() else f"error={error}"))
    return points


def signals(process: str, calls: Iterable[Call], *names: str) -> list[Point]:
    return [Point(process, call, f"signal={name}") for call in calls for name in names]


def touches(call: Call, *places: str) -> bool:
    """Whether the call is about one of these paths, or a pipe, or memory: about anything but loading code."""
    return call.name in ("poll", "write", "linkat", "fsync") or any(
        text.startswith(place) for text in (*call.texts, *call.paths) for place in places
    )


# ---------------------------------------------------------------- trying


class Tried(NamedTuple):
    """What came of a point: in a word, and what is wrong with that."""

    point: Point
    result: str
    wrong: str = ""
    seconds: float = 0.0


def sweep(stage: Stage, scene: Scene, title: str, points: Sequence[Point], try_one: Trial) -> list[Tried]:
    """Try every point, put a row into the report, fail with all that is wrong."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        tried = list(pool.map(lambda point: try_one(stage, scene, point), points))
    counts = Counter(result for one in tried for result in one.result.split(" + "))
    report(f"{scene.title}, {title}", {"points": len(points), **counts})
    wrong = [f"{one.point}: {one.result}: {one.wrong}" for one in tried if one.wrong]
    assert not wrong, f"{len(wrong)} of {len(points)}:\n" + "\n".join(wrong[:40])
    return tried


def try_fault(stage: Stage, scene: Scene, point: Point) -> Tried:
    """0 with the message stored whole, else 75 with nothing of it to be seen, and a retry that succeeds."""
    home = stage.home(scene)
    outcome = play(stage, home, point)
    found = stage.look(home)
    wrong = wrong_with(outcome, found, (0, 75, *before_main(point)))
    if found.litter and not _keeps_litter(point.call):
        wrong = wrong or f"litter {found.litter}"
    if found.torn:
        wrong = wrong or f"a torn mbox: {found.torn}"
    if outcome.status == 0:
        result = "stored" if found.is_stored(scene.mailboxes) else "kept in the inbox"
        places = (scene.mailboxes, (scene.inbox,), ("INBOX",))  # the last where no rules can be read
        if not any(found.is_stored(mailboxes) for mailboxes in places):
            wrong = wrong or f"0, but stored {found.copies}"
    else:
        result = f"{outcome.status} although stored" if found.copies else f"{outcome.status}"
        if found.copies and not is_verdict(point.call):
            wrong = wrong or f"stored {found.copies}"
        wrong = wrong or _retry(stage, scene, home, found)[1]
    shutil.rmtree(home)
    return Tried(point, result, wrong, outcome.seconds)


def try_signal(stage: Stage, scene: Scene, point: Point) -> Tried:
    """The same, but killed it may be, and after that a second copy and litter in tmp/ are allowed, a loss is not."""
    home = stage.home(scene)
    outcome = play(stage, home, point)
    found = stage.look(home)
    own = point.what.removeprefix("signal=")
    wrong = wrong_with(outcome, found, (0, 75, *deaths(point)))
    result = f"killed by SIG{own}" if outcome.status < 0 else str(outcome.status)
    if outcome.status == 0:
        if not found.is_stored(scene.mailboxes):
            wrong = wrong or f"0, but stored {found.copies}"
    else:
        second, trouble = _retry(stage, scene, home, found)
        wrong = wrong or trouble
        result += " + a second copy after the retry" if second else ""
    shutil.rmtree(home)
    return Tried(point, result, wrong, outcome.seconds)


def _keeps_litter(call: Call) -> bool:
    """Whether this call removes a lock file, or looks whether it is ours: if it fails, it stays, stale at once."""
    return call.name in ("unlinkat", "newfstatat") and (".lock" in call.arguments or "(deleted)" in call.arguments)


def is_verdict(call: Call) -> bool:
    """Whether this call carries the verdict: if it fails, nobody can know that the message is stored."""
    return '"verdict ' in call.arguments


def deaths(point: Point) -> tuple[int, ...]:
    """The statuses of a client that was ended by the signal: SIGKILL at any time, others before it can block them."""
    number = signal.Signals[f"SIG{point.what.removeprefix('signal=')}"]
    return (-number,) if point.process == CLIENT_START or (point.process, number) == (CLIENT, signal.SIGKILL) else ()


def before_main(point: Point) -> tuple[int, ...]:
    """What the C library ends a program in that it cannot start: no code of ours has run."""
    return (127, -signal.SIGSEGV, -signal.SIGABRT) if point.process == CLIENT_START else ()


def play(stage: Stage, home: Path, point: Point) -> Outcome:
    if point.process == INTERPRETER:
        return stage.deliver(home, command=stage.tracing_interpreter(*point.options))
    return stage.deliver(home, command=stage.tracing_client(*point.options))


def wrong_with(outcome: Outcome, found: Found, statuses: Sequence[int]) -> str:
    """What the mail server must not see, and no reader either."""
    if outcome.status not in statuses:
        return f"status {outcome.status}"
    if outcome.status == 127:
        return ""  # the C library's own words are all there is
    if outcome.errors or (outcome.status <= 0 and outcome.output):
        return f"it said {outcome.output!r} {outcome.errors!r}"
    if outcome.status == 75 and not ANSWER.fullmatch(outcome.output):
        return f"it said {outcome.output!r}"
    if found.partial:
        return f"visible in part: {found.partial}"
    if outcome.seconds > SLOWEST:
        return f"it took {outcome.seconds:.0f} s"
    return ""


def _retry(stage: Stage, scene: Scene, home: Path, before: Found) -> tuple[bool, str]:
    """Deliver again, undisturbed; whether there are two copies now, and what is wrong.

    A home as it was before the first attempt needs no retry: that would be
    the undisturbed delivery.
    """
    if not before.copies and stage.is_pristine(home, scene):
        return False, ""
    outcome = stage.deliver(home)
    found = stage.look(home)
    if outcome[:3] != (0, b"", b""):
        return False, f"the retry: {outcome}"
    allowed = {name: 1 + before.copies.get(name, 0) for name in {*scene.mailboxes, *before.copies}}
    for name in set(before.copies) - set(scene.mailboxes):
        allowed[name] -= 1
    if allowed.get("mbox") == 2 and found.copies.get("mbox") == 1:
        allowed["mbox"] = 1  # the first was not to stay yet: the retry took it back
    if found.copies != allowed or found.partial or found.torn:
        return False, f"after the retry {found}"
    return any(count > 1 for count in found.copies.values()), ""


Trial = Callable[[Stage, Scene, Point], Tried]
