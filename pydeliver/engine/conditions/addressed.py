"""`addressed to me`: one of the addressees is an address of the owner's.

The owner's addresses are those of the setting `addresses`, else the
recipient's own.  An address with a detail is the owner's if it is without.

Does not know: aliases the rule file does not list.
References: RFC 5230 section 4.5, RFC 5233.
"""

from __future__ import annotations

from pydeliver.address import Address, parse_address
from pydeliver.fold import fold
from pydeliver.vocabulary import FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydeliver.engine.conditions import Judge, Truth
    from pydeliver.engine.run import Run
    from pydeliver.rules.program import Condition


def own_addresses(run: Run) -> frozenset[str]:
    owned = run.addresses or (run.envelope.recipient,)
    return frozenset([spelling for text in owned for spelling in _spellings(parse_address(text))])


def _spellings(address: Address) -> tuple[str, str]:
    without_detail = f"{address.user}@{address.domain}" if address.domain else address.user
    return fold(address.address), fold(without_detail)


def _addressed(run: Run, condition: Condition) -> Truth:
    mine = own_addresses(run) - {""}
    addressees = [
        address
        for name in FIELDS["addressee"].headers
        for field in run.message.values(name)
        for address in field.addresses
    ]
    if run.trace is not None:
        run.trace.append(("values", tuple([address.address for address in addressees])))
    return any([spelling in mine for address in addressees for spelling in _spellings(address)])


JUDGES: dict[str, Judge] = {"addressed": _addressed}
