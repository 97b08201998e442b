"""The message: a lazy, immutable view over the octets received.

`view` finds what is there, `header` its fields, `text` and `addresses` what they
say, `mime` its parts, `edit` lays changes over it.  Any octets are a message; nothing raises.

Does not know: rules, mailboxes, the world.
"""
