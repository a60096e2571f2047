"""What goes well: sales, retirements, changes of region, and the expiry run."""

from collections.abc import Callable
from datetime import date
from typing import Any

from registry.demo import cast
from registry.demo.holdings import last_of_month, month_after
from registry.demo.plot import HOLDER, RULES, Plot

Act = Callable[[Plot], None]
NOTES = ("Contract {n}/{year}", "Delivery {n}, framework {year}", "", "", "Spot, trade {n}")


def sell(plot: Plot) -> None:
    """Transfer a quantity, sometimes of one plant or of one production month only."""
    commodity = any_commodity(plot)
    source = any_holder(plot, commodity, "transfer", ("producer", "trader"))
    if source is None:
        return
    target = any_buyer(plot, source)
    blocks = plot.usable(source, commodity)
    only: dict[str, Any] = {}
    if plot.dice.random() < 0.25:
        chosen = plot.dice.choice(blocks)
        only = {"filter_facility": chosen.facility}
        blocks = [block for block in blocks if block.facility == chosen.facility]
        if plot.dice.random() < 0.5:
            only |= {"filter_produced_from": chosen.produced_from}
            blocks = [block for block in blocks if block.produced_from >= chosen.produced_from]
    volume = some_of(plot, sum(block.volume for block in blocks))
    note = plot.dice.choice(NOTES).format(n=plot.dice.randint(11, 980), year=plot.at.year)
    plot.add(
        *("transfer", commodity, HOLDER[source]),
        **{"source": source, "target": target, "volume": volume, "note": note, **only},
    )
    plot.holdings.take(blocks, volume, account=target)


def sell_by_number(plot: Plot) -> None:
    """Transfer certificates named by their numbers, out of the middle of a block."""
    commodity = any_commodity(plot)
    source = any_holder(plot, commodity, "transfer", ("producer", "trader"))
    if source is None:
        return
    target = any_buyer(plot, source)
    block = plot.usable(source, commodity)[-1]
    volume = some_of(plot, block.volume)
    first = block.first + (block.volume - volume) // 2
    plot.add(
        *("transfer", commodity, HOLDER[source]),
        source=source,
        target=target,
        ranges=((first, first + volume - 1),),
        note="Numbers agreed with the buyer",
    )
    plot.holdings.cut(block, first, volume, target)


def retire(plot: Plot) -> None:
    """Retire a quantity for somebody who used the energy."""
    commodity = any_commodity(plot)
    source = any_holder(plot, commodity, "retire", ("supplier", "consumer", "trader"))
    if source is None:
        return
    blocks = plot.usable(source, commodity, "retire")
    volume = some_of(plot, sum(block.volume for block in blocks), most=0.9)
    plot.add(
        *("retire", commodity, HOLDER[source]),
        source=source,
        target=HOLDER[source].retirement,
        volume=volume,
        **claim(plot, HOLDER[source], commodity),
    )
    plot.holdings.take(blocks, volume)


def claim(plot: Plot, holder: cast.Organisation, commodity: str) -> dict[str, Any]:
    """Say for whom and why something is retired."""
    name, country, place = plot.dice.choice(cast.BENEFICIARIES)
    if holder.part == "consumer":
        name, country, place = holder.name, holder.country, "Oulu"
    quarter = month_after(date(plot.at.year, (plot.at.month - 1) // 3 * 3 + 1, 1), -3)
    used = "Gas" if commodity == "BIO" else "Electricity"
    return {
        "beneficiary": name,
        "beneficiary_country": country,
        "beneficiary_place": place,
        "reason": f"{used} used in quarter {quarter.month // 3 + 1} of {quarter.year}",
        "consumption_start": quarter,
        "consumption_end": last_of_month(month_after(quarter, 2)),
        "claim_published": name not in cast.DISCREET,
    }


def change_region(plot: Plot) -> None:
    """Let certificates count for another region, as a standing rule allows."""
    rules = [rule for rule in cast.REGION_RULES if rule[3] is None]
    commodity, here, there, _ = plot.dice.choice(rules)
    source = any_holder(plot, commodity, "reassign_region", region=here)
    if source is None:
        return
    allowed = plot.allows("reassign_region")
    blocks = plot.holdings.of(
        source, commodity, lambda block: allowed(block) and block.region == here
    )
    volume = some_of(plot, sum(block.volume for block in blocks))
    plot.add(
        *("reassign_region", commodity, HOLDER[source]),
        source=source,
        volume=volume,
        filter_region=here,
        region=there,
    )
    plot.holdings.take(blocks, volume, region=there)


def expire(plot: Plot, commodity: str) -> None:
    """Sweep what is past its date, if anything is."""
    due = {
        block
        for block in plot.holdings.blocks
        if block.commodity == commodity and block.expires_at <= plot.at
    }
    if due and RULES[commodity].months_to_expiry:
        plot.add("expire", commodity, cast.REGISTRY, note="Yearly run")
        plot.holdings.blocks -= due


def any_commodity(plot: Plot) -> str:
    return plot.dice.choices(("SOL", "WND", "BIO"), (4, 4, 2))[0]


def any_holder(
    plot: Plot,
    commodity: str,
    kind: str,
    parts: tuple[str, ...] = ("producer", "trader", "supplier", "consumer"),
    region: str = "",
) -> str | None:
    """Choose an account that could do this, the larger ones more often."""
    allowed = plot.allows(kind)
    held: dict[str, int] = {}
    for block in plot.holdings.blocks:
        if (
            block.commodity == commodity
            and HOLDER[block.account].part in parts
            and region in ("", block.region)
            and allowed(block)
        ):
            held[block.account] = held.get(block.account, 0) + block.volume
    able = sorted(account for account, volume in held.items() if volume >= 50)
    if not able:
        return None
    return plot.dice.choices(able, [held[account] ** 0.5 for account in able])[0]


def any_buyer(plot: Plot, source: str) -> str:
    """Choose who buys: never the seller's own organisation, except between its accounts."""
    seller = HOLDER[source]
    own = [account for account in seller.trading if account != source]
    if own and plot.dice.random() < 0.15:
        return plot.dice.choice(own)
    parts = ("trader", "supplier") if seller.part == "producer" else ("supplier", "consumer")
    others = [account for account, org in HOLDER.items() if org.part in parts and org != seller]
    return plot.dice.choice(others)


def some_of(plot: Plot, available: int, most: float = 0.6) -> int:
    """Choose a part of what there is, as round as people like it."""
    part = available * plot.dice.uniform(0.08, most)
    step = 500 if part > 5000 else 50 if part > 200 else 1
    return max(int(part) // step * step, min(available, step))


HAPPENS: tuple[tuple[Act, int], ...] = (
    (sell, 58),
    (sell_by_number, 9),
    (retire, 24),
    (change_region, 6),
)
