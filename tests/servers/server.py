"""A server of the installed program, as an ordinary user, with virtual users of its own, ended with its test."""

from __future__ import annotations

import os
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.users import User

STARTED_WITHIN = 20  # seconds; usual is half of one


class Server:
    """`users` have homes below `directory`, named as their local parts."""

    def __init__(self, installed: Path, user: User, directory: Path, settings: dict[str, str]) -> None:
        self.user, self.directory = user, directory
        self.socket = directory / "lmtp"
        self.users_file = directory / "users"
        self.log = directory / "log"
        self.write_users()
        options = {"lmtp": str(self.socket), "users": str(self.users_file)} | settings
        words = [word for name, said in options.items() for word in ("-o", f"{name}={said}")]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                user.command([installed / "pydeliver", "serve", *words]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "HOME": str(directory), "LOGNAME": user.name},
            )
        self._wait()

    def write_users(self, *names: str) -> None:
        lines = [f"{name}@example.org:x::::{self.directory}/{name}:\n" for name in (*("ann", "carl"), *names)]
        self.users_file.write_text("# name:password:uid:gid:gecos:home:shell\n" + "".join(lines))

    def rules(self, name: str, text: str) -> None:
        home = self.directory / name
        home.mkdir(exist_ok=True)
        (home / ".pydeliverrc").write_text(text)
        for path in (home, home / ".pydeliverrc"):
            os.chown(path, self.user.uid, self.user.gid)
            path.chmod(0o700 if path == home else 0o600)

    def mail(self, name: str, mailbox: str = "") -> list[bytes]:
        return [path.read_bytes() for path in sorted((self.directory / name / "Maildir" / mailbox / "new").glob("*"))]

    def client(self) -> Client:
        return Client(self.socket)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def children(self) -> list[int]:
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in found]

    def _wait(self) -> None:
        deadline = time.monotonic() + STARTED_WITHIN
        while True:
            try:
                with self.client():
                    return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.05)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(30)


class Client:
    """Speaks LMTP by hand: what is sent and what is answered are octets."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self._file = self.socket.makefile("rb")
        try:
            self.socket.connect(str(path))
            self.greeting = self.reply()
        except OSError:
            self.__exit__()
            raise

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self.socket.close()

    def reply(self) -> str:
        """The next reply, its lines joined; "" when the server has closed."""
        lines = []
        while line := self._file.readline():
            lines.append(line.decode().rstrip("\r\n"))
            if line[3:4] == b" ":
                break
        return "\n".join(lines)

    def say(self, line: str) -> str:
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def send(self, raw: bytes, *recipients: str, sender: str = "bob@example.net") -> list[str]:
        """Send a message; the replies to the recipients, then those to the content."""
        replies = [self.say(f"MAIL FROM:<{sender}>")]
        assert replies.pop().startswith("250")
        replies = [self.say(f"RCPT TO:<{recipient}>") for recipient in recipients]
        accepted = sum([reply.startswith("250") for reply in replies])
        if accepted:
            assert self.say("DATA").startswith("354")
            self.socket.sendall(wire(raw))
            replies += [self.reply() for _ in range(accepted)]
        return replies


def wire(raw: bytes) -> bytes:
    quoted: bytes = smtplib._quote_periods(raw.replace(b"\n", b"\r\n"))  # type: ignore[attr-defined]  # dots doubled
    return quoted + (b"" if quoted.endswith(b"\r\n") else b"\r\n") + b".\r\n"


@contextmanager
def running_server(installed: Path, user: User, **settings: str) -> Iterator[Server]:
    directory = Path(tempfile.mkdtemp(prefix="pydeliver-server-", dir="/var/tmp"))
    directory.chmod(0o755)
    os.chown(directory, user.uid, user.gid)
    server = Server(installed, user, directory, settings)
    try:
        yield server
    finally:
        server.end()
        shutil.rmtree(directory, ignore_errors=True)
