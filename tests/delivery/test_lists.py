"""Whether values are in a list file: by its index or without, the answer is that of a list written out."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from binascii import crc32
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydeliver import limits
from pydeliver.delivery.answer import answers_from, decide
from pydeliver.delivery.lists import Lists, renew_system_index
from pydeliver.delivery.perform import Stores
from pydeliver.engine.evaluate import evaluate
from pydeliver.engine.facts import Need
from pydeliver.envelope import Envelope
from pydeliver.message.view import Message
from pydeliver.plan import quote
from pydeliver.rules.load import compile_text
from pydeliver.rules.source import Source
from pydeliver.state.listfile import read_entries
from pydeliver.state.places import Places

INDEXED = limits.LIST_OCTETS_READ + 1
MANY = "".join([f"user{number}@example{number % 50}.net\n" for number in range(2_000)])
LONG_AGO = 1_700_000_000


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def write(home: Path, text: str, name: str = "list.txt") -> str:
    (home / name).write_text(text)
    return str(home / name)


def answer(home: Path, *values: str, every: bool = False, may_store: bool = True) -> bool | str:
    asked = Lists(Stores(Places(str(home)), ""), may_store)
    return asked.answer(("every in list" if every else "in list", "many", "list.txt", *values))


def indices(home: Path) -> list[str]:
    directory = home / ".local/state/pydeliver/lists"
    return os.listdir(directory) if directory.is_dir() else []


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists are read a minute after they were written."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 60_000_000_000)


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The reads of a whole list file from now on."""
    read: list[str] = []

    def count(descriptor: int) -> object:
        read.append("")
        return read_entries(descriptor)

    monkeypatch.setattr("pydeliver.delivery.lists.read_entries", count)
    return read


@pytest.mark.usefixtures("settled")
def test_a_long_list_is_read_once_and_then_asked_by_its_index(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, MANY)
    read = reads(monkeypatch)
    for _ in range(3):
        assert answer(home, "USER7@example7.net") is True
        assert answer(home, "user7@example8.net") is False
        assert answer(home, "x", "user1999@example49.net") is True
        assert answer(home, "x", "user1999@example49.net", every=True) is False
        assert answer(home, "user1@example1.net", "user2@example2.net", every=True) is True
    assert len(read) == 1
    assert len(indices(home)) == 1


@pytest.mark.usefixtures("settled")
def test_no_descriptor_is_left_open(home: Path) -> None:
    write(home, MANY)
    open_before = os.listdir("/proc/self/fd")
    asked = Lists(Stores(Places(str(home)), ""), may_store=True)
    for _ in range(3):
        assert asked.answer(("in list", "many", "list.txt", "user7@example7.net")) is True
        assert asked.answer(("in list", "many", "missing.txt", "x")) == "there is no such file"
        assert answer(home, "user7@example7.net") is True
    assert os.listdir("/proc/self/fd") == open_before


@pytest.mark.usefixtures("settled")
def test_a_short_list_has_no_index(home: Path) -> None:
    write(home, "a@x\n")
    assert answer(home, "a@x") is True
    assert not (home / ".local").exists()


@pytest.mark.usefixtures("settled")
def test_a_dry_run_stores_nothing_and_says_the_same(home: Path) -> None:
    write(home, MANY)
    assert answer(home, "user7@example7.net", may_store=False) is True
    assert os.listdir(home) == ["list.txt"]
    answer(home, "x")
    assert answer(home, "user7@example7.net", may_store=False) is True


@pytest.mark.usefixtures("settled")
def test_a_list_that_changed_is_read_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(home, MANY)
    answer(home, "x")
    read = reads(monkeypatch)
    changed = MANY.replace("user7@", "user8@")
    Path(path).write_text(changed)  # of the same size
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert answer(home, "user7@example7.net") is False
    assert len(read) == 1
    os.rename(write(home, MANY, "new"), path)  # another file in its place
    assert answer(home, "user7@example7.net") is True
    assert len(read) == 2


def test_a_list_written_a_moment_ago_has_no_index_yet(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could be written again in the same moment, and nothing would show it."""
    write(home, MANY)
    assert answer(home, "user7@example7.net") is True
    assert indices(home) == []
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 2_100_000_000)
    assert answer(home, "user7@example7.net") is True
    assert len(indices(home)) == 1


def test_a_clock_that_is_far_off_does_no_harm(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() - 3_600_000_000_000)
    write(home, MANY)
    answer(home, "x")
    assert len(indices(home)) == 1


@pytest.mark.usefixtures("settled")
def test_a_list_that_is_written_while_it_is_read_gets_no_index(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(home, MANY)

    def slowly(descriptor: int) -> object:
        Path(path).write_text(MANY + "late@example.net\n")
        return read_entries(descriptor)

    monkeypatch.setattr("pydeliver.delivery.lists.read_entries", slowly)
    answer(home, "x")
    assert indices(home) == []


def spoil_mode(index: Path) -> None:
    index.chmod(0o666)


def spoil_link(index: Path) -> None:
    index.rename(index.with_name("other"))
    index.symlink_to("other")


def spoil_end(index: Path) -> None:
    index.write_bytes(index.read_bytes()[:-1])


def spoil_zeros(index: Path) -> None:
    index.write_bytes(bytes(index.stat().st_size))


def spoil_header(index: Path) -> None:
    whole = bytearray(index.read_bytes())
    whole[40] ^= 1
    index.write_bytes(whole)


def spoil_lines(index: Path) -> None:
    index.write_bytes(index.read_bytes().replace(b"@example", b"@exampel"))


def spoil_everything_behind(index: Path) -> None:
    whole = index.read_bytes()
    index.write_bytes(whole[:400] + bytes(len(whole) - 400))


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "spoil", [spoil_mode, spoil_link, spoil_end, spoil_zeros, spoil_header, spoil_lines, spoil_everything_behind]
)
def test_an_index_that_cannot_be_trusted_is_made_anew(home: Path, spoil: object) -> None:
    write(home, MANY)
    answer(home, "x")
    (name,) = indices(home)
    index = home / ".local/state/pydeliver/lists" / name
    sound = index.read_bytes()
    spoil(index)  # type: ignore[operator]
    for number in range(0, 2_000, 10):
        assert answer(home, f"user{number}@example{number % 50}.net") is True
    assert index.read_bytes()[:40] == sound[:40] or spoil is spoil_end
    assert index.lstat().st_mode == stat.S_IFREG | 0o600


@pytest.mark.usefixtures("settled")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to be a second uid")
def test_an_index_of_another_owner_is_not_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, MANY)
    answer(home, "x")
    (name,) = indices(home)
    os.chown(home / ".local/state/pydeliver/lists" / name, 65534, 65534)
    read = reads(monkeypatch)
    assert answer(home, "user7@example7.net") is True
    assert len(read) == 1


@pytest.mark.usefixtures("settled")
def test_where_no_index_can_be_stored_the_answer_is_the_same(home: Path) -> None:
    write(home, MANY)
    (home / ".local").write_text("")
    assert answer(home, "user7@example7.net") is True


@pytest.mark.usefixtures("settled")
def test_what_a_killed_process_left_behind_is_removed(home: Path) -> None:
    path = write(home, MANY)
    answer(home, "x")
    (name,) = indices(home)
    directory = home / ".local/state/pydeliver/lists"
    (directory / f"{name}.123").write_text("")
    os.utime(directory / f"{name}.123", (LONG_AGO, LONG_AGO))
    (directory / f"{name}.124").write_text("")
    Path(path).write_text(MANY + "x@y\n")
    answer(home, "x")
    assert sorted(indices(home)) == [name, f"{name}.124"]


def test_many_that_make_an_index_at_once_leave_one_that_is_whole(home: Path) -> None:
    write(home, MANY)
    time.sleep(2.1)
    code = (
        "import sys\nfrom pydeliver.delivery.lists import Lists\n"
        "from pydeliver.delivery.perform import Stores\n"
        "from pydeliver.state.places import Places\n"
        f"asked = Lists(Stores(Places({str(home)!r}), ''), True)\n"
        "for n in range(2000):\n"
        "    assert asked.answer(('in list', 'l', 'list.txt', f'user{n}@example{n % 50}.net')) is True\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(6)]
    assert [process.wait(60) for process in running] == [0] * 6
    assert len(indices(home)) == 1


@pytest.mark.parametrize(
    ("make", "reason"),
    [(lambda path: None, "there is no such file"), (Path.mkdir, "it is not a plain file"), (os.mkfifo, "plain file")],
)
def test_a_list_that_cannot_be_used_keeps_the_message_and_says_why(home: Path, make: object, reason: str) -> None:
    make(home / "list.txt")  # type: ignore[operator]
    rules = 'list many from "~/list.txt"\nrule { also file "A" }\nrule when from in many { discard }\n'
    program = compile_text(Source("rules", rules))
    stores = Stores(Places(str(home)), str(home / "Maildir"))
    plan = decide((("user", program),), Message(b"From: a@x\n\n"), Envelope(), answers_from(stores))
    assert [action.words for action in plan.actions] == ["keep"]
    assert plan.problem.startswith("rules: the list many cannot be used: ~/list.txt: ")
    assert reason in plan.problem


def test_all_values_of_a_field_are_one_question() -> None:
    program = compile_text(Source("rules", 'list many from "list.txt"\nrule when to in many { discard }\n'))
    message = Message(b"To: a@x, B@x\nTo: a@x, c@x\n\n")
    need = evaluate((("user", program),), message, Envelope(), {})
    assert isinstance(need, Need)
    assert need.question == ("in list", "many", "list.txt", "a@x", "B@x", "c@x")


@pytest.mark.usefixtures("settled")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: the index must be root's")
@pytest.mark.parametrize(("mode", "expected"), [(0o644, 0o644), (0o640, 0o640), (0o600, 0o600), (0o666, 0o644)])
def test_root_makes_the_index_of_a_systems_list_for_all_who_may_read_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, mode: int, expected: int
) -> None:
    monkeypatch.setattr("pydeliver.delivery.lists.SYSTEM_COPIES", str(home / "cache"))
    path = Path(write(home, MANY))
    path.chmod(mode)
    renew_system_index(str(path))
    (index,) = (home / "cache/lists").iterdir()
    assert index.stat().st_mode & 0o777 == expected
    read = reads(monkeypatch)
    assert answer(home, "user7@example7.net") is True
    assert read == []
    assert indices(home) == []


# ---------------------------------------------------------------- as a list written out

DOMAINS = ("a", "B.a", "c.b.a", "ß.É", "a.", ".a", "a@b")
NAMES = ("x", "É", "", "x@y", "a.b", "ſ")


@st.composite
def values(draw: st.DrawFn) -> str:
    """Something made of few parts, so that an entry and a value often have them in common."""
    domain = draw(st.sampled_from(DOMAINS))
    return draw(st.sampled_from((domain, f"{draw(st.sampled_from(NAMES))}@{domain}", f"x@sub.{domain}", f"x.{domain}")))


@st.composite
def entries(draw: st.DrawFn) -> str:
    domain = draw(st.sampled_from(DOMAINS))
    beginning = draw(st.sampled_from(("*@", "*@*.", "*.", "*", "?@", "*@?", "*x", "*@su*.", "")))
    return draw(values()) if draw(st.booleans()) else beginning + domain


def as_written_out(entries: Iterable[str], said: str) -> bool:
    """The answer of the same entries in a rule file; an empty one is no line of a list file."""
    written = ", ".join([quote(entry) for entry in entries if entry])
    program = compile_text(Source("rules", f"rule when {quote(said)} in [{written}] {{ discard }}"))
    plan = evaluate((("user", program),), Message(b"X: y\n\n"), Envelope(), {})
    assert not isinstance(plan, Need)
    return plan.disposition == "discard"


HELD = [
    ("a@x.org", "A@X.ORG", True),
    ("a@x.org", "b@x.org", False),
    ("*@x.org", "a@b@x.org", True),
    ("*@x.org", "a@sub.x.org", False),
    ("*@x.org", "x.org", False),
    ("*@*.x.org", "a@sub.x.org", True),
    ("*@*.x.org", "a@b.c.d.x.org", True),
    ("*@*.x.org", "a@x.org", False),
    ("*@*.x.org", "sub.x.org", False),
    ("*@*.org", "a@b.c.x.org", True),
    ("*.x.org", "sub.x.org", True),
    ("*.x.org", "a@sub.x.org", True),
    ("*.x.org", "x.org", False),
    ("*@*.b@x.org", "a@c.b@x.org", True),
    ("*@ß.org", "a@ẞ.org", True),
    ("*@ss.org", "a@ß.org", False),  # a glob compares character by character
    ("ss.org", "ß.org", True),
    ("a?@x.org", "ab@x.org", True),
    ("*", "", True),
    ("a", "", False),
]


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("others", ["", "*@*.a.b.c.d.e\n*.a.b.c\n*@a\n", "*@*.z\n*.z\n", "# no entry\n" * 2_000])
def test_what_is_in_a_list(home: Path, others: str) -> None:
    for number, (entry, said, expected) in enumerate(HELD):
        write(home, f"{entry}\n{others}", f"list{number}")
        for _ in range(2):
            asked = Lists(Stores(Places(str(home)), ""), may_store=True)
            assert asked.answer(("in list", "l", f"list{number}", said)) is expected, (entry, said)


def test_a_value_of_two_lines_is_no_two_entries(home: Path) -> None:
    """Entries stand in lines; these two stand beside each other, where both would be looked for."""
    pairs = [(str(first), str(second)) for first in range(1_000) for second in range(1_000)]
    first, second = next(pair for pair in pairs if len({part(line) for line in (*pair, "\n".join(pair))}) == 1)
    write(home, f"{first}\n{second}\n")
    assert answer(home, f"{first}\n{second}") is False
    assert answer(home, first, second, every=True) is True


def part(line: str) -> int:
    """Which part of a list's entries a line is in."""
    return crc32(line.encode()) >> 24


@settings(max_examples=200, deadline=None)
@given(st.lists(entries(), max_size=8), st.lists(values(), min_size=1, max_size=6))
def test_a_list_file_decides_as_the_same_list_written_out(
    tmp_path_factory: pytest.TempPathFactory, entries: list[str], values: list[str]
) -> None:
    home = tmp_path_factory.mktemp("home")
    small, large = home / "small", home / "large"
    text = "".join([f"{entry}\n" for entry in entries]).encode()
    small.write_bytes(text)
    large.write_bytes(text + b"# a comment\n" * (INDEXED // 12 + 1))
    now = time.time_ns() + 60_000_000_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: now)
        for path in ("small", "large", "large"):
            asked = Lists(Stores(Places(str(home)), ""), may_store=True)
            for said in values:
                expected = as_written_out([entry.strip(" ") for entry in entries], said)
                assert asked.answer(("in list", "l", path, said)) is expected, (path, said)
    assert len(os.listdir(home / ".local/state/pydeliver/lists")) == 1
