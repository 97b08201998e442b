"""What octets are, whatever type was declared: by how they begin.

The names are those of Debian's `file --mime-type`.  Octets that begin as nothing
known are `text/plain` if they look like text, else `application/octet-stream`.

Does not know: what the sender says they are, nor what is inside an archive.
"""

from __future__ import annotations

from pydeliver.message.text import guess

__all__ = ["SNIFFED_OCTETS", "TYPES", "sniff"]

TYPES = (  # where, how it begins, what it is
    (0, b"MZ", "application/x-dosexec"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (0, b"\xca\xfe\xba\xbe", "application/java-vm"),
    (0, b"\0asm", "application/wasm"),
    (0, b"L\0\0\0\x01\x14\x02\0", "application/x-ms-shortcut"),
    (0, b"#!", "text/x-shellscript"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"%!", "application/postscript"),
    (0, b"{\\rtf", "text/rtf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d", "application/onenote"),
    (0, b"ITSF", "application/vnd.ms-htmlhelp"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"Rar!\x1a\x07", "application/x-rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"MSCF", "application/vnd.ms-cab-compressed"),
    (0, b"\x60\xea", "application/x-arj"),
    (7, b"**ACE**", "application/x-ace"),
    (257, b"ustar", "application/x-tar"),
    (32_769, b"CD001", "application/x-iso9660-image"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (8, b"WEBP", "image/webp"),
    (0, b"\0\0\x01\0", "image/vnd.microsoft.icon"),
    (4, b"ftyp", "video/mp4"),
    (0, b"OggS", "application/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (8, b"WAVE", "audio/x-wav"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
)
SNIFFED_OCTETS = 32_774

_TEXT_OCTETS = 1_024
_MARKUP = (
    ("<?xml", "text/xml"),
    ("<!doctype html", "text/html"),
    ("<html", "text/html"),
    ("<head", "text/html"),
    ("<body", "text/html"),
    ("<script", "text/html"),
)
_CONTROLS = bytes([octet for octet in range(32) if octet not in b"\t\n\r\f\x1b"])


def sniff(octets: bytes) -> str:
    """Return the type the octets begin as; "" if there are none."""
    if not octets:
        return ""
    for offset, magic, name in TYPES:
        if octets.startswith(magic, offset):
            return name
    head = octets[:_TEXT_OCTETS]
    if b"%PDF-" in head:  # readers of PDF look for it as far as that
        return "application/pdf"
    if len(head.translate(None, _CONTROLS)) != len(head):
        return "application/octet-stream"
    text = guess(head).lstrip("\ufeff \t\r\n").lower()
    for opening, name in _MARKUP:
        if text.startswith(opening):
            return name
    return "text/plain"
