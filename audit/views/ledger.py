"""Transactions and blocks."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from registry.access import SignedIn
from registry.selectors import ledger


@require_safe
def block(request: SignedIn, block_id: int) -> HttpResponse:
    """Show a block, what it was cut from, and what became of it."""
    page = ledger.block_page(request.user, block_id)
    return render(request, "audit/blocks/show.html", {**page, "number": _number(request, page)})


@require_safe
def transaction(request: SignedIn, number: str) -> HttpResponse:
    """Show a transaction: what it consumed and created, and its postings."""
    page = ledger.transaction_page(request.user, number)
    return render(request, "audit/transactions/show.html", page)


def _number(request: SignedIn, page: dict[str, Any]) -> int | None:
    """Return the certificate that was looked for, if this block has it."""
    typed = request.GET.get("number", "")
    plain = typed.isascii() and typed.isdigit() and len(typed) < 19
    found = plain and page["this"]["first"] <= int(typed) <= page["this"]["last"]
    return int(typed) if found else None
