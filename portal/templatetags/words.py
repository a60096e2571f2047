"""How quantities, serials, times and requests are written."""

from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import template
from django.forms.utils import ErrorList
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from registry import dates, titles
from registry.models import Request

register = template.Library()


@register.filter
def quantity(value: int | None) -> str:
    """Write 4000 as ``4,000``, with a true minus."""
    return f"{value:,}".replace("-", "\u2212") if isinstance(value, int) else ""


@register.filter
def digits(number: int) -> SafeString:
    """Write a certificate number so that the eye sees groups and a copy has plain digits."""
    first, *rest = f"{number:,}".split(",")
    return format_html("{}{}", first, format_html_join("", "<i>{}</i>", ((part,) for part in rest)))


@register.simple_tag
def serial(first: int, last: int) -> SafeString:
    """Write a range of certificate numbers; a screen reader hears "to"."""
    if first == last:
        return format_html('<span class="serial">{}</span>', digits(first))
    return format_html(
        '<span class="serial">{}<span aria-hidden="true"> &ndash; </span>'
        '<span class="hidden"> to </span>{}</span>',
        digits(first),
        digits(last),
    )


@register.filter
def when(moment: datetime | None) -> SafeString | str:
    """Write an instant as ``30 Jun 2026, 09:14 UTC``."""
    if moment is None:
        return ""
    text = f"{moment.day} {moment:%b %Y, %H:%M} UTC"
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), text)


@register.filter
def own_clock(moment: datetime | None, zone: str) -> str:
    """Write an instant once more, on somebody's own clock; nothing for those who read UTC."""
    if moment is None or not zone:
        return ""
    try:
        local = moment.astimezone(ZoneInfo(zone))
    except ZoneInfoNotFoundError:
        # Another machine's list of zones had it.
        return ""
    return f" ({local.day} {local:%b, %H:%M} in {zone.rpartition('/')[2].replace('_', ' ')})"


@register.filter
def day(moment: date | datetime | None) -> SafeString | str:
    """Write a date as ``30 Jun 2026``."""
    if moment is None:
        return ""
    text = f"{moment.day} {moment:%b %Y}"
    return format_html('<time datetime="{}">{}</time>', f"{moment:%Y-%m-%d}", text)


@register.filter
def last_day(end: datetime | None) -> SafeString | str:
    """Write the last day before an instant that ends one."""
    return day(end - timedelta(microseconds=1)) if end else ""


@register.filter
def month(moment: date) -> str:
    """Write the month of a production period."""
    return f"{moment:%b %Y}"


@register.filter
def age(moment: datetime) -> str:
    """Write how long something has waited: ``48 minutes``, ``3 days``."""
    minutes = int((timezone.now() - moment).total_seconds() // 60)
    for size, word in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {word}{'' if count == 1 else 's'}"
    return "less than a minute"


@register.filter
def decide_by(submitted_at: datetime) -> SafeString | str:
    """Write the day by which the registry says that it decides."""
    return day(dates.decide_by(submitted_at))


@register.filter
def is_overdue(submitted_at: datetime) -> bool:
    """Say whether that day is over."""
    return dates.decide_by(submitted_at) < dates.today()


register.filter("asked", titles.asked)
register.filter("request_title", titles.of)
register.filter("request_sentence", titles.sentence)


@register.filter
def kind_name(kind: str) -> str:
    """Write the kind of a transaction or request in a word."""
    return str(Request.Kind(kind).label)


@register.filter
def volumes(blocks: list[dict[str, Any]]) -> int:
    """Add up the volumes of blocks."""
    return sum(block["volume"] for block in blocks)


@register.filter
def total(rows: list[dict[str, Any]], name: str) -> int:
    """Add up one column."""
    return sum(row[name] for row in rows)


@register.filter
def get(mapping: dict[str, Any], name: str) -> Any:
    """Look something up."""
    return mapping.get(name, "")


@register.filter
def words_of(text: str) -> list[str]:
    """Split a text into its words, to loop over names."""
    return text.split()


@register.filter
def codes(errors: ErrorList) -> list[str]:
    """Return the names of those mistakes in a field that have a page of their own."""
    found = (error.code or "" for error in errors.as_data())
    return [code for code in found if code.isupper()]


@register.filter
def as_query(value: date) -> str:
    """Write a day for an address."""
    return urlencode({"as_of": f"{value:%Y-%m-%d}"})


@register.filter
def made_at_most(item: Request) -> int | None:
    """Return how many certificates the facility of an issue can have made; None if unknown."""
    first, last, market = item.production_start, item.production_end, item.commodity
    if item.facility is None or first is None or last is None or market.unit != "MWh":
        return None
    most = item.facility.makes_at_most(first, last)
    return None if most is None else most // market.unit_per_certificate


@register.simple_tag
def record_url(kind: str | tuple[str, str], code: str = "") -> str:
    """Return the address of the page that shows a record."""
    kind, code = kind if isinstance(kind, tuple) else (kind, code)
    return reverse(f"portal:{kind}", args=[code]) if code else reverse("portal:commodities")
