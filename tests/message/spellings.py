"""One file name, `evil.exe`, in the ways that senders, bugs and attackers spell it: each the header of a part.

Does not know: what is done with them.
"""

from __future__ import annotations

from base64 import b64encode

_B64 = b64encode(b"evil.exe")
_PLAIN = b"Content-Type: application/octet-stream\n"


def _disposition(parameters: bytes) -> bytes:
    return _PLAIN + b"Content-Disposition: attachment" + parameters + b"\n"


SPELLINGS: dict[str, bytes] = {
    "quoted": _disposition(b'; filename="evil.exe"'),
    "unquoted": _disposition(b"; filename=evil.exe"),
    "in capitals": _disposition(b'; FILENAME="EVIL.EXE"'),
    "the name of the type": b'Content-Type: application/octet-stream; name="evil.exe"\n',
    "a harmless disposition beside it": b'Content-Type: text/plain; name="evil.exe"\n'
    b'Content-Disposition: inline; filename="report.txt"\n',
    "a harmless type beside it": b'Content-Type: text/plain; name="report.txt"\n'
    b'Content-Disposition: attachment; filename="evil.exe"\n',
    "name in the disposition": _disposition(b'; name="evil.exe"'),
    "RFC 2231": _disposition(b"; filename*=utf-8''evil.exe"),
    "RFC 2231 in percents": _disposition(b"; filename*=utf-8'en'%65vil%2Eexe"),
    "RFC 2231 in quotes": _disposition(b"; filename*=\"utf-8''evil%2Eexe\""),
    "RFC 2231 without a charset": _disposition(b"; filename*=evil%2eexe"),
    "RFC 2231 in UTF-7": _disposition(b"; filename*=utf-7''evil+AC4-exe"),
    "RFC 2231 beside a harmless one": _disposition(b"; filename=report.txt; filename*=utf-8''evil.exe"),
    "continued": _disposition(b'; filename*0="evil"; filename*1=".exe"'),
    "continued out of order": _disposition(b'; filename*1=".exe"; filename*0="evil"'),
    "continued and numbered backwards": _disposition(b'; filename*1="evil"; filename*0=".exe"'),
    "continued without a beginning": _disposition(b'; filename*1="evil."; filename*2="exe"'),
    "continued with a gap": _disposition(b'; filename*0="evil"; filename*3=".exe"'),
    "continued and coded": _disposition(b"; filename*0*=utf-8''ev%69l; filename*1=.exe"),
    "continued, a section twice": _disposition(b"; filename*0=evil; filename*1=.txt; filename*1=.exe"),
    "continued with leading zeros": _disposition(b"; filename*00=evil; filename*01=.exe"),
    "an encoded word": _disposition(b'; filename="=?utf-8?q?evil=2Eexe?="'),
    "an encoded word in base64": _disposition(b'; filename="=?utf-8?B?' + _B64 + b'?="'),
    "an encoded word without quotes": _disposition(b"; filename==?utf-8?q?evil=2Eexe?="),
    "two encoded words": _disposition(b'; filename="=?utf-8?q?evil?= =?utf-8?q?=2Eexe?="'),
    "two encoded words on two lines": _disposition(b'; filename="=?utf-8?q?evil?=\n =?utf-8?q?=2Eexe?="'),
    "an encoded word in percents of RFC 2231": _disposition(b"; filename*=utf-8''%3D%3Futf-8%3Fq%3Fevil%3D2Eexe%3F%3D"),
    "an encoded word inside RFC 2231": _disposition(b"; filename*=utf-8''=?utf-8?q?evil=2Eexe?="),
    "the whole field an encoded word": _PLAIN
    + b'Content-Disposition: =?utf-8?q?attachment=3B_filename=3D"evil=2Eexe"?=\n',
    "an encoded NUL": _disposition(b'; filename="=?utf-8?q?evil=2Eexe=00=2Etxt?="'),
    "percents without RFC 2231": _disposition(b'; filename="evil%2Eexe"'),
    "percents in percents of an encoded word": _disposition(b'; filename="=?utf-8?q?evil%2Eexe?="'),
    "a trailing dot": _disposition(b'; filename="evil.exe."'),
    "trailing blanks and dots": _disposition(b'; filename="evil.exe . . "'),
    "a NUL and a harmless ending": _disposition(b'; filename="evil.exe\0.txt"'),
    "a NUL inside": _disposition(b'; filename="evil.e\0xe"'),
    "a control inside": _disposition(b'; filename="evil.\x08exe"'),
    "a tab inside": _disposition(b'; filename="evil.\texe"'),
    "a blank of no width at its end": _disposition('; filename="evil.exe\u200b"'.encode()),
    "turned around for the eye": _disposition('; filename="evil\u202etxt\u202c.exe\u202c"'.encode()),
    "a soft hyphen inside": _disposition('; filename="evil.e\u00adxe"'.encode()),
    "raw 8-bit UTF-8": _disposition('; filename="évil.exe"'.encode()),
    "raw 8-bit Latin-1": _disposition(b'; filename="\xe9vil.exe"'),
    "a path of Windows": _disposition(b'; filename="C:\\temp\\evil.exe"'),
    "a path with a slash behind it": _disposition(b'; filename="../evil.exe/"'),
    "a stream of Windows": _disposition(b'; filename="evil.exe::$DATA"'),
    "folded inside": _disposition(b'; filename="evil.\n exe"'),
    "folded before the value": _disposition(b';\n\tfilename=\n "evil.exe"'),
    "a comment before it": _disposition(b"; filename=(no program)evil.exe"),
    "a comment behind it": _disposition(b"; filename=evil.exe (no program)"),
    "a comment stuck to it": _disposition(b"; filename=evil.exe(.txt)"),
    "a comment inside it": _disposition(b"; filename=evil(.txt).exe"),
    "a comment in a comment before its name": _disposition(b"; (a (b) c)filename=evil.exe"),
    "blanks around the sign": _disposition(b' ; filename = "evil.exe"'),
    "no semicolon": _disposition(b' filename="evil.exe"'),
    "many semicolons": _disposition(b";;;; filename=evil.exe;"),
    "never closed": _disposition(b'; filename="evil.exe'),
    "never closed, another behind it": _disposition(b'; filename="evil.exe; size=3'),
    "single quotes": _disposition(b"; filename='evil.exe'"),
    "quoted twice": _disposition(b'; filename=""evil.exe""'),
    "quoted in part": _disposition(b'; filename="evil".exe'),
    "quoted in the middle": _disposition(b'; filename=evil".exe"'),
    "escaped characters": _disposition(b'; filename="e\\v\\il.e\\xe"'),
    "an escaped quote": _disposition(b'; filename="evil\\".exe"'),
    "blanks without quotes": _disposition(b"; filename=the evil.exe"),
    "a semicolon without quotes": _disposition(b"; filename=the;evil.exe"),
    "twice, the harmless one first": _disposition(b'; filename="report.txt"; filename="evil.exe"'),
    "twice, the harmless one last": _disposition(b'; filename="evil.exe"; filename="report.txt"'),
    "twice without a semicolon": _disposition(b'; filename="report.txt" filename="evil.exe"'),
    "two dispositions": _disposition(b"; filename=report.txt")
    + b"Content-Disposition: attachment; filename=evil.exe\n",
    "two types": b"Content-Type: text/plain; name=report.txt\nContent-Type: text/plain; name=evil.exe\n",
    "no disposition but a name": _PLAIN + b"Content-Disposition: filename=evil.exe\n",
    "a field's name in capitals": b"CONTENT-DISPOSITION: ATTACHMENT; FILENAME=EVIL.EXE\n",
    "a blank before the colon": b"Content-Disposition : attachment; filename=evil.exe\n",
    "behind 900 other parameters": _disposition(
        b"".join([b"; x%d=y" % n for n in range(900)]) + b"; filename=evil.exe"
    ),
    "a long name": _disposition(b"; filename=" + b"long" * 2_000 + b"evil.exe"),
    "behind a byte order mark": _disposition('; filename="\ufeffevil.exe"'.encode()),
    "uuencoded": b"Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode\n",
}

BODIES = {"uuencoded": b"begin 644 evil.exe\n#35H \n`\nend\n"}


def alone(title: str) -> bytes:
    """A message that is nothing but the part."""
    return b"From: bob@example.net\nSubject: a file\n" + SPELLINGS[title] + b"\n" + BODIES.get(title, b"MZ\n")


def in_multipart(title: str) -> bytes:
    """A message with a text and the part."""
    head = b"From: bob@example.net\nSubject: a file\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
    text = b"--b\nContent-Type: text/plain\n\nLook at this.\n"
    return head + text + b"--b\n" + SPELLINGS[title] + b"\n" + BODIES.get(title, b"MZ\n") + b"--b--\n"
