"""Text of a field: encoded words and charsets read, whatever the sender made of them.

Never raises and never loses what it cannot read: a word that is no encoded word
stays as written, an unknown charset is read as UTF-8, else as Latin-1, broken
base64 is decoded as far as it goes.  Time and memory are linear in the octets;
after `limits.ENCODED_WORDS` words the rest stays as written.

A charset is only looked up in a closed set of text codecs.  `codecs.lookup` knows
`zip`, `idna` and `undefined`, tries an import for each unknown name and remembers
every one: a message could make a worker slow and fat.

Does not know: fields, MIME parts.
References: RFC 2047, RFC 2231 section 5 (language tag).
"""

from __future__ import annotations

from binascii import a2b_base64, a2b_qp, b2a_base64
from encodings.aliases import aliases  # every interpreter has it loaded at start-up

from pydeliver import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "BASE64_DIGITS",
    "decode_base64_digits",
    "decode_charset",
    "decode_words",
    "encode_words",
    "guess",
    "one_line",
    "words_text",
]

_CHARSET_OCTETS = 64  # a charset name and its language tag
_WORD_OCTETS = 45  # of UTF-8 in one encoded word that we write: 75 characters at most (RFC 2047 section 2)
_Q_CHARACTERS = 62  # what 75 leave beside `=?utf-8?q?` and `?=`

BASE64_DIGITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes([octet for octet in range(256) if octet not in BASE64_DIGITS])
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")

_NO_TEXT = frozenset(
    (
        *("base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "uu_codec", "zlib_codec", "rot_13"),
        *("idna", "punycode", "mbcs", "oem", "undefined", "unicode_escape", "raw_unicode_escape"),
    )
)
_NO_ALIAS = ("cp737", "cp856", "cp874", "cp1006", "koi8_r", "koi8_t", "koi8_u", "tis_620")
_CODECS = {name: codec for name, codec in aliases.items() if codec not in _NO_TEXT}
_CODECS.update({codec: codec for codec in (*_CODECS.values(), *_NO_ALIAS)})
_CODECS.update(
    {  # names that mail uses, and supersets where senders stretch the name they declare
        "gb2312": "gb18030",
        "gbk": "gb18030",
        "x_gbk": "gb18030",
        "ks_c_5601_1987": "cp949",
        "iso_8859_8_i": "iso8859_8",
        "iso_8859_8_e": "iso8859_8",
        "x_sjis": "cp932",
        "shift_jis": "cp932",
        "windows_874": "cp874",
        "x_mac_roman": "mac_roman",
    }
)


def decode_words(raw: bytes) -> str:
    """Decode the encoded words of one unfolded line; the text holds no CR, LF or NUL."""
    return one_line(words_text(raw) if b"=?" in raw else guess(raw))


def words_text(raw: bytes) -> str:
    """The same, but what was encoded may have brought CR, LF and NUL."""
    parts: list[str] = []
    charset = b""
    pending: list[bytes] = []  # adjacent words of one charset: they may share a character
    done = 0
    for start, end, declared, content in _encoded_words(raw):
        between = raw[done:start]
        adjacent = bool(pending) and not between.strip(b" \t\r\n")
        if pending and not (adjacent and declared == charset):
            parts.append(decode_charset(b"".join(pending), charset.decode("latin-1")))
            pending = []
        if between and not adjacent:
            parts.append(guess(between))
        charset, done = declared, end
        pending.append(content)
    if pending:
        parts.append(decode_charset(b"".join(pending), charset.decode("latin-1")))
    parts.append(guess(raw[done:]))
    return "".join(parts)


def _encoded_words(raw: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """Yield start, end, charset and decoded octets of each encoded word.

    Spaces and question marks in the encoded text are let pass, as all readers do.
    `close` is kept from one attempt to the next: a thousand openings before one
    closing cost one search.
    """
    find, close, found = raw.find, -1, 0
    start = find(b"=?")
    while start >= 0 and found < limits.ENCODED_WORDS:
        question = find(b"?", start + 2, start + 2 + _CHARSET_OCTETS)
        encoding = raw[question + 1 : question + 3]
        if question <= start + 2 or encoding not in (b"q?", b"Q?", b"b?", b"B?"):
            start = find(b"=?", start + 1)
            continue
        text = question + 3
        if close < text:
            close = find(b"?=", text)
            if close < 0:
                return
        inner = find(b"=?", text, close)
        if inner >= 0:  # the first one was never closed
            start = inner
            continue
        content = _decoded(raw[text:close], encoding in (b"b?", b"B?"))
        yield start, close + 2, raw[start + 2 : question].partition(b"*")[0].lower(), content
        found += 1
        start = find(b"=?", close + 2)


def _decoded(text: bytes, is_base64: bool) -> bytes:
    if not is_base64:
        return a2b_qp(text, header=True)
    return decode_base64_digits(text.partition(b"=")[0].translate(None, _NOT_BASE64))


def decode_base64_digits(digits: bytes) -> bytes:
    """Decode as far as there are whole octets; `digits` holds nothing else, and no padding."""
    if len(digits) % 4 == 1:  # six bits that are no octet
        digits = digits[:-1]
    return a2b_base64(digits + b"=" * (-len(digits) % 4))


def decode_charset(raw: bytes, charset: str) -> str:
    """Read octets in the charset declared, else as UTF-8, else as Latin-1.

    A last character that was cut off does not spoil the rest: it becomes U+FFFD.
    """
    name = charset.strip(" \t\"'").lower().replace("-", "_").replace(" ", "_").replace(".", "_").replace(":", "_")
    codec = _CODECS.get(name)
    if codec is None:
        return guess(raw)
    try:
        return raw.decode(codec)
    except UnicodeDecodeError as error:
        is_cut = error.end == len(raw) and 0 < error.start >= len(raw) - 3 and codec != "ascii"
        if not is_cut:
            return guess(raw)
        kept = raw[: error.start]
    except (UnicodeError, LookupError):
        return guess(raw)
    try:
        return kept.decode(codec) + "\ufffd"
    except UnicodeError:
        return guess(raw)


def guess(raw: bytes) -> str:
    """Read octets of no declared charset as UTF-8, else as Latin-1."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def one_line(text: str) -> str:
    """Turn CR, LF and NUL into spaces: text of a field is one line, whatever was encoded into it."""
    if "\r" in text or "\n" in text or "\0" in text:
        return text.replace("\r", " ").replace("\n", " ").replace("\0", " ")
    return text


def encode_words(text: str) -> list[str]:
    """Write text as UTF-8 encoded words of at most 75 characters; no character is split."""
    words, piece = [], b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(piece) + len(octets) > _WORD_OCTETS:
            words.append(_encoded_word(piece))
            piece = b""
        piece += octets
    if piece:
        words.append(_encoded_word(piece))
    return words


def _encoded_word(octets: bytes) -> str:
    quoted = "".join([chr(c) if c in _Q_PLAIN else "_" if c == 0x20 else f"={c:02X}" for c in octets])
    if len(quoted) <= min(_Q_CHARACTERS, 2 * len(octets) + 2):  # readable where it is mostly ASCII
        return f"=?utf-8?q?{quoted}?="
    return f"=?utf-8?b?{b2a_base64(octets, newline=False).decode('ascii')}?="
