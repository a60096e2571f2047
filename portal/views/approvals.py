"""The approvers' queue and the decision."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from portal import checks, refusals
from portal.forms.decision import APPROVE, Decision
from registry import access, services
from registry.access import SignedIn
from registry.models import Request
from registry.selectors import previews, requests


@require_safe
def queue(request: SignedIn) -> HttpResponse:
    """List what waits for a decision, oldest first; own requests are shown and locked."""
    access.require(request.user, access.Right.SEE_QUEUE)
    waiting = requests.waiting()
    context = {
        "waiting": waiting,
        "own": {
            item.number for item in waiting if access.is_same_person(request.user, item.submitter)
        },
        "last_decision": requests.last_decision(),
        "may_decide": access.may(request.user, access.Right.DECIDE),
    }
    return render(request, "portal/approvals/list.html", context)


@require_safe
def show(request: SignedIn, number: int) -> HttpResponse:
    """Show what would change, and ask for the decision."""
    access.require(request.user, access.Right.DECIDE)
    item = requests.get(request.user, number)
    if item.status != Request.Status.SUBMITTED:
        return redirect("portal:request", number)
    return _show(request, item, Decision())


@require_POST
def decide(request: SignedIn, number: int) -> HttpResponse:
    """Take the decision on the blocks that were shown, and show what came of it."""
    access.require(request.user, access.Right.DECIDE)
    item = requests.get(request.user, number)
    if access.is_same_person(request.user, item.submitter):
        return refusals.page(request, "SELF_APPROVAL")
    if item.status != Request.Status.SUBMITTED:
        return render(request, "portal/approvals/decided.html", {"item": item}, status=409)
    form = Decision(request.POST)
    if not form.is_valid():
        return _show(request, item, form)
    try:
        _decide(request, item, form)
    except services.Refused as refused:
        return _refused(request, number, form, refused)
    return redirect("portal:request", number)


def _decide(request: SignedIn, item: Request, form: Decision) -> None:
    answers = form.cleaned_data
    if answers["decision"] != APPROVE:
        services.reject_request(request_id=item.id, approver=request.user, reason=answers["reason"])
        return
    # Once more before the decision is recorded: a changed preview must not use up the request.
    if services.preview_request(item.id)["fingerprint"] != answers["fingerprint"]:
        raise services.Refused("PREVIEW_CHANGED")
    services.approve_request(
        request_id=item.id, approver=request.user, fingerprint=answers["fingerprint"]
    )


def _refused(
    request: SignedIn, number: int, form: Decision, refused: services.Refused
) -> HttpResponse:
    """Show the page again with what is true now; a decision by somebody else is shown as that."""
    item = requests.get(request.user, number)
    if item.status != Request.Status.SUBMITTED:
        return render(request, "portal/approvals/decided.html", {"item": item}, status=409)
    if refused.code in ("SELF_APPROVAL", "ACTOR_NOT_AUTHORISED"):
        return refusals.page(request, refused.code)
    return _show(request, item, form, refused)


def _show(
    request: SignedIn,
    item: Request,
    form: Decision,
    refused: services.Refused | None = None,
) -> HttpResponse:
    preview, stopped = None, None
    try:
        preview = previews.describe(request.user, item, services.preview_request(item.id))
    except services.Refused as error:
        stopped = refusals.explain(error.code)
    refusal = refusals.explain(refused.code) if refused else None
    done = checks.of(request.user, item, preview, stopped)
    context = {
        "item": item,
        "form": form,
        "preview": preview,
        "refusal": refusal,
        "checks": done,
        "all_passed": checks.passed(done),
        "is_own": access.is_same_person(request.user, item.submitter),
        "queue": requests.place_in_queue(item),
    }
    status = refusal.status if refusal else 422 if form.is_bound else 200
    return render(request, "portal/approvals/show.html", context, status=status)
