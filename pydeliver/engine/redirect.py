"""`redirect`: where a message may go on to.

Not to what is no address, and not back to where it has been, to its own
recipient, or on and on: a message that goes round ends in the inbox.

Does not know: how a message is handed over.
References: RFC 5321 section 6.3 (loops), Postfix local(8) (Delivered-To).
"""

from __future__ import annotations

from pydeliver import limits
from pydeliver.address import address_mistake, parse_address
from pydeliver.plan import Action, quote
from pydeliver.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydeliver.engine.run import Run


def destinations(run: Run, said: tuple[str, ...]) -> tuple[str, ...] | None:
    """The addresses of one redirect that the message goes on to; None if it must go into the inbox instead."""
    sound = [address for address in said if _is_sound(run, address)]
    if not sound:
        return ()
    hops = len(run.received.values("received"))
    if hops > limits.REDIRECT_HOPS:
        run.note(f"the inbox instead of redirect: the message has come through {hops} mail servers")
        return None
    been = _been(run)
    away = [address for address in sound if not _comes_back(run, address, been)]
    return _within_the_limit(run, away) if away else None


def _is_sound(run: Run, address: str) -> bool:
    mistake = address_mistake(address)
    if mistake:
        run.note(f"left out: redirect {quote(address)}: {mistake}")
    return not mistake


def _been(run: Run) -> dict[str, str]:
    """Where the message has been, and how that is known."""
    own = parse_address(run.envelope.recipient)
    fields = [parse_address(field.raw_text).address for field in run.received.values("delivered-to")]
    without_detail = f"{own.user}@{own.domain}" if own.domain else own.user
    return {
        **{address.casefold(): "it has been there" for address in fields},
        **{address.casefold(): "it is the recipient's own" for address in (own.address, without_detail)},
    }


def _comes_back(run: Run, address: str, been: dict[str, str]) -> bool:
    """Whether the message has been there; a name without a domain is one of the recipient's domain."""
    domain = parse_address(run.envelope.recipient).domain
    whole = address if "@" in address or not domain else f"{address}@{domain}"
    reason = been.get(whole.casefold())
    if reason:
        run.note(f"not sent to {quote(address)}: {reason}")
    return bool(reason)


def _within_the_limit(run: Run, away: list[str]) -> tuple[str, ...]:
    """Each address once, and of those the message is not sent to yet no more than the limit leaves."""
    sent = {address.casefold() for action in run.actions for address in addresses_of(action)}
    kept: dict[str, str] = {}
    for address in away:
        key = address.casefold()
        if key in sent or len(sent | set(kept)) < limits.REDIRECTS:
            kept.setdefault(key, address)
        elif key not in kept:
            run.note(f"left out: redirect {quote(address)}: a message goes to {limits.REDIRECTS} addresses at most")
    return tuple(kept.values())


def addresses_of(action: Action) -> tuple[str, ...]:
    """The addresses an action sends to; none unless it is a redirect."""
    said = action.argument("addresses") if action.word == "redirect" else None
    return said if isinstance(said, tuple) else ()


def sent_once(actions: Iterable[Action]) -> list[Action]:
    """The same actions, each address in the first redirect only that names it.

    A redirect that is left without addresses is none; if it decided, the one before it does.
    """
    first: dict[str, int] = {}
    kept: list[Action] = []
    for action in actions:
        addresses = addresses_of(action)
        fresh = tuple([address for address in addresses if address.casefold() not in first])
        if addresses and not fresh:
            place = first[addresses[0].casefold()]
            kept[place] = replace(kept[place], also=kept[place].also and action.also)
            continue
        if fresh != addresses:
            arguments = [(name, fresh if name == "addresses" else said) for name, said in action.arguments]
            action = replace(action, arguments=tuple(arguments))
        first.update({address.casefold(): len(kept) for address in fresh})
        kept.append(action)
    return kept
