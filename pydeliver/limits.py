"""Limits: every bound on work or size, in one place, each with its reason.

Over a limit a condition does not match and the trace says so; a message is
never refused for it.  Sizes are octets, times are seconds.
"""

from __future__ import annotations

HEADER_OCTETS = 1 << 20  # searched for fields; ten times Postfix's header_size_limit
HEADER_FIELDS = 10_000  # real mail has under 200; a bomb of a million costs a second and 100 MB
ADDRESSES = 10_000  # in one field; what follows is not compared
SPOOLED_OCTETS = 1 << 20  # a larger message is kept in a file, not in memory
ENCODED_WORDS = 10_000  # decoded in one field (RFC 2047)

MIME_DEPTH = 100  # parts inside one another, as Postfix's mime_nesting_limit and Dovecot
MIME_PARTS = 10_000  # of a message, as Dovecot
MIME_HEADER_OCTETS = 1 << 20  # searched for fields, of all parts together
PARAMETERS = 1_000  # of one field (RFC 2045); Dovecot's CVE-2026-27859 was for want of it
FILE_NAME_OCTETS = 4_096  # of one name; of a longer one the end is compared, where its type stands
PART_TEXT_OCTETS = 1 << 20  # decoded and searched of one part; also of the body and the message as they came
MESSAGE_TEXT_OCTETS = 10 << 20  # of all text parts together, in the order of the message
HTML_TAGS = 50_000  # looked at in one part; a megabyte of real HTML has half as many

RULE_FILE_OCTETS = 1 << 20  # of one rule file and all that it includes; as Pigeonhole's sieve_max_script_size
INCLUDES = 255  # files a rule file includes; as Pigeonhole's sieve_include_max_includes
INCLUDE_NESTING = 10  # files that include one another; as Pigeonhole's sieve_include_max_nesting_depth
LIST_FILE_OCTETS = 1 << 27  # of a list file; five million addresses, in memory while its index is made
LIST_ENTRY_OCTETS = 1_000  # of one line of it; an address has 320 at most (RFC 5321)
LIST_OCTETS_READ = 1 << 14  # a list file up to this is read each time, in half a millisecond; a larger one has an index
NESTING = 64  # blocks, parentheses and lists in a rule file
MISTAKES = 100  # drawn of one rule file; the report says where it stopped looking
STEPS = 1_000_000  # instructions in one evaluation; a usual one takes under a thousand
FACTS = 1_000  # asked in one evaluation: for each, the rules are evaluated again
CHARACTERS_PER_STEP = 1_000  # compared; long texts count as work
INDEXED_BRANCHES = 50  # from so many on a program has an index; fewer are quicker looked at one by one
LOOP_NESTING = 4  # `for each` inside one another
TURNS = 1_000  # of one `for each`
EDITS = 1_000  # of the message in one evaluation; each makes a header anew
ARGUMENT_CHARACTERS = 8_192  # of one argument of a command; Linux takes 131,072 octets
FORKS = 16  # `also { }` inside one another
TEXT_CHARACTERS = 65_536  # of one variable or expanded text
NUMBER_MAGNITUDE = 10**15  # results of arithmetic are held between plus and minus this
PATTERN_MEMORY = 8 << 20  # RE2's own bound on one pattern

MAILBOX_LEVEL_CHARACTERS = 64  # what an expansion may contribute to one level of a mailbox name
MAILBOX_NAME_OCTETS = 200  # of the directory; the file system allows 255
NEW_MAILBOXES = 20  # made by expansion in one day
KEYWORD_CHARACTERS = 50  # Dovecot's mail_max_keyword_length
KEYWORD_LOCK_WAIT = 5  # for dovecot-uidlist.lock; a keyword is left out rather than a delivery held up
KEYWORD_LOCK_STALE = 120  # Dovecot's MAILDIR_UIDLIST_LOCK_STALE_TIMEOUT
MAILBOX_LOCK_WAIT = 30  # for an mbox that another has locked; then the mail system tries again later
SEQUENCE_LOCK_WAIT = 5  # for .mh_sequences; flags are left out rather than a delivery held up
DOT_LOCK_STALE = 500  # Postfix's stale_lock_time, for a lock of which nobody can tell whether its holder lives
MH_NUMBER = 999_999_999  # of a message: nmh counts in 32 bits

OUTPUT_OCTETS = 65_536  # kept of what a program that is asked prints; what a text may have
COMPLAINT_OCTETS = 1_000  # kept of its standard error
REWRITE_OCTETS = 100 << 20  # of the message that a program makes of another; twice what mail servers let in
PROGRAM_SECONDS = 60  # a program may take where its rule says nothing; one alone does not use up the deadline
STORING_SECONDS = 20  # of the deadline are kept from programs, so that the message can still be stored

DEADLINE = 240  # of one delivery: below Postfix's command_time_limit (1,000 s) and Exim's and OpenSMTPD's (300 s)
NOTICES_PER_DAY = 5  # in all; one a day for the same mistake
SENDER_CHARACTERS = 320  # of an envelope's sender that goes on: 64, an @, 255 (RFC 5321 section 4.5.3.1)
RETRY_RECORD_AGE = 604_800  # seconds; Postfix tries for five days (maximal_queue_lifetime), Exim for four
RETRY_RECORD_OCTETS = 200 << 20  # a plan takes a few thousand, and a message that was rewritten four thirds of itself
REDIRECTS = 4  # addresses one message goes on to; as Pigeonhole's sieve_max_redirects
REDIRECT_HOPS = 25  # Received fields of a message that still goes on; sendmail bounces at 25, Exim at 30, Postfix at 50
SENDMAIL_SECONDS = 60  # for the mail system to take a message that is redirected; Postfix needs a tenth of one
