"""The parser of the rule language: built from `grammar.lark`, or loaded as it was built.

Building takes about a second, so a wheel carries the built parser beside the
grammar, as trusted as the code itself.  It is used only if it was made from
this very grammar by this very Lark; in any other case, and in a working tree,
the parser is built.  Nothing else is ever unpickled, and Lark's own cache is
never used: it loads a pickle from a guessable name in /tmp.

Does not know: rule files, or what is done with a tree.
"""

from __future__ import annotations

import posixpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lark import Lark

__all__ = ["build_parser", "load_parser", "save_parser"]

_HERE = posixpath.dirname(__file__)
_GRAMMAR = posixpath.join(_HERE, "grammar.lark")
_BUILT = posixpath.join(_HERE, "parser.bin")


def build_parser(strict: bool = False) -> Lark:
    """Build the parser; `strict` refuses a grammar with any conflict (needs interegular)."""
    from lark import Lark

    return Lark(
        _grammar().decode("utf-8"),
        parser="lalr",
        lexer="contextual",
        strict=strict,
        propagate_positions=True,
        maybe_placeholders=False,
    )


def save_parser(path: str) -> None:
    """Write the built parser to `path`; the wheel's build hook writes it as `parser.bin` beside the grammar."""
    parser = build_parser()
    with open(path, "wb") as file:
        file.write(_mark())
        parser.save(file)


def load_parser() -> Lark:
    """Load the parser that came with the package, or build it where none did."""
    from lark import Lark

    try:
        with open(_BUILT, "rb") as file:
            mark = _mark()
            if file.read(len(mark)) == mark:
                return Lark.load(file)
    except OSError:
        pass
    return build_parser()


def _grammar() -> bytes:
    with open(_GRAMMAR, "rb") as file:
        return file.read()


def _mark() -> bytes:
    """What a built parser begins with: who built it, from what."""
    import hashlib

    import lark

    digest = hashlib.blake2b(_grammar() + lark.__version__.encode(), digest_size=16).hexdigest()
    return b"pydeliver parser " + digest.encode() + b"\n"
