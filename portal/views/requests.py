"""Requests: the lists, one request, and taking one back."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal import kinds, refusals, timeline
from registry import access, services
from registry.access import SignedIn
from registry.models import Request
from registry.selectors import previews, requests

COPIED = (Request.Status.FAILED, Request.Status.REJECTED, Request.Status.WITHDRAWN)
WITHDRAWABLE = (Request.Status.DRAFT, Request.Status.SUBMITTED)


@require_safe
def index(request: SignedIn) -> HttpResponse:
    """List requests: open, or done."""
    tab = request.GET.get("show", "open")
    tab = tab if tab in requests.TABS else "open"
    before = request.GET.get("before", "")
    found, next_before = requests.listed(
        request.user, tab=tab, before=int(before) if _is_number(before) else None
    )
    return render(
        request,
        "portal/requests/list.html",
        {
            "requests": found,
            "tab": tab,
            "next": next_before,
            "kinds": kinds.offered(request.user),
        },
    )


@require_safe
def show(request: SignedIn, number: int) -> HttpResponse:
    """Show one request: its reference, where it stands, and what came of it."""
    return _show(request, requests.get(request.user, number))


@require_http_methods(["GET", "HEAD", "POST"])
def withdraw(request: SignedIn, number: int) -> HttpResponse:
    """Ask whether to take a request back, and take it back."""
    access.require(request.user, access.Right.SUBMIT)
    item = requests.own(request.user, number)
    if request.method != "POST":
        if item.status not in WITHDRAWABLE:
            return redirect("portal:request", number)
        return render(request, "portal/requests/withdraw.html", {"item": item})
    try:
        services.withdraw_request(request_id=item.id, submitter=request.user)
    except services.Refused as refused:
        return refusals.page(request, refused.code)
    return redirect("portal:request", number)


def _show(request: SignedIn, item: Request) -> HttpResponse:
    mine = item.organisation_id == request.user.organisation_id
    acts = mine and access.may(request.user, access.Right.SUBMIT)
    preview, refusal = None, None
    if item.status == Request.Status.SUBMITTED and (mine or access.sees_only(request.user) is None):
        try:
            preview = previews.describe(request.user, item, services.preview_request(item.id))
        except services.Refused as refused:
            refusal = refusals.explain(refused.code)
    context = {
        "item": item,
        "preview": preview,
        "refusal": refusal,
        "failure": refusals.explain(item.failure_code) if item.failure_code else None,
        "steps": timeline.steps(item),
        "transaction": requests.transaction_number(item),
        "may_withdraw": acts and item.status in WITHDRAWABLE,
        "may_decide": access.may(request.user, access.Right.DECIDE),
        "copy_into": _copy_into(request, item) if acts and item.status in COPIED else "",
    }
    return render(request, "portal/requests/show.html", context)


def _copy_into(request: SignedIn, item: Request) -> str:
    kind = kinds.of(item)
    return kind.route if access.may(request.user, kind.right) else ""


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
