"""What is in a list file: which lines are entries, and which values they hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pydeliver import limits
from pydeliver.state.listfile import ListError, faults_in, keys_of, open_list, read_entries


def entries_of(tmp_path: Path, raw: bytes) -> list[str]:
    """The lines that are entries, sorted, and the globs without a shape."""
    (tmp_path / "list").write_bytes(raw)
    descriptor = open_list(str(tmp_path / "list"))
    found = read_entries(descriptor)
    os.close(descriptor)
    lines = [line.decode() for part in found.parts for line in bytes(part).split(b"\n") if line]
    assert len(lines) == found.count
    return sorted(lines) + found.globs


def faults(tmp_path: Path, raw: bytes) -> list[tuple[int, str]]:
    (tmp_path / "list").write_bytes(raw)
    descriptor = open_list(str(tmp_path / "list"))
    found = [(number, fault) for number, _, fault in faults_in(descriptor)]
    os.close(descriptor)
    return found


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", []),
        (b"a@x\nb@x\n", ["a@x", "b@x"]),
        (b"a@x", ["a@x"]),
        (b"A@X\r\nb@x\r\n", ["a@x", "b@x"]),
        (b"\n\n  \t\na@x\n", ["a@x"]),
        (b"# all\n  # of\n a@x \t# it\na#b@x\n#c@x", ["a#b@x", "a@x"]),
        (b"\xef\xbb\xbfa@x\n", ["a@x"]),
        ("CAFÉ@x\nstraße\n".encode(), ["café@x", "strasse"]),
        (b"*@x.org\n*@*.X.org\n*.y\n*@a?b\n*\na*\n*@\n", ["*.y", "*@*.x.org", "*@x.org", "*@a?b", "*", "a*", "*@"]),
        (b"[dev] a subject, with blanks\n", ["[dev] a subject, with blanks"]),
        (b"caf\xe9@x\na@x\n", ["a@x"]),
        (b"a\0b\n\x1bc\n", []),
        (b"x" * limits.LIST_ENTRY_OCTETS + b"\ny\n", ["x" * limits.LIST_ENTRY_OCTETS, "y"]),
        (b"#\n" + b"x " * limits.LIST_ENTRY_OCTETS + b"\ny\n", ["y"]),
        (b"#" + b"x" * 5_000_000 + b"\ny\n", ["y"]),
        (b"x" * 5_000_000 + b"*\ny\n", ["y"]),
    ],
)
def test_a_line_is_an_entry(tmp_path: Path, raw: bytes, expected: list[str]) -> None:
    assert entries_of(tmp_path, raw) == expected


def test_lines_across_pieces_are_whole(tmp_path: Path) -> None:
    lines = [f"user{number}@example.net" for number in range(120_000)]  # more than two pieces
    assert entries_of(tmp_path, "\n".join(lines).encode()) == sorted(lines)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"a@x # sound", ""),
        (b"*@x", ""),
        (b"a subject", ""),
        (b"caf\xe9", "this is not UTF-8"),
        (b"a\x07b", "a control character"),
        (b"x" * 2_000, "longer than 1000 octets"),
        (b"@example.net", "a whole domain is written *@example.net"),
        (b"Bob <bob@example.net>", "an address stands without a name: bob@example.net"),
        (b"a@x, b@x", "there is one address a line"),
        (b"/spam/", "a list holds globs, with * and ?, and no /regex/"),
        (b'"a@x"', "in a list file entries stand without quotes"),
    ],
)
def test_a_line_that_is_hardly_meant_is_told_by_its_number(tmp_path: Path, line: bytes, fault: str) -> None:
    assert faults(tmp_path, b"# a list\n\n" + line + b"\n") == ([(3, fault)] if fault else [])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "there is no such file"),
        (Path.mkdir, "it is not a plain file"),
        (os.mkfifo, "it is not a plain file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is not a plain file"),
        (lambda path: path.symlink_to("list"), r"it cannot be opened \(Too many levels of symbolic links\)"),
    ],
)
def test_what_is_no_list_file_says_why(tmp_path: Path, make: object, reason: str) -> None:
    make(tmp_path / "list")  # type: ignore[operator]
    with pytest.raises(ListError, match=reason):
        open_list(str(tmp_path / "list"))


def test_a_list_that_is_too_large_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list").write_bytes(b"#" * 101)
    descriptor = open_list(str(tmp_path / "list"))
    monkeypatch.setattr(limits, "LIST_FILE_OCTETS", 100)
    with pytest.raises(ListError, match="larger than 100 octets"):
        read_entries(descriptor)  # it grew since it was opened
    os.close(descriptor)
    with pytest.raises(ListError, match="larger than 100 octets"):
        open_list(str(tmp_path / "list"))


def test_a_value_is_looked_for_by_no_more_keys_than_the_list_has_shapes(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"*@*.x.org\n*.y\n")
    descriptor = open_list(str(tmp_path / "list"))
    shapes = read_entries(descriptor).shapes
    os.close(descriptor)
    assert len(list(keys_of("a." * 100_000 + "@b.c.d.e", shapes))) == 1 + 2 + 1
