"""Reconciliation: what was proved, when, and what was found."""

from uuid import UUID, uuid4

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from audit import tables
from registry.access import SignedIn
from registry.selectors import reconciliation
from registry.selectors.positions import read_standing


@require_safe
@vary_on_headers("HX-Request")
def show(request: SignedIn, run_id: int | None = None) -> HttpResponse:
    """Show the last run, or the last by a date, or an earlier one; and a month of runs."""
    # A run that is named has its own moment.
    typed = {"as_of": tables.typed(request, "as_of") if run_id is None else ""}
    mistakes: dict[str, str] = {}
    stands = read_standing(typed, mistakes)
    page = reconciliation.overview(
        request.user, run_id=run_id, key=_key(request), moment=stands.moment
    )
    run = page["run"] if stands.moment else None
    page |= {
        "standing": stands,
        "typed": typed,
        "mistakes": mistakes,
        "now": reverse("audit:reconciliation"),
        # A run stays as it was found.
        "permanent": reverse("audit:reconciliation_run", args=[run["id"]]) if run else "",
        "earlier": run_id is not None,
        "key": _key(request),
        "fresh": uuid4(),
    }
    status = 422 if mistakes else 200
    return render(request, "audit/reconciliation/show.html", page, status=status)


@require_safe
def as_json(request: SignedIn) -> HttpResponse:
    """Send the last result as it was kept."""
    mistakes: dict[str, str] = {}
    stands = read_standing({"as_of": tables.typed(request, "as_of")}, mistakes)
    if mistakes:
        return show(request)
    page = reconciliation.overview(request.user, moment=stands.moment)
    return JsonResponse(page["run"]["result"] if page["run"] else {})


def _key(request: SignedIn) -> UUID | None:
    try:
        return UUID(tables.typed(request, "key"))
    except ValueError:
        return None
