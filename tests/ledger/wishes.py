"""What people ask for in the property test: mostly sensible, sometimes not."""

from datetime import timedelta
from random import Random
from typing import Any

from registry.models import Account, Commodity
from tests.ledger.world import World

MONTHS_AGO = [1, 1, 2, 3, 14, 14, 30, 60]
ODD_VOLUMES = [0, -5, None, 2**63 - 2, 10**9]
ODDS = ["mint"] + ["transfer"] * 4 + ["retire"] * 2 + ["reassign_region"] * 2 + ["expire"]


def wish(chance: Random, world: World) -> tuple[str, Commodity, dict[str, Any]]:
    """Draw a kind, a commodity and what is asked for."""
    kind = chance.choice(ODDS)
    odds = {"expire": [1] * 4 + [0], "reassign_region": [0] * 6 + [1]}.get(kind, [0, 1] * 6 + [2])
    commodity = world.commodities[chance.choice(odds)]
    return kind, commodity, BY_KIND[kind](chance, world, commodity)


def volume(chance: Random) -> int | None:
    """Name a quantity: often a ten, so that blocks are equal and the rule for ties counts."""
    dice = chance.randint(1, 20)
    if dice == 20:
        return chance.choice(ODD_VOLUMES)
    return 10 * chance.randint(1, 6) if dice > 8 else chance.randint(1, 25 * dice)


def mint(chance: Random, world: World, commodity: Commodity) -> dict[str, Any]:
    """Ask for an issue: of a recent period, an old one, one to come, or one backwards."""
    trading = world.of_type("trading")
    asks = world.period(chance.choice(MONTHS_AGO), chance.randint(0, 20))
    mistake = chance.choice([""] * 9 + ["future", "backwards", "account"])
    if mistake == "future":
        asks["production_end"] = world.today + timedelta(days=2)
    elif mistake == "backwards":
        asks["production_end"] = asks["production_start"] - timedelta(days=1)
    pool = world.accounts if mistake == "account" else trading
    return asks | {
        "target": chance.choice(pool),
        "facility": chance.choice([*world.facilities[:2] * 4, *world.facilities]),
        "region": chance.choice([None, None, *world.regions]),
        "volume": volume(chance),
    }


def transfer(chance: Random, world: World, commodity: Commodity) -> dict[str, Any]:
    """Ask for a transfer, now and then between accounts that do not fit."""
    source = holder(chance, world, commodity)
    others = [account for account in world.open_trading() if account != source]
    pool = [*others * 20, *world.accounts]
    return {"source": source, "target": chance.choice(pool)} | selection(
        chance, world, commodity, source
    )


def retire(chance: Random, world: World, commodity: Commodity) -> dict[str, Any]:
    """Ask for a retirement, now and then into somebody else's account."""
    source = holder(chance, world, commodity)
    own = [a for a in world.of_type("retirement") if a.organisation_id == source.organisation_id]
    pool = [*own * 12, *world.of_type("retirement"), world.accounts[0]]
    return {
        "source": source,
        "target": chance.choice(pool),
        "beneficiary": "Town of Exampleton",
        "reason": "Supply of 2026",
    } | selection(chance, world, commodity, source)


def reassign_region(chance: Random, world: World, commodity: Commodity) -> dict[str, Any]:
    """Ask for another region, allowed or not."""
    source = holder(chance, world, commodity)
    asks = {"source": source} | selection(chance, world, commodity, source)
    here, there = chance.choice([*[(0, 1), (1, 2)] * 4, (2, 0), (1, 1), (None, 1)])
    asks["filter_region"] = None if here is None else world.regions[here]
    return asks | {"region": world.regions[there]}


def expire(chance: Random, world: World, commodity: Commodity) -> dict[str, Any]:
    """Ask for an expiry run, of everything or of a few blocks."""
    return {"max_blocks": chance.choice([None, None, 1, 2, 0])}


def holder(chance: Random, world: World, commodity: Commodity) -> Account:
    """Choose a source: mostly an account that holds something."""
    holding = [a for a in world.open_trading() if world.ledger.holdings(a.pk, commodity.pk)]
    pool = holding * 8 or world.open_trading() * 4
    return chance.choice([*pool, *world.of_type("trading"), world.accounts[-1]])


def selection(
    chance: Random, world: World, commodity: Commodity, source: Account
) -> dict[str, Any]:
    """Ask by quantity, by quantity within filters, or by numbers."""
    how = chance.choice(["quantity", "quantity", "filters", "numbers", "numbers"])
    if how == "numbers":
        return numbers(chance, world, commodity, source)
    asks: dict[str, Any] = {"volume": volume(chance)}
    if how == "filters":
        asks["filter_facility"] = chance.choice([None, None, *world.facilities[:2]])
        asks["filter_region"] = chance.choice([None, *world.regions])
        period = world.period(chance.choice(MONTHS_AGO), chance.randint(0, 20))
        bound = chance.choice(["", "", "from", "to"])
        if bound == "from":
            asks["filter_produced_from"] = period["production_start"]
        elif bound == "to":
            asks["filter_produced_to"] = period["production_end"]
    return asks


def numbers(chance: Random, world: World, commodity: Commodity, source: Account) -> dict[str, Any]:
    """Name numbers: inside the blocks held, across them, or somebody else's."""
    held = world.ledger.holdings(source.pk, commodity.pk)
    ranges = []
    for _ in range(chance.randint(1, 3)):
        if held and chance.randint(0, 9):
            block = chance.choice(held)
            low, high = block.first, block.last
        else:
            low, high = 1, 500
        first = chance.randint(low, high)
        ranges.append((first, chance.randint(first, high)))
    total = sum(last - first + 1 for first, last in ranges)
    return {"ranges": tuple(ranges), "volume": chance.choice([None] * 6 + [total] * 3 + [7])}


BY_KIND = {
    "mint": mint,
    "transfer": transfer,
    "retire": retire,
    "reassign_region": reassign_region,
    "expire": expire,
}
