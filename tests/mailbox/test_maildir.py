"""A message is stored whole, or nothing of it is to be seen."""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pydeliver.mailbox import maildir
from pydeliver.mailbox.maildir import Maildir, Staged, escape_host, unique_name
from pydeliver.naming import MailboxNameError
from tests.conftest import ROOT, skip_or_fail

RAW = b"Subject: x\n\nbody\n"


@pytest.fixture(params=["unnamed", "named", "refused"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """All ways to write: a file without a name, one in `tmp/`, and that because the kernel refuses the other."""
    if request.param == "named":
        monkeypatch.setattr(maildir, "_UNNAMED", None)
    if request.param == "refused":
        monkeypatch.setattr(maildir, "_UNNAMED", os.O_RDONLY | os.O_TMPFILE)  # EINVAL
    return str(request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "Maildir"


@pytest.fixture(autouse=True)
def no_descriptor_is_left() -> Iterator[None]:
    before = os.listdir("/proc/self/fd")
    yield
    assert len(os.listdir("/proc/self/fd")) == len(before)


def store(root: Path, mailbox: str = "INBOX", raw: bytes = RAW, flags: tuple[str, ...] = ()) -> Path:
    staged = Maildir(str(root)).stage(mailbox, [raw], flags)
    path = Path(staged.commit())
    staged.close()
    return path


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file() and path.name != "maildirfolder")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


class TestStoring:
    def test_the_first_store_makes_the_maildir(self, root: Path, way: str) -> None:
        path = store(root)
        assert path.read_bytes() == RAW
        assert files(root) == [path]
        assert path.parent == root / "new"
        assert sorted(os.listdir(root)) == ["cur", "new", "tmp"]

    def test_a_mailbox_is_made_as_a_maildir_plus_plus_folder(self, root: Path, way: str) -> None:
        path = store(root, "lists/dév")
        assert path.parent == root / ".lists.d&AOk-v" / "new"
        assert sorted(os.listdir(path.parent.parent)) == ["cur", "maildirfolder", "new", "tmp"]

    @pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
    def test_nobody_else_may_read_whatever_the_umask(self, root: Path, way: str, mask: int) -> None:
        before = os.umask(mask)
        try:
            path = store(root, "a")
        finally:
            os.umask(before)
        assert mode(path) == 0o600
        for directory in (root, root / "new", root / ".a", root / ".a/cur", root / ".a/new", root / ".a/tmp"):
            assert mode(directory) == 0o700

    @pytest.mark.parametrize(
        ("raw", "wire_octets"),
        [
            (b"", 0),
            (b"a\nb\n", 6),
            (b"a\r\nb\r\n", 6),
            (b"a\nb\r\nc", 7),
            (b"\n\n\r\n\r\r\n\r", 10),
            (b"no end", 6),
            (b"\0\xff\n", 4),
            (b"x\n" * 1_500_000, 4_500_000),
        ],
    )
    def test_the_name_carries_exact_sizes(self, root: Path, way: str, raw: bytes, wire_octets: int) -> None:
        path = store(root, raw=raw)
        assert path.read_bytes() == raw
        assert path.name.endswith(f",S={len(raw)},W={wire_octets}")

    @pytest.mark.parametrize("size", [1, 2, 3, 1 << 20, (1 << 20) + 1])
    def test_sizes_do_not_depend_on_how_the_message_comes_in_pieces(self, root: Path, size: int) -> None:
        raw = b"ab\r\ncd\nef\r\n\r\r\n" * (10 if size < 4 else 200_000)
        view = memoryview(raw)
        staged = Maildir(str(root)).stage("INBOX", (view[i : i + size] for i in range(0, len(raw), size)))
        path = Path(staged.commit())
        staged.close()
        assert path.read_bytes() == raw
        wire = re.sub(rb"(?<!\r)\n", b"\r\n", raw)
        assert path.name.endswith(f",S={len(raw)},W={len(wire)}")

    def test_the_time_of_the_file_is_now(self, root: Path) -> None:
        assert abs(store(root).stat().st_mtime - time.time()) < 60

    @pytest.mark.parametrize(
        ("flags", "suffix"),
        [
            ((), ""),
            (("\\Seen",), ":2,S"),
            (("\\seen", "\\FLAGGED", "\\Seen"), ":2,FS"),
            (("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"), ":2,DFRST"),
        ],
    )
    def test_system_flags_are_letters_in_order_and_touch_no_other_file(
        self, root: Path, flags: tuple[str, ...], suffix: str
    ) -> None:
        path = store(root, flags=flags)
        assert re.fullmatch(r".*,S=17,W=20(:2,[A-Z]+)?", path.name)
        assert path.name.partition(":")[1] + path.name.partition(":")[2] == suffix
        assert sorted(os.listdir(root)) == ["cur", "new", "tmp"]

    def test_fifty_megabytes_cost_little_memory(self, root: Path) -> None:
        """Measured in a process of its own: the peak over what holds the message itself."""
        code = """
import resource, sys
from pydeliver.mailbox.maildir import Maildir
raw = memoryview(b"0123456789abcdef" * 4 * (50 << 14))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
Maildir(sys.argv[1]).stage("INBOX", [raw]).commit()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
        used = int(subprocess.check_output([sys.executable, "-c", code, str(root)], cwd=ROOT, env={}))
        assert used < 6 << 10

    def test_a_stage_is_not_visible_and_a_closed_one_leaves_nothing_to_read(self, root: Path, way: str) -> None:
        staged = Maildir(str(root)).stage("INBOX", [RAW])
        assert os.listdir(root / "new") == os.listdir(root / "cur") == []
        assert len(os.listdir(root / "tmp")) == (0 if way == "unnamed" else 1)
        staged.undo()
        assert files(root) == []

    def test_a_message_is_committed_once(self, root: Path) -> None:
        staged = Maildir(str(root)).stage("INBOX", [RAW])
        staged.commit()
        with pytest.raises(RuntimeError, match="committed once"):
            staged.commit()
        staged.close()
        assert len(files(root)) == 1

    def test_a_root_with_a_slash_behind_it_is_the_same(self, root: Path) -> None:
        staged = Maildir(f"{root}//").stage("INBOX", [RAW])
        assert staged.commit().startswith(f"{root}/new/")
        staged.close()


class TestUndo:
    def test_before_and_after_commit_it_leaves_nothing(self, root: Path, way: str) -> None:
        for is_committed in (False, True):
            staged = Maildir(str(root)).stage("a", [RAW], ("\\Seen",))
            if is_committed:
                staged.commit()
            staged.undo()
            staged.undo()
            assert files(root) == []

    def test_it_finds_what_a_reader_has_moved_meanwhile(self, root: Path, way: str) -> None:
        other = store(root)
        staged = Maildir(str(root)).stage("INBOX", [RAW])
        path = Path(staged.commit())
        path.rename(root / "cur" / f"{path.name}:2,FS")
        staged.undo()
        assert files(root) == [other]

    def test_it_never_raises(self, root: Path, way: str) -> None:
        for ruin in ("new", "cur", "."):
            staged = Maildir(str(root)).stage("INBOX", [RAW])
            Path(staged.commit()).unlink()
            (root / ruin).rename(root.parent / f"away{os.urandom(4).hex()}")
            staged.undo()

    def test_a_failing_source_leaves_nothing(self, root: Path, way: str) -> None:
        def broken() -> Iterator[bytes]:
            yield RAW
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            Maildir(str(root)).stage("INBOX", broken())
        assert files(root) == []


class TestNames:
    def test_a_unique_name_has_its_parts(self) -> None:
        assert re.fullmatch(r"\d{10}\.M\d{1,6}P\d+Q\d+R[0-9a-f]{16}\.[^/:,]+", unique_name())

    @pytest.mark.parametrize(
        ("host", "escaped"),
        [
            ("mail.example.org", "mail.example.org"),
            ("a/b:c", "a\\057b\\072c"),
            ("a,S=9 \n", "a\\054S\\0759\\040\\012"),
            ("", "localhost"),
            ("é", "\\303\\251"),
        ],
    )
    def test_a_host_name_cannot_harm_a_file_name(self, host: str, escaped: str) -> None:
        assert escape_host(host) == escaped

    def test_a_host_name_cannot_make_it_too_long(self) -> None:
        assert len(escape_host("/" * 200)) < 100

    def test_a_taken_name_is_left_alone_and_another_is_tried(
        self, root: Path, way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = store(root)
        names = iter([first.name.partition(",")[0], "second"])
        monkeypatch.setattr(maildir, "unique_name", lambda: next(names))
        staged = Maildir(str(root)).stage("INBOX", [RAW[::-1]])
        path = Path(staged.commit())
        staged.close()
        assert path.name == "second,S=17,W=20"
        assert (first.read_bytes(), path.read_bytes()) == (RAW, RAW[::-1])
        assert files(root) == sorted([first, path])

    def test_if_every_name_is_taken_it_fails_and_harms_nobody(
        self, root: Path, way: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = store(root)
        monkeypatch.setattr(maildir, "unique_name", lambda: first.name.partition(",")[0])
        staged = Maildir(str(root)).stage("INBOX", [RAW[::-1]])
        with pytest.raises(FileExistsError):
            staged.commit()
        staged.undo()
        assert files(root) == [first]
        assert first.read_bytes() == RAW

    def test_a_link_that_succeeded_though_it_was_said_to_fail_is_one_copy(self, root: Path) -> None:
        """Over NFS the answer to a call can be lost, and the repeated call then finds the name taken: by us."""
        staged = Maildir(str(root)).stage("INBOX", [RAW])
        expected = root / "new" / f"{staged._stem},S=17,W=20"
        new = os.open(root / "new", os.O_RDONLY)
        os.link(f"/proc/self/fd/{staged._file}", expected.name, dst_dir_fd=new)
        os.close(new)
        assert staged.commit() == str(expected)
        staged.undo()
        assert files(root) == []


class TestMailboxes:
    def test_one_that_is_not_there_is_not_made_against_the_caller_s_will(self, root: Path) -> None:
        with pytest.raises(FileNotFoundError):
            Maildir(str(root)).stage("INBOX", [RAW], create=False)
        assert not root.exists()
        store(root)
        with pytest.raises(FileNotFoundError):
            Maildir(str(root)).stage("a/b", [RAW], create=False)
        assert not (root / ".a.b").exists()

    def test_one_that_is_there_needs_no_making(self, root: Path) -> None:
        store(root, "a/b")
        staged = Maildir(str(root)).stage("a/b", [RAW], create=False)
        staged.commit()
        staged.close()

    def test_exists_says_which_are_there(self, root: Path) -> None:
        tree = Maildir(str(root))
        assert [tree.exists(name) for name in ("INBOX", "a", "a/b")] == [False, False, False]
        assert not root.exists()
        store(root, "a/b")
        assert [tree.exists(name) for name in ("inbox", "a", "a/b")] == [True, False, True]

    def test_an_unsound_name_makes_nothing(self, root: Path) -> None:
        for name in ("../x", "a//b", "", "~x", "a.b", "new"):
            with pytest.raises(MailboxNameError):
                Maildir(str(root)).stage(name, [RAW])
            with pytest.raises(MailboxNameError):
                Maildir(str(root)).exists(name)
        assert not root.exists()

    @pytest.mark.parametrize("mailbox", ["INBOX", "a"])
    @pytest.mark.parametrize("missing", ["cur", "new", "tmp", "cur new tmp"])
    def test_a_half_made_one_is_completed(self, root: Path, way: str, mailbox: str, missing: str) -> None:
        directory = store(root, mailbox).parent.parent
        for name in missing.split():
            for file in (directory / name).iterdir():
                file.unlink()
            (directory / name).rmdir()
        staged = Maildir(str(root)).stage(mailbox, [RAW], create=False)
        assert Path(staged.commit()).read_bytes() == RAW
        staged.close()
        assert [mode(directory / name) for name in ("cur", "new", "tmp")] == [0o700] * 3

    def test_one_whose_place_is_not_yet_durable_is_made_so_first(self, root: Path) -> None:
        store(root, "a")
        (root / ".a/new").chmod(0o1700)
        store(root, "a")
        assert mode(root / ".a/new") == 0o700

    def test_a_missing_parent_of_the_root_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            store(tmp_path / "no" / "Maildir")


def _symlink(path: Path) -> None:
    elsewhere = path.parent / "elsewhere"
    for name in ("cur", "new", "tmp"):
        (elsewhere / name).mkdir(parents=True, exist_ok=True)
    path.symlink_to(elsewhere)


IMPOSTORS: list[tuple[str, Callable[[Path], None]]] = [
    ("symlink", _symlink),
    ("dangling", lambda path: path.symlink_to("/nonexistent/x")),
    ("fifo", os.mkfifo),
    ("file", Path.touch),
]


class TestImpostors:
    @pytest.mark.parametrize("place", ["new", "tmp", "cur", ".a", ".a/new", ".a/tmp", ".a/cur"])
    @pytest.mark.parametrize(("kind", "make"), IMPOSTORS, ids=[kind for kind, _ in IMPOSTORS])
    def test_what_stands_in_place_of_a_directory_is_refused(
        self, root: Path, way: str, place: str, kind: str, make: Callable[[Path], None]
    ) -> None:
        store(root, "a").unlink()
        impostor = root / place
        impostor.rename(root.parent / "before")
        make(impostor)
        with pytest.raises(OSError, match=r".") as refusal:
            store(root, "a" if place.startswith(".") else "INBOX")
        assert refusal.value.errno in (errno.ELOOP, errno.ENOTDIR)
        assert files(root) == [impostor] if kind == "file" else files(root) == []

    def test_exists_does_not_call_an_impostor_a_mailbox(self, root: Path) -> None:
        store(root)
        (root / ".a").symlink_to(root)
        with pytest.raises(NotADirectoryError):
            Maildir(str(root)).exists("a")

    def test_the_root_may_be_a_symlink(self, root: Path, tmp_path: Path, way: str) -> None:
        (tmp_path / "moved").mkdir()
        root.symlink_to(tmp_path / "moved")
        assert store(root, "a").read_bytes() == RAW
        assert len(files(tmp_path / "moved")) == 1

    @pytest.mark.parametrize(("kind", "make"), IMPOSTORS[1:], ids=[kind for kind, _ in IMPOSTORS[1:]])
    def test_nothing_else_may_be_the_root(self, root: Path, kind: str, make: Callable[[Path], None]) -> None:
        make(root)
        with pytest.raises((NotADirectoryError, FileNotFoundError)):
            store(root)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a directory away")
class TestOwners:
    @pytest.mark.parametrize("place", [".", "new", "tmp", "cur", ".a", ".a/new", ".a/tmp"])
    def test_a_directory_of_another_is_refused(self, root: Path, way: str, place: str) -> None:
        store(root, "a").unlink()
        os.chown(root / place, 65534, 65534)
        with pytest.raises(PermissionError) as refusal:
            store(root, "a" if place.startswith(".a") else "INBOX")
        assert refusal.value.errno == errno.EPERM
        assert files(root) == []

    def test_a_symlink_of_another_is_not_followed_to_the_root(self, root: Path, tmp_path: Path) -> None:
        (tmp_path / "moved").mkdir()
        root.symlink_to(tmp_path / "moved")
        os.lchown(root, 65534, 65534)
        with pytest.raises(PermissionError):
            store(root)
        assert os.listdir(tmp_path / "moved") == []

    def test_a_user_delivers_where_root_has_put_the_root(self) -> None:
        """A symlink of root's, in a directory that may be entered but not read, to a directory of the user."""
        code = """
import os, shutil, sys, tempfile
from pydeliver.mailbox.maildir import Maildir
top = tempfile.mkdtemp(dir="/var/tmp")
try:
    os.chmod(top, 0o711)
    os.mkdir(top + "/spool", 0o700)
    os.chown(top + "/spool", 65534, 65534)
    os.symlink("spool", top + "/Maildir")
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 0)
    print(open(Maildir(top + "/Maildir").stage("a", [b"x"]).commit()).read())
finally:
    os.setresuid(0, 0, 0)
    shutil.rmtree(top)
"""
        assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env={}) == b"x\n"


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    if os.geteuid():
        pytest.skip("only root mounts")
    place = tmp_path / "tiny"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=False)
    if mounted.returncode:
        skip_or_fail("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


class TestFullDisk:
    def test_a_message_that_does_not_fit_leaves_nothing(self, tiny: Path, way: str) -> None:
        with pytest.raises(OSError, match="No space left") as failure:
            store(tiny / "Maildir", raw=b"x" * 100_000)
        assert failure.value.errno == errno.ENOSPC
        assert files(tiny) == []
        assert store(tiny / "Maildir", raw=b"x" * 20_000).stat().st_size == 20_000

    def test_a_mailbox_that_could_not_be_made_is_made_when_there_is_room(self, tiny: Path, way: str) -> None:
        subprocess.run(["mount", "-o", "remount,nr_inodes=5", tiny], check=True)
        with pytest.raises(OSError, match="No space left"):
            store(tiny / "Maildir")
        subprocess.run(["mount", "-o", "remount,nr_inodes=20", tiny], check=True)
        assert store(tiny / "Maildir").read_bytes() == RAW


def test_eight_processes_store_200_messages_each_under_its_own_name(tmp_path: Path, way: str) -> None:
    """All start at once where no Maildir is yet, so they also race to make it."""
    code = """
import sys
from pydeliver.mailbox import maildir
root, process, way = sys.argv[1:]
if way != "unnamed":
    maildir._UNNAMED = None
sys.stdin.read()
for number in range(25):
    staged = maildir.Maildir(root).stage("busy", [b"%s.%d\\n" % (process.encode(), number)], ("$K" + process,))
    print(staged.commit(), *staged.notes)
    staged.close()
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "Maildir"), str(number), way],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(8)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.close()
    paths = []
    for process in processes:
        assert process.stdout
        paths += process.stdout.read().decode().splitlines()
        process.stdout.close()
        assert process.wait() == 0
    assert len(set(paths)) == 200
    contents = {Path(path).read_bytes() for path in paths}
    assert contents == {b"%d.%d\n" % (process, number) for process in range(8) for number in range(25)}
    assert len(os.listdir(tmp_path / "Maildir/.busy/new")) == 200
    assert os.listdir(tmp_path / "Maildir/.busy/tmp") == []
    keywords = (tmp_path / "Maildir/.busy/dovecot-keywords").read_text().splitlines()
    assert sorted(line.split()[1] for line in keywords) == [f"$K{number}" for number in range(8)]
    assert sorted(int(line.split()[0]) for line in keywords) == list(range(8))


def test_a_staged_message_is_the_same_however_it_is_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes that take a part only, as a quota or a signal makes them."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, raw: real(file, raw[:7]))
    assert store(root, raw=RAW * 10).read_bytes() == RAW * 10
    monkeypatch.setattr(os, "write", lambda file, raw: 0)
    with pytest.raises(OSError, match="wrote nothing"):
        store(root)
    assert len(files(root)) == 1


def test_a_close_that_fails_is_news_of_nothing(root: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.close

    def failing(descriptor: int) -> None:
        real(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "close", failing)
    path = store(root, "a", flags=("VIP",))
    monkeypatch.undo()
    assert path.name.endswith(":2,a")
    assert sorted(os.listdir(root / ".a")) == ["cur", "dovecot-keywords", "maildirfolder", "new", "tmp"]
    assert os.listdir(root / ".a/tmp") == []


def test_staged_is_what_stage_returns(root: Path) -> None:
    staged = Maildir(str(root)).stage("INBOX", [RAW])
    assert isinstance(staged, Staged)
    assert staged.notes == ()
    staged.undo()
