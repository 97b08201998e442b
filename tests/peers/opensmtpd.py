"""A real OpenSMTPD on loopback, from Debian's package, in a name space of its own.

Does not know: how it delivers; that is the action it is given.
References: smtpd.conf(5), smtpctl(8).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.peers.beside import beside
from tests.peers.mail_server import DOMAIN, MailServer
from tests.peers.smtp import free_port

PREPARE = """
useradd --system --user-group --no-create-home opensmtpd
useradd --system --user-group --no-create-home opensmtpq
install -d -m 711 /var/lib/opensmtpd/empty /var/spool/smtpd
chgrp opensmtpq /usr/sbin/smtpctl
chmod 2755 /usr/sbin/smtpctl
"""


class OpenSmtpd(MailServer):
    def waiting(self) -> int:
        return len(self.inside.run("smtpctl", "show", "queue").splitlines())

    def retry(self) -> None:
        self.inside.run("smtpctl", "schedule", "all")

    def log(self) -> str:
        return self.inside.output()


@contextmanager
def running_opensmtpd(configuration: str) -> Iterator[OpenSmtpd]:
    """For local mail, which is what is addressed to its own name."""
    port = free_port()
    files = {
        "/etc/smtpd.conf": f"listen on 127.0.0.1 port {port}\n{configuration}",
        "/etc/mailname": f"{DOMAIN}\n",
        "/etc/aliases": "",
    }
    with beside("opensmtpd", files=files, prepare=PREPARE) as inside:
        inside.start("smtpd", "-d")
        server = OpenSmtpd(inside, port)
        server.wait_until_it_answers()
        yield server
