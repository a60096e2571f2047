"""Batches, and where their certificates went."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import lineage as picture
from audit import shares, tables
from audit import standing as moment
from audit.crosshair import Question
from audit.lineage_plan import Window
from audit.zoom import columns
from registry import dates, moments
from registry.access import SignedIn
from registry.selectors import lineage as lines
from registry.selectors import tracing

# So many blocks the table lists at once; the picture shows them all.
LISTED = 100
# What the address says of rows that are as tall as their time.
TRUE_TIME = "time"
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
            "drawing": None if found.is_too_much else _drawn(found, typed["rows"] == TRUE_TIME),
            "numbers": {step["id"]: step for step in found.steps},
            "rows": _heights(own, typed),
            **_listed(found, typed, tables.count(tables.typed(request, "after"))),
        }
        context |= _zooms(found, context["drawing"], typed)
    status = 422 if found.mistakes else 200
    return render(request, "audit/batches/lineage.html", context, status=status)


def _listed(found: lines.Lineage, typed: dict[str, str], after: int) -> dict[str, Any]:
    """Return some of the blocks for the table, and the address of those after them."""
    shown = found.shown
    listed = shown[after : after + LISTED]
    there = after + len(listed)
    more = there < len(shown) and not found.is_too_much
    own = reverse("audit:lineage", args=[found.batch["id"]])
    return {
        "listed": listed,
        "shown": len(shown),
        "after": after,
        "first_page": moment.link(own, typed),
        "following": moment.link(own, {**typed, "after": str(there)}) if more else "",
    }


def _heights(own: str, typed: dict[str, str]) -> list[tuple[str, str, bool]]:
    """Offer rows of one height, and rows as tall as their time: words, address, whether chosen."""
    chosen = typed["rows"] == TRUE_TIME
    return [
        ("Equal rows", moment.link(own, {**typed, "rows": ""}), not chosen),
        ("True time", moment.link(own, {**typed, "rows": TRUE_TIME}), chosen),
    ]


def _drawn(found: lines.Lineage, in_true_time: bool) -> picture.Drawing:
    on, stands = "now", found.standing
    if found.moment:
        on = f"on {dates.write_day(found.moment.at.astimezone(moments.zone()).date())}"
    elif stands.moment:
        on = f"at {stands.moment.words}"
    elif stands.fixed:
        on = f"at {found.mark['number']}"
    # A permanent link ends with its own last transaction: its picture is the same for ever.
    fixed = found.mark["occurred_at"] if stands.fixed else datetime.now(UTC)
    end = stands.moment.at if stands.moment else fixed
    asked = None
    if found.number is not None and found.until is not None and found.holding:
        at = found.moment.at if found.moment else end
        asked = Question(found.number, found.until, on, found.holding, at)
    window = Window(
        found.first, found.last, found.after, found.before, end if in_true_time else None
    )
    minted = found.batch["volume"]
    return picture.draw(found.shown, found.steps, window, minted=minted, asked=asked)


def _zooms(
    found: lines.Lineage, drawing: picture.Drawing | None, typed: dict[str, str]
) -> dict[str, Any]:
    """Offer larger pictures: quarters of the numbers, fields of a grid, and back to the whole."""
    own = reverse("audit:lineage", args=[found.batch["id"]])

    def address(first: int, last: int, **more: str) -> str:
        query = {**typed, "from": str(first), "to": str(last), **more}
        if (first, last) == (found.batch["first"], found.batch["last"]):
            query |= {"from": "", "to": ""}
        if found.number and not first <= found.number <= last:
            # The certificate would not be in the picture.
            query |= {"number": "", "on": ""}
        return moment.link(own, query)

    quarters = columns(found.first, found.last, 4)
    fields = drawing.zooms if drawing else []
    spans = dict.fromkeys((each.since, each.until) for each in fields if each.since)
    whole = dict.fromkeys(("from", "to", "t0", "t1"), "")
    return {
        "zooms": [(*each, address(*each)) for each in quarters] if len(quarters) > 1 else [],
        "spans": [
            (since, until, address(found.first, found.last, t0=since, t1=until))
            for since, until in spans
        ],
        "fields": [
            (each, address(each.first, each.last, t0=each.since or typed["t0"],
                           t1=each.until or typed["t1"]))
            for each in fields
        ],
        "whole": "" if found.is_whole else moment.link(own, {**typed, **whole}),
    }  # fmt: skip


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
