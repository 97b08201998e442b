"""A rule file can hurt nobody: whatever is wrong with it, loading ends soon and says what it is.

References: safety promise 5 (the manual's page on delivering, "Rule files").
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pydeliver import copies, limits
from pydeliver.rules import load
from pydeliver.rules.load import NO_RULES, Loaded, Origin, Unusable, load_rules, read_rule_file

SOUND = 'rule { file "A" }\n'
OTHER = 'rule { file "B" }\n'
WRONG = 'rule { fille "A" }\n'
SECONDS = 2
NOBODY = 65534


def is_root() -> bool:
    return os.geteuid() == 0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A directory of ours; its mode is put right again, so that it can be removed."""
    tmp_path.chmod(0o755)
    yield tmp_path
    tmp_path.chmod(0o755)


def load_here(path: Path, copy: str = "", may_store: bool = True) -> Loaded:
    started = time.monotonic()
    loaded = load_rules(Origin(str(path), "rules", home=str(path.parent)), copy, may_store=may_store)
    assert time.monotonic() - started < SECONDS
    return loaded


def stored_in(loaded: Loaded) -> str:
    """The mailbox that the rules of these tests file to."""
    assert loaded.program is not None
    (action,) = [instruction for instruction in loaded.program.code if instruction[0] == "act"]
    return str(action[2][0][1][1])


# ---------------------------------------------------------------- what is no rule file


def owned_by_another(path: Path) -> None:
    path.write_text(SOUND)
    os.chown(path, NOBODY, NOBODY)


def with_mode(mode: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_text(SOUND)
        path.chmod(mode)

    return make


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def link_of_another(path: Path) -> None:
    (path.parent / "real").write_text(SOUND)
    path.symlink_to("real")
    os.lchown(path, NOBODY, NOBODY)


def link_to_anothers(path: Path) -> None:
    owned_by_another(path.parent / "real")
    path.symlink_to("real")


def link_to_writable(path: Path) -> None:
    with_mode(0o666)(path.parent / "real")
    path.symlink_to("real")


def link_into_a_public_directory(path: Path) -> None:
    public = path.parent / "public"
    public.mkdir()
    (public / "real").write_text(SOUND)
    public.chmod(0o777)
    path.symlink_to("public/real")


def socket_file(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def in_a_public_directory(path: Path) -> None:
    path.write_text(SOUND)
    path.parent.chmod(0o777)


NO_FILES: list[tuple[str, Callable[[Path], object], str]] = [
    ("a directory", Path.mkdir, "it is not a plain file"),
    ("a FIFO", os.mkfifo, "it is not a plain file"),
    ("a socket", socket_file, "it is not a plain file"),
    ("a device by a link", link_to("/dev/zero"), "it is not a plain file"),
    ("a terminal by a link", link_to("/dev/tty"), "it is not a plain file"),
    ("group-writable", with_mode(0o664), "others can write it (mode 0664); chmod go-w mends that"),
    ("world-writable", with_mode(0o646), "others can write it (mode 0646); chmod go-w mends that"),
    ("a link to nothing", link_to("nothing"), "it is a link to nothing"),
    ("a link to itself", link_to("rules"), "it cannot be opened (Too many levels of symbolic links)"),
    ("a link to a writable file", link_to_writable, "others can write it"),
    ("a link into a public directory", link_into_a_public_directory, "everybody can write the directory it is in"),
    ("in a public directory", in_a_public_directory, "everybody can write the directory it is in"),
    (
        "too large",
        lambda path: path.write_bytes(b"#" * (limits.RULE_FILE_OCTETS + 1)),
        "it is larger than 1048576 octets",
    ),
]
ONLY_ROOT_CAN_MAKE: list[tuple[str, Callable[[Path], object], str]] = [
    ("of another owner", owned_by_another, "it belongs to another user (uid 65534)"),
    ("a link of another owner", link_of_another, "the link belongs to another user"),
    ("a link to a file of another owner", link_to_anothers, "it belongs to another user"),
]


@pytest.mark.parametrize(
    ("make", "reason"),
    [pytest.param(make, reason, id=title) for title, make, reason in NO_FILES]
    + [
        pytest.param(
            make, reason, id=title, marks=pytest.mark.skipif(not is_root(), reason="needs root: to be a second uid")
        )
        for title, make, reason in ONLY_ROOT_CAN_MAKE
    ],
)
def test_what_is_no_rule_file_is_a_problem_told_in_words(
    make: Callable[[Path], object], reason: str, home: Path
) -> None:
    make(home / "rules")
    loaded = load_here(home / "rules", str(home / "copy"))
    assert loaded.program is None
    assert loaded.problem.startswith(f"rules: {reason}")
    assert loaded.problem.endswith("; the rules were not used")
    assert not (home / "copy").exists()


def test_a_file_that_is_not_there_is_no_problem(home: Path) -> None:
    assert load_here(home / "rules") == NO_RULES
    assert load_here(home / "no" / "rules") == NO_RULES


def test_a_name_that_cannot_be_a_path_is_a_problem(home: Path) -> None:
    (home / "file").write_text("")
    assert "Not a directory" in load_here(home / "file" / "rules").problem
    assert "File name too long" in load_here(home / ("x" * 300)).problem


def test_an_unreadable_file_is_a_problem(public_directory: Path) -> None:
    """Root can read everything, so another reads."""
    path = public_directory / "unreadable"
    path.write_text(SOUND)
    path.chmod(0o000)
    code = f"from pydeliver.rules.load import Origin, load_rules; print(load_rules(Origin({str(path)!r})).problem)"
    setpriv = ["setpriv", f"--reuid={NOBODY}", "--clear-groups"] if is_root() else []
    if is_root():
        os.chown(path, NOBODY, NOBODY)
        tree = public_directory / "tree"
        shutil.copytree(Path(load.__file__).parent.parent, tree / "pydeliver", dirs_exist_ok=True)
        subprocess.run(["chmod", "-R", "a+rX", str(tree)], check=True)
    else:
        tree = Path(load.__file__).parent.parent.parent
    told = subprocess.run(
        [*setpriv, "/usr/bin/python3", "-B", "-c", code], cwd=tree, capture_output=True, text=True, check=True
    )
    assert "it cannot be opened (Permission denied)" in told.stdout


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400, 0o755])
def test_these_modes_are_sound(home: Path, mode: int) -> None:
    with_mode(mode)(home / "rules")
    assert stored_in(load_here(home / "rules")) == "A"


def test_a_link_to_a_sound_file_is_followed(home: Path) -> None:
    (home / "dotfiles").mkdir()
    (home / "dotfiles/rules").write_text(SOUND)
    (home / "rules").symlink_to("dotfiles/rules")
    assert stored_in(load_here(home / "rules")) == "A"


def test_a_directory_that_everybody_can_write_but_not_remove_from_is_sound(home: Path) -> None:
    (home / "rules").write_text(SOUND)
    home.chmod(0o1777)
    assert stored_in(load_here(home / "rules")) == "A"


# ---------------------------------------------------------------- what is in it

CONTENTS = [
    ("nothing", b"", ""),
    ("a comment", b"# nothing\n", ""),
    ("a wrong word", WRONG.encode(), "unknown action 'fille'"),
    ("a wrong regex", b"rule when subject matches /(/ { }\n", "never closed"),
    ("a later word", b"check x with spamd\n", "not yet"),
    ("an include of nothing", b'include "x"\n', "x: there is no such file"),
    ("an include of itself", b'include "rules"\n', "this file includes itself: rules → rules"),
    ("an include of a device", b'include "/dev/zero"\n', "/dev/zero: it is not a plain file"),
    ("many includes", b'include "x"\n' * 10_000, "x: there is no such file"),
    ("NUL", b"rule { }\0\n", "a NUL octet"),
    ("no UTF-8", b"rule { log 'caf\xe9' }\n", "this is not UTF-8"),
    ("a cut character", "é".encode()[:1], "this is not UTF-8"),
    ("random octets", random.Random(1).randbytes(1 << 18), "this is not UTF-8"),
    ("control characters", bytes(range(1, 32)) * 1000, "rules:"),
    ("one long line", b"x" * limits.RULE_FILE_OCTETS, "rules:"),
    ("many mistakes", b"rulle\n" * 100_000, "rules:"),
    ("many braces", b"{" * 500_000, "rules:"),
    ("many parentheses", b"rule when " + b"(" * 100_000 + b" { }", "rules:"),
    ("a long sum", b"rule { set n = 1" + b"+1" * 30_000 + b" }", "nested more than"),
    ("many nots", b"rule when " + b"not " * 50_000 + b"1 is 1 { }", "nested more than"),
    ("a long chain", b"rule { if 1 is 1 { }" + b" else if 1 is 1 { }" * 5_000 + b" }", "nested more than"),
    ("a deep regex", b"rule when subject matches /" + b"(" * 5_000 + b"a" + b")" * 5_000 + b"/ { }", ""),
    ("a large regex", b"rule when subject matches /((a{30}){30})|((b{30}){30}){1}|x{999}y{999}/ { }", ""),
    ("a regex that would be larger", b"rule when subject matches /((a{100}){100}){100}/ { }", "too often"),
    ("loops inside one another", b"rule { " + b"for each to { " * 30 + b"} " * 30 + b"}", "inside one another"),
    ("a number", b"rule when size > " + b"9" * 5_000 + b" { }", "rules:"),
    ("a broken number", b"rule when size > " + b"9" * 400 + b".5 { }", "too large"),
    ("a large block", b'rule { log """\n' + b"x\n" * 500_000 + b'""" }\n', ""),
]


@pytest.mark.parametrize(("raw", "problem"), [pytest.param(raw, said, id=title) for title, raw, said in CONTENTS])
def test_whatever_it_holds_loading_ends_soon_and_says_what_is_wrong(home: Path, raw: bytes, problem: str) -> None:
    (home / "rules").write_bytes(raw)
    loaded = load_here(home / "rules", str(home / "copy"))
    assert (loaded.program is None) == bool(problem)
    assert problem in loaded.problem
    assert bool(loaded.problem) == bool(problem)
    assert len(loaded.problem) < 1 << 18
    assert load_here(home / "rules", str(home / "copy")) == loaded, "the second time from the compiled copy"


# ---------------------------------------------------------------- the compiled copy


def test_a_bad_edit_leaves_the_last_good_rules_and_mending_brings_the_new_ones(home: Path) -> None:
    rules, copy = home / "rules", str(home / "state" / "copy")
    rules.write_text(SOUND)
    assert stored_in(load_here(rules, copy)) == "A"
    for wrong in (WRONG, "}", WRONG):
        rules.write_text(wrong)
        for _ in range(2):
            loaded = load_here(rules, copy)
            assert (stored_in(loaded), loaded.is_last_good) == ("A", True)
            assert loaded.problem.startswith("rules:1:")
    rules.write_text(OTHER)
    assert load_here(rules, copy) == Loaded(load_here(rules).program)
    assert stored_in(load_here(rules, copy)) == "B"
    rules.write_text(WRONG)
    assert stored_in(load_here(rules, copy)) == "B"


def test_without_a_good_one_before_there_are_no_rules(home: Path) -> None:
    (home / "rules").write_text(WRONG)
    loaded = load_here(home / "rules", str(home / "copy"))
    assert (loaded.program, loaded.is_last_good) == (None, False)


def was_compiled(monkeypatch: pytest.MonkeyPatch, run: Callable[[], Loaded]) -> bool:
    """Whether the text was compiled, or the copy taken: a copy needs no parser."""
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pydeliver.rules.native.parse", None)
        try:
            run()
        except ImportError:
            return True
    return False


def test_a_copy_of_the_same_text_is_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, copy = home / "rules", str(home / "copy")
    rules.write_text(SOUND)
    assert was_compiled(monkeypatch, lambda: load_here(rules, copy))
    load_here(rules, copy)
    assert not was_compiled(monkeypatch, lambda: load_here(rules, copy))
    assert os.stat(copy).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("what", ["octets", "our version", "python's version", "format", "name", "phase"])
def test_a_copy_of_anything_else_is_not(home: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    rules, copy = home / "rules", str(home / "copy")
    rules.write_text(SOUND)
    load_here(rules, copy)
    name, phase = "rules", "user"
    match what:
        case "octets":
            rules.write_text(SOUND + "\n")
        case "our version":
            monkeypatch.setattr("pydeliver.__version__", "0.0.1")
        case "python's version":
            monkeypatch.setattr(sys, "hexversion", 1)
        case "format":
            monkeypatch.setattr(load, "_FORMAT", load._FORMAT + 1)
        case "name":
            name = "other"
        case "phase":
            phase = "after"
    assert was_compiled(monkeypatch, lambda: load_rules(Origin(str(rules), name, phase), copy))


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_copy_that_others_can_write_is_none(home: Path, monkeypatch: pytest.MonkeyPatch, mode: int) -> None:
    rules, copy = home / "rules", home / "copy"
    rules.write_text(SOUND)
    load_here(rules, str(copy))
    copy.chmod(mode)
    assert was_compiled(monkeypatch, lambda: load_here(rules, str(copy)))


@pytest.mark.skipif(not is_root(), reason="needs root: to be a second uid")
def test_a_copy_of_another_owner_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, copy = home / "rules", home / "copy"
    rules.write_text(SOUND)
    load_here(rules, str(copy))
    os.chown(copy, NOBODY, NOBODY)
    assert was_compiled(monkeypatch, lambda: load_here(rules, str(copy)))


def test_a_copy_by_a_link_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules, copy = home / "rules", home / "copy"
    rules.write_text(SOUND)
    load_here(rules, str(home / "real"))
    copy.symlink_to("real")
    assert was_compiled(monkeypatch, lambda: load_here(rules, str(copy)))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, link_to("/dev/zero")])
def test_what_is_no_copy_is_none(home: Path, make: Callable[[Path], object]) -> None:
    (home / "rules").write_text(SOUND)
    make(home / "copy")
    assert stored_in(load_here(home / "rules", str(home / "copy"))) == "A"


def test_a_copy_cut_short_anywhere_is_none(home: Path) -> None:
    copy = str(home / "copy")
    copies.store_copy(copy, {"raw": b"x", "program": None})
    whole = Path(copy).read_bytes()
    assert copies.read_copy(copy, (os.geteuid(),)) == {"raw": b"x", "program": None}
    for length in range(len(whole)):
        Path(copy).write_bytes(whole[:length])
        assert copies.read_copy(copy, (os.geteuid(),)) is None
    Path(copy).write_bytes(whole + b"\0")
    assert copies.read_copy(copy, (os.geteuid(),)) is None


def test_a_damaged_copy_is_none(home: Path) -> None:
    rules, copy = home / "rules", home / "copy"
    rules.write_text(SOUND)
    load_here(rules, str(copy))
    whole = copy.read_bytes()
    chance = random.Random(1)
    for _ in range(2_000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] ^= chance.randint(1, 255)
        copy.write_bytes(damaged)
        assert copies.read_copy(str(copy), (os.geteuid(),)) is None or bytes(damaged) == whole
    copy.write_bytes(b"\0" * len(whole))
    assert stored_in(load_here(rules, str(copy))) == "A"
    assert copy.read_bytes() == whole, "it was made again"


def test_two_processes_storing_at_once_leave_one_whole_copy(home: Path) -> None:
    code = (
        "import os\nfrom pydeliver.copies import read_copy, store_copy\n"
        f"path = {str(home / 'copy')!r}\n"
        "for n in range(300):\n"
        "    store_copy(path, {'n': n, 'text': 'x' * n})\n"
        "    found = read_copy(path, (os.geteuid(),))\n"
        "    assert found is not None and len(found['text']) == found['n']\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert os.listdir(home) == ["copy"]


def test_a_copy_that_cannot_be_stored_is_no_problem(home: Path) -> None:
    (home / "rules").write_text(SOUND)
    (home / "file").write_text("")
    assert load_here(home / "rules", str(home / "file" / "copy")).problem == ""
    assert load_here(home / "rules", "/proc/copy").problem == ""


def test_a_copy_on_a_full_disk_leaves_nothing_behind(home: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    (home / "rules").write_text(SOUND)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        loaded = load_here(home / "rules", str(home / "copy"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, previous)
    assert stored_in(loaded) == "A"
    assert os.listdir(home) == ["rules"]


def test_nothing_is_stored_by_a_dry_run(home: Path) -> None:
    (home / "rules").write_text(SOUND)
    load_here(home / "rules", str(home / "state" / "copy"), may_store=False)
    assert os.listdir(home) == ["rules"]


def test_a_file_that_grows_as_it_is_read_is_held_to_its_limit(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "rules").write_bytes(b"#" * limits.RULE_FILE_OCTETS)
    assert len(read_rule_file(str(home / "rules"))) == limits.RULE_FILE_OCTETS
    monkeypatch.setattr(limits, "RULE_FILE_OCTETS", 100)
    monkeypatch.setattr(load, "_check_file", lambda found: None)  # as it was when it was looked at
    with pytest.raises(Unusable, match="larger than 100 octets"):
        read_rule_file(str(home / "rules"))
