"""From the parser's tree to the syntax tree: one method or one row for each tree of the grammar.

The tree is walked without recursion, and what is nested deeper than
`limits.NESTING` becomes a mistake, so that whoever reads the syntax tree may
recurse.  A mistake leaves its item out; all mistakes are returned.

Does not know: what the words mean, or what was wrong where the parser failed.
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.rules import ast
from pydeliver.rules.native.texts import read_sample, read_text
from pydeliver.rules.source import Mistake, Span

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    from lark import Token, Tree

    Node: TypeAlias = Any  # an AST node, an Argument, or a Token of the grammar

__all__ = ["build"]

# Trees that are an Action: the names of its arguments, in order.
_ACTIONS = {
    "keep": (),
    "discard": (),
    "quarantine": ("reason",),
    "reject": ("status",),
    "defer": ("status",),
    "notify": ("target", "text"),
    "log": ("text",),
}

# Trees that are an Argument: its name.
_ARGUMENTS = {
    "mailbox": "mailbox",
    "mbox": "mbox",
    "maildir": "maildir",
    "mh": "mh",
    "create": "create",
    "sender": "sender",
    "portion": "portion",
    "timeout": "timeout",
    "limit": "limit",
    "on_error": "on_error",
    "once_per": "once_per",
    "subject": "subject",
    "from_": "from",
    "to": "to",
    "duplicate_within": "within",
}

# Trees that are a Fact, a Setting or a TestLine: its word, and the names of its arguments.
_FACTS = {
    "mailbox_exists": ("mailbox exists", ("mailbox",)),
    "addressed_to_me": ("addressed to me", ()),
    "authenticated_as": ("authenticated as", ("domain",)),
    "duplicate": ("duplicate", ("on",)),
    "rate": ("rate", ("of", "over", "per")),
    "run_succeeds": ("run succeeds", ("argv",)),
    "run_exits": ("run exits", ("argv", "status")),
    "run_outputs": ("run outputs", ("argv", "pattern")),
}
_SETTINGS = {
    "maildir_setting": ("maildir", ("path",)),
    "inbox_setting": ("inbox", ()),
    "addresses_setting": ("addresses", ("addresses",)),
    "timezone_setting": ("timezone", ("zone",)),
}
_LISTS = {"list_of_items": ("items",), "list_from_file": ("file",), "list_from_table": ("table",)}
_TEST_LINES = {
    "message": "message",
    "message_from": "message from",
    "envelope_sender": "envelope sender",
    "envelope_recipient": "envelope recipient",
    "assume": "assume",
    "assume_value": "assume",
    "at": "at",
    "expect": "expect",
}

_UNITS = {
    **{letter + b: ("size", 1 << shift) for letter, shift in (("K", 10), ("M", 20), ("G", 30)) for b in ("", "B")},
    "s": ("time", 1),
    "m": ("time", 60),
    "h": ("time", 3600),
    "d": ("time", 86_400),
    "w": ("time", 604_800),
}

_NESTING = frozenset(("block", "parentheses", "list", "not", "negative", "arithmetic"))


def build(tree: Tree[Token]) -> tuple[tuple[ast.Item, ...], list[Mistake]]:
    """Return the items of a file's tree, and the mistakes in them."""
    building = _Building()
    items = [building.item(child) for child in tree.children]
    return tuple([item for item in items if item is not None]), building.mistakes


class _Building:
    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def item(self, tree: Any) -> ast.Item | None:
        """Build one item of the file, children first; None if it is nested too deep."""
        results: list[Node] = []
        frames: list[tuple[Any, list[Node], int]] = [(tree, [], 0)]
        while frames:
            tree, built, depth = frames[-1]
            if len(built) == len(tree.children):
                frames.pop()
                (frames[-1][1] if frames else results).append(self._node(tree, built))
                continue
            child = tree.children[len(built)]
            if isinstance(child, str):  # a token
                built.append(child)
                continue
            inner = depth + _deepens(tree.data, child.data)
            if inner > limits.NESTING:
                self.mistakes.append(_too_deep(child))
                return None
            frames.append((child, [], inner))
        item: ast.Item = results[0]
        return item

    def _node(self, tree: Any, built: list[Node]) -> Node:
        word, span = str(tree.data), Span(tree.meta.start_pos, tree.meta.end_pos)
        if word in _ARGUMENTS:
            return ast.Argument(span, _ARGUMENTS[word], _plain(built[-1]))
        if word in _ACTIONS:
            return _action(span, word, _named(_ACTIONS[word], _nodes(built)))
        if word in _FACTS:
            return ast.Fact(span, _FACTS[word][0], _named(_FACTS[word][1], _nodes(built)))
        if word in _SETTINGS:
            return ast.Setting(span, _SETTINGS[word][0], _named(_SETTINGS[word][1], built))
        if word in _LISTS:
            return ast.ListDefinition(span, built[0], _named(_LISTS[word], built[1:]))
        if word in _TEST_LINES:
            return ast.TestLine(span, _TEST_LINES[word], tuple(built))
        return getattr(self, "on_" + word)(span, built)

    # ------------------------------------------------------------ the file

    def on_check_definition(self, span: Span, built: list[Node]) -> ast.CheckDefinition:
        name, checker, *options = _nodes(built)
        return ast.CheckDefinition(span, name, (*checker, *options))

    def on_checker(self, span: Span, built: list[Node]) -> tuple[ast.Argument, ...]:
        word, *rest = built
        name = ast.Argument(_token_span(word), "checker", str(word).lower())
        return (name, *_named(("header" if word.type == "HEADER" else "argv",), rest))

    def on_include(self, span: Span, built: list[Node]) -> ast.Include:
        return ast.Include(span, built[0])

    def on_rule_always(self, span: Span, built: list[Node]) -> ast.Rule:
        return ast.Rule(span, built[0] if len(built) == 2 else None, None, built[-1])

    def on_rule_when(self, span: Span, built: list[Node]) -> ast.Rule:
        return ast.Rule(span, built[0] if len(built) == 3 else None, built[-2], built[-1])

    def on_test(self, span: Span, built: list[Node]) -> ast.Test:
        return ast.Test(span, built[0], tuple(built[1:]))

    # ------------------------------------------------------------ statements

    def on_block(self, span: Span, built: list[Node]) -> ast.Block:
        return ast.Block(span, tuple(built))

    def on_if(self, span: Span, built: list[Node]) -> ast.If:
        return ast.If(span, built[0], built[1], built[2] if len(built) == 3 else None)

    def on_for_each(self, span: Span, built: list[Node]) -> ast.ForEach:
        return ast.ForEach(span, built[0], built[1])

    def on_for_each_match(self, span: Span, built: list[Node]) -> ast.ForEachMatch:
        return ast.ForEachMatch(span, *_nodes(built))

    def on_set(self, span: Span, built: list[Node]) -> ast.Set:
        return ast.Set(span, *_nodes(built))

    def on_stop(self, span: Span, built: list[Node]) -> ast.Stop:
        return ast.Stop(span)

    def on_continue(self, span: Span, built: list[Node]) -> ast.Continue:
        return ast.Continue(span)

    def on_also_action(self, span: Span, built: list[Node]) -> ast.Action:
        action: ast.Action = built[0]
        return ast.Action(span, action.word, action.word_span, action.arguments, also=True)

    def on_also_block(self, span: Span, built: list[Node]) -> ast.Also:
        return ast.Also(span, built[0])

    # ------------------------------------------------------------ actions of a shape of their own

    def on_file(self, span: Span, built: list[Node]) -> ast.Action:
        return _action(span, "file", built)

    def on_redirect(self, span: Span, built: list[Node]) -> ast.Action:
        return _action(span, "redirect", _gathered("addresses", built))

    def on_flag(self, span: Span, built: list[Node]) -> ast.Action:
        return _action(span, "flag", _gathered("flags", built))

    def on_unflag(self, span: Span, built: list[Node]) -> ast.Action:
        return _action(span, "unflag", _gathered("flags", built))

    def on_pipe(self, span: Span, built: list[Node]) -> ast.Action:
        return _action(span, "pipe", _named(("argv",), built))

    def on_rewrite(self, span: Span, built: list[Node]) -> ast.Action:
        return _action(span, "rewrite", _named(("argv",), built))

    def on_reply(self, span: Span, built: list[Node]) -> ast.Action:
        return _action(span, "reply", _named(("text",), built))

    def on_header_edit(self, span: Span, built: list[Node]) -> ast.Action:
        header, edit, *texts = built
        where = Span(header.start_pos, edit.end_pos)
        return ast.Action(span, f"header {edit}", where, _named(("name", "value"), texts))

    # ------------------------------------------------------------ conditions

    def on_all_of(self, span: Span, built: list[Node]) -> ast.AllOf:
        return ast.AllOf(span, tuple(built))

    def on_any_of(self, span: Span, built: list[Node]) -> ast.AnyOf:
        return ast.AnyOf(span, tuple(built))

    def on_not(self, span: Span, built: list[Node]) -> ast.Not:
        return ast.Not(span, built[-1])

    def on_claim(self, span: Span, built: list[Node]) -> ast.Claim:
        operator, where, right = built[-1]
        return ast.Claim(span, len(built) == 3, built[-2], operator, where, right)

    def on_comparison(self, span: Span, built: list[Node]) -> tuple[str, Span, tuple[Node, ...]]:
        words = [child for child in built if isinstance(child, str)]
        return " ".join(words), Span(span.start, _token_span(words[-1]).end), tuple(_nodes(built))

    # ------------------------------------------------------------ values

    def on_parentheses(self, span: Span, built: list[Node]) -> Node:
        return built[0]

    def on_arithmetic(self, span: Span, built: list[Node]) -> ast.Arithmetic:
        left, operator, right = built
        return ast.Arithmetic(span, str(operator), left, right)

    def on_negative(self, span: Span, built: list[Node]) -> ast.Negative:
        return ast.Negative(span, built[-1])

    def on_count(self, span: Span, built: list[Node]) -> ast.Count:
        return ast.Count(span, built[0])

    def on_hits(self, span: Span, built: list[Node]) -> ast.Hits:
        return ast.Hits(span, *_nodes(built))

    def on_name(self, span: Span, built: list[Node]) -> ast.Field:
        return ast.Field(span, tuple(built[0].lower().split(".")))

    def on_header_field(self, span: Span, built: list[Node]) -> ast.Field:
        _, name, *parts = built
        return ast.Field(span, ("header", *[part[1:].lower() for part in parts]), name)

    def on_list(self, span: Span, built: list[Node]) -> ast.List:
        return ast.List(span, tuple(built))

    def on_string(self, span: Span, built: list[Node]) -> ast.Text:
        return read_text(str(built[0]), span.start, self.mistakes)

    def on_sample(self, span: Span, built: list[Node]) -> ast.Text:
        return read_sample(str(built[0]), span.start)

    def on_regex(self, span: Span, built: list[Node]) -> ast.Pattern:
        written = str(built[0])
        end = written.rindex("/")
        return ast.Pattern(span, written[1:end].replace("\\/", "/"), written.endswith("c"))

    def on_number(self, span: Span, built: list[Node]) -> ast.Number:
        written = str(built[0])
        digits = written.rstrip("KMGBsmhdw")
        unit, factor = _UNITS.get(written[len(digits) :], ("", 1))
        number = float(digits) * factor if "." in digits else _integer(digits) * factor
        return ast.Number(span, int(number) if unit and number == int(number) else number, unit)


def _integer(digits: str) -> int:
    """Return the number; of more digits than fit our bound, something beyond the bound (int() refuses 4,301)."""
    return int(digits) if len(digits) < 20 else limits.NUMBER_MAGNITUDE * 10


def _action(span: Span, word: str, arguments: Sequence[ast.Argument]) -> ast.Action:
    return ast.Action(span, word, Span(span.start, span.start + len(word)), tuple(arguments))


def _named(names: tuple[str, ...], built: list[Node]) -> tuple[ast.Argument, ...]:
    """Give the bare nodes their names, in order; those that have one already stay where they are."""
    remaining = iter(names)
    return tuple(
        [node if isinstance(node, ast.Argument) else ast.Argument(node.span, next(remaining), node) for node in built]
    )


def _gathered(name: str, built: list[Node]) -> list[ast.Argument]:
    """Make one list of the texts, the first argument; options follow."""
    texts = [node for node in built if isinstance(node, ast.Text)]
    span = Span(texts[0].span.start, texts[-1].span.end)
    return [ast.Argument(span, name, ast.List(span, tuple(texts))), *built[len(texts) :]]


def _nodes(built: list[Node]) -> list[Node]:
    return [node for node in built if not isinstance(node, str)]


def _plain(value: Node) -> Node:
    return str(value) if isinstance(value, str) else value


def _token_span(token: Any) -> Span:
    return Span(token.start_pos, token.end_pos)


def _deepens(outer: str, inner: str) -> int:
    """Say whether `inner` counts as a level: a bracket of some kind, a sign, or one more `else if`."""
    return int(inner in _NESTING or (outer == "if" and inner == "if"))


def _too_deep(tree: Any) -> Mistake:
    span = Span(tree.meta.start_pos, tree.meta.start_pos + 1)
    return Mistake(
        span,
        f"nested more than {limits.NESTING} levels deep",
        "set a variable to a part of it, or give a part a rule of its own",
    )
