"""One mail address: display name, local part, domain; and the detail within the local part.

`parse_address` reads what an MTA hands over (`<ann+lists@example.org>`, `ann`, an empty
sender).  It never raises: what is no address becomes a local part as it stands.
A local part keeps its quotes only where it needs them, so `address` can always be
written into SMTP or a field, and `"ann"@x` and `ann@x` are one.

`address_mistake` says whether an address may be handed to a program that sends
mail: as it is one argument there, it must be neither an option nor anything that
such programs give another meaning (`|command`, `/file`, a list).

Does not know: address lists in fields (`message/addresses`), nor who is local.
References: RFC 5321 section 4.1.2, RFC 5233 (detail).
"""

from __future__ import annotations

from pydeliver.value import value

__all__ = ["DELIMITER", "Address", "address_mistake", "parse_address", "quote_local"]

DELIMITER = "+"  # Postfix's recipient_delimiter as nearly everybody sets it
_QUOTED_ONLY = frozenset(' \t()<>[]:;,@\\"')
_LONGEST_LOCAL, _LONGEST_DOMAIN = 64, 255  # octets; RFC 5321 section 4.5.3.1
_SPECIAL_TO_SENDMAIL = ("-", "|", "/", "!")  # at the beginning: an option, a command, a file, a route


@value
class Address:
    """Who: `name` is the display name, decoded; local part and domain are kept as written."""

    name: str
    local: str
    domain: str

    @property
    def address(self) -> str:
        """`local@domain`; the local part alone where there is no domain; empty if there is neither."""
        return f"{self.local}@{self.domain}" if self.domain else self.local

    @property
    def unquoted(self) -> str:
        """The address as programs name it to each other where quotes would be part of it."""
        return f"{_unquoted(self.local)}@{self.domain}" if self.domain else _unquoted(self.local)

    @property
    def user(self) -> str:
        """The local part less its detail."""
        return _unquoted(self.local).partition(DELIMITER)[0]

    @property
    def detail(self) -> str:
        """What stands after the first delimiter in the local part; empty if there is none."""
        return _unquoted(self.local).partition(DELIMITER)[2]


def parse_address(text: str) -> Address:
    """Read one envelope address, with or without angle brackets and an obsolete route."""
    text = text.strip()
    if text.startswith("<"):
        text = text[1:].removesuffix(">").strip()
    if text.startswith("@") and ":" in text:  # RFC 5321 appendix C: a source route is ignored
        text = text.partition(":")[2]
    local, at, domain = text.rpartition("@")
    if not at or domain.endswith('"'):  # `"a@b"` has its @ inside the quotes
        local, domain = text, ""
    return Address("", quote_local(_unquoted(local)), domain)


def quote_local(text: str) -> str:
    """Return a local part in quotes if it could not be written without them."""
    if not text or _QUOTED_ONLY.isdisjoint(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def address_mistake(text: str) -> str:
    """Return why `text` cannot be sent to, in words; empty if it can.

    Quoted local parts and address literals are refused: programs differ in how they read them.
    """
    local, at, domain = text.rpartition("@") if "@" in text else (text, "", "")
    if not text:
        return "the address is empty"
    if not text.isprintable():
        return "it holds a control character or something else that cannot be seen"
    if not local or not _QUOTED_ONLY.isdisjoint(local):
        return "it is not one plain address"
    if local[0] in _SPECIAL_TO_SENDMAIL:
        return f"a program that sends mail would not take an address that begins with '{local[0]}' as one"
    if at and not all([_is_label(label) for label in domain.split(".")]):
        return f"'{domain}' is no domain"
    if len(local.encode()) > _LONGEST_LOCAL or len(domain.encode()) > _LONGEST_DOMAIN:
        return "it is too long for an address"
    return ""


def _is_label(label: str) -> bool:
    """Whether it may stand between the dots of a domain; letters of any script, as in `bücher.example`."""
    return bool(label) and label[0] != "-" != label[-1] and label.replace("-", "").replace("_", "").isalnum()


def _unquoted(local: str) -> str:
    if len(local) < 2 or local[0] != '"' or local[-1] != '"':
        return local
    inner = local[1:-1]
    if "\\" not in inner:
        return inner
    pieces = inner.split("\\\\")  # an escaped backslash escapes nothing itself
    return "\\".join([piece.replace("\\", "") for piece in pieces])
