"""Parts, file names, contents and texts of the shared corpora, as three other programs read them.

fast-mail-parser and mail-parser are the readers for parts, names and contents: where the two differ from one
another, one of them must agree with us.  Debian's reformime says where each part begins.  What none of them
says as we do stands in EXPLAINED with the reason.  What whole classes of messages differ in is a rule, with
its reason, in the function that compares.
"""

from __future__ import annotations

import shutil
import subprocess
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fast_mail_parser
import mailparser
import pytest

from pydeliver.message.parameters import values_of
from pydeliver.message.part import Part
from pydeliver.message.view import Message
from tests.conftest import skip_or_fail
from tests.real_mail import collected, labelled, less_from_line

AT_LEAST = 3_900
MOST_EXPLAINED = 25

Corpus = list[tuple[str, bytes]]
Begins = list[tuple[int, str, int]]  # depth, type, where it begins
Found = tuple[int, str, str, bytes | None]  # depth, type, file name, content if it is a leaf

EXPLAINED = {  # the end of a message's name, and why nobody reads it as we do
    "SpamScope__mail-parser/tests_mails_mail_malformed_1": "the inner multipart has the outer's "
    "boundary; it ends where it is closed, and what follows is the outer's",
    "email_data_msg_15.txt": "the same",
    "malformed_003.eml": "the same, and never closed",
    "malformed_004.eml": "the same",
    "malformed_013.eml": "the same four times, one in the other",
    "malformed_005.eml": "the inner boundary is the outer's with -- behind it: the longer counts, they close",
    "t_corpus_spam-rejection15.msg": "a line end was lost behind the boundary: what follows its quotes is none of it",
    "mailformed-headers.eml": "no line is the boundary: no part for us, an empty one for them",
    "email_data_msg_25.txt": "the boundary is cut off: without one we go by the first line that begins with --",
    "email_data_msg_33.txt": "the boundary is said as RFC 2231 has it, which only mail-parser reads",
    "email_data_msg_38.txt": "the text holds delimiters of the multiparts around it: they end it for us",
    "email_data_msg_39.txt": "boundaries of three levels each begin as the others, and parts are closed out of order",
    "email_data_msg_42.txt": "a multipart with nothing but its closing delimiter has no part for us, for them one",
    "email_data_msg_47.txt": "a part's header is not followed by an empty line: its first broken line begins the body",
    "rfc2822_example13.eml": "a line of the header is no field: they end the header before it, we step over it",
    "malformed_000.eml": "a part's header is cut by the next delimiter, whose boundary begins with a colon",
    "malformed_017.eml": "the semicolon before boundary is missing: they find no boundary",
    "malformed_019.eml": "two headers written over one another: the first field is broken, we step over it",
    "malformed_020.eml": "the inner multipart has two types, and reformime takes the last",
    "malformed_021.eml": "the same",
    "thirdparty_002.eml": "text behind the padding of base64: they stop there, we begin anew",
    "thirdparty_003.eml": "blanks behind quoted-printable in its field: they do not know the encoding then",
    "missing_content_disposition.eml": "the part has a MIME-Version that is empty: text for reformime",
    "34bcaad58ad5f598f5d6af8cfa0c0465.txt": "lines of = in quoted-printable, not encoded: of an odd number the last "
    "is a soft line break for us",
}


@pytest.fixture(scope="module")
def corpus(shared: Path) -> Corpus:
    messages = [(name, less_from_line(raw)) for name, raw in (*collected(shared), *labelled(shared))]
    assert len(messages) >= AT_LEAST
    return messages


def unexplained(differ: Mapping[str, object]) -> list[str]:
    for name, said in differ.items():
        print(f"{name}: {said}"[:500])
    return [name for name in differ if not name.endswith(tuple(EXPLAINED))]


def test_few_messages_are_explained() -> None:
    assert len(EXPLAINED) <= MOST_EXPLAINED
    assert all(EXPLAINED.values())


# ---------------------------------------------------------------- parts, names and contents


def as_fast_mail_parser_reads(raw: bytes) -> list[Found]:
    def walk(node: Any, depth: int) -> Iterator[Found]:
        yield depth, node.content_type, node.filename or "", None if node.children else node.content
        for child in node.children:
            yield from walk(child, depth + 1)

    return list(walk(fast_mail_parser.parse_email_tree(raw), 0))


def as_mail_parser_reads(raw: bytes) -> list[Found]:
    def walk(part: Any, depth: int) -> Iterator[Found]:
        children = part.get_payload() if part.is_multipart() else []
        content = None if children else part.get_payload(decode=True)
        yield depth, part.get_content_type(), part.get_filename() or "", content
        for child in children:
            yield from walk(child, depth + 1)

    return list(walk(mailparser.parse_from_bytes(raw).message, 0))


def difference(parts: tuple[Part, ...], found: list[Found]) -> str:
    """What a reader says otherwise; empty if nothing."""
    ours = [(part.depth, part.type) for part in parts]
    theirs = [(depth, type_alone(name)) for depth, name, _, _ in found]
    if ours != theirs:
        return f"parts: {ours} and {theirs}"
    for part, (_, _, name, content) in zip(parts, found, strict=True):
        if not agrees_on_name(part, name):
            return f"name: {part.names} and {name!r}"
        if content is not None and not part.has_parts and not agrees_on_content(part, content):
            return f"content of {part.type}: {part.content(50)!r} and {content[:50]!r}"
    return ""


def type_alone(name: str) -> str:
    """Rule: where the semicolon before the first parameter was forgotten, they count that to the type."""
    return name.partition(";")[0].split()[0].lower() if name.split() else ""


def agrees_on_name(part: Part, name: str) -> bool:
    """Rule: octets of no charset are U+FFFD for them; we read them as UTF-8, else as Latin-1."""
    return (
        ascii_alone(name) in [ascii_alone(n) for n in part.names or ("",)]
        if "\ufffd" in name
        else (name in part.names if name else not part.names)
    )


def ascii_alone(text: str) -> str:
    return "".join([character for character in text if " " <= character <= "~"]).strip()


def agrees_on_content(part: Part, content: bytes) -> bool:
    """Rules for line ends, and for base64 that breaks.

    In quoted-printable fast-mail-parser ends lines with CRLF, mail-parser keeps the blanks before their ends (which
    RFC 2045 section 6.7 says are none of it).  Broken base64 mail-parser leaves encoded.
    """
    as_it_stands = part.source[part.body_start : part.end]
    if part.encoding == "base64" and b"".join(content.split()) == b"".join(as_it_stands.split()):
        return True
    return lines(content) == lines(part.content(len(as_it_stands) + 1))


def lines(octets: bytes) -> list[bytes]:
    return [line.rstrip() for line in octets.rstrip().split(b"\n")]


def test_parts_names_and_contents_are_as_one_of_two_readers_finds_them(corpus: Corpus) -> None:
    differ: dict[str, str] = {}
    agreeing: Counter[str] = Counter()
    for name, raw in corpus:
        parts = Message(raw).parts.all
        said = []
        for read in (as_fast_mail_parser_reads, as_mail_parser_reads):
            try:
                said.append(difference(parts, read(raw)))
            except (
                fast_mail_parser.ParseError,
                AttributeError,
            ) as error:  # the latter on a boundary twice in one another
                said.append(f"refused: {error!r}")
            if not said[-1]:
                agreeing[read.__name__] += 1
        if all(said):
            differ[name] = " | ".join(said)
    print(f"{len(corpus)} messages: {dict(agreeing)}, neither: {len(differ)}")
    assert unexplained(differ) == []


# ---------------------------------------------------------------- text


def is_sure(part: Part) -> bool:
    """Whether the charset that is declared says what each octet is.

    Rule: in ISO 8859-1 and ASCII they read the controls from 0x80 on as windows-1252; where the declared charset
    is unknown, none, or does not fit the octets they guess.  We read UTF-8, else Latin-1.
    """
    from email import message_from_bytes

    charset = message_from_bytes(part.source[part.start : part.body_start]).get_content_charset("ascii")
    octets = part.content(len(part.source))
    if (
        octets.isascii()
        and charset not in ("utf-7", "utf7")
        and not charset.startswith(("utf-16", "iso-2022", "utf-32"))
    ):
        return True
    try:
        octets.decode(charset)
    except (LookupError, UnicodeError):
        return False
    return charset not in ("iso-8859-1", "latin1", "us-ascii", "ascii")


def plain(text: str) -> str:
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()


def test_texts_are_as_fast_mail_parser_reads_them(corpus: Corpus) -> None:
    count: Counter[str] = Counter()
    differ: dict[str, list[str]] = {}
    for name, raw in corpus:
        try:
            mail = fast_mail_parser.parse_email(raw)
        except fast_mail_parser.ParseError:
            count["refused"] += 1
            continue
        texts = [(part, plain(part.source_text)) for part in Message(raw).parts.all if part.is_text]
        exact = {text for _, text in texts}
        skeletons = {ascii_alone(text) for part, text in texts if not is_sure(part)}
        for theirs in [plain(text) for text in (*mail.text_plain, *mail.text_html)]:
            if not theirs or theirs in exact:  # an empty text is that of a part that only they see
                count["the same"] += 1
            elif ascii_alone(theirs) in skeletons:
                count["the same in ASCII, of no sure charset"] += 1
            else:
                differ.setdefault(name, []).append(theirs[:100])
    print(dict(count))
    assert unexplained(differ) == []


# ---------------------------------------------------------------- where parts begin


def as_reformime_finds(raw: bytes) -> Begins:
    """Depth, type and begin of each part.

    Rule: reformime takes a message without MIME-Version for text, whatever it says; it is given one.
    """
    head = b"MIME-Version: 1.0\n"
    said = subprocess.run(["reformime", "-i"], input=head + raw, capture_output=True, check=True).stdout.decode(
        "latin-1"
    )
    found = []
    for block in said.strip().split("\n\n"):
        lines = dict([line.split(": ", 1) for line in block.split("\n") if ": " in line])
        begin = max(int(lines["starting-pos"]) - len(head), 0)
        found.append((lines["section"].count("."), lines.get("content-type", ""), begin))
    return found


def is_compared(message: Message) -> bool:
    """Whether reformime has a fair chance.

    Rules: it takes an inner message without MIME-Version for text as well, and any message whose header is not
    followed by an empty line; of two types it takes the last; where one boundary begins as another it takes the
    outer one for both, and so does not see the inner parts as such.
    """
    if message.body_offset == message.layout.header_end or len(message.values("content-type")) > 1:
        return False
    boundaries: set[bytes] = set()
    for part in message.parts.all:
        if part.has_parts and part.type == "message/rfc822":
            header = part.source[part.body_start : part.end].partition(b"\n\n")[0].partition(b"\r\n\r\n")[0]
            if b"\nmime-version:" not in b"\n" + header.lower():
                return False
        boundaries.update(values_of(part.fields, "content-type", "boundary"))
    return not any([one != other and other.startswith(one) for one in boundaries for other in boundaries])


def is_one_type(ours: str, theirs: str) -> bool:
    """Rules: of a semicolon forgotten they know nothing, and what has no slash is a type for them."""
    return theirs.startswith(ours) or ("/" not in theirs and ours == "text/plain")


def same_begins(ours: Begins, theirs: Begins, message: Message) -> bool:
    """Rule: a delimiter with nothing behind it begins an empty part for them, and none for us."""
    if len(theirs) == len(ours) + 1 and theirs[-1][2] >= len(message.raw):
        theirs = theirs[:-1]
    return len(ours) == len(theirs) and all(
        [
            one[0] == other[0] and one[2] == other[2] and is_one_type(one[1], other[1])
            for one, other in zip(ours, theirs, strict=True)
        ]
    )


def our_begins(message: Message) -> Begins:
    """Rules: they look into message/rfc822 alone, only where it is not encoded, and count a From_ line there to it."""
    kept: list[Part] = []
    closed = 99
    for part in message.parts.all:
        if part.depth > closed or part.source is not message.raw:
            continue
        closed = part.depth if part.type in ("message/news", "message/global") else 99
        kept.append(part)
    begins = [(part.depth, part.type, part.start) for part in kept]
    for number, part in enumerate(kept[1:], 1):
        if kept[number - 1].type == "message/rfc822":
            begins[number] = (part.depth, part.type, kept[number - 1].body_start)
    return begins


def test_parts_begin_where_reformime_finds_them(corpus: Corpus) -> None:
    if shutil.which("reformime") is None:
        skip_or_fail("reformime is not installed (Debian's maildrop)")
    messages = [(name, raw) for name, raw in corpus if raw and is_compared(Message(raw))]
    assert len(messages) > 0.98 * len(corpus)
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda named: as_reformime_finds(named[1]), messages))
    differ = {}
    for (name, raw), theirs in zip(messages, answers, strict=True):
        message = Message(raw)
        ours = our_begins(message)
        if not same_begins(ours, theirs, message):
            differ[name] = f"{ours} and {theirs}"
    print(f"{len(messages)} messages, {len(differ)} differ")
    assert unexplained(differ) == []
