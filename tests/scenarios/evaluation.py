"""Scenarios of how rules are evaluated: blocks that decide, extras, loops, phases, limits.

References: the manual's page on the rule language, "Evaluation".
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.envelope import Envelope
from tests.scenarios.scenario import Scenario, fields

THREE = fields(
    "From: bob@example.net",
    "To: Ann <ann@example.org>, dev@lists.example.org",
    "Cc: Carol <carol@example.com>",
    "Subject: [a] then [b] and [c]",
)

RULES = [
    Scenario("nothing matched, so it is kept", "", "keep"),
    Scenario("rules are tried from the top", 'rule { file "A" }\nrule { file "B" }', 'file "A"'),
    Scenario("a rule whose condition is false is passed over", 'rule when subject is "x" { file "A" }', "keep"),
    Scenario("a rule without a condition always runs", 'rule "R" { file "A" }', 'file "A"'),
    Scenario("a rule without a name is an if", 'if subject is "hello" { file "A" }', 'file "A"'),
    Scenario("a rule may hold nothing", "rule when subject is 'hello' { }", "keep"),
    Scenario(
        "a block that decides is run to its end and is the last",
        'rule { file "A" flag "\\Seen" log "x" }\nrule { file "B" }',
        'file "A"\nflag "\\Seen"\nlog "x"',
        flags={'file "A"': ""},
    ),
    Scenario(
        "an if that decides ends the rule it stands in",
        'rule { if subject is "hello" { file "A" } file "B" }\nrule { file "C" }',
        'file "A"',
    ),
    Scenario(
        "an if that is false leaves the rule to decide", 'rule { if subject is "x" { file "A" } file "B" }', 'file "B"'
    ),
    Scenario(
        "a block that decides nothing is not the last",
        'rule { if subject is "hello" { log "seen" } }\nrule { file "B" }',
        'log "seen"\nfile "B"',
    ),
    Scenario(
        "continue goes on with the next rule although it is decided",
        'rule { file "A" continue log "never" }\nrule { file "B" }',
        'file "A"\nfile "B"',
    ),
    Scenario(
        "continue in an if leaves the whole rule",
        'rule { if subject is "hello" { continue } file "A" }\nrule { file "B" }',
        'file "B"',
    ),
    Scenario("what is decided cancels the implicit keep, whatever follows", 'rule { file "A" continue }', 'file "A"'),
    Scenario("stop stops at once", 'rule { stop file "A" }\nrule { file "B" }', "keep"),
    Scenario("stop after a store keeps nothing else", 'rule { file "A" stop }', 'file "A"'),
    Scenario(
        "else is taken where if is not",
        'rule { if subject is "x" { file "A" } else { file "B" } }',
        'file "B"',
    ),
    Scenario(
        "else is not taken where if is", 'rule { if subject is "hello" { log "A" } else { log "B" } }', 'log "A"\nkeep'
    ),
    Scenario(
        "of a chain the first that is true is taken",
        'if subject is "x" { file "A" } else if size > 1 { file "B" } else if 1 is 1 { file "C" } else { file "D" }',
        'file "B"',
    ),
    Scenario(
        "of a chain none is true, and the last else is taken",
        'if subject is "x" { file "A" } else if subject is "y" { file "B" } else { file "D" }',
        'file "D"',
    ),
    Scenario(
        "after a chain that decides nothing the rule goes on",
        'rule { if subject is "x" { log "A" } else if subject is "hello" { log "B" } log "C" }',
        'log "B"\nlog "C"\nkeep',
    ),
    Scenario(
        "ifs stand inside one another",
        'rule { if 1 is 1 { if 2 is 3 { file "A" } else { if 3 is 3 { file "B" } } } file "C" }',
        'file "B"',
    ),
    Scenario(
        "reject stands alone",
        'rule { file "A" continue }\nrule { reject "5.7.1 no" }',
        'reject "5.7.1 no"',
        warning='file "A"',
    ),
    Scenario(
        "defer stands alone", 'rule { also file "A" log "x" defer "4.7.0 later" }', 'defer "4.7.0 later"', warning="log"
    ),
    Scenario(
        "the first of two refusals counts",
        'rule { reject "no" continue }\nrule { defer "later" }',
        'reject "no"',
        warning="defer",
    ),
    Scenario("discard cancels the implicit keep", "rule { discard }", "discard"),
    Scenario("a store before a discard stands", 'rule { also file "A" discard }', 'also file "A"\ndiscard'),
    Scenario(
        "a decided store before a discard stands", 'rule { file "A" continue } rule { discard }', 'file "A"\ndiscard'
    ),
    Scenario("and means all", 'rule when subject is "hello" and size > 1M { file "A" }', "keep"),
    Scenario("or means one", 'rule when subject is "x" or size > 1 { file "A" }', 'file "A"'),
    Scenario("not turns it round", 'rule when not subject is "x" { file "A" }', 'file "A"'),
    Scenario("and and or mix in parentheses", 'rule when 1 is 1 and (1 is 2 or 2 is 2) { file "A" }', 'file "A"'),
    Scenario(
        "conditions are tried no further than needed: and",
        'rule when 1 is 2 and mailbox "A" exists { file "A" }',
        "keep",
    ),
    Scenario(
        "conditions are tried no further than needed: or",
        'rule when 1 is 1 or mailbox "A" exists { file "A" }',
        'file "A"',
    ),
    Scenario(
        "only the world knows whether a mailbox exists",
        'rule when mailbox "A" exists { file "A" }',
        'need: mailbox "A" exists',
    ),
    Scenario(
        "a question comes up only on the path taken",
        'rule { file "B" }\nrule when mailbox "A" exists { file "A" }',
        'file "B"',
    ),
]

EXTRAS = [
    Scenario("a copy, so it is kept as well", 'rule { also file "A" }', 'also file "A"\nkeep'),
    Scenario(
        "an extra does not end evaluation", 'rule { also file "A" }\nrule { file "B" }', 'also file "A"\nfile "B"'
    ),
    Scenario("also keep counts for nothing beside a keep", "rule { also keep }", "keep"),
    Scenario("also keep beside a store is a copy in the inbox", 'rule { also keep file "A" }', 'also keep\nfile "A"'),
    Scenario(
        "an also block is all extras",
        'rule { also { file "A" } }\nrule { file "B" }',
        'also file "A"\nfile "B"',
    ),
    Scenario(
        "a block of extras that decides is run to its end",
        'rule { also { file "A" log "x" } log "y" }',
        'also file "A"\nlog "x"\nlog "y"\nkeep',
    ),
    Scenario(
        "flags of an also block end with it",
        'rule { flag "a" also { flag "b" unflag "a" file "A" } file "B" }',
        'flag "a"\nflag "b"\nunflag "a"\nalso file "A"\nfile "B"',
        flags={'also file "A"': "b", 'file "B"': "a"},
    ),
    Scenario(
        "variables of an also block end with it",
        'rule { set n = 1 also { set n = 2 log "{n}" } log "{n}" }',
        'log "2"\nlog "1"\nkeep',
    ),
    Scenario(
        "captures of an also block end with it",
        'rule when subject matches "H*" { also { if subject matches "He*" { log "{1}" } } log "{1}" }',
        'log "llo"\nlog "ello"\nkeep',
    ),
    Scenario("stop in an also block ends the block", 'rule { also { stop log "x" } log "y" }', 'log "y"\nkeep'),
    Scenario(
        "an if that decides in an also block ends the block",
        'rule { also { if 1 is 1 { file "A" } file "B" } file "C" }',
        'also file "A"\nfile "C"',
    ),
    Scenario(
        "also blocks stand inside one another",
        'rule { also { flag "a" also { flag "b" file "A" } file "B" } }',
        'flag "a"\nflag "b"\nalso file "A"\nalso file "B"\nkeep',
        flags={'also file "A"': "a b", 'also file "B"': "a", "keep": ""},
    ),
    Scenario(
        "an also block in a loop sees the turn, and the loop goes on",
        'rule { for each addressee { also { log "{addressee.local}" stop } } }',
        'log "ann"\nlog "dev"\nlog "carol"\nkeep',
        THREE,
    ),
    Scenario(
        "a loop in an also block goes on as a copy",
        'rule { for each to { also { for each cc { log "{to.local} {cc.local}" } } } }',
        'log "ann carol"\nlog "dev carol"\nkeep',
        THREE,
    ),
]

STORES = [
    Scenario("a message is stored once in each mailbox", 'rule { also file "A" also file "A" file "A" }', 'file "A"'),
    Scenario(
        "with the flags of all its stores there",
        'rule { flag "a" also file "A" unflag "a" flag "b" also file "A" }',
        'flag "a"\nalso file "A"\nunflag "a"\nflag "b"\nkeep',
        flags={'also file "A"': "a b", "keep": "b"},
    ),
    Scenario("mailboxes that differ in case are two", 'rule { also file "A" file "a" }', 'also file "A"\nfile "a"'),
    Scenario(
        "flags hold for every later store",
        'rule { also file "A" flag "x" also file "B" }',
        'also file "A"\nflag "x"\nalso file "B"\nkeep',
        flags={'also file "A"': "", 'also file "B"': "x", "keep": "x"},
    ),
    Scenario(
        "a flag holds for the implicit keep of later rules",
        'rule { flag "\\Seen" }\nrule { log "x" }',
        'flag "\\Seen"\nlog "x"\nkeep',
        flags={"keep": "\\Seen"},
    ),
    Scenario(
        "flags are in the order they were set",
        'rule { flag "b", "a" flag "c", "B" }',
        'flag "b", "a"\nflag "c", "B"\nkeep',
        flags={"keep": "b a c"},
    ),
    Scenario("a flag set twice is one", 'rule { flag "a", "A" }', 'flag "a"\nkeep', flags={"keep": "a"}),
    Scenario(
        "unflag in any case",
        'rule { flag "\\Seen", "work" unflag "\\SEEN", "Work" }',
        'flag "\\Seen", "work"\nunflag "\\SEEN", "Work"\nkeep',
        flags={"keep": ""},
    ),
    Scenario(
        "a flag from a message that cannot be one is left out",
        'rule { flag "{subject}", "ok" }',
        'flag "ok"\nkeep',
        fields("Subject: two words"),
        flags={"keep": "ok"},
        warning="left out",
    ),
    Scenario(
        "a flag action of which nothing is left is none",
        'rule { flag "{subject}" }',
        "keep",
        fields("Subject:"),
        warning="without a name",
    ),
    Scenario("INBOX in any case is keep", 'rule { file "inbox" }', "keep"),
    Scenario("INBOX by expansion is keep", 'rule { file "{subject}" }', "keep", fields("Subject: InBox")),
    Scenario(
        "a mailbox name that comes out empty is the inbox",
        'rule { file "{subject}" }',
        "keep",
        fields("Subject:"),
        warning="empty",
    ),
    Scenario(
        "a level that comes out empty is the inbox",
        'rule { file "lists/{subject}" }',
        "keep",
        fields("X: y"),
        warning="empty level",
    ),
    Scenario(
        "an extra whose name comes out empty is an extra",
        'rule { also file "{list-id}" file "A" }',
        'also keep\nfile "A"',
        warning="empty",
    ),
    Scenario("keep twice is once", 'rule { also file "{list-id}" }', "keep", warning="empty"),
    Scenario("a store with create never needs to know", 'rule { file "A" create never }', 'need: mailbox "A" exists'),
    Scenario(
        "create never in a mailbox that is there",
        'rule { file "A" create never }',
        'file "A" create never',
        facts={("mailbox exists", "A"): True},
    ),
    Scenario(
        "create never in a mailbox that is not",
        'rule { file "A" create never }',
        "keep",
        facts={("mailbox exists", "A"): False},
        warning="does not exist",
    ),
    Scenario(
        "stored once, with and without create never",
        'rule { also file "A" file "A" create never }',
        'file "A"',
        facts={("mailbox exists", "A"): True},
    ),
    Scenario("a Maildir by its path", 'rule { file maildir "~/Other" }', 'file maildir "~/Other"'),
    Scenario("an mbox", 'rule { file mbox "~/mail/box" }', 'file mbox "~/mail/box"'),
    Scenario("an MH folder", 'rule { file mh "~/Mail/inbox" }', 'file mh "~/Mail/inbox"'),
    Scenario(
        "an mbox and an MH folder of one name are two mailboxes",
        'rule { also file mbox "m" file mh "m" }',
        'also file mbox "m"\nfile mh "m"',
    ),
    Scenario(
        "an mbox gets the message once, with the flags of both",
        'rule { flag "a" also file mbox "m" flag "b" file mbox "m" }',
        'flag "a"\nfile mbox "m"\nflag "b"',
        flags={'file mbox "m"': "a b"},
    ),
    Scenario(
        "an inbox that is an mbox is not stored into twice",
        'inbox mbox "/var/mail/ann"\nrule { also file mbox "/var/mail/ann" }',
        'file mbox "/var/mail/ann"',
    ),
    Scenario(
        "what expands in an mbox's path is one level of it",
        'rule { file mbox "~/m/{subject}" }',
        'file mbox "~/m/______etc"',
        fields("Subject: ../../etc"),
        warning="was made",
    ),
    Scenario(
        "what expands in an MH folder's path is one level of it",
        'rule { file mh "~/m/{subject}" }',
        'file mh "~/m/_var_mail_bob"',
        fields("Subject: /var/mail/bob"),
        warning="was made",
    ),
    Scenario(
        "a level of a path that comes out as the one above is the inbox",
        'rule { file mbox "~/m/.{subject}." }',
        "keep",
        fields("Subject:"),
        warning="a level '..'",
    ),
    Scenario(
        "what expands in a path is one level of it",
        'rule { file maildir "~/m/{subject}" }',
        'file maildir "~/m/______etc"',
        fields("Subject: ../../etc"),
        warning="was made",
    ),
    Scenario(
        "a level of a path that comes out empty is the inbox",
        'rule { file maildir "~/m/{subject}" }',
        "keep",
        fields("Subject:"),
        warning="empty level",
    ),
    Scenario(
        "the inbox elsewhere, and a store there is one",
        'inbox "Home"\nrule { also file "Home" }',
        'also file "Home"\nkeep',
        warning="",
    ),
]
STORES[-1] = Scenario(
    "where the inbox is a mailbox, a store there is the keep",
    'inbox "Home"\nrule { flag "a" also file "Home" }',
    'flag "a"\nfile "Home"',
    flags={'file "Home"': "a"},
)

LOOPS = [
    Scenario(
        "for each addressee",
        'rule { for each addressee { log "{addressee}" } }',
        'log "Ann <ann@example.org>"\nlog "dev@lists.example.org"\nlog "Carol <carol@example.com>"\nkeep',
        THREE,
    ),
    Scenario("for each from", 'rule { for each from { log "{from.address}" } }', 'log "bob@example.net"\nkeep', THREE),
    Scenario(
        "for each text field",
        'rule { for each subject { log "{subject}" } }',
        'log "a"\nlog "b"\nkeep',
        fields("Subject: a", "Subject: b"),
    ),
    Scenario(
        "in a loop the field means that one",
        'rule { for each to { if to.domain is "lists.example.org" { file "{to.local}" } } }',
        'file "dev"',
        THREE,
    ),
    Scenario(
        "in a loop other fields are whole",
        'rule { for each to { log "{cc.local}" } }',
        'log "carol"\nlog "carol"\nkeep',
        THREE,
    ),
    Scenario(
        "continue in a loop is the next turn",
        'rule { for each to { if to.local is "ann" { continue } log "{to.local}" } }',
        'log "dev"\nkeep',
        THREE,
    ),
    Scenario(
        "a block that decides ends the loop", 'rule { for each to { file "{to.local}" } log "x" }', 'file "ann"', THREE
    ),
    Scenario(
        "a decided turn may go on with continue",
        'rule { for each to { file "{to.local}" continue } }',
        'file "ann"\nfile "dev"',
        THREE,
    ),
    Scenario(
        "stop in a loop stops all",
        'rule { for each to { log "{to.local}" stop } }\nrule { log "x" }',
        'log "ann"\nkeep',
        THREE,
    ),
    Scenario("a loop over nothing takes no turn", 'rule { for each bcc { log "x" } log "y" }', 'log "y"\nkeep', THREE),
    Scenario(
        "variables of a turn stay",
        'rule { set n = 0 for each addressee { set n = n + 1 } log "{n}" }',
        'log "3"\nkeep',
        THREE,
    ),
    Scenario(
        "loops inside one another",
        'rule { for each to { for each cc { log "{to.local}{cc.local}" } } }',
        'log "anncarol"\nlog "devcarol"\nkeep',
        THREE,
    ),
    Scenario(
        "a loop inside a loop over the same field means the inner turn",
        'rule { for each to { for each to { log "{to.local}" } log "={to.local}" } }',
        'log "ann"\nlog "dev"\nlog "=ann"\nlog "ann"\nlog "dev"\nlog "=dev"\nkeep',
        THREE,
    ),
    Scenario(
        "continue of an inner loop is its own",
        'rule { for each to { for each cc { continue } log "{to.local}" } }',
        'log "ann"\nlog "dev"\nkeep',
        THREE,
    ),
    Scenario(
        "for each match",
        'rule { for each match of /\\[([a-z])\\]/ in subject { log "{0} {1}" } }',
        'log "[a] a"\nlog "[b] b"\nlog "[c] c"\nkeep',
        THREE,
    ),
    Scenario("for each match of none", 'rule { for each match of /x(y)/ in subject { log "{1}" } }', "keep", THREE),
    Scenario(
        "for each match in a text of several values",
        'rule { for each match of /n/ in to { log "x" } }',
        'log "x"\nlog "x"\nlog "x"\nkeep',
        fields("To: ann, hans"),
    ),
    Scenario(
        "a deciding turn ends a loop over matches",
        'rule { for each match of /([a-z])\\]/ in subject { file "{1}" } }',
        'file "a"',
        THREE,
    ),
    Scenario(
        "in a loop exists asks of that one",
        'rule { for each to { if to.name exists { log "{to.name}" } } }',
        'log "Ann"\nkeep',
        THREE,
    ),
    Scenario(
        "in a loop a glob takes the address, a regex the whole",
        'rule { for each to { if to matches "ann@*" and to matches /^Ann </ { log "yes" } } }',
        'log "yes"\nkeep',
        THREE,
    ),
    Scenario(
        "count of a field in its own loop is one",
        'rule { for each to { log "{to.local}" if count of to is 1 { continue } stop } }',
        'log "ann"\nlog "dev"\nkeep',
        THREE,
    ),
]

PHASES = [
    Scenario(
        "the system's rules stand before the user's",
        'rule { file "U" }',
        'log "b"\nfile "U"',
        before='rule { log "b" }',
    ),
    Scenario("what before decides is final", 'rule { file "U" }', 'file "B"', before='rule { file "B" }'),
    Scenario(
        "what before decides is final, with continue too",
        'rule { file "U" }',
        'file "B"',
        before='rule { file "B" continue }',
    ),
    Scenario("before stops, and the user's rules are not tried", 'rule { file "U" }', "keep", before="rule { stop }"),
    Scenario("after always runs", 'rule { file "U" }', 'file "U"\nalso file "A"', after='rule { also file "A" }'),
    Scenario("after runs when the user stopped", "rule { stop }", 'log "a"\nkeep', after='rule { log "a" }'),
    Scenario(
        "after runs when before decided",
        'rule { file "U" }',
        'discard\nlog "a"',
        before="rule { discard }",
        after='rule { log "a" }',
    ),
    Scenario(
        "flags of before hold for the user's stores",
        'rule { file "U" }',
        'flag "x"\nfile "U"',
        before='rule { flag "x" }',
        flags={'file "U"': "x"},
    ),
    Scenario(
        "flags of after hold for the implicit keep",
        "",
        'flag "x"\nkeep',
        after='rule { flag "x" }',
        flags={"keep": "x"},
    ),
    Scenario("what before rejects is rejected", 'rule { file "U" }', 'reject "no"', before='rule { reject "no" }'),
    Scenario(
        "each phase has variables of its own",
        'rule { set n = 2 log "{n}" }',
        'log "2"\nlog "1"\nkeep',
        after='rule { set n = 1 log "{n}" }',
    ),
    Scenario(
        "an address is of the file that sets it",
        'addresses ["x@y"]\nrule when addressed to me { file "U" }',
        'log "me"\nkeep',
        before='rule when addressed to me { log "me" }',
    ),
]

MANY = fields("To: " + ", ".join([f"a{n}@x" for n in range(1_001)]))
ENDLESS = "rule { for each to { for each addressee { for each to { set n = 1 } } } }"
NESTED = "also { " * (limits.FORKS + 1) + 'log "x"' + " }" * (limits.FORKS + 1)

LIMITS = [
    Scenario(
        "too many steps keep the original, and the owner is told",
        f'rule {{ file "A" continue }}\n{ENDLESS}',
        "keep",
        fields("To: " + "a@x, " * 999),
        warning="steps",
        problem="steps",
    ),
    Scenario(
        "what before added stands when the user's rules fail",
        ENDLESS,
        'also file "B"\nkeep',
        fields("To: " + "a@x, " * 999),
        before='rule { also file "B" }',
        warning="steps",
        problem="user: the rules took",
    ),
    Scenario(
        "before's decision stands when after fails",
        "",
        'reject "no"',
        fields("To: " + "a@x, " * 999),
        before='rule { reject "no" }',
        after=ENDLESS,
        warning="steps",
        problem="after: ",
    ),
    Scenario(
        "flags of rules that failed are gone",
        f'rule {{ flag "a" }}\n{ENDLESS}',
        "keep",
        fields("To: " + "a@x, " * 999),
        warning="steps",
        problem="steps",
        flags={"keep": ""},
    ),
    Scenario(
        "a loop takes at most a thousand turns, and says so",
        'rule { set n = 0 for each to { set n = n + 1 } log "{n}" }',
        'log "1000"\nkeep',
        MANY,
        warning="first 1000 of 1001",
    ),
    Scenario(
        "a loop over matches takes at most a thousand turns",
        'rule { set n = 0 for each match of /a/ in subject { set n = n + 1 } log "{n}" }',
        'log "1000"\nkeep',
        fields("Subject: " + "a" * 1_001),
        warning="first 1000",
    ),
    Scenario(
        "too many also blocks inside one another",
        f"rule {{ {NESTED} }}",
        "keep",
        warning="also blocks",
        problem="also blocks",
    ),
    Scenario(
        "as many also blocks as there may be",
        "rule { " + "also { " * limits.FORKS + 'log "x"' + " }" * limits.FORKS + " }",
        'log "x"\nkeep',
    ),
    Scenario(
        "a text is held within its limit",
        "rule { set t = subject " + 'set t = "{t}{t}" ' * 10 + 'if t matches /^a+$/ { log "{t|truncate:3}" } }',
        'log "aaa"\nkeep',
        fields("Subject: " + "a" * 1_000),
        warning=f"cut at {limits.TEXT_CHARACTERS}",
    ),
    Scenario(
        "too many questions",
        'rule { for each to { if mailbox "{to.local}" exists { stop } if mailbox "{to.local}b" exists { stop } } }',
        "keep",
        MANY.replace("To:", "Subject: x\nTo:"),
        facts={("mailbox exists", f"a{n}{x}"): False for n in range(1_001) for x in ("", "b")},
        warning="first 1000",
        problem="questions",
    ),
    Scenario(
        "long texts compared are work too",
        'rule { for each to { for each addressee { if subject contains "x" { stop } } } }',
        "keep",
        fields("Subject: " + "a" * 30_000, "To: " + "a@x, " * 999),
        warning="steps",
        problem="steps",
    ),
]

TOTAL = [
    Scenario(
        "a value that is missing is empty text",
        'rule { log "<{subject}|{to.name}|{list-id}>" }',
        'log "<||>"\nkeep',
        fields("X: y"),
    ),
    Scenario("text that is no number counts 0", 'rule { set n = subject + 5 log "{n}" }', 'log "5"\nkeep'),
    Scenario(
        "an unset path of a variable is empty text", 'rule { if 1 is 2 { set n = 1 } log "<{n}>" }', 'log "<>"\nkeep'
    ),
    Scenario("no header at all", 'rule when subject is "x" { file "A" }', "keep", ""),
    Scenario("no octet at all, and a negated condition", 'rule when subject is not "x" { file "A" }', 'file "A"', b""),
    Scenario(
        "octets that no charset has",
        'rule when subject is "caf\u00e9" { file "A" }',
        'file "A"',
        b"Subject: caf\xe9\n\n",
    ),
    Scenario(
        "an envelope of nothing",
        'rule { log "<{recipient.detail}{envelope.sender}{client.address}>" }',
        'log "<>"\nkeep',
        envelope=Envelope(),
    ),
]

SCENARIOS = RULES + EXTRAS + STORES + LOOPS + PHASES + LIMITS + TOTAL
