"""The pictures, as template tags."""

from typing import Any

from django import template
from django.urls import reverse

from audit.strata import WIDTH, Cell, layout

register = template.Library()
Row = dict[str, Any]
WIDE = 1180.0


@register.inclusion_tag("parts/strata.html")
def in_out_picture(
    consumed: list[Row],
    created: list[Row],
    commodity: str,
    *,
    wide: object = False,
    query: str = "",
) -> Row:
    """
    Draw what a transaction consumes above what it creates.

    :param wide: whether it fills a whole page
    :param query: of its links
    """
    above = [_cell({**block, "tone": "from"}, tint=True, query=query) for block in consumed]
    below = [_cell(block, query=query) for block in created]
    return {
        "picture": layout([above, below], width=WIDE if wide else WIDTH),
        "title": "Blocks before and after",
        "words": f"{_listed(consumed, commodity, 'consumed')}"
        f" {_listed(created, commodity, 'created')} The table below lists them.",
        "above": f"Consumed: {_sum(consumed)}" if consumed else "Nothing is consumed",
        "below": f"Created: {_sum(created)}",
    }


@register.inclusion_tag("parts/strata.html")
def lineage_picture(
    block: Row, parent: Row | None, siblings: list[Row], children: list[Row], query: str = ""
) -> Row:
    """Draw a block between what it was cut from and what became of it; ``query`` of its links."""
    rows = [
        [_cell(parent, tint=True, query=query)] if parent else [],
        [
            _cell(
                each,
                tint=bool(each["spent_number"]),
                here=each["block_id"] == block["block_id"],
                query=query,
            )
            for each in siblings
        ],
        [_cell(each, tint=bool(each["spent_number"]), query=query) for each in children],
    ]
    return {
        "picture": layout(rows, width=WIDE),
        "title": "Where this block comes from and what became of it",
        "words": "Above: the block it was cut from. Outlined: this block. Below: the blocks cut"
        " from it. Tinted: spent. The table below lists them.",
        "above": "Certificate number across, time down",
        "below": "",
    }


@register.inclusion_tag("parts/position.html")
def position(block: Row) -> Row:
    """Draw where a block sits in its minted batch."""
    whole = block["batch_last"] - block["batch_first"] + 1
    return {
        "x": round(120 * (block["first"] - block["batch_first"]) / whole, 1),
        "width": round(max(120 * block["volume"] / whole, 1), 1),
        "block": block,
    }


def _cell(block: Row, *, tint: bool = False, here: bool = False, query: str = "") -> Cell:
    name = f"block {block['block_id']}" if block["block_id"] else "new"
    return Cell(
        first=block["first"],
        last=block["last"],
        holder=block["holder"],
        name=name,
        tone=block["tone"],
        tint=tint,
        href=reverse("audit:block", args=[block["block_id"]]) + query
        if block["is_open"] and block["block_id"]
        else "",
        here=here,
    )


def _sum(blocks: list[Row]) -> str:
    total = f"{sum(block['volume'] for block in blocks):,}"
    if not 1 < len(blocks) <= 6:
        return total
    parts = " + ".join(f"{block['volume']:,}" for block in blocks)
    return f"{parts} = {total}"


def _listed(blocks: list[Row], commodity: str, what: str) -> str:
    total = sum(block["volume"] for block in blocks)
    word = "block" if len(blocks) == 1 else "blocks"
    return f"{len(blocks)} {word}, {total:,} {commodity} {what}."
