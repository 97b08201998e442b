"""The arguments of SMTP commands: paths and parameters read from a line.

Strict: what is not as the standards say is a CommandError with the reply to
send.  Addresses come out as UTF-8 text without their angle brackets.

Does not know: sessions, or which command may come when.
References: RFC 5321 sections 4.1.1.2, 4.1.1.3, 4.1.2; RFC 3461 section 4; RFC 6531; RFC 1870.
"""

from __future__ import annotations

from pydeliver.status import Status
from pydeliver.value import value

_LONGEST_PATH = 256  # RFC 5321 section 4.5.3.1.3, with its brackets
_UTF8_LONGEST_PATH = 1_024  # the same in octets, where characters may take four


class CommandError(Exception):
    """A command that cannot be taken; `reply` says so: an SMTP code and a status."""

    def __init__(self, code: int, status: str, text: str) -> None:
        super().__init__(text)
        self.reply = (code, Status(status, text))


@value
class Sender:
    """MAIL: who the message is from, "" for the null sender; `size` as announced, 0 if it was not."""

    address: str
    size: int = 0
    body: str = "7BIT"
    is_utf8: bool = False
    ret: str = ""  # RFC 3461: FULL or HDRS
    envid: str = ""


@value
class Recipient:
    """RCPT: whom it is for; `original` and `notify` as the sender asked for notifications."""

    address: str
    original: str = ""
    notify: str = ""


def read_sender(argument: bytes, limit: int) -> Sender:
    """Read what follows MAIL; `limit` is the largest size taken."""
    path, parameters = _split(argument, b"FROM:", "MAIL FROM:<address>")
    is_utf8 = "SMTPUTF8" in parameters
    address = read_path(path, is_utf8)
    said = _known(parameters, _SENDER_PARAMETERS)
    size = int(said.get("SIZE", "0"))
    if size > limit:
        raise CommandError(552, "5.3.4", f"messages of more than {limit} octets are not taken")
    return Sender(address, size, said.get("BODY", "7BIT"), is_utf8, said.get("RET", ""), said.get("ENVID", ""))


def read_recipient(argument: bytes, is_utf8: bool) -> Recipient:
    """Read what follows RCPT; `is_utf8`: the sender announced SMTPUTF8."""
    path, parameters = _split(argument, b"TO:", "RCPT TO:<address>")
    address = read_path(path, is_utf8)
    if not address:
        raise CommandError(501, "5.1.3", "a recipient has an address")
    said = _known(parameters, _RECIPIENT_PARAMETERS)
    return Recipient(address, said.get("ORCPT", ""), said.get("NOTIFY", ""))


def _split(argument: bytes, keyword: bytes, form: str) -> tuple[bytes, dict[str, str | None]]:
    """The path in its brackets, and the parameters behind it by name in upper case."""
    if argument[: len(keyword)].upper() != keyword:
        raise CommandError(501, "5.5.4", f"say {form}")
    rest = argument[len(keyword) :].lstrip(b" ")
    end = _path_end(rest)
    if end < 0:
        raise CommandError(501, "5.1.7" if keyword == b"FROM:" else "5.1.3", f"say {form}, in angle brackets")
    parameters: dict[str, str | None] = {}
    for word in rest[end:].split():
        name, equals, said = word.decode("ascii", "replace").partition("=")
        if name.upper() in parameters:
            raise CommandError(501, "5.5.4", f"{name} is said twice")
        parameters[name.upper()] = said if equals else None
    return rest[:end], parameters


def _path_end(text: bytes) -> int:
    """The offset behind the `>`; one in a quoted local part is no end."""
    if not text.startswith(b"<"):
        return -1
    quoted = escaped = False
    for position, octet in enumerate(text):
        if escaped:
            escaped = False
        elif octet == 0x5C and quoted:
            escaped = True
        elif octet == 0x22:
            quoted = not quoted
        elif octet == 0x3E and not quoted:
            behind = text[position + 1 : position + 2]
            return position + 1 if behind in (b"", b" ") else -1
    return -1


def read_path(path: bytes, is_utf8: bool) -> str:
    """The address in `<…>`; a source route before it is dropped (RFC 5321 appendix C)."""
    inner = path[1:-1]
    if inner.startswith(b"@"):
        inner = inner.partition(b":")[2]
    try:
        address = inner.decode("utf-8" if is_utf8 else "ascii")
    except UnicodeDecodeError:
        raise CommandError(553, "5.6.7", "an address that is not ASCII needs SMTPUTF8") from None
    if len(inner) > (_UTF8_LONGEST_PATH if is_utf8 else _LONGEST_PATH):
        raise CommandError(501, "5.1.3", "the address is too long")
    if not address.isprintable() or (address and not _is_mailbox(address)):
        raise CommandError(501, "5.1.3", "this is no address")
    return address


def _is_mailbox(address: str) -> bool:
    """`local@domain`, or a local part alone, as `<postmaster>` and local users are."""
    local, at, domain = address.rpartition("@")
    if not at:
        local, domain = address, ""
    if at and not (domain and _is_domain(domain)):
        return False
    if local.startswith('"'):
        return len(local) > 1 and local.endswith('"')
    return bool(local) and not any([character in ' <>"(),:;[]@\\' for character in local])


def _is_domain(domain: str) -> bool:
    if domain.startswith("["):
        return domain.endswith("]") and not any([character in " <>@" for character in domain])
    return all(
        [label and not any([character in ' <>"(),:;[]@\\' for character in label]) for label in domain.split(".")]
    )


# ---------------------------------------------------------------- parameters


def _known(parameters: dict[str, str | None], known: dict[str, tuple[str, ...] | None]) -> dict[str, str]:
    """The parameters, each with a value it may have."""
    said: dict[str, str] = {}
    for name, given in parameters.items():
        if name not in known:
            raise CommandError(555, "5.5.4", f"the parameter {name or '='} is not known here")
        allowed = known[name]
        if allowed == ():
            if given is not None:
                raise CommandError(501, "5.5.4", f"{name} takes no value")
            said[name] = ""
        elif not given or (allowed is not None and given.upper() not in allowed):
            raise CommandError(501, "5.5.4", f"{name} cannot be {given!r}")
        else:
            said[name] = given if allowed is None else given.upper()
    if "SIZE" in said and not (said["SIZE"].isascii() and said["SIZE"].isdigit() and len(said["SIZE"]) <= 20):
        raise CommandError(501, "5.5.4", "SIZE is a number of octets")
    for name in ("ENVID", "ORCPT"):
        if name in said:
            said[name] = _xtext(name, said[name])
    if "NOTIFY" in said:
        _check_notify(said["NOTIFY"])
    return said


_SENDER_PARAMETERS: dict[str, tuple[str, ...] | None] = {
    "SIZE": None,
    "BODY": ("7BIT", "8BITMIME"),
    "SMTPUTF8": (),
    "RET": ("FULL", "HDRS"),
    "ENVID": None,
}
_RECIPIENT_PARAMETERS: dict[str, tuple[str, ...] | None] = {"NOTIFY": None, "ORCPT": None}


def _check_notify(said: str) -> None:
    words = said.upper().split(",")
    if words != ["NEVER"] and not all([word in ("SUCCESS", "FAILURE", "DELAY") for word in words]):
        raise CommandError(501, "5.5.4", "NOTIFY is NEVER, or some of SUCCESS,FAILURE,DELAY")


def _xtext(name: str, said: str) -> str:
    """What xtext stands for; of ORCPT the address behind its type (RFC 3461 sections 4 and 4.2)."""
    if name == "ORCPT":
        kind, semicolon, said = said.partition(";")
        if not semicolon or not kind:
            raise CommandError(501, "5.5.4", "ORCPT is a type, a semicolon and an address")
    text = decode_xtext(said)
    if text is None:
        raise CommandError(501, "5.5.4", f"{name} is not xtext")
    return text


def decode_xtext(said: str) -> str | None:
    """Return the text, None for what is no xtext; octets that are no UTF-8 become U+FFFD."""
    first, *others = said.encode("utf-8", "replace").split(b"+")
    pieces = [first]
    for piece in others:
        digits = piece[:2]
        if len(digits) != 2 or digits.strip(b"0123456789ABCDEF"):
            return None
        pieces.append(bytes([int(digits, 16)]) + piece[2:])
    text = b"".join(pieces).decode("utf-8", "replace")
    return text if text.isprintable() else None
