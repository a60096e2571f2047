"""Transactions and blocks."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from audit import standing as moment
from audit import tables
from registry import dates
from registry.access import SignedIn
from registry.selectors import journal, ledger

COLUMNS = (
    "number", "commodity", "height", "kind", "occurred_at", "recorded_at", "quantity", "giver",
    "giver_code", "givers", "taker", "taker_code", "takers", "request_number", "hash",
)  # fmt: skip


@require_safe
def block(request: SignedIn, block_id: int) -> HttpResponse:
    """Show a block, what it was cut from, and what became of it."""
    typed, own = moment.typed(request), reverse("audit:block", args=[block_id])
    page = ledger.block_page(request.user, block_id, typed)
    sought = {"number": tables.typed(request, "number")}
    page |= {"typed": typed, "number": _number(request, page), "kept": sought}
    page |= moment.context(own, page["standing"], sought)
    return render(request, "audit/blocks/show.html", page, status=_status(page))


@require_safe
def transaction(request: SignedIn, number: str) -> HttpResponse:
    """Show a transaction: what it consumed and created, and its postings."""
    typed, own = moment.typed(request), reverse("audit:transaction", args=[number])
    page = ledger.transaction_page(request.user, number, typed)
    page |= {"typed": typed, **moment.context(own, page["standing"], {})}
    return render(request, "audit/transactions/show.html", page, status=_status(page))


@require_safe
def transactions(request: SignedIn) -> HttpResponseBase:
    """List transactions, newest first."""
    chosen = journal.read_filter(request.user, _typed(request))
    after = tables.typed(request, "after")
    rows, following = ([], "") if chosen.mistakes else journal.listed(chosen, after=after)
    typed = {name: value for name, value in chosen.typed.items() if value}
    context = moment.context(reverse("audit:transactions"), chosen.standing, chosen.typed) | {
        "rows": rows,
        "chosen": chosen,
        "typed": chosen.typed,
        "mistakes": chosen.mistakes,
        "choices": journal.choices(request.user),
        "after": after,
        "next": urlencode({**typed, "after": following}) if following else "",
        "filter": urlencode(typed),
        "last": following,
    }
    status = 422 if chosen.mistakes else 200
    return render(request, "audit/transactions/list.html", context, status=status)


@require_safe
def transactions_csv(request: SignedIn) -> HttpResponseBase:
    """Send every transaction of a filter; ``after`` goes on where a download broke off."""
    chosen = journal.read_filter(request.user, _typed(request))
    if chosen.mistakes:
        return transactions(request)
    rows = journal.every(chosen, after=tables.typed(request, "after"))
    stands = chosen.standing
    narrowed = [
        value for name, value in chosen.typed.items() if value and name not in moment.FIELDS
    ]
    day = stands.moment.file_name if stands.moment else f"{dates.today():%Y-%m-%d}"
    name = "-".join(["transactions", *narrowed, stands.link if stands.fixed else day])
    return tables.as_csv(name, COLUMNS, rows)


def _status(page: dict[str, Any]) -> int:
    return 422 if page["mistakes"] else 200


def _typed(request: SignedIn) -> dict[str, str]:
    return {name: tables.typed(request, name) for name in journal.FIELDS}


def _number(request: SignedIn, page: dict[str, Any]) -> int | None:
    """Return the certificate that was looked for, if this block has it."""
    typed = request.GET.get("number", "")
    plain = typed.isascii() and typed.isdigit() and len(typed) < 19
    found = plain and page["this"]["first"] <= int(typed) <= page["this"]["last"]
    return int(typed) if found else None
