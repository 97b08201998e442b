"""Scenarios of the body and of MIME parts: every word where it holds and where it does not.

References: the manual's page on the rule language, "Fields" and "Parts of a message".
"""

from __future__ import annotations

from base64 import encodebytes
from typing import Any

from tests.scenarios.scenario import Scenario, fails, holds


def part(content: str, *fields: str) -> str:
    return "\n".join([*fields, "", content])


def multipart(*parts: str, kind: str = "mixed", boundary: str = "=_b") -> str:
    """A message of these parts."""
    head = f'From: bob@example.net\nSubject: parts\nContent-Type: multipart/{kind}; boundary="{boundary}"\n\n'
    return head + "".join([f"--{boundary}\n{each}\n" for each in parts]) + f"--{boundary}--\n"


def encoded(octets: bytes) -> str:
    return encodebytes(octets).decode()


TEXT = part("Dear Ann,\nthe caf\u00e9 is open.", "Content-Type: text/plain; charset=utf-8")
HTML = part(
    "<html><head><style>p { color: red }</style></head><body><p>Dear <b>An</b>n,<p>the caf&eacute; is open.</html>",
    "Content-Type: text/html",
)
PROGRAM = part(
    encoded(b"MZ" + bytes(2_998)),
    'Content-Type: application/pdf; name="report.pdf"',
    "Content-Disposition: attachment; filename*=utf-8''report%2Eexe",
    "Content-Transfer-Encoding: base64",
)
PICTURE = part(encoded(b"\x89PNG\r\n\x1a\n"), "Content-Type: image/png", "Content-Transfer-Encoding: base64")
INNER = multipart(part("forwarded", "Content-Type: text/plain"), PICTURE, boundary="inner")
FORWARDED = part(INNER, "Content-Type: message/rfc822")
BOTH = multipart(TEXT, HTML, kind="alternative")
FILES = multipart(TEXT, PROGRAM, PICTURE)
NESTED = multipart(TEXT, FORWARDED)
ONE = "Subject: one\nX-A: b\n\nplain body\nof two lines\n"
QUOTED = part(
    "caf=E9 =\nau lait\n",
    "Subject: q",
    "Content-Type: text/plain; charset=iso-8859-1",
    "Content-Transfer-Encoding: quoted-printable",
)
UNKNOWN = b"Subject: u\nContent-Type: text/plain; charset=x-unknown\n\ncaf\xe9\n"

BODY = [
    holds('body contains "the caf\u00e9 is open"', message=TEXT),
    fails('body contains "pastis"', message=BOTH),
    holds('body contains "dear ann"', message=multipart(HTML)),
    fails('body contains "color"', message=BOTH),
    fails('body contains "<p>"', message=BOTH),
    holds('body contains "caf\u00e9 au lait"', message=QUOTED),
    holds('body contains "caf\u00e9"', message=UNKNOWN),
    holds("body matches /^of two lines$/", message=ONE),
    fails("body matches /^two/", message=ONE),
    holds('body starts with "plain"', message=ONE),
    holds('body contains "forwarded"', message=NESTED),
    holds('every body contains "dear ann"', message=BOTH),
    fails('every body contains "dear ann"', message=NESTED),
    fails("body exists", message="Subject: nothing\n\n"),
    holds("body exists", message=ONE),
    holds("count of /a/ in body is 2", message="\nbanan\n"),
    fails("count of /a/ in body is 3", message="\nbanan\n"),
    holds('body.raw contains "caf=E9"', message=QUOTED),
    fails('body.raw contains "caf\u00e9"', message=QUOTED),
    holds("body.raw matches /<p>/", message=BOTH),
    fails('body.raw contains "Subject"', message=ONE),
    holds('body.html contains "<b>An</b>n"', message=BOTH),
    fails('body.html contains "<b>An</b>n"', message=multipart(TEXT)),
    holds("body.html exists", message=BOTH),
    fails("body.html exists", message=ONE),
    holds("body.size is 24", message=ONE),
    fails("body.size > 24", message=ONE),
    holds('headers.raw contains "X-A: b"', message=ONE),
    fails('headers.raw contains "plain body"', message=ONE),
    holds("headers.raw matches /^X-A: b$/", message=ONE),
    holds("message.raw matches /X-A: b\\n\\nplain/", message=ONE),
    fails('message.raw contains "caf\u00e9"', message=QUOTED),
]

PARTS = [
    holds('attachment.name matches "*.exe"', message=FILES),
    holds('attachment.name is "report.pdf"', message=FILES),
    fails('attachment.name matches "*.png"', message=FILES),
    fails('attachment.name matches "*.exe"', message=BOTH),
    fails('every attachment.name ends with ".pdf"', message=FILES),
    holds("attachment exists", message=FILES),
    fails("attachment exists", message=BOTH),
    holds('attachment is "image/png"', message=FILES),
    holds('attachment matches ["*.exe", "*.scr"]', message=FILES),
    holds('attachment.type is "application/pdf"', message=FILES),
    fails('attachment.type is "application/x-dosexec"', message=FILES),
    holds('attachment.magic is "application/x-dosexec"', message=FILES),
    fails('attachment.magic is "application/pdf"', message=FILES),
    holds("attachment.size is 3000", message=FILES),
    holds("attachment.size is 8", message=FILES),
    fails("attachment.size > 3000", message=FILES),
    fails("every attachment.size > 8", message=FILES),
    fails("attachment.size > 0", message=BOTH),
    holds("count of attachment is 2", message=FILES),
    holds("count of attachment.name is 1", message=FILES),
    holds("count of attachment is 2", message=NESTED),
    fails("count of attachment > 0", message=BOTH),
    holds("attachment.type matches /^image/", message=NESTED),
    holds('part is "multipart/alternative"', message=BOTH),
    fails('part is "multipart/mixed"', message=BOTH),
    holds('part.type is "text/html"', message=BOTH),
    fails('part.type is "text/html"', message=ONE),
    holds('part.type is "text/plain"', message=ONE),
    holds('every part.type starts with ["multipart/", "text/"]', message=BOTH),
    fails('every part.type starts with ["multipart/", "text/"]', message=FILES),
    holds("part.size is 3000", message=FILES),
    fails("part.size is 2999", message=FILES),
    holds('part.text contains "caf\u00e9"', message=FILES),
    fails('part.text contains "MZ"', message=FILES),
    holds("count of part is 6", message=NESTED),
    holds("count of part.text is 2", message=BOTH),
    holds('part.type is "message/rfc822"', message=NESTED),
]


def logged(title: str, rules: str, message: str, *lines: str, **given: Any) -> Scenario:
    return Scenario(title, rules, "\n".join([*[f'log "{line}"' for line in lines], "keep"]), message, **given)


LOOPS = [
    logged(
        "for each attachment turns over them, and attachment means that one",
        "rule { for each attachment "
        '{ log "{attachment.name} {attachment.type} {attachment.magic} {attachment.size}" } }',
        FILES,
        "report.exe application/pdf application/x-dosexec 3000",
        " image/png image/png 8",
    ),
    logged(
        "in a for each attachment any reading of its name counts, and of the others' none",
        "rule { for each attachment { if attachment.name is \"report.pdf\" { log '1' } "
        "if attachment.name matches \"*.exe\" { log '2' } if attachment is \"image/png\" { log '3' } } }",
        FILES,
        *("1", "2", "3"),
    ),
    logged(
        "for each part begins with the message itself",
        'rule { for each part { log "{part}: {part.text|truncate:9}" } }',
        NESTED,
        *("multipart/mixed: ", "text/plain: Dear Ann,", "message/rfc822: ", "multipart/mixed: "),
        *("text/plain: forwarded", "image/png: "),
    ),
    logged(
        "a for each part inside a for each attachment has its own",
        'rule { for each attachment { for each part { if part.type is "{attachment.type}" { log "{part.size}" } } } }',
        FILES,
        *("3000", "8"),
    ),
    logged(
        "for each header turns over the fields of the name",
        "rule { for each header \"X-A\" { log \"{header 'X-A'} of {header 'X-B'}\" } }",
        "X-A: 1\nX-B: b\nx-a: 2\n\n",
        *("1 of b", "2 of b"),
    ),
    logged(
        "in a for each header every address of the field counts",
        """rule { for each header "X-To" { if header "X-To".domain is "x.example" { log "{header 'X-To'}" } } }""",
        "X-To: a@y.example, b@x.example\nX-To: c@z.example\n\n",
        "a@y.example, b@x.example",
    ),
    logged(
        "for each match in the body",
        'rule { for each match of /([a-z]+) body|two ([a-z]+)/ in body { log "{0}" } }',
        ONE,
        *("plain body", "two lines"),
    ),
    Scenario(
        "a program is refused by its name",
        'rule "Programs" when attachment.name matches ["*.exe", "*.scr"] { reject "5.7.1 no programs" }',
        'reject "5.7.1 no programs"',
        FILES,
    ),
    Scenario(
        "attachments are counted and filed by",
        'rule { for each attachment { if attachment.size > 2K { file "large/{attachment.magic}" } } }',
        'file "large/application_x-dosexec"',
        FILES,
        warning="in a mailbox name",
    ),
]

SCENARIOS = BODY + PARTS + LOOPS
