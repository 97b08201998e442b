"""A key is held by one delivery at a time, whatever process or thread it is in, and by none once that has ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pydeliver.state.lock import hold

HOLD_AND_WAIT = "import sys, time; from pydeliver.state.lock import hold; hold({path!r}, 5); print(); time.sleep(60)"


def test_a_key_has_one_holder_and_other_keys_are_free(tmp_path: Path) -> None:
    path = str(tmp_path / "state.lock")
    first = hold(path, 5)
    assert first is not None
    assert hold(path, 5) is None
    other = hold(path, 1 << 60)
    assert other is not None
    os.close(first)
    again = hold(path, 5)
    assert again is not None
    assert not os.get_inheritable(again)
    os.close(again)
    os.close(other)
    assert (tmp_path / "state.lock").stat().st_mode & 0o777 == 0o600


def test_a_process_that_is_killed_holds_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "state.lock")
    holder = subprocess.Popen([sys.executable, "-c", HOLD_AND_WAIT.format(path=path)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    assert hold(path, 5) is None
    holder.kill()
    holder.communicate()
    taken = hold(path, 5)
    assert taken is not None
    os.close(taken)


def test_a_lock_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "missing/state.lock", tmp_path / "link"):
        with pytest.raises(OSError, match=r"No such file|Too many levels"):
            hold(str(path), 5)
