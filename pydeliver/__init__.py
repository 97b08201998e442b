"""pydeliver: rules decide what becomes of a message, then it is done, and no message is lost.

The floor plan, lowest layer first; imports point down only:

    value address envelope status limits fold flags naming jsonline vocabulary    words every room speaks; no I/O
    message/    view header addresses text edit       a lazy immutable view of the octets received
    copies                                            what was compiled, kept
    plan                                              actions, in words and as JSON
    rules/      source ast include check lint compile program load     text in, program out; native/ is the front end
    mailbox/    maildir keywords                      stores
    protocol/   lines smtp (and LMTP)                 events in, octets out; no sockets, no clock
    config                                            the administrator's settings
    world/      process                               programs run for a rule
    engine/     evaluate conditions/ match expand facts explain    pure: message and facts to plan
    state/      places journal notices                what outlives a delivery
    delivery/   prepare deliver answer perform handover privileges    a plan is carried out
    servers/    parent listen lmtpd users trace               sockets, processes and sessions
    cli/        one file a command
    client/     the C program an MTA starts, and the hook that builds it
"""

__version__ = "0.1.0"
