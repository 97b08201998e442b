"""Scenarios of `redirect`: where a message may go on to, and where it ends in the inbox instead.

References: the manual's page on the rule language.
"""

from __future__ import annotations

from pydeliver.envelope import Envelope
from pydeliver.limits import REDIRECT_HOPS
from tests.scenarios.scenario import Scenario, fields

ANN = Envelope("bob@example.net", "ann@example.org")
HOSTILE = [
    *("-oQ/tmp/x", "-oQ/tmp/x@example.net", "--", "-t", "|cmd", '"|cmd"@x', "|cmd@x", "/etc/passwd", "/tmp/x@y"),
    *(":include:/etc/passwd", "a@x, b@y", "a@x,b@y", "a@x b@y", "a@x;b@y", "<a@x> <b@y>", "Ann <a@x>", "a@x (b@y)"),
    *("a@x\r\nBcc: b@y", "a\nb@x", "a\0b@x", "a\x1b@x", "a\x7f@x", "a\u202e@x", "a@x\u2028b", "'a' b@x", '"a b"@x'),
    *("a@x`id`", "a@$(id)", "@a,@b:c@x", "a@[127.0.0.1]", "a@", "@x", "a\\@x", "!a@x", "a" * 65 + "@x"),
    "a@" + "b" * 300,
]


def hostile(address: str) -> Scenario:
    """A value of the world is no address, and so the message is kept."""
    envelope = Envelope("bob@example.net", "ann@example.org", auth_user=address)
    rules = 'rule { redirect "{auth.user}" }'
    return Scenario(f"{address!r:.40} is no address", rules, "keep", envelope=envelope, warning="left out: redirect")


REDIRECTS = [
    Scenario("a redirect decides", 'rule { redirect "bob@example.net" }', 'redirect "bob@example.net"'),
    Scenario(
        "to several, with a sender",
        'rule { redirect "a@example.net", "b@example.net", sender null }',
        'redirect "a@example.net", "b@example.net" sender null',
    ),
    Scenario(
        "the sender may be kept, or the recipient",
        'rule { also redirect "a@example.net" sender keep  also redirect "b@example.net" sender me }',
        'also redirect "a@example.net" sender keep\nalso redirect "b@example.net" sender me\nkeep',
    ),
    Scenario(
        "an extra leaves the implicit keep standing",
        'rule { also redirect "a@example.net" }',
        'also redirect "a@example.net"\nkeep',
    ),
    Scenario(
        "a redirect beside a store",
        'rule { file "A" redirect "a@example.net" }\nrule { file "B" }',
        'file "A"\nredirect "a@example.net"',
    ),
    Scenario("an address expands", 'rule { redirect "{from.user}@home.example" }', 'redirect "bob@home.example"'),
    Scenario("a name without a domain is somebody here", 'rule { redirect "carol" }', 'redirect "carol"'),
    Scenario(
        "an address that comes out as none leaves its action out, and the message is kept",
        'rule { redirect "{reply-to.address}" }',
        "keep",
        warning='left out: redirect "": the address is empty',
    ),
    Scenario(
        "of several it is left out alone",
        'rule { redirect "{cc.address}", "a@example.net" }',
        'redirect "a@example.net"',
        warning="left out",
    ),
    Scenario(
        "the same address twice is one",
        'rule { redirect "a@example.net", "A@Example.Net" }',
        'redirect "a@example.net"',
    ),
    Scenario(
        "in two actions too, and of these the first is done",
        'rule { also redirect "a@example.net" sender me }\nrule { redirect "a@example.net", "b@example.net" }',
        'also redirect "a@example.net" sender me\nredirect "b@example.net"',
    ),
    Scenario(
        "if one of these decides, the first does",
        'rule { also redirect "a@example.net" }\nrule { redirect "a@example.net" }',
        'redirect "a@example.net"',
    ),
    Scenario(
        "what the administrator refuses keeps the message as it came",
        'rule { flag "\\Seen" redirect "a@example.net" }',
        "keep",
        facts={("refusal", "redirect"): "root runs no programs"},
        flags={"keep": ""},
        warning="root runs no programs",
        problem="root runs no programs",
    ),
    Scenario(
        "a rejected message goes nowhere",
        'rule { also redirect "a@example.net"  reject "no" }',
        'reject "no"',
        warning='not done, for the message is rejected: also redirect "a@example.net"',
    ),
]

PIPES = [
    Scenario("a pipe decides", 'rule { pipe ["lpr", "-P", "{subject}"] }', 'pipe ["lpr", "-P", "Hello"]'),
    Scenario(
        "a part of the message, and a time",
        'rule { pipe body ["lpr"] timeout 2m }\nrule { file "A" }',
        'pipe body ["lpr"] timeout 120s',
    ),
    Scenario("an extra pipe leaves the keep", 'rule { also pipe header ["log"] }', 'also pipe header ["log"]\nkeep'),
    Scenario(
        "what expands is one argument, whatever is in it",
        'rule { pipe ["lpr", "{subject}"] }',
        'pipe ["lpr", "a \\" ; $(id) -- b"]',
        fields('Subject: a " ; $(id) -- b'),
    ),
    Scenario(
        "a program the administrator refuses keeps the message",
        'rule { pipe ["lpr", "x"] }',
        "keep",
        facts={("refusal", "pipe", "lpr", "x"): "the administrator refuses pipe"},
        warning="the administrator refuses pipe",
        problem="the administrator refuses pipe",
    ),
    Scenario(
        "a rejected message goes to no program",
        'rule { also pipe ["log"] reject "no" }',
        'reject "no"',
        warning='not done, for the message is rejected: also pipe ["log"]',
    ),
]

LOOPS = [
    Scenario(
        "to the recipient himself is keep",
        'rule "R" { redirect "Ann@example.org" }',
        "keep",
        warning='not sent to "Ann@example.org": it is the recipient\'s own',
    ),
    Scenario(
        "with a detail less too",
        'rule { redirect "ann@example.org" }',
        "keep",
        envelope=Envelope("bob@example.net", "ann+x@example.org"),
        warning="the recipient's own",
    ),
    Scenario("by his name alone too", 'rule { redirect "ann" }', "keep", warning="the recipient's own"),
    Scenario(
        "of several he is left out alone",
        'rule { redirect "ann@example.org", "bob@example.net" }',
        'redirect "bob@example.net"',
        warning="the recipient's own",
    ),
    Scenario(
        "an extra to himself is an extra keep, which the keep takes in",
        'rule { also redirect "ann@example.org" }',
        "keep",
        warning="the recipient's own",
    ),
    Scenario(
        "where the message has been it is not sent again",
        'rule { redirect "Bob@example.net" }\nrule { file "A" }',
        "keep",
        fields("Delivered-To: ann@example.org", "Received: x", "Delivered-To: bob@Example.net"),
        warning="it has been there",
    ),
    Scenario(
        "a name alone is one of this domain there as well",
        'rule { redirect "bob" }',
        "keep",
        fields("Delivered-To: <bob@example.org>"),
        warning="it has been there",
    ),
    Scenario(
        "where it has been is what the mail servers say, not what rules make of it",
        'rule { header remove "Delivered-To" redirect "bob@example.net" }',
        'header remove "Delivered-To"\nkeep',
        fields("Delivered-To: bob@example.net"),
        warning="it has been there",
    ),
    Scenario(
        "somewhere else it may go",
        'rule { redirect "carol@example.net" }',
        'redirect "carol@example.net"',
        fields("Delivered-To: bob@example.net"),
    ),
    Scenario(
        "so many servers are a loop",
        'rule { redirect "a@example.net" }',
        "keep",
        fields(*["Received: x"] * (REDIRECT_HOPS + 1)),
        warning=f"the message has come through {REDIRECT_HOPS + 1} mail servers",
    ),
    Scenario(
        "one less are none",
        'rule { redirect "a@example.net" }',
        'redirect "a@example.net"',
        fields(*["Received: x"] * REDIRECT_HOPS),
    ),
    Scenario(
        "a message goes to four addresses at most",
        'rule { for each to { also redirect "{to}" } }',
        "\n".join([f'also redirect "{n}@x"' for n in "abcd"] + ["keep"]),
        fields("To: a@x, b@x, c@x, a@x, d@x, e@x"),
        warning='left out: redirect "e@x": a message goes to 4 addresses at most',
    ),
    Scenario(
        "a fifth that decides is left out, and the message is kept",
        'rule { also redirect "a@x", "b@x"  also redirect "c@x", "d@x" }\nrule { redirect "e@x" }',
        'also redirect "a@x", "b@x"\nalso redirect "c@x", "d@x"\nkeep',
        warning="4 addresses at most",
    ),
    Scenario(
        "one of the four may be said again",
        'rule { also redirect "a@x", "b@x", "c@x", "d@x" }\nrule { redirect "B@x" }',
        'redirect "a@x", "b@x", "c@x", "d@x"',
    ),
]

SCENARIOS = REDIRECTS + PIPES + LOOPS + [hostile(address) for address in HOSTILE]
