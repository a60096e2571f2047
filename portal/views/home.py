"""The first page after signing in."""

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from portal import kinds
from registry import access, dates
from registry.access import SignedIn
from registry.selectors import (
    accounts,
    beginnings,
    conservation,
    deadlines,
    journal,
    ledger,
    log,
    notices,
    queue,
    reconciliation,
    requests,
)

PERIODS = ("7", "30", "90", "365")


@require_safe
@vary_on_headers("HX-Request")
def show(request: SignedIn) -> HttpResponse:
    """Show what matters to this person today."""
    if access.may(request.user, access.Right.SEE_QUEUE):
        return _desk(request)
    if access.may(request.user, access.Right.SEE_EVERYTHING):
        return _oversight(request)
    if request.headers.get("HX-Target") == "sums":
        rows = accounts.overview(request.user)
        return render(request, "portal/home/_sums.html", {"accounts": rows})
    return _organisation(request)


def _organisation(request: SignedIn) -> HttpResponse:
    held = accounts.overview(request.user)
    near = deadlines.of(request.user)
    drafts, more_drafts = requests.drafts(request.user)
    return render(
        request,
        "portal/home/organisation.html",
        {
            "accounts": held,
            "near": near,
            "needs": notices.needing(request.user, near),
            "drafts": drafts,
            "more_drafts": more_drafts,
            "latest": requests.latest(request.user),
            "tasks": beginnings.tasks(request.user, held),
            "may_submit": access.may_ask(request.user),
        },
    )


def _desk(request: SignedIn) -> HttpResponse:
    waiting = list(queue.waiting()[:5])
    own = {item.id for item in waiting if access.is_same_person(request.user, item.submitter)}
    return render(
        request,
        "portal/home/registry.html",
        {
            "waiting": waiting,
            "rows": [{"item": item, "own": item.id in own} for item in waiting],
            "count": queue.count(),
            "failed": requests.failed(),
            "last_decision": requests.last_decision(),
            "proof": reconciliation.overview(request.user),
            "totals": ledger.totals(),
            "changes": log.page({}, size=3)[0],
            "may_decide": access.may(request.user, access.Right.DECIDE),
            "kinds": kinds.offered(request.user),
        },
    )


def _oversight(request: SignedIn) -> HttpResponse:
    days = request.GET.get("days", "")
    period = int(days) if days in PERIODS else 30
    oldest = list(queue.waiting()[:1])
    return render(
        request,
        "portal/home/auditor.html",
        {
            "sums": conservation.overview(request.user),
            "months": conservation.monthly(),
            "largest": journal.largest(dates.start_of(dates.today() - timedelta(days=period))),
            "period": period,
            "periods": [int(each) for each in PERIODS],
            "oldest": oldest[0] if oldest else None,
            "proof": reconciliation.overview(request.user),
            "typed": {},
        },
    )
