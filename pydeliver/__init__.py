"""pydeliver decides what becomes of a message, then does it, and never loses one.

Rules turn message, envelope and facts into a plan; deliveries perform the
plan; everything else carries bytes to the first or from the second.

    value address envelope status limits ...   words every room speaks; no I/O       0
    message/    a lazy, immutable view of the bytes received                         1
    plan        actions, the implicit keep, a plan in words and as JSON              2
    rules/      rule text in, program out; front ends in native/                     2
    mailbox/    stores, shared by delivery and readers                               2
    config      the administrator's settings                                         2
    engine/     evaluates a program; pure                                            3
    state/      what is remembered between deliveries                                3
    delivery/   stage, commit, undo; one file per action                             4
    cli/        one file per command                                                 6
    client/     the C program a mail server starts, and the hook that builds it

Imports point to lower layers only, and rooms of one layer do not import each
other; `tests/test_layers.py` holds the table.
"""

__version__ = "0.1.0"
