"""A real Postfix on loopback, ended with the test that started it.

All it writes is in one private directory of its own under /var/tmp, which
others may traverse: its daemons and the commands it starts are not root.  It
knows the users of this machine, and no way to any other.

Does not know: what the mailbox command does.
References: postconf(5), master(5), local(8).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.conftest import skip_or_fail, skip_unless_root
from tests.peers.smtp import Session, free_port, lines_of

DOMAIN = "test.example"
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
PROGRAM = shutil.which("postfix", path=_PATH)
STARTED_WITHIN = 20  # seconds; usual is 0.3

MAIN = """
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {directory}/maillog
maillog_file_prefixes = {directory}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.test.example
mydestination = test.example
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_peername_lookup = no
disable_dns_lookups = yes
default_transport = error:no way out of this test
relay_transport = error:no way out of this test
alias_maps =
alias_database =
local_recipient_maps = unix:passwd.byname
biff = no
# what is sent is what arrives: no field is added, rewritten or dropped
local_header_rewrite_clients =
message_drop_headers =
header_size_limit = 10000000
# the delivery under test
{settings}
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
local unix - n n - - local
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """A running mail server for the users of this machine at `DOMAIN`."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port

    def send(self, raw: bytes, recipients: Sequence[str], sender: str = "sender@elsewhere.example") -> str:
        """Hand a message over by SMTP, octet for octet but for line ends; its queue id."""
        with Session(self.port) as session:
            return session.send(raw, recipients, sender)

    def queue(self) -> list[dict[str, Any]]:
        """What still waits, as postqueue(1) has it."""
        return [json.loads(line) for line in self._control("postqueue", "-j").splitlines()]

    def retry(self) -> None:
        """Try all that was deferred once more."""
        self._control("postqueue", "-f")

    def wait_until(self, done: Any, seconds: float = 20) -> None:
        give_up = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < give_up, f"{self.queue()}\n{self.log()[-4000:]}"
            time.sleep(0.05)

    def wait_until_tried(self, queue_id: str, tries: int = 1) -> str:
        """The last log line of a delivery of this message."""
        found = re.compile(rf"postfix/local\[\d+\]: {queue_id}: .*")
        self.wait_until(lambda: len(found.findall(self.log())) >= tries)
        return str(found.findall(self.log())[-1])

    def wait_until_empty(self, seconds: float = 60) -> None:
        self.wait_until(lambda: not self.queue(), seconds)

    def log(self) -> str:
        return (self.directory / "maillog").read_text(errors="replace")

    def complaints(self) -> list[str]:
        """Lines of the log in which Postfix finds fault with what it was given, and not with the machine's clock."""
        said = re.findall(r".*postfix/.* (?:warning|error|fatal|panic): .*", self.log())
        return [line for line in said if not _CLOCK.search(line)]

    def _control(self, program: str, *arguments: str) -> str:
        command = [str(shutil.which(program, path=_PATH)), "-c", str(self.directory / "etc"), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=60)
        assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
        return result.stdout


_CLOCK = re.compile(r"file system clock is \d+ seconds|this may cause false alarms|suboptimal performance")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")


def as_postfix_keeps(raw: bytes) -> bytes:
    """A message as Postfix hands it on, without the fields it puts at the top.

    Lines end in LF, the last too; no blank stands before a field's colon; an
    empty line is put before the first line of a header that is no field.
    References: Postfix `src/cleanup/cleanup_message.c`, `src/global/mime_state.c`.
    """
    header: list[bytes] = []
    lines = lines_of(raw)
    for line in lines:
        field = _FIELD.match(line)
        if not field and not (header and line[:1] in (b" ", b"\t")):
            break
        header.append(line if field is None else field[1] + b":" + line[field.end() :])
    body = lines[len(header) :]
    if body and body[0]:
        body.insert(0, b"")
    return b"".join([line + b"\n" for line in header + body])


_TRACE = re.compile(
    rb"Return-Path: <(?P<sender>[^\n]*)>\n"
    rb"X-Original-To: (?P<original>[^\n]*)\n"
    rb"Delivered-To: (?P<recipient>[^\n]*)\n"
    rb"Received: from [^\n]*\n(?:\t[^\n]*\n)*?\tby mx\.test\.example [^\n]* id (?P<id>\w+)[^\n]*\n(?:\t[^\n]*\n)*"
)


def less_trace(stored: bytes) -> tuple[dict[str, str], bytes]:
    """What Postfix said at the top of a stored message, and the message below it."""
    match = _TRACE.match(stored)
    assert match, stored[:500]
    return {name: text.decode() for name, text in match.groupdict().items()}, stored[match.end() :]


@contextmanager
def running_postfix(settings: str, is_the_systems: bool = False) -> Iterator[Postfix]:
    """Start Postfix on a free port of loopback; end it and remove its directory afterwards.

    If it `is_the_systems`, what it starts finds its settings in /etc/postfix, so that
    sendmail(1) hands mail to it, which only root can tell by an option: its
    processes see its own files there, and nobody else does.
    """
    skip_unless_root("to run Postfix")
    if PROGRAM is None:
        skip_or_fail("Postfix is not installed (postfix)")
    directory = Path(tempfile.mkdtemp(prefix="pyd-postfix-", dir="/var/tmp"))
    directory.chmod(0o755)
    try:
        server = Postfix(directory, free_port())
        _configure(server, settings)
        try:
            _start(server, _IN_ITS_PLACE if is_the_systems else "")
            yield server
        finally:
            _stop(server)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _configure(server: Postfix, settings: str) -> None:
    for name in ("etc", "queue", "data"):
        (server.directory / name).mkdir(mode=0o755)
    shutil.chown(server.directory / "data", "postfix")
    main, master = server.directory / "etc/main.cf", server.directory / "etc/master.cf"
    main.write_text(MAIN.format(directory=server.directory, settings=settings))
    master.write_text(MASTER.format(port=server.port))


_IN_ITS_PLACE = 'for f in main.cf master.cf; do mount --bind "$1/$f" "/etc/postfix/$f" || exit; done; postfix start'


def _start(server: Postfix, script: str) -> None:
    try:
        if script:
            command = ["unshare", "--mount", "sh", "-c", script, "sh", str(server.directory / "etc")]
            subprocess.run(command, capture_output=True, check=True, cwd="/", timeout=60)
        else:
            server._control("postfix", "start")
        give_up = time.monotonic() + STARTED_WITHIN
        while time.monotonic() < give_up:
            with suppress(OSError, AssertionError), Session(server.port):
                return
            time.sleep(0.05)
    except AssertionError:
        pass
    log = server.directory / "maillog"
    raise AssertionError(f"Postfix did not start: {log.read_text(errors='replace') if log.exists() else ''}")


def _stop(server: Postfix) -> None:
    for command in ("stop", "abort"):  # the second fails where the first was enough
        with suppress(AssertionError, subprocess.TimeoutExpired):
            server._control("postfix", command)
