"""Batches, and where their certificates went."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import lineage as picture
from audit import shares, tables
from audit import standing as moment
from registry import dates, moments
from registry.access import SignedIn
from registry.selectors import lineage as lines
from registry.selectors import tracing

# So many blocks the table lists at once; the picture shows them all.
LISTED = 100
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
    question = tracing.read(request.user, batch_id, moment.typed(request))
    if question.mistakes:
        return trace(request, batch_id)
    found = question.batch
    rows = tracing.every_block(question, after=tables.number(tables.typed(request, "after")))
    link = question.standing.link
    name = f"trace-{found['commodity']}-{found['first']}-{found['last']}-{link}"
    return tables.as_csv(name, COLUMNS, rows)


@require_safe
def lineage(request: SignedIn, batch_id: int) -> HttpResponse:
    """Draw every block that there ever was of a batch, and where one certificate was on a date."""
    typed = {name: tables.typed(request, name) for name in lines.FIELDS}
    found = lines.of_batch(request.user, batch_id, typed)
    own, stands = reverse("audit:lineage", args=[batch_id]), found.standing
    context: dict[str, Any] = {
        **moment.context(own, stands, typed),
        "found": found,
        "batch": found.batch,
        "typed": typed,
        "mistakes": found.mistakes,
        "sees_all": True,
    }
    if stands.marks:
        context |= {
            "mark": found.mark,
            "zooms": _zooms(found, {name: value for name, value in typed.items() if value}),
            "drawing": None if found.is_too_much else _drawn(found),
            "numbers": {step["id"]: step for step in found.steps},
            **_listed(found, typed, tables.count(tables.typed(request, "after"))),
        }
    status = 422 if found.mistakes else 200
    return render(request, "audit/batches/lineage.html", context, status=status)


def _listed(found: lines.Lineage, typed: dict[str, str], after: int) -> dict[str, Any]:
    """Return some of the blocks for the table, and the address of those after them."""
    listed = found.blocks[after : after + LISTED]
    there = after + len(listed)
    more = there < len(found.blocks) and not found.is_too_much
    own = reverse("audit:lineage", args=[found.batch["id"]])
    return {
        "listed": listed,
        "after": after,
        "first_page": moment.link(own, typed),
        "following": moment.link(own, {**typed, "after": str(there)}) if more else "",
    }


def _drawn(found: lines.Lineage) -> picture.Drawing:
    on = "now"
    if found.moment:
        on = f"on {dates.write_day(found.moment.at.astimezone(moments.zone()).date())}"
    elif found.standing.moment:
        on = f"at {found.standing.moment.words}"
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
    typed = moment.typed(request)
    question = tracing.read(request.user, batch_id, typed)
    page: dict[str, Any] = {
        **moment.context(reverse(name, args=[batch_id]), question.standing, {}),
        "batch": question.batch,
        "typed": typed,
        "mistakes": question.mistakes,
        "sees_all": True,
    }
    if not question.mistakes:
        page |= tracing.trace(question)
        page["bar"] = shares.bar(page["sums"])
    return render(request, template, page, status=422 if question.mistakes else 200)
