"""Several requests decided with one form, and what came of each."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal import refusals
from portal.forms.decision import MOST, Several
from portal.views.numbers import numbers as read_numbers
from registry import access, services
from registry.access import SignedIn
from registry.models import Request
from registry.selectors import openings, requests

DECIDED = (Request.Status.APPROVED, Request.Status.EXECUTED, Request.Status.REJECTED)


@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: SignedIn) -> HttpResponse:
    """Ask once for the ticked requests, then decide each by itself."""
    access.require(request.user, access.Right.DECIDE)
    if request.method != "POST":
        numbers = read_numbers(request.GET.getlist("number"), MOST)
        return _ask(request, Several(numbers=numbers, user=request.user), numbers)
    numbers = read_numbers(request.POST.getlist("number"), MOST)
    if access.must_set_up_factor(request.user):
        return redirect("portal:app")
    form = Several(request.POST, numbers=numbers, user=request.user)
    if not form.is_valid():
        return _ask(request, form, numbers)
    answers = form.cleaned_data
    # Sent again, the form leads to the first results and needs no further code.
    if openings.decided_together(request.user, answers["key"]):
        return redirect("portal:several-done", answers["key"])
    if not form.take_factor("decisions"):
        return _ask(request, form, numbers)
    done = services.decide_several(
        approver=request.user,
        key=answers["key"],
        decision=answers["decision"],
        reason=answers["reason"],
        numbers=answers["number"],
    )
    return redirect("portal:several-done", done.key)


@require_safe
def show(request: SignedIn, key: UUID) -> HttpResponse:
    """Show what came of each request of a form."""
    access.require(request.user, access.Right.DECIDE)
    done = openings.decided_together(request.user, key)
    if done is None:
        raise Http404("No such decision.")
    found = requests.by_numbers(request.user, [row["number"] for row in done.results])
    rows = [
        {
            "number": row["number"],
            "item": found.get(row["number"]),
            "decided": row["status"] in DECIDED,
            "refusal": refusals.explain(row["code"]) if row["code"] else None,
        }
        for row in done.results
    ]
    context = {"done": done, "rows": rows, "count": sum(row["decided"] for row in rows)}
    return render(request, "portal/approvals/several_done.html", context)


def _ask(request: SignedIn, form: Several, numbers: list[int]) -> HttpResponse:
    found = requests.by_numbers(request.user, numbers)
    seen = openings.last_of(request.user, found.values())
    rows: list[dict[str, Any]] = [
        {
            "item": item,
            "seen": seen.get(item.id),
            "offered": _is_offered(request, item) and item.id in seen,
            "own": access.is_same_person(request.user, item.submitter),
        }
        for item in (found[number] for number in numbers if number in found)
    ]
    offered = [row for row in rows if row["offered"]]
    context = {
        "form": form,
        "rows": rows,
        "offered": offered,
        "needs_factor": access.must_set_up_factor(request.user),
        "may_approve": any(row["seen"].fingerprint for row in offered),
    }
    status = 422 if form.is_bound else 200
    return render(request, "portal/approvals/several.html", context, status=status)


def _is_offered(request: SignedIn, item: Request) -> bool:
    waits = item.status == Request.Status.SUBMITTED
    return waits and not access.is_same_person(request.user, item.submitter)
