"""One mail address: display name, local part, domain; and the detail within the local part.

`parse_address` reads what an MTA hands over (`<ann+lists@example.org>`, `ann`, an empty
sender).  It never raises: what is no address becomes a local part as it stands.
A local part keeps its quotes only where it needs them, so `address` can always be
written into SMTP or a field, and `"ann"@x` and `ann@x` are one.

Does not know: address lists in fields (`message/addresses`), nor who is local.
References: RFC 5321 section 4.1.2, RFC 5233 (detail).
"""

from __future__ import annotations

from pydeliver.value import value

__all__ = ["DELIMITER", "Address", "parse_address", "quote_local"]

DELIMITER = "+"  # Postfix's recipient_delimiter as nearly everybody sets it
_QUOTED_ONLY = frozenset(' \t()<>[]:;,@\\"')


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


def _unquoted(local: str) -> str:
    if len(local) < 2 or local[0] != '"' or local[-1] != '"':
        return local
    inner = local[1:-1]
    if "\\" not in inner:
        return inner
    pieces = inner.split("\\\\")  # an escaped backslash escapes nothing itself
    return "\\".join([piece.replace("\\", "") for piece in pieces])
