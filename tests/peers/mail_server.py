"""What the tests ask of any mail server that runs beside the installed one.

Does not know: which one it is (`exim`, `opensmtpd`, `sendmail`, `courier` do).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tests.peers.beside import Beside
from tests.peers.smtp import Session, wait_until_it_answers

DOMAIN = "test.example"
HOST = "mx.test.example"


class MailServer:
    """A running mail server for the users of this machine at `DOMAIN`."""

    delimiter = "+"  # before the detail
    own_file = (".forward", "postfix/forward")  # what a user names a program in, and the example of it

    def __init__(self, inside: Beside, port: int) -> None:
        self.inside = inside
        self.port = port

    def send(self, raw: bytes, recipients: Sequence[str], sender: str = f"postmaster@{DOMAIN}") -> None:
        with Session(self.port) as session:
            session.send(raw, recipients, sender)

    def send_each(self, messages: Sequence[tuple[bytes, str]]) -> None:
        """Ten in each session: after as many Exim puts the rest aside for its queue runner."""
        for start in range(0, len(messages), 10):
            with Session(self.port) as session:
                for raw, recipient in messages[start : start + 10]:
                    session.send(raw, [recipient], f"postmaster@{DOMAIN}")

    def waiting(self) -> int:
        """How many messages are in the queue."""
        raise NotImplementedError

    def retry(self) -> None:
        """Try all that was deferred once more."""
        raise NotImplementedError

    def log(self) -> str:
        """What it says of its deliveries, and of those that wait."""
        raise NotImplementedError

    def wait_until(self, done: Callable[[], object], seconds: float = 20) -> None:
        give_up = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < give_up, f"{self.log()[-4000:]}\n{self.inside.output()[-4000:]}"
            time.sleep(0.05)

    def wait_until_empty(self, seconds: float = 40) -> None:
        self.wait_until(lambda: self.waiting() == 0, seconds)

    def retry_until_empty(self) -> None:
        """Again and again, as a message that is just being tried is not tried again for being asked to."""

        def empty() -> bool:
            self.retry()
            time.sleep(0.3)
            return self.waiting() == 0

        self.wait_until(empty)

    def wait_until_it_answers(self) -> None:
        if not wait_until_it_answers(self.port, 20, lambda: True):
            raise AssertionError(f"the server does not answer: {self.inside.output()}")
