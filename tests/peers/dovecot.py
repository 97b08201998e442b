"""A real Dovecot on loopback, as an ordinary user, ended with the test that started it.

Everything it writes is in one private directory of its own under /var/tmp.  Its
processes and its mail belong to one user: whoever runs the tests or, as root,
`nobody` (Dovecot never opens root's mail).  Use `run` to deliver as that user.
"""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.conftest import ROOT, skip_or_fail
from tests.peers.smtp import free_port

PROGRAM = shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin")
STARTED_WITHIN = 20  # seconds; usual is 0.2

CONFIGURATION = """
base_dir = {directory}/run
state_dir = {directory}/run
log_path = {directory}/log
listen = 127.0.0.1
protocols = {protocols}
ssl = no
disable_plaintext_auth = no
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_home = {directory}/mail/%u
{settings}
namespace inbox {{
  inbox = yes
  separator = /
  prefix =
}}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={directory}/mail/%u allow_all_users=yes
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {ports[imap]}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {ports[pop3]}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {ports[lmtp]}
  }}
}}
"""


class Dovecot:
    """A running server: any user name with the password `secret` has a Maildir of its own."""

    def __init__(self, directory: Path, owner: pwd.struct_passwd, ports: dict[str, int]) -> None:
        self.directory = directory
        self.owner = owner
        self.ports = ports

    def maildir(self, name: str = "ann") -> Path:
        return self.directory / "mail" / name / "Maildir"

    def imap(self, name: str = "ann") -> imaplib.IMAP4:
        session = imaplib.IMAP4("127.0.0.1", self.ports["imap"], timeout=30)
        session.login(name, "secret")
        return session

    def run(self, code: str, *arguments: str) -> str:
        """Run Python code, with the project on its path, as the owner of the mail; its output."""
        command = [sys.executable, "-c", code, *arguments]
        finished: subprocess.CompletedProcess[str] = subprocess.run(
            command,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **_as_user(self.owner),
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def complaints(self) -> list[str]:
        """Lines of the log that are no mere information."""
        return [line for line in self.log().splitlines() if any(f" {word}:" in line for word in _COMPLAINTS)]


_COMPLAINTS = ("Warning", "Error", "Fatal", "Panic")


@contextmanager
def running_dovecot(protocols: Sequence[str] = ("imap",), settings: str = "") -> Iterator[Dovecot]:
    """Start Dovecot on free ports of loopback; end it and remove its directory afterwards."""
    if PROGRAM is None:
        skip_or_fail("Dovecot is not installed (dovecot-core dovecot-imapd)")
        return
    owner = pwd.getpwuid(os.geteuid()) if os.geteuid() else pwd.getpwnam("nobody")
    directory = Path(tempfile.mkdtemp(prefix="pyd-dovecot-", dir="/var/tmp"))  # short: sockets have 107 characters
    try:
        server = Dovecot(directory, owner, {name: free_port() for name in ("imap", "pop3", "lmtp")})
        _configure(server, protocols, settings)
        command = [PROGRAM, "-F", "-c", str(directory / "dovecot.conf")]
        with (directory / "stderr").open("wb") as stderr:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, **_as_user(owner))
        try:
            _wait_for(server, process, protocols)
            yield server
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _configure(server: Dovecot, protocols: Sequence[str], settings: str) -> None:
    text = CONFIGURATION.format(
        directory=server.directory,
        user=server.owner.pw_name,
        group=grp.getgrgid(server.owner.pw_gid).gr_name,
        protocols=" ".join(protocols),
        ports=server.ports,
        settings=settings,
    )
    (server.directory / "dovecot.conf").write_text(text)
    (server.directory / "log").touch()
    for name in ("mail", "mail/ann", "mail/bob"):
        (server.directory / name).mkdir(mode=0o700)
    if os.geteuid() == 0:
        for path in [server.directory, *server.directory.rglob("*")]:
            os.chown(path, server.owner.pw_uid, server.owner.pw_gid)


def _as_user(owner: pwd.struct_passwd) -> dict[str, Any]:
    if os.geteuid():
        return {}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _wait_for(server: Dovecot, process: subprocess.Popen[bytes], protocols: Sequence[str]) -> None:
    give_up = time.monotonic() + STARTED_WITHIN
    for protocol in protocols:
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", server.ports[protocol]), 1):
                break
            if process.poll() is not None or time.monotonic() > give_up:
                stderr = (server.directory / "stderr").read_text(errors="replace")
                raise AssertionError(f"Dovecot did not start: {stderr}{server.log()}")
            time.sleep(0.02)
