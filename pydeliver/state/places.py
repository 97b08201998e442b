"""Where a user's state is: fixed places beneath the home directory.

An MTA's environment differs from a log-in's, so XDG variables are not looked
at: both must mean the same files.

A virtual user shares his user id with others, so that his rules are all that
keeps him from their mail: no path of his leads out of his home, nor into his
state.

Does not know: what is in the files.
"""

from __future__ import annotations

import errno
import os
from binascii import crc32

from pydeliver.value import value

STATE = ".local/state/pydeliver"
VIRTUAL_STATE = ".pydeliver"


class OutsideHome(PermissionError):
    """A path that leads out of a virtual user's home, or into his state."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.EPERM, "the path leads out of the home directory", path)


@value
class Places:
    """The directories of one user: `home`, and the state directory in it."""

    home: str
    is_virtual: bool = False

    @property
    def state(self) -> str:
        return f"{self.home}/{VIRTUAL_STATE if self.is_virtual else STATE}"

    @property
    def journal(self) -> str:
        return f"{self.state}/journal.jsonl"

    @property
    def new_mailboxes(self) -> str:
        return f"{self.state}/new-mailboxes"

    @property
    def notices(self) -> str:
        return f"{self.state}/notices"

    @property
    def retry(self) -> str:
        return f"{self.state}/retry"

    @property
    def lock(self) -> str:
        return f"{self.state}/state.lock"

    @property
    def mbox_records(self) -> str:
        """What a delivery into an mbox writes down, so that the next can undo it should it be killed."""
        return f"{self.state}/mbox"

    def program(self, rules: str, is_default: bool) -> str:
        """The compiled copy of a rule file; one that is not the user's usual one has a name of its own."""
        return f"{self.state}/program" if is_default else f"{self.state}/program-{crc32(os.fsencode(rules)):08x}"

    def name(self, path: str) -> str:
        """What a file is called in plans and messages: without the home directory it is in."""
        return path.removeprefix(f"{self.home}/")

    def absolute(self, path: str) -> str:
        """A path as a setting gives it: `~/` and relative paths are beneath the home directory."""
        if path == "~" or path.startswith("~/"):
            path = self.home + path[1:]
        return os.path.normpath(os.path.join(self.home, path))

    def of_rules(self, path: str) -> str:
        """A path as a rule gives it; raises OutsideHome for a virtual user's that leads out, by links or without."""
        absolute = self.absolute(path)
        if self.is_virtual:
            real, home = os.path.realpath(absolute), os.path.realpath(self.home)
            if not f"{real}/".startswith(f"{home}/") or f"{real}/".startswith(f"{home}/{VIRTUAL_STATE}/"):
                raise OutsideHome(path)
        return absolute

    def make_state(self) -> None:
        """Make the state directory, readable by its owner only; raises OSError."""
        os.makedirs(self.state, 0o700, exist_ok=True)
