"""A real sendmail on loopback, from Debian's package, in a name space of its own.

Does not know: how it delivers; that is what its configuration in m4 is given.
References: sendmail's cf/README.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.peers.beside import beside
from tests.peers.mail_server import DOMAIN, HOST, MailServer
from tests.peers.smtp import free_port

CONFIGURATION = f"""divert(0)dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{HOST}')dnl
define(`QUEUE_DIR', `@DIR@/queue')dnl
define(`ALIAS_FILE', `/etc/mail/aliases')dnl
define(`STATUS_FILE', `')dnl
define(`confPID_FILE', `@DIR@/pid')dnl
define(`confTO_IDENT', `0')dnl
define(`confREFUSE_LA', `10000')dnl
define(`confQUEUE_LA', `10000')dnl
define(`confSERVICE_SWITCH_FILE', `/etc/mail/service.switch-nodns')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Name=MTA, Addr=127.0.0.1, Port=%(port)s')dnl
LOCAL_DOMAIN(`{DOMAIN}')dnl
%(delivery)s
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

PREPARE = """
useradd --system --user-group --no-create-home smmta
useradd --system --user-group --no-create-home smmsp
install -d -m 700 @DIR@/queue
: > /etc/mail/aliases
m4 /etc/mail/sendmail.mc > /etc/mail/sendmail.cf
"""
PROGRAM = "/usr/libexec/sendmail/sendmail"


class Sendmail(MailServer):
    def waiting(self) -> int:
        return len(list((self.inside.directory / "queue").glob("[qdthT]f*"))) // 2

    def retry(self) -> None:
        self.inside.run(PROGRAM, "-q")

    def log(self) -> str:
        return self.inside.run(PROGRAM, "-bp", status=None)


@contextmanager
def running_sendmail(delivery: str) -> Iterator[Sendmail]:
    port = free_port()
    files = {
        "/etc/mail/sendmail.mc": CONFIGURATION % {"port": port, "delivery": delivery},
        "/etc/hosts": f"127.0.0.1 {HOST} localhost {os.uname().nodename}\n",
    }
    with beside("sendmail-bin", files=files, prepare=PREPARE) as inside:
        inside.start(PROGRAM, "-bD")
        server = Sendmail(inside, port)
        server.wait_until_it_answers()
        yield server
