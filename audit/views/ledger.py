"""Transactions and blocks."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from registry.access import SignedIn
from registry.selectors import ledger


@require_safe
def block(request: SignedIn, block_id: int) -> HttpResponse:
    """Show a block, what it was cut from, and what became of it."""
    return render(request, "audit/blocks/show.html", ledger.block_page(request.user, block_id))


@require_safe
def transaction(request: SignedIn, number: str) -> HttpResponse:
    """Show a transaction: what it consumed and created, and its postings."""
    page = ledger.transaction_page(request.user, number)
    return render(request, "audit/transactions/show.html", page)
