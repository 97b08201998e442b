"""Where Courier reads a Maildir, keywords are in a file of the message's name; where Dovecot does too, in both."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pydeliver.mailbox.maildir import Maildir
from tests.peers.beside import beside

LIST = "courierimapkeywords"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "Maildir"
    stored(root)
    (root / LIST).mkdir()
    return root


def stored(root: Path, *flags: str) -> tuple[Path, tuple[str, ...]]:
    staged = Maildir(str(root)).stage("INBOX", [b"Subject: x\n\n"], flags)
    path = Path(staged.commit())
    staged.close()
    return path, staged.notes


def test_keywords_are_one_a_line_and_get_no_letters(root: Path) -> None:
    path, notes = stored(root, "\\Seen", "$Junk", "work", "$JUNK", "a b")
    assert notes == ("flag left out: 'a b' cannot be a keyword",)
    base, _, letters = path.name.partition(":2,")
    assert letters == "S"
    assert os.listdir(root / LIST) == [base]
    assert (root / LIST / base).read_text() == "$Junk\nwork\n"
    assert not (root / "dovecot-keywords").exists()


@pytest.mark.parametrize("name", ["dovecot-keywords", "dovecot-uidlist"])
def test_where_dovecot_reads_it_too_both_are_told(root: Path, name: str) -> None:
    (root / name).touch()
    path, _ = stored(root, "work")
    assert path.name.endswith(":2,a")
    assert (root / "dovecot-keywords").read_text() == "0 work\n"
    assert (root / LIST / path.name.partition(":")[0]).read_text() == "work\n"


def test_without_keywords_there_is_no_file(root: Path) -> None:
    stored(root, "\\Flagged")
    stored(root)
    assert os.listdir(root / LIST) == []


@pytest.mark.parametrize("is_committed", [False, True])
def test_undo_removes_the_file_too(root: Path, is_committed: bool) -> None:
    staged = Maildir(str(root)).stage("INBOX", [b"Subject: x\n\n"], ("work",))
    if is_committed:
        staged.commit()
        assert len(os.listdir(root / LIST)) == 1
    staged.undo()
    assert os.listdir(root / LIST) == []
    assert len(os.listdir(root / "new")) == 1


def test_what_cannot_be_kept_fails_no_delivery(root: Path) -> None:
    """A symlink in the directory's place is not followed: it is not Courier's, and Dovecot's way is used."""
    staged = Maildir(str(root)).stage("INBOX", [b"Subject: x\n\n"], ("work",))
    shutil.rmtree(root / LIST)
    (root / LIST).symlink_to("cur")
    assert Path(staged.commit()).exists()
    staged.close()
    (note,) = staged.notes
    assert note.startswith("keywords left out: courierimapkeywords: ")
    assert stored(root, "work")[0].name.endswith(":2,a")
    assert os.listdir(root / "cur") == []


def test_courier_shows_them(root: Path) -> None:
    stored(root, "\\Flagged", "$Junk", "work")
    with beside("courier-imap", files={}) as inside:
        said = inside.run(
            *["env", "AUTHENTICATED=ann", f"HOME={root.parent}", "IMAP_KEYWORDS=1", "TCPREMOTEIP=127.0.0.1"],
            *["sh", "-c", 'cd "$HOME" && exec /usr/bin/imapd ./Maildir'],
            given=b"a SELECT INBOX\r\nb FETCH 1:* (FLAGS)\r\nc LOGOUT\r\n",
        )
    assert "(FLAGS (\\Flagged \\Recent $Junk work))" in said
