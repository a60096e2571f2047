"""The statements of retirements: for those who see the request, and for whoever has a reference."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404

from ledgerdb import pages, statements
from registry.models import Request, User
from registry.selectors import requests

Row = dict[str, Any]
PAGE = 100


@dataclass(frozen=True)
class Statement:
    """What a statement says, and a page of its ranges."""

    facts: Row
    ranges: list[Row]
    # The page before starts nowhere else than at the top; the next one after this number.
    is_first: bool
    after: int | None

    @property
    def is_whole(self) -> bool:
        """Say whether every range is here."""
        return self.is_first and self.after is None

    @property
    def blocks_stay(self) -> bool:
        """Say whether every block is still retired; only for a public statement was it asked."""
        blocks: int = self.facts["blocks"]
        return blocks > 0 and blocks == self.facts["blocks_retired"]

    @property
    def is_confirmed(self) -> bool:
        """Say whether the ledger, asked just now, still says so."""
        return self.blocks_stay and bool(self.facts["link_holds"])


def of_request(user: User, number: int, *, after: int = 0, whole: bool = False) -> Statement:
    """
    Return the statement of an executed retirement.

    :raises Http404: absent, somebody else's, or nothing that was retired
    """
    item = requests.get(user, number)
    if item.kind != Request.Kind.RETIRE or item.transaction_id is None:
        raise Http404("No such statement.")
    with pages.one_snapshot():
        facts = statements.statement(item.transaction_id)
        if facts is None:
            raise Http404("No such statement.")
        return _page(facts, after, whole=whole)


def public(reference: str, *, after: int = 0, whole: bool = False) -> Statement | None:
    """Return what anybody may read who knows a reference, checked just now; None if none has it."""
    with pages.one_snapshot():
        facts = statements.public_statement(reference)
        return _page(facts, after, whole=whole) if facts else None


def _page(facts: Row, after: int, *, whole: bool) -> Statement:
    limit = None if whole else PAGE + 1
    found = statements.ranges(facts["transaction_id"], after=0 if whole else after, limit=limit)
    shown = found if whole else found[:PAGE]
    more = len(shown) < len(found)
    return Statement(
        facts=facts,
        ranges=shown,
        is_first=whole or after <= 0,
        after=shown[-1]["first_no"] if more else None,
    )
