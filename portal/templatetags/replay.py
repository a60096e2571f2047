"""How runs of a replay are drawn and written."""

from datetime import timedelta
from typing import Any

from django import template

from registry import addresses
from registry.models import ReplayRun, Request
from registry.selectors.rejections import OPEN

register = template.Library()
HIGH = 100
# Whatever is there is seen.
LEAST = 3


@register.inclusion_tag("portal/replay/_trend.html")
def trend_chart(runs: list[ReplayRun]) -> dict[str, Any]:
    """Draw how many events each run rejected; the list says it in numbers."""
    top = max((run.rejected for run in runs), default=0) or 1
    bars = []
    for run in runs:
        tall = max(LEAST, round(HIGH * run.rejected / top)) if run.rejected else 0
        bars.append({"run": run, "tall": tall, "from": HIGH - tall})
    return {"bars": bars}


@register.filter
def to_decide(counts: dict[str, int]) -> int:
    """Add up what is somebody's to decide."""
    return sum(counts.get(name, 0) for name in OPEN)


@register.filter
def event_kind(kind: str) -> str:
    """Write the kind of an event in a word; what a source calls otherwise stays as it is."""
    return str(dict(Request.Kind.choices).get(kind, kind or "Unreadable"))


# What tells one event from another at a glance.
GIST = (
    *("account", "source_account", "target_account", "facility"),
    *("production_start", "production_end", "beneficiary", "source_serial"),
)


@register.filter
def gist(event: dict[str, Any]) -> str:
    """Write what an event is about in a line."""
    told = [str(event[name]) for name in GIST if event.get(name)]
    ranges = event.get("ranges") or ()
    told += [
        f"{part.get('source_serial', '')} {part['first']} to {part['last']}" for part in ranges
    ]
    return ", ".join(told)


@register.filter
def span(length: timedelta | None) -> str:
    """Write how long something takes: ``40 seconds``, ``12 minutes``, ``2 h 5 min``."""
    if length is None:
        return ""
    seconds = round(length.total_seconds())
    if seconds < 90:
        return f"{seconds} seconds"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


@register.filter
def seconds_long(seconds: float) -> str:
    """Write a number of seconds as ``span`` does."""
    return span(timedelta(seconds=seconds))


@register.filter
def address(place: tuple[Any, ...]) -> str:
    """Return the page on which a point of the checklist is settled."""
    return addresses.of(*place) if place else ""
