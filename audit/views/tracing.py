"""Batches, and where their certificates went."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import lineage as picture
from audit import shares, tables
from registry import dates, moments
from registry.access import SignedIn
from registry.selectors import lineage as lines
from registry.selectors import tracing

COLUMNS = (
    "commodity", "first", "last", "volume", "state", "holder", "organisation", "account",
    "region", "beneficiary", "since", "number", "block_id", "position", "position_hash",
)  # fmt: skip


@require_safe
def batch(request: SignedIn, batch_id: int) -> HttpResponse:
    """Show a batch: what was minted, and what became of it in sum."""
    return _page(request, batch_id, "audit/batches/show.html", "audit:batch")


@require_safe
def trace(request: SignedIn, batch_id: int) -> HttpResponse:
    """Show everybody who holds or retired any of a batch, as a worklist."""
    return _page(request, batch_id, "audit/batches/trace.html", "audit:trace")


@require_safe
def trace_csv(request: SignedIn, batch_id: int) -> HttpResponseBase:
    """Send every unspent block of a batch with its holder."""
    found, stands, rows = tracing.every_block(
        request.user,
        batch_id,
        at=tables.typed(request, "at"),
        after=tables.number(tables.typed(request, "after")),
    )
    name = f"trace-{found['commodity']}-{found['first']}-{found['last']}-{stands.link}"
    return tables.as_csv(name, COLUMNS, rows)


@require_safe
def lineage(request: SignedIn, batch_id: int) -> HttpResponse:
    """Draw every block that there ever was of a batch, and where one certificate was on a date."""
    typed = {name: tables.typed(request, name) for name in lines.FIELDS}
    found = lines.of_batch(request.user, batch_id, typed, at=tables.typed(request, "at"))
    own, kept = reverse("audit:lineage", args=[batch_id]), {k: v for k, v in typed.items() if v}
    at = found.standing.link
    context: dict[str, Any] = {
        "found": found,
        "batch": found.batch,
        "standing": found.standing,
        "mark": found.mark,
        "typed": typed,
        "mistakes": found.mistakes,
        "now": f"{own}?{urlencode(kept)}" if kept else own,
        "permanent": f"{own}?{urlencode({**kept, 'at': at})}",
        "query": f"?{urlencode({'at': at})}" if found.standing.fixed else "",
        "zooms": _zooms(found, kept if not found.standing.fixed else {**kept, "at": at}),
        "drawing": None if found.is_too_much else _drawn(found),
        "numbers": {step["id"]: step for step in found.steps},
        "sees_all": True,
    }
    status = 422 if found.mistakes else 200
    return render(request, "audit/batches/lineage.html", context, status=status)


def _drawn(found: lines.Lineage) -> picture.Drawing:
    on = "now"
    if found.moment:
        on = f"on {dates.write_day(found.moment.at.astimezone(moments.zone()).date())}"
    elif found.standing.fixed:
        on = f"at {found.mark['number']}"
    return picture.draw(
        found.blocks,
        found.steps,
        first=found.first,
        last=found.last,
        number=found.number,
        until=found.until,
        on=on,
        holder=found.holding,
    )


def _zooms(found: lines.Lineage, kept: dict[str, str]) -> list[tuple[int, int, str]]:
    """Offer the quarters of the numbers that are shown; of one number there are none."""
    size = -(-(found.last - found.first + 1) // 4)
    if size == 1:
        return []
    starts = range(found.first, found.last + 1, size)
    kept = {name: value for name, value in kept.items() if name not in ("from", "to")}
    return [
        (start, end, urlencode({**kept, "from": start, "to": end}))
        for start in starts
        for end in [min(start + size - 1, found.last)]
    ]


def _page(request: SignedIn, batch_id: int, template: str, name: str) -> HttpResponse:
    page = tracing.trace(request.user, batch_id, at=tables.typed(request, "at"))
    at = urlencode({"at": page["standing"].link})
    page |= {
        "now": reverse(name, args=[batch_id]),
        "permanent": f"{reverse(name, args=[batch_id])}?{at}",
        "query": f"?{at}" if page["standing"].fixed else "",
        "bar": shares.bar(page["sums"]),
        "sees_all": True,
    }
    return render(request, template, page)
