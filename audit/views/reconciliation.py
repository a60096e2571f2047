"""Reconciliation: what was proved, when, and what was found."""

from uuid import UUID, uuid4

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from audit import tables
from registry.access import SignedIn
from registry.selectors import reconciliation


@require_safe
@vary_on_headers("HX-Request")
def show(request: SignedIn, run_id: int | None = None) -> HttpResponse:
    """Show the last run or an earlier one, and a month of runs."""
    page = reconciliation.overview(request.user, run_id=run_id, key=_key(request))
    return render(
        request,
        "audit/reconciliation/show.html",
        {**page, "earlier": run_id is not None, "key": _key(request), "fresh": uuid4()},
    )


@require_safe
def as_json(request: SignedIn) -> HttpResponse:
    """Send the last result as it was kept."""
    page = reconciliation.overview(request.user)
    return JsonResponse(page["run"]["result"] if page["run"] else {})


def _key(request: SignedIn) -> UUID | None:
    try:
        return UUID(tables.typed(request, "key"))
    except ValueError:
        return None
