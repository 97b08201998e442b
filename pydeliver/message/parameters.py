"""Parameters of Content-Type and Content-Disposition, and the file names they can be read as.

Senders spell parameters in every way, and an attacker spells one that the checker
reads as `report.txt` and the mail program as `report.exe`.  So nothing here picks
*the* value: every reading that some reader is known to take is given, the
standard's own first, and a condition holds if any of them does.

Never raises, in linear time.

Does not know: parts.
References: RFC 2045 section 5.1, RFC 2183, RFC 2231, RFC 2047 (in parameters, where it is not allowed and usual).
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.fold import composed
from pydeliver.message.text import decode_charset, guess, words_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydeliver.message.header import Field

    Parameter = tuple[str, bytes]

__all__ = ["file_names", "media_types", "parameters", "values_of", "without_comments"]

_BLANK = b" \t\r\n"
_BACKSLASH = 0x5C
_NAME_OCTETS = 100  # of a parameter's own name
_SECTIONS = 10_000  # the highest number of a continuation
_HEX = frozenset(b"0123456789abcdefABCDEF")
_UNSEEN = frozenset(
    [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0xAD, 0xFEFF)]
    + [chr(code) for code in (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070))]
)


def media_types(fields: Iterable[Field]) -> tuple[str, ...]:
    """The types the Content-Type fields declare, in lower case, each once; what is no type is left out."""
    found = []
    for field in fields:
        if field.name.lower() == "content-type":
            for value in _variants(field):
                before, _, behind = value.partition(b";")[0].lower().partition(b"/")
                kind, subtype = _token(before), _token(behind)
                if kind and subtype:
                    found.append(f"{kind}/{subtype}")
    return tuple(dict.fromkeys(found))


def _token(octets: bytes) -> str:
    """The first word, less its quotes."""
    words = octets[:_NAME_OCTETS].split(None, 1)
    return words[0].strip(b"\"'").decode("latin-1") if words else ""


def values_of(fields: Iterable[Field], field_name: str, name: str) -> tuple[bytes, ...]:
    """Every reading of one parameter, as octets, each once; those of the first field first."""
    found: list[bytes] = []
    for field in fields:
        if field.name.lower() == field_name:
            for variant in _variants(field):
                said = parameters(variant)
                found += [value for parameter, value in said if parameter == name]
                found += [text.encode("utf-8", "replace") for text in _extended(said, name)]
    return tuple(dict.fromkeys(found))


def _variants(field: Field) -> list[bytes]:
    """The value as different readers unfold it, decode it and skip its comments; one for a usual field."""
    value = field.unfolded.strip()
    variants = [value]
    if b"=?" in value and b"?=" in value:
        variants.append(words_text(value).encode("utf-8", "replace"))
    if b"(" in value:
        variants.append(without_comments(value))
    if b"\n" in field.raw_value.rstrip(b"\r\n"):
        joined = b"".join([line.strip(_BLANK) for line in field.raw_value.split(b"\n")])
        if joined != value:
            variants.append(joined)
    return variants


def without_comments(value: bytes) -> bytes:
    """Leave out what stands in parentheses, outside of quotes."""
    kept, depth, quoted, start, at = [], 0, False, 0, 0
    while at < len(value):
        octet = value[at]
        if octet == _BACKSLASH:  # what follows means nothing
            at += 2
            continue
        if octet == 0x22 and not depth:
            quoted = not quoted
        elif octet == 0x28 and not quoted:
            if not depth:
                kept.append(value[start:at])
            depth += 1
        elif octet == 0x29 and not quoted and depth:
            depth -= 1
            start = at + 1
        at += 1
    return b"".join([*kept, value[start:]] if not depth else kept)


# ---------------------------------------------------------------- parameters


def parameters(value: bytes) -> list[Parameter]:
    """Each parameter's name in lower case with a reading of its value; one of several readings comes several times."""
    found: list[Parameter] = []
    position, length = 0, len(value)
    while position < length and len(found) < limits.PARAMETERS:
        equals = value.find(b"=", position)
        if equals < 0:
            break
        name = _name_before(value, value.rfind(b";", position, equals) + 1 or position, equals)
        start = equals + 1
        while start < length and value[start] in _BLANK:
            start += 1
        if value[start : start + 1] == b'"':
            readings, position = _quoted(value, start + 1)
        else:
            readings, position = _unquoted(value, start)
        if name:
            found += [(name, reading) for reading in dict.fromkeys(readings)]
    return found


def _name_before(value: bytes, start: int, equals: int) -> str:
    """The word before the equals sign; a semicolon that was forgotten stands as a blank before it."""
    words = value[max(start, equals - _NAME_OCTETS) : equals].split()
    return words[-1].decode("latin-1").lower().strip("\"'") if words else ""


def _quoted(value: bytes, start: int) -> tuple[list[bytes], int]:
    """Readings of what stands in quotes from `start` on, and where what follows begins."""
    end = _closing(value, start)
    if end < 0:  # never closed: it ends at the semicolon, or with the field
        end = value.find(b";", start)
        if end < 0:
            return [value[start:]], len(value)
        return [value[start:], value[start:end]], end + 1
    inner = value[start:end]
    readings = [_unescaped(inner), inner] if b"\\" in inner else [inner]
    semicolon = value.find(b";", end)
    behind = value[end + 1 : semicolon if semicolon >= 0 else len(value)][: limits.FILE_NAME_OCTETS]
    if behind[:1] not in (b"", b" ", b"\t", b"("):  # "report.txt".exe
        readings.append(inner + behind)
    return readings, end + 1


def _closing(value: bytes, start: int) -> int:
    """Where the quote that ends the text is; -1 if there is none."""
    quote = value.find(b'"', start)
    while quote >= 0:
        before = quote
        while before > start and value[before - 1] == _BACKSLASH:
            before -= 1
        if (quote - before) % 2 == 0:
            return quote
        quote = value.find(b'"', quote + 1)
    return -1


def _unescaped(text: bytes) -> bytes:
    pieces, start = [], 0
    at = text.find(b"\\")
    while at >= 0:
        pieces.append(text[start:at])
        start = at + 1
        at = text.find(b"\\", at + 2)
    return b"".join([*pieces, text[start:]])


def _unquoted(value: bytes, start: int) -> tuple[list[bytes], int]:
    """Readings of a bare value: to the semicolon, to the first blank, and over semicolons to the next parameter."""
    length = len(value)
    semicolon = value.find(b";", start)
    end = semicolon if semicolon >= 0 else length
    whole = value[start:end].strip(_BLANK)
    readings = [whole, *whole.split(None, 1)[:1]]
    following = value.find(b"=", end)
    last = value.rfind(b";", end, following) if following >= 0 else length
    if last > end and value[end:last].strip(b"; \t"):
        readings.append(value[start:last].strip(_BLANK + b";"))
    return readings, max(last, end) if last >= 0 else end


# ---------------------------------------------------------------- RFC 2231


def _extended(said: list[Parameter], name: str) -> list[str]:
    """Readings of `name*=`, and of `name*0=`, `name*1*=` put together."""
    whole: list[str] = []
    sections: dict[int, list[tuple[bytes, bool]]] = {}
    for parameter, value in said:
        base, star, rest = parameter.partition("*")
        if not star or base.strip() != name:
            continue
        number, coded, _ = rest.partition("*")
        if not number.strip():
            whole.append(_coded_text(value))
        elif number.strip().isdigit() and len(number) < len(str(_SECTIONS)):
            sections.setdefault(int(number), []).append((value, bool(coded)))
    if sections:
        in_order = [sections[number] for number in sorted(sections)]
        whole += [_joined([readings[0] for readings in in_order]), _joined([readings[-1] for readings in in_order])]
        whole.append(_joined([readings[0] for readings in sections.values()]))  # as written
    return whole


def _coded_text(value: bytes) -> str:
    """Read `utf-8'en'na%C3%AFve`; the charset and language may be missing."""
    charset, quote, rest = value.strip(b'"').partition(b"'")
    _, second, text = rest.partition(b"'")
    if not quote or not second:
        return guess(_unpercented(value))
    return decode_charset(_unpercented(text), charset.decode("latin-1"))


def _joined(pieces: list[tuple[bytes, bool]]) -> str:
    """Put the sections together; the first that is coded tells the charset of all."""
    octets, charset = [], None
    for value, coded in pieces:
        if coded and charset is None and value.count(b"'") >= 2:
            declared, _, rest = value.partition(b"'")
            charset, value = declared, rest.partition(b"'")[2]
        octets.append(_unpercented(value) if coded else value)
    return decode_charset(b"".join(octets), (charset or b"").decode("latin-1"))


def _unpercented(text: bytes) -> bytes:
    """Decode escapes; of a text that is too long only the end, which is what is compared of it."""
    first, *rest = text[-3 * limits.FILE_NAME_OCTETS :].split(b"%")
    return first + b"".join([_escape(piece) for piece in rest])


def _escape(piece: bytes) -> bytes:
    if len(piece) >= 2 and piece[0] in _HEX and piece[1] in _HEX:
        return bytes.fromhex(piece[:2].decode("ascii")) + piece[2:]
    return b"%" + piece


# ---------------------------------------------------------------- file names


def file_names(fields: Iterable[Field], others: tuple[bytes, ...] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every reading of a part's file name, the likeliest first, and notes of limits.

    `others` are names that stand elsewhere in the part.
    """
    notes: dict[str, None] = {}
    said: list[Parameter] = []
    for wanted in ("content-disposition", "content-type"):
        for field in fields:
            if field.name.lower() == wanted:
                for variant in _variants(field):
                    said += parameters(variant)
                    if len(said) >= limits.PARAMETERS:
                        notes[f"{field.name}: not more than {limits.PARAMETERS} parameters are read"] = None
    names: dict[str, None] = {}
    for name in ("filename", "name"):
        for text in _extended(said, name):
            names[text] = None
        for parameter, value in said:
            if parameter == name:
                names.update(dict.fromkeys(_plain_texts(value)))
    for other in others:
        names.update(dict.fromkeys(_plain_texts(other)))
    if any([len(name) > limits.FILE_NAME_OCTETS for name in names]):
        notes[f"of a file name only the last {limits.FILE_NAME_OCTETS} characters are compared"] = None
    spelled = [other for name in names for other in _spellings(name[-limits.FILE_NAME_OCTETS :])]
    return tuple(dict.fromkeys([composed(name) for name in spelled if name])), tuple(notes)


def _plain_texts(value: bytes) -> tuple[str, ...]:
    value = value.strip(_BLANK)
    return (words_text(value), guess(value)) if b"=?" in value else (guess(value),)


def _spellings(name: str) -> list[str]:
    """The name, and what it becomes step by step where a reader goes on decoding and cleaning it."""
    found = [name]
    for decode in (_words, _percents):
        found.append(decode(found[-1]))
    for step in dict.fromkeys((found[-1].partition("\0")[0], found[-1])):
        for clean in (_seen, _unquoted_name, _last_level, _trimmed):
            step = clean(step)
            found.append(step)
    return found


def _words(name: str) -> str:
    return words_text(name.encode("utf-8", "replace")) if "=?" in name else name


def _percents(name: str) -> str:
    return guess(_unpercented(name.encode("utf-8", "replace"))) if "%" in name else name


def _seen(name: str) -> str:
    """Without what does not show: controls, marks of direction, blanks of no width."""
    if name.isascii() and name.isprintable():
        return name
    return "".join([character for character in name if character not in _UNSEEN])


def _unquoted_name(name: str) -> str:
    return name.replace('"', "").strip(" '`<>") if '"' in name or name[:1] in "'`<" or name[-1:] in "'`>" else name


def _last_level(name: str) -> str:
    """As every mail program does with a path; a Windows stream's name is cut off too."""
    level = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return level.partition(":")[0] or level if level.find(":") > 1 else level


def _trimmed(name: str) -> str:
    """As Windows does."""
    return name.rstrip(". \t")
