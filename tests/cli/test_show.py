"""`pydeliver show` prints what rules compare, as words and as data, of any message there is."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from pydeliver.cli import show
from tests.bombs import BOMBS

RAW = b"""From ann Mon Nov 24 10:00:00 2026
From: Carol =?utf-8?q?=1B[31m?= <carol@example.com>, nobody here at all <x y@z>
Subject: tea
Content-Type: multipart/mixed; boundary=b

--b

a \x1b[2J b
--b
Content-Type: text/plain; name="a.txt"; name="a.exe."
Content-Transfer-Encoding: base64

TVqQAAMA
--b--
"""
WORDS = """\
258 octets, 9 lines in the body
From: Carol \\x1b[31m <carol@example.com>, nobody here at all <x y@z>
    address carol@example.com, name "Carol \\x1b[31m"
    address none, name "nobody here at all <x y@z>"
Subject: tea
Content-Type: multipart/mixed; boundary=b
part 0: multipart/mixed, 122 octets
  part 1: text/plain, 8 octets
      | a \\x1b[2J b
  part 2: text/plain, application/x-dosexec by its octets, 6 octets, an attachment
      name a.txt
      or a.exe.
      or a.exe
      | MZ
"""


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert show.run(list(arguments)) == 0
    return capsys.readouterr().out


def as_data(capsys: pytest.CaptureFixture[str], path: Path, raw: bytes) -> dict[str, Any]:
    path.write_bytes(raw)
    data: dict[str, Any] = json.loads(shown(capsys, "--json", str(path)))
    return data


def test_a_message_in_words(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(RAW)
    lines = shown(capsys, str(tmp_path / "m")).splitlines()
    assert [line for line in lines if "| MZ" not in line] == [x for x in WORDS.splitlines() if "| MZ" not in x]


def test_a_message_as_data(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = as_data(capsys, tmp_path / "m", RAW)
    assert [part["types"] for part in data["parts"]] == [["multipart/mixed"], ["text/plain"], ["text/plain"]]
    assert data["parts"][2]["names"] == ["a.txt", "a.exe.", "a.exe"]
    assert data["fields"][0]["addresses"][0] == {"name": "Carol \x1b[31m", "address": "carol@example.com"}
    assert data["mailparser"]["subject"] == "tea"
    assert "mailparser_error" not in data


def test_standard_input_is_a_message(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    (tmp_path / "m").write_bytes(RAW)
    saved = os.dup(0)
    descriptor = os.open(tmp_path / "m", os.O_RDONLY)
    try:
        os.dup2(descriptor, 0)
        assert shown(capsys, "-") == shown(capsys, str(tmp_path / "m"))
    finally:
        os.dup2(saved, 0)
        os.close(descriptor)
        os.close(saved)


def test_several_messages_are_told_apart(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(RAW)
    path = str(tmp_path / "m")
    assert shown(capsys, path, path).count(f"{path}:\n") == 2
    assert len(shown(capsys, "--json", path, path).splitlines()) == 2


def test_what_cannot_be_read_is_told_and_the_others_are_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "m").write_bytes(RAW)
    assert show.run([str(tmp_path / "none"), str(tmp_path / "m")]) == 1
    told = capsys.readouterr()
    assert told.err == f"{tmp_path}/none: No such file or directory\n"
    assert "Subject: tea" in told.out


def test_a_wrong_command_line_is_64(capsys: pytest.CaptureFixture[str]) -> None:
    assert show.run([]) == 64
    assert "usage: pydeliver show" in capsys.readouterr().err


def test_long_text_is_shortened(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"Subject: " + b"s" * 500 + b"\n\n" + b"line\n" * 20)
    out = shown(capsys, str(tmp_path / "m"))
    assert out.count("| line") == 12
    assert "and 8 more lines" in out
    assert max([len(line) for line in out.splitlines()]) < 220


BROKEN = {
    "a boundary twice in one another": b"Content-Type: multipart/mixed; boundary=a\n\n--a\n"
    b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: text/plain\n\nbody\n",
    "RFC 2231 that breaks readers": BOMBS["RFC 2231 that breaks readers"](),
    "addresses that break readers": BOMBS["addresses that break readers"](),
    "a thousand messages in one another": b"Content-Type: message/rfc822\n\n" * 1_000,
    "a thousand multiparts in one another": b"".join(
        [b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1_000)]
    ),
    "a parameter of 70 letters and a sign that is not ASCII": BOMBS[
        "a parameter of 70 letters and a sign that is not ASCII"
    ](),
    "charsets that break readers": BOMBS["charsets that break readers"](),
    "zeros": bytes(1_000),
}


@pytest.mark.parametrize("title", BROKEN)
def test_what_breaks_mail_parser_is_shown_all_the_same(
    title: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = as_data(capsys, tmp_path / "m", BROKEN[title])
    assert data["parts"]
    assert ("mailparser" in data) is not ("mailparser_error" in data)


def test_why_mail_parser_cannot_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    data = as_data(capsys, tmp_path / "m", BROKEN["a boundary twice in one another"])
    assert data["mailparser_error"].startswith("AttributeError: ")
    data = as_data(capsys, tmp_path / "m", BROKEN["a thousand messages in one another"])
    assert "nesting too deep" in data["mailparser_error"]
    assert data["notes"] == ["MIME: not more than 100 parts inside one another are looked at"]


def test_mail_parser_has_a_deadline() -> None:
    def go_on() -> None:
        with show._deadline(1):
            while True:
                b64encode(b"busy")

    with pytest.raises(TimeoutError):
        go_on()
