"""The administrator's settings: each mistake is told with file and key, and nothing is guessed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pydeliver import copies
from pydeliver.config import SETTINGS, ConfigError, load_settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "pydeliver.toml"


def test_every_setting_has_a_default_and_says_what_it_is_for() -> None:
    assert load_settings() == {name: row.default for name, row in SETTINGS.items()}
    assert all([row.doc for row in SETTINGS.values()])


def test_programs_that_are_allowed_are_listed_in_the_file(config: Path) -> None:
    config.write_text('run = ["/usr/bin/grep", "/usr/bin/test"]\npipe = "refused"\nrewrite = "allowed"\n')
    settings = load_settings(path=str(config))
    assert settings["run"] == ("/usr/bin/grep", "/usr/bin/test")
    assert (settings["pipe"], settings["rewrite"], settings["redirect"]) == ("refused", "allowed", "allowed")


def test_the_file_sets_and_an_override_wins(config: Path) -> None:
    config.write_text('maildir = "~/Mail"\ndeadline = 60\nnotices = false\n')
    settings = load_settings(["deadline=30", f"config={config}"])
    assert (settings["maildir"], settings["deadline"], settings["notices"]) == ("~/Mail", 30, False)
    assert settings["rules"] == "~/.pydeliverrc"
    assert load_settings(path=str(config))["deadline"] == 60


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["notices=true"], ("notices", True)),
        (["notices=false", "notices=true"], ("notices", True)),
        (["deadline=86400"], ("deadline", 86_400)),
        (["maildir=a=b"], ("maildir", "a=b")),
        (["run=refused"], ("run", "refused")),
        (["run=/bin/true"], ("run", ("/bin/true",))),
        (["pipe=/bin/true,/bin/cat"], ("pipe", ("/bin/true", "/bin/cat"))),
        (["redirect=refused"], ("redirect", "refused")),
    ],
)
def test_an_override(overrides: list[str], expected: tuple[str, object]) -> None:
    assert load_settings(overrides)[expected[0]] == expected[1]


KNOWN = ", ".join(SETTINGS)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("deadline", f"-o deadline: no setting is called 'deadline'; known are {KNOWN}"),
        ("nothing=1", f"-o nothing=1: no setting is called 'nothing'; known are {KNOWN}"),
        ("=1", f"-o =1: no setting is called ''; known are {KNOWN}"),
        ("deadline=soon", "-o: deadline is a whole number, not 'soon'"),
        ("deadline=", "-o: deadline is a whole number, not ''"),
        ("deadline=1.5", "-o: deadline is a whole number, not '1.5'"),
        ("deadline=-1", "-o: deadline is a whole number, not '-1'"),
        ("deadline=１２", "-o: deadline is a whole number, not '１２'"),
        ("deadline=0", "-o: deadline is from 1 to 86400, not 0"),
        ("deadline=86401", "-o: deadline is from 1 to 86400, not 86401"),
        ("deadline=" + "9" * 5_000, f"-o: deadline is a whole number, not '{'9' * 5_000}'"),
        ("maildir=", "-o: maildir is empty; leave it out for the default, ~/Maildir"),
        ("notices=yes", "-o: notices is true or false, not 'yes'"),
        ("notices=", "-o: notices is true or false, not ''"),
        ("run=no", "-o: run is allowed, refused, or a list of programs, not 'no'"),
        ("run=/", "-o: run lists programs by their whole path, as /usr/bin/spamc, not '/'"),
        ("run=/bin/../x", "-o: run lists programs by their whole path, as /usr/bin/spamc, not '/bin/../x'"),
        ("run=/bin/a,b", "-o: run lists programs by their whole path, as /usr/bin/spamc, not 'b'"),
        ("redirect=/bin/cat", "-o: redirect is allowed or refused, not '/bin/cat'"),
        ("config=/nowhere/x.toml", "/nowhere/x.toml: No such file or directory"),
    ],
)
def test_a_wrong_override(override: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings([override])
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mail_dir = 'x'", f"no setting is called 'mail_dir'; known are {KNOWN}"),
        ("rewrite = []", "rewrite is allowed, refused, or a list of programs, not []"),
        ("rewrite = true", "rewrite is allowed, refused, or a list of programs, not True"),
        ("rewrite = [1]", "rewrite lists programs by their whole path, as /usr/bin/spamc, not 1"),
        ("redirect = ['/bin/cat']", "redirect is allowed or refused, not ['/bin/cat']"),
        ("[maildir]\npath = 'x'", "maildir is a text, not {'path': 'x'}"),
        ("[section]\n", f"no setting is called 'section'; known are {KNOWN}"),
        ("maildir = 1", "maildir is a text, not 1"),
        ("maildir = ['x']", "maildir is a text, not ['x']"),
        ("deadline = true", "deadline is a whole number, not True"),
        ("deadline = 1.5", "deadline is a whole number, not 1.5"),
        ("deadline = 0", "deadline is from 1 to 86400, not 0"),
        ("notices = 1", "notices is true or false, not 1"),
        ("maildir", "Expected '=' after a key in a key/value pair (at end of document)"),
        ("maildir = 'x'\nmaildir = 'y'", "Cannot overwrite a value (at end of document)"),
        ("deadline = " + "9" * 5_000, "Exceeds the limit"),
        ("maildir = " + "[" * 100_000, ""),
        ("a" * (1 << 20) + "=1", "it is larger than 1048576 octets"),
    ],
)
def test_a_wrong_file(config: Path, text: str, said: str) -> None:
    config.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path=str(config))
    assert str(caught.value).startswith(f"{config}: {said}")


def test_octets_that_are_no_text(config: Path) -> None:
    config.write_bytes(b"maildir = '\xff'")
    with pytest.raises(ConfigError, match="codec can't decode"):
        load_settings(path=str(config))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file(config: Path, make: object) -> None:
    assert callable(make)
    make(config)
    started = time.monotonic()
    with pytest.raises(ConfigError, match="it is not a plain file"):
        load_settings(path=str(config))
    assert time.monotonic() - started < 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's reading is kept")
def test_what_root_has_read_is_kept_for_equal_octets(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pydeliver.config.CONFIG_FILE", str(config))
    monkeypatch.setattr("pydeliver.config.SYSTEM_COPIES", str(tmp_path / "cache"))
    config.write_text("deadline = 60")
    assert load_settings()["deadline"] == 60
    kept = copies.read_copy(str(tmp_path / "cache/settings"), (0,))
    assert kept is not None
    assert kept["settings"] == {"deadline": 60}
    assert load_settings()["deadline"] == 60
    config.write_text("deadline = 61")
    assert load_settings()["deadline"] == 61
    config.unlink()
    assert load_settings()["deadline"] == SETTINGS["deadline"].default
