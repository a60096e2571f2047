"""Batches, and where their certificates went."""

from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import shares, tables
from registry.access import SignedIn
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
