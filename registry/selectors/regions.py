"""In which regions certificates are."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from ledgerdb import drafts
from ledgerdb.fields import Numbers
from registry.models import Account, Commodity, Region

Held = dict[tuple[UUID, int, int], int]


def held(account_ids: Iterable[UUID]) -> Held:
    """Return how much each account holds of each commodity in each region."""
    return {
        (row["account_id"], row["commodity_id"], row["region_id"]): row["held"]
        for row in drafts.held_regions(list(account_ids))
    }


def elsewhere(
    account: Account, commodity: Commodity, region: Region, numbers: Numbers
) -> list[dict[str, Any]]:
    """Return those of some numbers that an account holds in another region: region, first, last."""
    found = drafts.regions_of(account.id, commodity.id, numbers)
    return [row for row in found if row["region_id"] != region.id]
