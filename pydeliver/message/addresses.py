"""Address lists as fields carry them: groups, quotes, comments, routes, and what senders break.

Never raises, in linear time.  An entry that can be read as exactly one mailbox gives
its address.  One that two readers could read as two different addresses gives none:
the whole entry becomes the display name, local part and domain are empty, so that no
rule about an address is true for it (CVE-2023-27043 is what else happens).

* Brackets win: `ann@trusted.example <x@evil.example>` is the address in brackets, as mail programs and MTAs
  take it; one that is never closed ends at the comma.
* Without brackets the words before the address are its name: `Ann Lee ann@example.org`.
* No address: two brackets, a second `@`, a word behind the domain, spaces within a local part, a `)` without its
  `(`, and a comment or quote that never ends (it takes all that follows with it).
* A group gives its members; an empty one gives nothing.  A word alone is a local part.
* An encoded word is one word whatever is inside; names are decoded after the list is taken apart.
* After `limits.ADDRESSES` entries the rest is not read.

Does not know: fields, envelopes.
References: RFC 5322 sections 3.4 and 4.4, RFC 2047 section 5.
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.address import Address, quote_local
from pydeliver.fold import composed
from pydeliver.message.text import decode_words, encode_words, guess

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    Token = tuple[int, bytes, bool]

__all__ = ["parse_addresses", "render_address"]

_ATOM, _QUOTED, _COMMENT, _BROKEN = 0, 1, 2, 3  # kinds of token; a special is its own octet
_SPECIALS = frozenset(b'()<>,;:@"')
_ENDS_ATOM = frozenset(b'()<>,;:@" \t\r\n')
_AT, _COMMA, _SEMICOLON, _COLON, _OPEN, _CLOSE, _STRAY = b"@,;:<>)"
_ENTRY_TOKENS = 1_000  # of one entry; a longer one is no mailbox
_LITERAL_OCTETS = 255  # of a domain literal, [IPv6:...]
_WORD_OCTETS = 1_000  # of one encoded word; RFC 2047 allows 75
_ATEXT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~ ")


def parse_addresses(raw: bytes) -> tuple[Address, ...]:
    """Read one unfolded address field."""
    found: list[Address] = []
    entry: list[Token] = []
    start, previous, in_brackets, in_route, has_at = 0, _ATOM, False, False, False
    for kind, text, spaced, begin, end in _tokens(raw):
        ends_entry = kind == _SEMICOLON or (kind == _COMMA and not in_route)
        names_group = kind == _COLON and not in_brackets and not has_at
        if ends_entry:
            _finish(found, entry, raw[start:begin])
            if len(found) >= limits.ADDRESSES:
                return tuple(found)
        if ends_entry or names_group:
            entry, start = [], end
            previous, in_brackets, in_route, has_at = _ATOM, False, False, False
            continue
        if kind == _AT:
            has_at, in_route = True, in_route or previous == _OPEN  # <@a,@b:c@d>
        elif kind == _COLON:
            in_route = False
        elif kind == _OPEN:
            in_brackets = True
        elif kind == _CLOSE:
            in_brackets = in_route = False
        previous = kind
        if len(entry) <= _ENTRY_TOKENS:
            entry.append((kind, text, spaced))
    _finish(found, entry, raw[start:])
    return tuple(found)


def _finish(found: list[Address], entry: list[Token], raw: bytes) -> None:
    """Add the address that an entry is; nothing for an empty one, or a comment."""
    tokens = [token for token in entry if token[0] != _COMMENT]
    if not tokens:
        return
    address = None
    if len(entry) <= _ENTRY_TOKENS and all([token[0] != _BROKEN for token in entry]):
        address = _mailbox(tokens, entry)
    found.append(address or Address(_decoded(raw), "", ""))


def _mailbox(tokens: list[Token], entry: list[Token]) -> Address | None:
    """Read an entry without its comments as one mailbox; None if that can be done in no way, or in two."""
    opened = _index(tokens, _OPEN)
    if opened < 0:
        return _bare_mailbox(tokens, entry)
    inner = tokens[opened + 1 :]
    if inner and inner[0][0] == _OPEN:  # <<ann@example.org>>
        inner = inner[1:]
    closed = _index(inner, _CLOSE)
    behind = inner[closed + 1 :] if closed >= 0 else []
    if behind and behind[0][0] == _CLOSE:
        behind = behind[1:]
    if any([token[0] > _COMMENT for token in behind]) or _index(tokens, _STRAY) >= 0:
        return None
    if _index(tokens[:opened], _COLON) >= 0:  # ann@example.org:<x@example.org> is no group
        return None
    spec = _spec(inner[:closed] if closed >= 0 else inner)
    if spec is None:
        return None
    return Address(_phrase(entry, opened), *spec)


def _bare_mailbox(tokens: list[Token], entry: list[Token]) -> Address | None:
    if tokens and tokens[-1][0] == _CLOSE:  # ann@example.org>
        tokens = tokens[:-1]
    at = _index(tokens, _AT)
    if at < 0:
        spec = _spec(tokens) if len(tokens) == 1 and tokens[0][0] == _ATOM else None
        return Address(_comments(entry), *spec) if spec else None
    first = max(at - 1, 0)
    while first > 0 and not tokens[first][2]:
        first -= 1
    spec = _spec(tokens[first:])
    words = tokens[:first]
    if spec is None or any([token[0] > _QUOTED for token in words]):
        return None
    if words and _joined(words[-1], tokens[first]):  # `Jr. ann@example.org`: is the dot the name's?
        return None
    if any([_leaves_domain(tokens[i - 1], tokens[i]) for i in range(at + 2, len(tokens))]):
        return None
    return Address(_words(words) or _comments(entry), *spec)


def _leaves_domain(one: Token, two: Token) -> bool:
    """Whether `two` may be no part of the domain: `ann@example.org. Ann`, but not `ann@example . org`."""
    return two[2] and one[1] != b"." and not two[1].startswith(b".")


def _spec(tokens: list[Token]) -> tuple[str, str] | None:
    """Local part and domain of `local@domain`, after an obsolete route if there is one."""
    if tokens and tokens[0][0] == _AT:
        tokens = tokens[_index(tokens, _COLON) + 1 :]
    at = _index(tokens, _AT)
    before, after = (tokens[:at], tokens[at + 1 :]) if at >= 0 else (tokens, [])
    if not tokens:
        return "", ""
    if not _is_dotted(before) or (at >= 0 and not _is_dotted(after)) or any([t[0] == _QUOTED for t in after]):
        return None
    local = guess(b"".join([text for _, text, _ in before]))
    domain = guess(b"".join([text for _, text, _ in after]))
    if not (local + domain).isprintable() or domain.startswith("[") != domain.endswith("]"):
        return None
    return quote_local(local), domain


def _is_dotted(tokens: list[Token]) -> bool:
    """Whether tokens are words with dots between them, and nothing else."""
    if not tokens or any([token[0] > _QUOTED for token in tokens]):
        return False
    return all([_joined(tokens[at - 1], tokens[at]) for at in range(1, len(tokens))])


def _joined(one: Token, two: Token) -> bool:
    dot = b"."
    return (one[0] == _ATOM and one[1].endswith(dot)) or (two[0] == _ATOM and two[1].startswith(dot))


def _index(tokens: list[Token], kind: int) -> int:
    return next((at for at, token in enumerate(tokens) if token[0] == kind), -1)


def _phrase(entry: list[Token], opened: int) -> str:
    """The display name before the bracket, comments in their parentheses as a reader sees them."""
    before = entry[: _index(entry, _OPEN)]
    if opened == 0:
        return _comments(entry)
    return _words([(_ATOM, b"(" + t[1] + b")", t[2]) if t[0] == _COMMENT else t for t in before])


def _comments(entry: list[Token]) -> str:
    return _decoded(b" ".join([text for kind, text, _ in entry if kind == _COMMENT]))


def _words(tokens: list[Token]) -> str:
    return _decoded(b"".join([b" " + text if spaced else text for _, text, spaced in tokens]))


def _decoded(raw: bytes) -> str:
    return composed(decode_words(raw)).strip()


def _tokens(raw: bytes) -> Iterator[tuple[int, bytes, bool, int, int]]:
    """Yield kind, text, whether space stood before it, start and end of each token."""
    position, length, spaced, previous = 0, len(raw), False, _ATOM
    while position < length:
        octet, begin = raw[position], position
        if octet in b" \t\r\n":
            position, spaced = position + 1, True
            continue
        if octet == ord('"'):
            kind, text, position = _quoted(raw, position)
        elif octet == ord("("):
            kind, text, position = _comment(raw, position)
        elif octet == ord("[") and previous == _AT:
            position = raw.find(b"]", begin, begin + _LITERAL_OCTETS) + 1 or _atom_end(raw, begin)
            kind, text = _ATOM, raw[begin:position]
        elif octet in _SPECIALS:
            kind, text, position = octet, raw[position : position + 1], position + 1
        else:
            position = _atom_end(raw, position)
            kind, text = _ATOM, raw[begin:position]
        yield kind, text, spaced, begin, position
        previous, spaced = kind, False


def _atom_end(raw: bytes, position: int) -> int:
    if raw.startswith(b"=?", position):
        end = _encoded_word_end(raw, position)
        if end:
            return end
    length = len(raw)
    while position < length and raw[position] not in _ENDS_ATOM:
        position += 1
    return position


def _encoded_word_end(raw: bytes, position: int) -> int:
    """End of an encoded word without spaces, whatever specials are in it; 0 if it is none."""
    charset = raw.find(b"?", position + 2, position + 66)
    if charset < 0 or raw[charset + 1 : charset + 3] not in (b"q?", b"Q?", b"b?", b"B?"):
        return 0
    end = raw.find(b"?=", charset + 3, charset + _WORD_OCTETS) + 2
    word = raw[position:end]
    return 0 if end < 2 or b" " in word or b"\t" in word or b'"' in word else end


def _quoted(raw: bytes, position: int) -> tuple[int, bytes, int]:
    """Kind, content without its escapes, and end of a quoted string."""
    start = at = position + 1
    close = raw.find(b'"', at)
    while close >= 0:
        escape = raw.find(b"\\", at, close)
        if escape < 0:
            return _QUOTED, _unescaped(raw[start:close]), close + 1
        at = escape + 2
        if at > close:
            close = raw.find(b'"', at)
    return _BROKEN, raw[start:], len(raw)


def _comment(raw: bytes, position: int) -> tuple[int, bytes, int]:
    """Kind, content and end of a comment; comments nest, a million deep if they like."""
    depth, at, length = 1, position + 1, len(raw)
    while at < length:
        octet = raw[at]
        if octet == ord("\\"):
            at += 1
        elif octet == ord("("):
            depth += 1
        elif octet == ord(")"):
            depth -= 1
            if not depth:
                return _COMMENT, _unescaped(raw[position + 1 : at]), at + 1
        at += 1
    return _BROKEN, raw[position + 1 :], length


def _unescaped(content: bytes) -> bytes:
    if b"\\" not in content:
        return content
    return b"\\".join([piece.replace(b"\\", b"") for piece in content.split(b"\\\\")])


def render_address(address: Address) -> str:
    """Write an address for a field; reading it again gives the same address."""
    if not address.name:
        return f"<{address.address}>" if not address.domain else address.address
    if not address.name.isascii() or not address.name.isprintable() or "=?" in address.name:
        return f"{' '.join(encode_words(address.name))} <{address.address}>"
    if _ATEXT.issuperset(address.name):
        return f"{address.name} <{address.address}>"
    escaped = address.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address.address}>'
