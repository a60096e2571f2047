"""What goes wrong: requests that were refused by the ledger, rejected, or taken back."""

from registry.demo.deals import Act, any_buyer, any_commodity, any_holder, claim, some_of
from registry.demo.plot import HOLDER, Plot

REASONS = (
    "The buyer's contract is not signed yet.",
    "The quantity differs from the trade confirmation: please check and ask again.",
    "The account of the buyer is under review until the end of the month.",
    "Asked for twice; the other request was completed.",
)


def ask_too_much(plot: Plot) -> None:
    """Sell more than there is: the other sale of the day came first."""
    commodity = any_commodity(plot)
    source = any_holder(plot, commodity, "transfer", ("trader", "supplier"))
    if source is None:
        return
    held = sum(block.volume for block in plot.usable(source, commodity))
    plot.end(
        *("transfer", commodity, HOLDER[source], "failed", "INSUFFICIENT_TOTAL_BALANCE"),
        source=source,
        target=any_buyer(plot, source),
        volume=held + 250,
    )


def issue_twice(plot: Plot) -> None:
    """Issue a month again; sometimes the approver notices, sometimes only the ledger."""
    issued = [
        event for event in plot.events if event.kind == "mint" and event.outcome == "executed"
    ]
    first = plot.dice.choice(issued[-30:])
    owner = HOLDER[first.asks["target"]]
    noticed = plot.dice.random() < 0.5
    plot.end(
        *("mint", first.commodity, owner, "rejected" if noticed else "failed"),
        "This month was issued already." if noticed else "PRODUCTION_PERIOD_OVERLAP",
        **first.asks,
    )


def sell_what_is_gone(plot: Plot) -> None:
    """Sell numbers that somebody else holds by now."""
    commodity = any_commodity(plot)
    owner = any_holder(plot, commodity, "transfer", ("supplier", "consumer"))
    source = any_holder(plot, commodity, "transfer", ("producer", "trader"))
    if owner is None or source is None:
        return
    first = plot.usable(owner, commodity)[-1].first
    plot.end(
        *("transfer", commodity, HOLDER[source], "failed", "BLOCK_NOT_HELD"),
        source=source,
        target=owner,
        ranges=((first, first + 9),),
    )


def sell_too_late(plot: Plot) -> None:
    """Sell by number what may only be retired by now."""
    late = [
        block
        for block in plot.holdings.blocks
        if block.transferable_until < plot.at < block.expires_at
    ]
    if not late:
        return
    block = min(late, key=lambda block: (block.commodity, block.first))
    plot.end(
        *("transfer", block.commodity, HOLDER[block.account], "failed", "COMMODITY_RULE"),
        source=block.account,
        target=any_buyer(plot, block.account),
        ranges=((block.first, block.last),),
    )


def change_to_a_closed_region(plot: Plot) -> None:
    """Ask for a change of region that no rule allows."""
    source = any_holder(plot, "SOL", "reassign_region", region="CEN")
    if source is None:
        return
    plot.end(
        *("reassign_region", "SOL", HOLDER[source], "failed", "REGION_NOT_ALLOWED"),
        source=source,
        volume=1,
        filter_region="CEN",
        region="IBE",
    )


def be_rejected(plot: Plot) -> None:
    """Ask for a sale that an approver does not believe in."""
    _ask_in_vain(plot, "rejected", plot.dice.choice(REASONS))


def think_again(plot: Plot) -> None:
    """Ask for a sale and take it back."""
    _ask_in_vain(plot, "withdrawn", "")


def retire_by_mistake(plot: Plot) -> None:
    """Ask for a retirement and take it back: it could not be undone."""
    commodity = any_commodity(plot)
    source = any_holder(plot, commodity, "retire", ("supplier", "consumer"))
    if source is None:
        return
    holder = HOLDER[source]
    plot.end(
        *("retire", commodity, holder, "withdrawn"),
        source=source,
        target=holder.retirement,
        volume=100,
        **claim(plot, holder, commodity),
    )


def _ask_in_vain(plot: Plot, outcome: str, said: str) -> None:
    commodity = any_commodity(plot)
    source = any_holder(plot, commodity, "transfer", ("producer", "trader"))
    if source is None:
        return
    volume = some_of(plot, sum(block.volume for block in plot.usable(source, commodity)))
    plot.end(
        *("transfer", commodity, HOLDER[source], outcome, said),
        source=source,
        target=any_buyer(plot, source),
        volume=volume,
    )


HAPPENS: tuple[tuple[Act, float], ...] = (
    (be_rejected, 2),
    (think_again, 1.5),
    (retire_by_mistake, 0.5),
    (ask_too_much, 0.7),
    (issue_twice, 0.6),
    (sell_what_is_gone, 0.5),
    (sell_too_late, 0.4),
    (change_to_a_closed_region, 0.4),
)
