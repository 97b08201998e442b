"""The rules as written: one node for each thing a rule file can say.

Every node has the span of the text it came from.  Nothing is resolved here: a
`Name` is a name, whatever it turns out to be; `check` says.  Words with
ordinary arguments are one node, `Action` or `Fact`, whose arguments are named
as the vocabulary names them.

Does not know: what the words mean, nor the grammar they were read by.
"""

from __future__ import annotations

from pydeliver.rules.source import Source, Span
from pydeliver.value import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

# ---------------------------------------------------------------- values


@value
class Filter:
    """`|truncate:40` in a placeholder."""

    span: Span
    name: str
    argument: str | None


@value
class Placeholder:
    """`{name|filter}` in a text; `time_format` is what follows `:` as in `{now:%Y-%m}`."""

    span: Span
    of: Field | Group
    time_format: str | None
    filters: tuple[Filter, ...]


@value
class Group:
    """`{1}`: a numbered group of the last pattern that matched."""

    span: Span
    number: int


@value
class Text:
    """A text.  `parts` are str, as they shall read, and placeholders; `written` is the text with its quotes."""

    span: Span
    parts: tuple[str | Placeholder, ...]
    written: str


@value
class Number:
    """A number; a size or a time is given in octets or seconds, and `unit` says which ("", "size", "time")."""

    span: Span
    number: int | float
    unit: str


@value
class Field:
    """A name with dots (`from.domain`, `score`, `spam.score`), or `header "X-Foo".first`.

    `words` are its parts in lower case, `("from", "domain")`; of a header field
    the first is "header" and `header` is the text that names it.
    """

    span: Span
    words: tuple[str, ...]
    header: Text | None = None


@value
class Pattern:
    """`/regex/` or `/regex/c`; `regex` is what stands between the slashes with `\\/` made `/`."""

    span: Span
    regex: str
    case_sensitive: bool


@value
class Arithmetic:
    """`left operator right`, the operator one of + - * /."""

    span: Span
    operator: str
    left: Value
    right: Value


@value
class Negative:
    span: Span
    operand: Value


@value
class Count:
    """`count of FIELD`."""

    span: Span
    of: Field


@value
class Hits:
    """`count of /re/ in VALUE`."""

    span: Span
    pattern: Pattern
    within: Value


@value
class List:
    """`[…]`; of patterns after `matches`, else of values."""

    span: Span
    items: tuple[Value | Pattern, ...]


# ---------------------------------------------------------------- conditions


@value
class AllOf:
    span: Span
    conditions: tuple[Condition, ...]


@value
class AnyOf:
    span: Span
    conditions: tuple[Condition, ...]


@value
class Not:
    span: Span
    condition: Condition


@value
class Claim:
    """`[every] left operator right`.

    `operator` is one of: is, is not, contains, starts with, ends with, matches,
    in, not in, exists, within, between, <, <=, >, >=.  `right` is empty after
    exists, two values after between, else one (a List, a Field for `in NAME`).
    """

    span: Span
    every: bool
    left: Value
    operator: str
    operator_span: Span
    right: tuple[Value | Pattern | List, ...]


@value
class Argument:
    """A named argument of a fact, an action, a setting or a definition."""

    span: Span
    name: str
    value: Value | Pattern | List | Block | str


@value
class Fact:
    """A condition with a word of its own.

    word: "mailbox exists", "addressed to me", "authenticated as", "duplicate",
    "rate", "run succeeds", "run exits", "run outputs".
    arguments: mailbox; domain; on, within; of, over, per; portion, argv, status, pattern.
    """

    span: Span
    word: str
    arguments: tuple[Argument, ...]


# ---------------------------------------------------------------- statements


@value
class Block:
    """`{ … }`; the span takes in the braces."""

    span: Span
    statements: tuple[Statement, ...]


@value
class If:
    span: Span
    condition: Condition
    then: Block
    otherwise: Block | If | None


@value
class ForEach:
    """`for each NAME { … }`."""

    span: Span
    item: Field
    block: Block


@value
class ForEachMatch:
    """`for each match of /re/ in VALUE { … }`."""

    span: Span
    pattern: Pattern
    within: Value
    block: Block


@value
class Set:
    """`set name = expr`; also the setting `set limits.NAME = N`."""

    span: Span
    name: Field
    value: Value


@value
class Action:
    """An action word with its arguments; `also` is true where `also` stood before it.

    word → arguments (only those written, in the order written):
      keep, discard → none; quarantine → reason; reject, defer → status
      file → mailbox | mbox | maildir | mh (Text), create ("never")
      redirect → addresses (List of Text), sender ("keep", "null", "me", "srs")
      pipe → portion ("header", "body"), argv (List), timeout (Number)
      rewrite → portion, argv, on_error ("continue", "defer", "keep"), timeout
      reply → once_per (Number), subject, from, to, text; notify → target, text
      flag, unflag → flags (List of Text); log → text
      header add, header set → name, value; header remove → name
    """

    span: Span
    word: str
    word_span: Span
    arguments: tuple[Argument, ...]
    also: bool = False


@value
class Also:
    """`also { … }`."""

    span: Span
    block: Block


@value
class Stop:
    span: Span


@value
class Continue:
    span: Span


# ---------------------------------------------------------------- the file


@value
class Rule:
    """`rule "name" when condition { … }`; name and condition may be left out."""

    span: Span
    name: Text | None
    condition: Condition | None
    block: Block


@value
class Setting:
    """word: maildir (path), inbox (mailbox | mbox | maildir | mh), addresses (addresses: List), timezone (zone)."""

    span: Span
    word: str
    arguments: tuple[Argument, ...]


@value
class ListDefinition:
    """`list NAME = […]`, `list NAME from "file"`, `list NAME from table "name"`.

    arguments: items (List), file (Text) or table (Text).
    """

    span: Span
    name: Field
    arguments: tuple[Argument, ...]


@value
class CheckDefinition:
    """`check NAME with …`.

    arguments: checker (str: a name, "header", or the name before a list),
    header (Text), argv (List), limit (Number), timeout (Number), on_error (str).
    """

    span: Span
    name: Field
    arguments: tuple[Argument, ...]


@value
class Include:
    """`include "path"`; `file` is what stands there, once it has been read."""

    span: Span
    path: Text
    file: RuleFile | None = None


@value
class TestLine:
    """One line of a test.

    word → arguments: message (text), message from (file), envelope sender (address),
    envelope recipient (address), assume (condition) or (field, value), at (time),
    expect (an Action or Also); each as the bare node, in this order.
    """

    span: Span
    word: str
    arguments: tuple[Condition | Action | Also | Field | Text | Number, ...]


@value
class Test:
    span: Span
    name: Text
    lines: tuple[TestLine, ...]


@value
class RuleFile:
    """A whole file, in the order it was written."""

    source: Source
    items: tuple[Item, ...]


def placed_items(rules: RuleFile) -> tuple[tuple[Source, Item], ...]:
    """Every item with the file it is in, those of included files in the place of their `include`."""
    placed: list[tuple[Source, Item]] = []
    for item in rules.items:
        if isinstance(item, Include):
            assert item.file is not None, "what is included is read before it is looked at"
            placed += placed_items(item.file)
        else:
            placed.append((rules.source, item))
    return tuple(placed)


if TYPE_CHECKING:
    Value: TypeAlias = Text | Number | Field | Arithmetic | Negative | Count | Hits | List
    Condition: TypeAlias = AllOf | AnyOf | Not | Claim | Fact
    Statement: TypeAlias = If | ForEach | ForEachMatch | Set | Action | Also | Stop | Continue
    Item: TypeAlias = Setting | ListDefinition | CheckDefinition | Include | Rule | If | Set | Test
