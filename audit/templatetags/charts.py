"""Sums as pictures, as template tags."""

from typing import Any

from django import template

from audit import shares

register = template.Library()
Row = dict[str, Any]


@register.inclusion_tag("audit/_bar.html")
def share_bar(row: Row) -> Row:
    """Draw held, retired and expired of a row of sums."""
    return {"bar": shares.bar({name: row[name] for name in ("held", "retired", "expired")})}


@register.inclusion_tag("audit/_months.html")
def month_chart(months: list[Row]) -> Row:
    """Draw what was issued, retired and expired in each month; the table says it in numbers."""
    names = [f"{row['month']:%b}" for row in months]
    series = {name: [row[name] for row in months] for name in ("issued", "retired", "expired")}
    return {"chart": shares.chart(names, series), "months": months}
