"""Slips that people make, each with an example, what is said of it, and what to write instead.

A slip is known by its line: the pattern is searched in the line of the mistake,
and counts where the mistake lies in what it matched.  The first that counts is
told.  The examples are tests: a row whose example is told something else fails.
`{word}` in a text or a hint is a group of the pattern; the group `here`, if any, is what is marked.

Does not know: the grammar; what is expected where no row fits, diagnose.py says.
"""

from __future__ import annotations

from pydeliver.value import value

__all__ = ["SLIPS", "Slip"]


@value
class Slip:
    """One habit or slip; `example` shows it at its most usual, `needs` is a word that must be possible there."""

    example: str
    pattern: str
    text: str
    hint: str
    needs: str = ""


_STATEMENT = "_FILE"  # possible where an action is
_ITEM = "_RULE"  # possible where an item of the file is
_COMPARISON = "IS"

_PROCMAIL = (
    Slip(
        ":0 c\n* ^TOann\nbackup",
        r"^\s*:\s*0?\s*[A-Za-z]*c[A-Za-z]*\s*:?.*$",
        "this begins a procmail recipe that works on a copy",
        'procmail\'s c flag is \'also\' here: rule "Backup" {{ also file "backup" }}',
    ),
    Slip(
        ":0 fw\n| spamc",
        r"^\s*:\s*0?\s*[A-Za-z]*f[A-Za-z]*\s*:?.*$",
        "this begins a procmail filter recipe",
        'procmail\'s f flag is \'rewrite\' here: rule "Filter" {{ rewrite ["spamc"] }}',
    ),
    Slip(
        ":0:\n* ^Subject:.*urgent\nurgent",
        r"^\s*:\s*0?.*$",
        "this begins a procmail recipe",
        'a recipe is a rule here: rule "Urgent" when subject contains "urgent" {{ file "urgent" }}',
    ),
    Slip(
        'rule "Urgent" {\n* ^Subject:.*urgent\n}',
        r"^\s*\*\s*!?\s*\^(?P<field>[A-Za-z][\w-]*):\s*(?:\.\*)?(?P<rest>.*)$",
        "this is a procmail condition on {field}",
        'conditions stand after when: rule "Name" when header "{field}" matches /{rest}/ {{ … }}',
    ),
    Slip(
        "* < 256000",
        r"^\s*\*\s*!?\s*[<>]\s*\d+.*$",
        "this is a procmail condition on the size",
        'write it after when: rule "Small" when size < 256K {{ … }}',
    ),
    Slip(
        "* ? grep -q foo",
        r"^\s*\*\s*!?\s*\?.*$",
        "this is a procmail condition that runs a program",
        'write it after when: rule "Name" when run ["grep", "-q", "foo"] succeeds {{ … }}',
    ),
    Slip(
        "* ^TO_ann@example.org",
        r"^\s*\*\s*!?\s*\^?TO_?.*$",
        "this is a procmail condition on the recipients",
        'write it after when: rule "Name" when addressee is "ann@example.org" {{ … }}',
    ),
    Slip(
        "* B ?? unsubscribe",
        r"^\s*\*.*$",
        "this is a procmail condition",
        'conditions stand after when: rule "Name" when body contains "unsubscribe" {{ … }}',
    ),
    Slip(
        'rule "Vacation" {\n    | vacation ann\n}',
        r"^[^|\"'/]*(?<!\|)\|(?!\|)\s*(?P<command>\w[^\s{}\"]*).*$",
        "a program is not started with '|'",
        'write pipe ["{command}"], each argument a text of its own',
        _STATEMENT,
    ),
    Slip(
        'rule "On" {\n    ! ann@example.net\n}',
        r"!\s*(?P<address>[^\s\"'{},]+@[^\s\"'{},]+)",
        "a message is not passed on with '!'",
        'write redirect "{address}"',
        _STATEMENT,
    ),
    Slip(
        "INCLUDERC=$HOME/.procmail/lists.rc",
        r"^\s*(?:INCLUDERC|SWITCHRC)\s*=\s*\S*",
        "another file is not read with an assignment",
        'write include "lists.rules", which is relative to this file',
    ),
    Slip("MAILDIR=$HOME/Maildir", r"^\s*MAILDIR\s*=\s*\S*", "settings have no '='", 'write maildir "~/Maildir"'),
    Slip("DEFAULT=$HOME/Maildir/", r"^\s*DEFAULT\s*=\s*\S*", "settings have no '='", 'write inbox maildir "~/Maildir"'),
    Slip(
        "LOGFILE=$HOME/procmail.log",
        r"^\s*(?:LOGFILE|LOGABSTRACT|VERBOSE|logfile)\b.*$",
        "no log file is set in the rules",
        "leave this line out: every delivery has its line in the journal",
    ),
    Slip(
        "LOCKFILE=$HOME/.lock",
        r"^\s*(?:LOCKFILE|LOCKEXT|LOCKSLEEP|LOCKTIMEOUT|SHELL|PATH|UMASK|HOST|TRAP|SENDMAIL)\s*=.*$",
        "variables of the surroundings are not set in the rules",
        "leave this line out: locks, paths and the shell are looked after",
    ),
    Slip(
        "EXITCODE=77",
        r"^\s*EXITCODE\s*=.*$",
        "an exit code is not set in the rules",
        'refuse a message by reject "5.7.1 text", hold it off by defer "4.7.0 text"',
    ),
    Slip(
        'timezone = "Europe/Paris"',
        r"^\s*(?:maildir|inbox|addresses|timezone|include)\s*(?P<here>=)",
        "settings have no '='",
        "leave the '=' out",
    ),
    Slip(
        'friends = ["bob@example.net"]',
        r"^\s*(?P<name>[A-Za-z_]\w*)\s*=\s*\[.*",
        "a list is defined with the word list",
        "write list {name} = [ … ]",
        "SET",
    ),
    Slip(
        'friends from "friends.txt"',
        r"^\s*(?P<name>[A-Za-z_]\w*)\s+from\b",
        "a list is defined with the word list",
        "write list {name} from …",
        _ITEM,
    ),
    Slip(
        "spam with spamd",
        r"^\s*(?P<name>[A-Za-z_]\w*)\s+with\b",
        "a check is defined with the word check",
        "write check {name} with …",
        _ITEM,
    ),
    Slip(
        "MYLISTS=lists",
        r"^\s*(?P<name>[A-Za-z_][\w.]*)\s*=(?![=~<>])\s*\S*",
        "a variable is set with the word set",
        'write set {name} = "value"',
        "SET",
    ),
    Slip(
        'rule "Match" { file $MATCH }',
        r"\$\{?\w+\}?",
        "a variable is not written with '$'",
        'name it in a text: "{{name}}"; groups of a pattern are "{{1}}", "{{2}}"',
    ),
)

_SIEVE = (
    Slip(
        'require ["fileinto", "copy"];',
        r"\brequire\b.*$",
        "nothing needs to be required here",
        "leave Sieve's require out",
    ),
    Slip(
        'rule "Copy" { redirect :copy "ann@example.net" }',
        r"\b(?P<action>redirect|fileinto|file)\s+:copy\b",
        "unknown option ':copy'",
        "Sieve's :copy is 'also' here, before the action: also redirect \"ann@example.net\"",
    ),
    Slip(
        'rule "Spam" { fileinto "Junk" }',
        r"(?P<here>\bfileinto\b)(?:\s+:\w+)*(?:\s+\"(?P<mailbox>[^\"]*)\")?",
        "unknown action 'fileinto'",
        "Sieve's fileinto is 'file' here: file \"{mailbox}\"",
    ),
    Slip(
        'rule "A" { if size > 1M { keep } elsif size > 2M { discard } }',
        r"\b(?P<word>elsif|elif|elseif)\b",
        "unknown word '{word}'",
        "write it as two words: else if",
    ),
    Slip(
        'rule "A" when anyof (subject contains "a", subject contains "b") { keep }',
        r"\banyof\b\s*\(?",
        "conditions are not gathered by anyof",
        'put \'or\' between them: subject contains "a" or subject contains "b"',
    ),
    Slip(
        'rule "A" when allof (subject contains "a", size > 1K) { keep }',
        r"\ballof\b\s*\(?",
        "conditions are not gathered by allof",
        "put 'and' between them: subject contains \"a\" and size > 1K",
    ),
    Slip(
        'rule "A" { if header :contains "Subject" "money" { keep } }',
        r"\bheader\s+:(?P<how>\w+)(?:\s+:\w+)*(?:\s+\"(?P<name>[^\"]*)\")?",
        "the field comes before the comparison here",
        'write header "{name}" {how} "word"',
    ),
    Slip(
        'rule "A" { if address :is "From" "ann@example.org" { keep } }',
        r"\b(?:address|envelope)\s+:\w+(?:\s+:\w+)*",
        "addresses are compared by the name of their field",
        'write from is "ann@example.org", or from.domain is "example.org"',
    ),
    Slip(
        "if size :over 100K { keep }",
        r"\bsize\s+:(?:over|under)\b",
        "a size is compared with < or >",
        "write size > 100K",
    ),
    Slip(
        'rule "A" when exists "X-Spam" { keep }',
        r"\bexists\s+[\"\[]\S*",
        "exists comes after the field here",
        'write header "X-Spam" exists',
    ),
    Slip(
        'rule "A" { vacation :days 7 "I am away." }',
        r"\bvacation\b.*",
        "unknown action 'vacation'",
        'Sieve\'s vacation is \'reply\' here: reply once per 7d, subject "Away" "I am away."',
    ),
    Slip(
        'rule "A" { addflag "\\\\Seen" }',
        r"\b(?P<word>addflag|setflag)\b",
        "unknown action '{word}'",
        'write flag "\\Seen"; it holds for every later store of the message',
    ),
    Slip(
        'rule "A" { removeflag "\\\\Seen" }',
        r"\bremoveflag\b",
        "unknown action 'removeflag'",
        'write unflag "\\Seen"',
    ),
    Slip(
        'rule "A" { addheader "X-Seen" "yes" }',
        r"\b(?P<word>addheader|deleteheader)\b",
        "unknown action '{word}'",
        'write header add "X-Seen" "yes", or header remove "X-Seen"',
    ),
    Slip(
        'rule "A" { ereject "5.7.1 no" }',
        r"\bereject\b",
        "unknown action 'ereject'",
        "write reject: it refuses while the sender's server waits",
    ),
    Slip(
        'rule "A" when true { keep }',
        r"\b(?P<word>true|false)\b\s*\{?",
        "'{word}' is no condition",
        "leave when and its condition out: a rule without when always runs",
    ),
    Slip(
        'rule "A" { keep; }',
        r";\s*$|;",
        "nothing ends with ';' here",
        "leave the ';' out",
    ),
    Slip(
        "/* my rules */",
        r"/\*.*$",
        "a comment does not begin with '/*'",
        "begin each line of a comment with '#'",
    ),
    Slip(
        'rule "A" { file "a"  // lists\n}',
        r"//.*$",
        "a comment does not begin with '//'",
        "begin it with '#'",
    ),
)

_MAILDROP = (
    Slip(
        'rule "A" { to "|vacation ann" }',
        r"\b(?:to|cc)\s+[\"']\s*\|\s*(?P<command>\w[^\s\"']*).*",
        "a message is not given to a program by to or cc",
        'write pipe ["{command}"], each argument a text of its own',
        _STATEMENT,
    ),
    Slip(
        'rule "A" { to "!ann@example.net" }',
        r"\b(?:to|cc)\s+[\"']\s*!\s*(?P<address>[^\s\"']*).*",
        "a message is not passed on by to or cc",
        'write redirect "{address}"',
        _STATEMENT,
    ),
    Slip(
        'rule "A" { to "Maildir/.Junk" }',
        r"\bto\b",
        "unknown action 'to'",
        "maildrop's to is 'file' here: file \"Junk\"",
        _STATEMENT,
    ),
    Slip(
        'rule "A" { cc "Maildir/.Copy" }',
        r"\bcc\b",
        "unknown action 'cc'",
        "maildrop's cc is 'also file' here: also file \"Copy\"",
        _STATEMENT,
    ),
    Slip(
        'rule "A" { xfilter "spamc" }',
        r"\bxfilter\b",
        "unknown action 'xfilter'",
        "maildrop's xfilter is 'rewrite' here: rewrite [\"spamc\"]",
    ),
    Slip(
        "if (/^Subject:.*money/:h) { keep }",
        r"\(\s*!?\s*/\^?(?P<field>[A-Za-z][\w-]*):(?:[^/\\]|\\.)*/?:?\w*",
        "a pattern is matched with a field here",
        'write if header "{field}" matches /money/',
    ),
    Slip(
        "if (/money/:b) { keep }",
        r"\(\s*!?\s*/(?:[^/\\]|\\.)*/?:?\w*",
        "a pattern is matched with a field here",
        "write if subject matches /money/, or body matches /money/",
    ),
    Slip(
        "if size > 1K && size < 1M { keep }",
        r"&&?",
        "conditions are not joined by '&&'",
        "write and",
    ),
    Slip(
        "if size > 1K || size < 1M { keep }",
        r"\|\|",
        "conditions are not joined by '||'",
        "write or",
    ),
    Slip(
        'rule "A" { exception { keep } }',
        r"\bexception\b.*",
        "unknown word 'exception'",
        "leave it out: an error in a rule keeps the message in the inbox",
    ),
    Slip(
        'if lookup($FROM, "friends.txt") { keep }',
        r"\blookup\b\s*\(?",
        "there is no function lookup",
        'write list friends from "friends.txt", and in the rule: from in friends',
    ),
    Slip(
        'if hasaddr("ann@example.org") { keep }',
        r"\bhasaddr\b\s*\(?",
        "there is no function hasaddr",
        'write addressee is "ann@example.org"',
    ),
    Slip(
        'rule "A" { foreach /^Received:.*/ { log "hop" } }',
        r"\bforeach\b",
        "unknown word 'foreach'",
        "write it as two words: for each",
    ),
    Slip(
        'rule "A" { while size > 1K { keep } }',
        r"\bwhile\b",
        "there is no while",
        "go through things with for each, as in for each attachment {{ … }}",
    ),
    Slip(
        "import SENDER\n",
        r"\bimport\b.*",
        "nothing is imported",
        "leave this line out: the sender is envelope.sender, the recipient is recipient",
        _ITEM,
    ),
    Slip(
        'rule "A" { exit }',
        r"\b(?P<word>exit|return|finish|done|end)\b",
        "unknown action '{word}'",
        "write stop: no later rule is tried then",
        _STATEMENT,
    ),
    Slip(
        'rule "A" { echo "5.7.1 no" }',
        r"\becho\b",
        "unknown action 'echo'",
        'write log "text" for the journal, or reject "5.7.1 text" to refuse the message',
    ),
    Slip(
        'rule "A" { file `date +%Y` }',
        r"`.*",
        "a command is not run in '`'",
        'the date is in a text: "{{now:%Y}}"; a program\'s answer is a condition: run ["cmd"] outputs /re/',
    ),
)

_GENERAL = (
    Slip(
        "rule “Spam” { keep }",
        r"[“”„‟‘’‚«»]",
        "this is a typographic quote",
        'write texts in straight quotes: "Spam"',
    ),
    Slip(
        'rule "A" when subject != "a" { keep }',
        r"!=|<>",
        "texts are not compared with '!='",
        "write is not",
    ),
    Slip(
        'rule "A" when subject == "a" { keep }',
        r"==",
        "texts are not compared with '=='",
        "write is",
    ),
    Slip(
        'rule "A" when subject =~ /a/ { keep }',
        r"=~",
        "patterns are not matched with '=~'",
        "write matches",
    ),
    Slip(
        'rule "A" when size => 1M { keep }',
        r"=[<>]",
        "unknown comparison",
        "write >= or <=, the '=' last",
    ),
    Slip(
        'rule "A" when subject = "a" { keep }',
        r"=",
        "texts are not compared with '='",
        "write is; '=' stands only in list and set",
        _COMPARISON,
    ),
    Slip(
        'rule "A" when !subject contains "a" { keep }',
        r"!",
        "a condition is not turned round with '!'",
        "write not before it",
    ),
    Slip(
        'rule "A" when subject does not contain "a" { keep }',
        r"\b(?:does|do|is)\s+not\s+contains?\b",
        "'not' stands before the whole comparison",
        'write not subject contains "a"',
    ),
    Slip(
        'rule "A" when subject not contains "a" { keep }',
        r"\bnot\s+(?P<word>contains|matches|exists|starts|ends|within|between|is)\b",
        "'not' stands before the whole comparison",
        "write not before the field, as in not subject {word} …",
    ),
    Slip(
        'rule "A" when subject contains "a" then { keep }',
        r"\bthen\b",
        "there is no then",
        "leave it out: what is done stands between '{{' and '}}'",
    ),
    Slip(
        'rule "A" { if size > 1M do { keep } }',
        r"\b(?:do|begin)\b",
        "what is done stands between '{{' and '}}'",
        "leave this word out",
    ),
    Slip(
        'rule "A" when subject contains "a" xor size > 1K { keep }',
        r"\b(?:xor|nor|nand|but|unless|except)\b",
        "conditions are joined by and, or, and not",
        "write and not for except",
    ),
)

SLIPS = (*_PROCMAIL, *_SIEVE, *_MAILDROP, *_GENERAL)
