"""SMTP and LMTP as seen by a server: octets in, events and octets out.

    session = Session(LMTP, Offer("mx.example.org"))
    session.receive(octets)
    for event in session.events(): ...        # Sender, Recipient, Octets, End, Reset, Closed
    session.answer(status)                    # to Sender, Recipient and End, before the next event comes
    octets = session.take_output()

One table says which command may come when; LMTP is a row of differences: it
says LHLO, and after the content each accepted recipient has a reply of its
own.  Replies are counted: where one is owed, nothing else is sent, and one too
many raises.  An event that waits for an answer holds up those behind it, so
that a host may take its time.

The content of a message comes in pieces, as it is on the wire less doubled
dots, and ends at exactly CRLF.CRLF, or where BDAT says.  A message with a CR
or LF that stands alone is refused, or taken as it is (`Offer.takes_bare`).

Does not know: sockets, time, who is a recipient.
References: RFC 5321, RFC 2033, RFC 1870, RFC 2920, RFC 3030, RFC 3461, RFC 6152, RFC 6531; Postfix XCLIENT_README and
XFORWARD_README.
"""

from __future__ import annotations

from pydeliver.protocol.lines import ChunkContent, DotContent, LineError, Lines
from pydeliver.protocol.smtp_commands import (
    CommandError,
    Recipient,
    Sender,
    decode_xtext,
    read_recipient,
    read_sender,
)
from pydeliver.status import Status
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

__all__ = ["LMTP", "SMTP", "Closed", "Dialect", "End", "Event", "Octets", "Offer", "Reset", "Session"]

LINE_OCTETS = 2_048  # of a command; RFC 5321 section 4.5.3.1.4 asks for 512, and the extensions for more
MISTAKES = 10  # commands that are none, or out of place, before the session ends
IDLE_COMMANDS = 100  # that do nothing (NOOP, RSET, VRFY …) between two messages


@value
class Dialect:
    """What tells LMTP from SMTP."""

    name: str
    hellos: tuple[str, ...]
    replies_each: bool  # after the content, one for each recipient accepted


SMTP = Dialect("SMTP", ("EHLO", "HELO"), False)
LMTP = Dialect("LMTP", ("LHLO",), True)


@value
class Offer:
    """What this server is called and takes.

    `is_trusted`: the peer may say by XCLIENT and XFORWARD who the client was.
    """

    host: str
    size: int = 50 << 20
    recipients: int = 1_000  # RFC 5321 section 4.5.3.1.8 asks for 100 at least
    takes_bare: bool = False
    is_trusted: bool = False


@value
class Octets:
    """A piece of the content; lines end in CRLF."""

    octets: bytes


@value
class End:
    """The content is whole: it waits for its replies, one for each of `recipients` or one for all."""

    recipients: tuple[Recipient, ...]


@value
class Reset:
    """The transaction is given up: nothing of it is to be delivered."""


@value
class Closed:
    """Send what is left of the output and close."""


if TYPE_CHECKING:
    Event: TypeAlias = Sender | Recipient | Octets | End | Reset | Closed

# A session is in one of these; which commands it takes in each, in the standards' words.
_START, _READY, _MAIL, _RCPT, _CONTENT, _CHUNKS, _ENDED, _CLOSED = (
    "no hello yet", "ready", "sender accepted", "recipient accepted", "content", "chunks", "replies owed", "closed",
)  # fmt: skip
_ANYWHERE = (_START, _READY, _MAIL, _RCPT, _CHUNKS)
_COMMANDS: dict[str, tuple[str, ...]] = {
    "EHLO": _ANYWHERE,
    "HELO": _ANYWHERE,
    "LHLO": _ANYWHERE,
    "MAIL": (_READY,),
    "RCPT": (_MAIL, _RCPT),
    "DATA": (_RCPT,),
    "BDAT": (_READY, _MAIL, _RCPT, _CHUNKS),
    "RSET": _ANYWHERE,
    "NOOP": _ANYWHERE,
    "VRFY": _ANYWHERE,
    "HELP": _ANYWHERE,
    "QUIT": _ANYWHERE,
    "XFORWARD": (_READY,),
    "XCLIENT": (_READY,),
}
_OUT_OF_PLACE = {_START: "say hello first", _READY: "say MAIL first", _MAIL: "no recipient was accepted"}
_UNDER_WAY = "a message is under way: end it, or say RSET"
_FORWARDED = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE", "LOGIN", "DESTADDR", "DESTPORT")


class Session:
    """One connection, from the greeting to its end."""

    def __init__(self, dialect: Dialect, offer: Offer) -> None:
        self.hello = ""
        self.forwarded: dict[str, str] = {}  # what XCLIENT and XFORWARD said of the client
        self.sender: Sender | None = None
        self.recipients: list[Recipient] = []  # accepted
        self._dialect, self._offer = dialect, offer
        self._state = _START
        self._lines = Lines(LINE_OCTETS)
        self._output: list[bytes] = []
        self._waiting: Sender | Recipient | None = None
        self._owed = 0  # replies to the content
        self._content: DotContent | ChunkContent = DotContent()
        self._chunk = 0  # octets of the BDAT chunk that are still to come
        self._is_last = False
        self._mistakes = self._idle = 0
        self._say(220, f"{offer.host} {dialect.name} pydeliver")

    # ------------------------------------------------------------ for the host

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is owed."""
        return self._waiting is not None or self._owed > 0

    @property
    def is_closed(self) -> bool:
        return self._state == _CLOSED

    def receive(self, octets: bytes) -> None:
        """Take what the peer sent; once closed it is dropped."""
        if self._state != _CLOSED:
            self._lines.add(octets)

    def events(self) -> Iterator[Event]:
        """What has happened since; ends when more octets or an answer are needed."""
        while not self.is_waiting and self._state != _CLOSED:
            if self._state == _CONTENT or self._chunk:
                event = self._next_octets()
                if event is None:
                    return
                yield from event
            else:
                try:
                    line = self._lines.next_line()
                except LineError as error:
                    yield from self._end_with(Status("5.5.2", str(error)))
                    return
                if line is None:
                    return
                yield from self._command(line)

    def answer(self, status: Status) -> None:
        """Answer the event that waits: Sender or Recipient, or End, once for each reply owed."""
        if self._owed:
            self._owed -= 1
            self._say_status(status)
            if not self._owed:
                self._forget_transaction()
            return
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            raise RuntimeError("no answer is owed")
        if isinstance(waiting, Sender):
            if status.is_success:
                self.sender, self._state = waiting, _MAIL
        elif status.is_success:
            self.recipients.append(waiting)
            self._state = _RCPT
        self._say_status(status)

    def close(self, status: Status) -> None:
        """End the session, as when time is up: 421 where a reply may stand, else silence."""
        if self._state != _CLOSED and not self.is_waiting and self._state != _CONTENT and not self._chunk:
            self._say_reply(421, status)
        self._state = _CLOSED

    def take_output(self) -> bytes:
        """What is to be sent now."""
        octets = b"".join(self._output)
        self._output.clear()
        return octets

    # ------------------------------------------------------------ commands

    def _command(self, line: bytes) -> Iterator[Event]:
        word, _, argument = line.partition(b" ")
        name = word.decode("ascii", "replace").upper()
        try:
            places = self._places(name)
            if self._state not in places:
                is_second = name == "MAIL" and self._state != _START
                raise CommandError(
                    503, "5.5.1", _UNDER_WAY if is_second else _OUT_OF_PLACE.get(self._state, _UNDER_WAY)
                )
            yield from _ACTS[name](self, argument.strip(b" "))
        except CommandError as error:
            self._say_reply(*error.reply)
            if name != "RCPT":
                yield from self._lose_patience()

    def _places(self, name: str) -> tuple[str, ...]:
        is_hello = name in ("EHLO", "HELO", "LHLO")
        is_offered = self._offer.is_trusted or name not in ("XCLIENT", "XFORWARD")
        if name not in _COMMANDS or not is_offered or (is_hello and name not in self._dialect.hellos):
            hint = f": say {self._dialect.hellos[0]}" if is_hello else ""
            raise CommandError(500, "5.5.1", f"this is no command of {self._dialect.name}{hint}")
        return _COMMANDS[name]

    def _lose_patience(self) -> Iterator[Event]:
        self._mistakes += 1
        if self._mistakes >= MISTAKES:
            yield from self._end_with(Status("4.7.0", "too many mistakes"))

    def _hello(self, argument: bytes, extended: bool) -> Iterator[Event]:
        hello = argument.decode("ascii", "replace")
        if not hello or not hello.isprintable():
            raise CommandError(501, "5.5.4", "say who you are")
        yield from self._give_up()
        self.hello, self._state = hello, _READY
        if not extended:
            self._say(250, self._offer.host)
            return
        words = [self._offer.host, "PIPELINING", f"SIZE {self._offer.size}", "8BITMIME", "SMTPUTF8"]
        words += ["ENHANCEDSTATUSCODES", "CHUNKING", "DSN"]
        if self._offer.is_trusted:
            words += ["XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE", "XCLIENT NAME ADDR PORT PROTO HELO LOGIN"]
        self._say(250, *words)

    def _ehlo(self, argument: bytes) -> Iterator[Event]:
        yield from self._hello(argument, extended=True)

    def _helo(self, argument: bytes) -> Iterator[Event]:
        yield from self._hello(argument, extended=False)

    def _mail(self, argument: bytes) -> Iterator[Event]:
        self._waiting = read_sender(argument, self._offer.size)
        yield self._waiting

    def _rcpt(self, argument: bytes) -> Iterator[Event]:
        assert self.sender is not None
        if len(self.recipients) >= self._offer.recipients:
            raise CommandError(452, "4.5.3", "too many recipients: send the rest in another transaction")
        self._waiting = read_recipient(argument, self.sender.is_utf8)
        yield self._waiting

    def _data(self, argument: bytes) -> Iterator[Event]:
        """Whoever sends content before 354 does not speak SMTP: what it sent could be commands to us."""
        if argument:
            raise CommandError(501, "5.5.4", "DATA stands alone")
        if len(self._lines):
            yield from self._end_with(Status("5.5.0", "content came before it was asked for"))
            return
        self._say(354, "End with a line of one dot")
        self._begin(DotContent(), _CONTENT)

    def _bdat(self, argument: bytes) -> Iterator[Event]:
        """RFC 3030: the octets follow at once, so that they are read even where the chunk is refused."""
        words = argument.upper().split()
        if (
            not words
            or len(words) > 2
            or words[1:] not in ([], [b"LAST"])
            or not words[0].isdigit()
            or len(words[0]) > 20
        ):
            yield from self._end_with(Status("5.5.4", "say BDAT octets, or BDAT octets LAST"))
            return
        if self._state != _CHUNKS:
            self._begin(ChunkContent(), _CHUNKS if self._state == _RCPT else self._state)
        self._chunk, self._is_last = int(words[0]), words[1:] == [b"LAST"]
        if not self._chunk:
            yield from self._chunk_ended(b"")

    def _rset(self, argument: bytes) -> Iterator[Event]:
        yield from self._give_up()
        if self._state != _START:
            self._state = _READY
        yield from self._idled(Status("2.0.0", "forgotten"))

    def _noop(self, argument: bytes) -> Iterator[Event]:
        yield from self._idled(Status("2.0.0", "here"))

    def _vrfy(self, argument: bytes) -> Iterator[Event]:
        """RFC 5321 section 7.3: who is a user here is not told."""
        yield from self._idled(Status("2.0.0", "send a message, and see"), 252)

    def _help(self, argument: bytes) -> Iterator[Event]:
        yield from self._idled(Status("2.0.0", "see RFC 5321 and RFC 2033"), 214)

    def _idled(self, status: Status, code: int = 250) -> Iterator[Event]:
        self._idle += 1
        if self._idle > IDLE_COMMANDS:
            yield from self._end_with(Status("4.7.0", "too many commands that do nothing"))
        else:
            self._say_reply(code, status)

    def _quit(self, argument: bytes) -> Iterator[Event]:
        yield from self._give_up()
        self._say(221, "2.0.0 bye")
        self._state = _CLOSED
        yield Closed()

    def _xforward(self, argument: bytes) -> Iterator[Event]:
        self.forwarded.update(_attributes(argument))
        self._say(250, "2.0.0 noted")
        return iter(())

    def _xclient(self, argument: bytes) -> Iterator[Event]:
        """As if that client had connected now."""
        said = _attributes(argument)
        yield from self._give_up()
        self.forwarded.update(said)
        self.hello, self._state = said.get("HELO", ""), _START
        self._say(220, f"{self._offer.host} {self._dialect.name} pydeliver")

    # ------------------------------------------------------------ content

    def _begin(self, content: DotContent | ChunkContent, state: str) -> None:
        self._content, self._state = content, state

    def _next_octets(self) -> Iterator[Event] | None:
        """The content that has come; None if there is none."""
        content = self._content
        if not len(self._lines):
            return None
        if isinstance(content, DotContent):
            octets, rest = content.add(self._lines.take(len(self._lines)))
            if rest is None:
                return self._content_came(octets)
            self._lines.add(rest)
            return self._content_ended(octets)
        taken = self._lines.take(self._chunk)
        self._chunk -= len(taken)
        octets = content.add(taken, self._is_last and not self._chunk)
        return self._content_came(octets) if self._chunk else self._chunk_ended(octets)

    def _content_came(self, octets: bytes) -> Iterator[Event]:
        """A message too large is read to its end, unless that is as far again."""
        if self._content.octets > 2 * self._offer.size:
            yield from self._end_with(Status("5.3.4", "the message is far too large"))
        elif octets and self.recipients and self._content.octets <= self._offer.size:
            yield Octets(octets)

    def _chunk_ended(self, octets: bytes) -> Iterator[Event]:
        if self._state != _CHUNKS:
            self._say_reply(503, Status("5.5.1", _OUT_OF_PLACE[self._state]))
            return
        if self._is_last:
            yield from self._content_ended(octets)
            return
        yield from self._content_came(octets)
        if self._state == _CHUNKS:
            self._say(250, "2.0.0 taken")

    def _content_ended(self, octets: bytes) -> Iterator[Event]:
        yield from self._content_came(octets)
        if self._state == _CLOSED:
            return
        refusal = self._refused()
        recipients = tuple(self.recipients)
        self._state = _ENDED
        self._owed = len(recipients) if self._dialect.replies_each else 1
        if refusal is None:
            yield End(recipients)
            return
        while self._owed:
            self.answer(refusal)
        yield Reset()

    def _refused(self) -> Status | None:
        if self._content.octets > self._offer.size:
            return Status("5.3.4", f"messages of more than {self._offer.size} octets are not taken")
        if self._content.bare and not self._offer.takes_bare:
            return Status("5.6.0", "a CR or LF stands alone in the message")
        return None

    # ------------------------------------------------------------ ends

    def _give_up(self) -> Iterator[Event]:
        """End the transaction, if there is one."""
        had_sender = self.sender is not None
        self._forget_transaction(idle=self._idle)
        if had_sender:
            yield Reset()

    def _forget_transaction(self, idle: int = 0) -> None:
        self.sender, self.recipients, self._idle = None, [], idle
        self._chunk = 0
        if self._state != _START:
            self._state = _READY

    def _end_with(self, status: Status) -> Iterator[Event]:
        """Say why, and close; what was under way is not delivered."""
        if self.sender is not None:
            self.sender, self.recipients = None, []
            yield Reset()
        self._say_reply(421 if status.is_temporary else 554, status)
        self._state = _CLOSED
        yield Closed()

    # ------------------------------------------------------------ replies

    def _say(self, code: int, *lines: str) -> None:
        last = len(lines) - 1
        for number, line in enumerate(lines):
            self._output.append(f"{code}{' ' if number == last else '-'}{line}\r\n".encode("ascii", "replace"))

    def _say_status(self, status: Status) -> None:
        self._say_reply(status.reply_code, status)

    def _say_reply(self, code: int, status: Status) -> None:
        self._output.append(f"{code} {status.line}\r\n".encode("ascii", "replace"))


def _attributes(argument: bytes) -> dict[str, str]:
    """NAME=xtext pairs; `[UNAVAILABLE]` and its like say that nothing is known."""
    found: dict[str, str] = {}
    for word in argument.decode("ascii", "replace").split():
        name, _, said = word.partition("=")
        text = decode_xtext(said)
        if name.upper() not in _FORWARDED or text is None:
            raise CommandError(501, "5.5.4", f"the attribute {name} cannot be read")
        found[name.upper()] = "" if text.upper() in ("[UNAVAILABLE]", "[TEMPUNAVAIL]") else text.removeprefix("IPV6:")
    return found


_ACTS: dict[str, Callable[[Session, bytes], Iterator[Event]]] = {
    "EHLO": Session._ehlo,
    "LHLO": Session._ehlo,
    "HELO": Session._helo,
    "MAIL": Session._mail,
    "RCPT": Session._rcpt,
    "DATA": Session._data,
    "BDAT": Session._bdat,
    "RSET": Session._rset,
    "NOOP": Session._noop,
    "VRFY": Session._vrfy,
    "HELP": Session._help,
    "QUIT": Session._quit,
    "XFORWARD": Session._xforward,
    "XCLIENT": Session._xclient,
}
